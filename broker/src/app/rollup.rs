//! Reads what was recorded since the last time into counts and index.
//!
//! Done behind the writer and not by it: a request waits for its record, and nobody waits for a count. What is looked at
//! is caught up with first, so a page shows what was recorded before it was asked for. Records that are older than these
//! tables are read the same way, from the first on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::reading::{Reading, dimension, key};
use super::{App, Result};
use crate::store::{CommitError, Count, RollUp, StoredRecord};

/// Records of one step: a few milliseconds of the writer's time.
const STEP: i64 = 256;
/// Time of each second that is spent on it while nobody asks, and where requests wait for their records: a burst is read
/// after it, and does not become longer by it.
const IDLE_BUDGET: Duration = Duration::from_millis(200);
const BUSY_BUDGET: Duration = Duration::from_millis(20);
/// Time that a page waits for it.
const ASKED_BUDGET: Duration = Duration::from_millis(250);

pub(in crate::app) const MINUTE: i64 = 60;
pub(in crate::app) const HOUR: i64 = 3_600;
pub(in crate::app) const DAY: i64 = 24 * HOUR;
/// Minutes are counted for a look at the last hour.
const MINUTES_KEPT: i64 = 3 * HOUR;
/// Values of one dimension in one span of these seconds; what comes after them is counted together, under an empty
/// value. What a page sums up is so many values for each of its spans, and a page is to be fast.
fn most_values(span: i64) -> usize {
    match span {
        DAY => 500,
        _ => 100,
    }
}

/// How far counts and index are behind the records.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Position of the last record that was read.
    pub through: i64,
    pub head: i64,
}

impl App {
    pub(in crate::app) async fn roll_up_idle(&self) -> Result<()> {
        // Whoever looks at a page does it already.
        let Ok(_turn) = self.0.rolling.try_lock() else { return Ok(()) };
        let began = Instant::now();
        let is_over = || {
            let spent = began.elapsed();
            spent >= IDLE_BUDGET || (spent >= BUSY_BUDGET && self.0.store.queued() > 0)
        };
        self.roll_up_until(is_over).await.map(|_| ())
    }

    /// Before something is read by them. A database that takes no writing can still be read: what is missing is said.
    pub(in crate::app) async fn rolled_up(&self) -> Result<Progress> {
        let _turn = self.0.rolling.lock().await;
        let end = Instant::now() + ASKED_BUDGET;
        self.roll_up_until(|| Instant::now() >= end).await
    }

    async fn roll_up_until(&self, is_over: impl Fn() -> bool + Send) -> Result<Progress> {
        let head = self.0.store.head().await?.map_or(0, |(seq, _)| seq);
        loop {
            let through = self.0.store.rolled_up().await?;
            let progress = Progress { through, head: head.max(through) };
            if through >= head || is_over() {
                return Ok(progress);
            }
            let records = self.0.store.records_from(through + 1, STEP).await?;
            let Some(last) = records.last() else { return Ok(progress) };
            let now = self.0.clock.now().timestamp();
            let mut rollup = read(through, last.seq, &records, now);
            rollup.counts = self.bounded(rollup.counts).await?;
            match self.0.store.roll_up(rollup).await {
                // Another broker on the same database was faster.
                Ok(()) | Err(CommitError::Conflict(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "records could not be counted and will be tried again");
                    return Ok(progress);
                }
            }
        }
    }

    /// Counts whose values are bounded in number, so that an agent that touches a million things does not fill a disk
    /// with one line for each.
    async fn bounded(&self, counts: Vec<Count>) -> Result<Vec<Count>> {
        let mut spans: BTreeMap<(i64, &'static str, i64), BTreeMap<String, i64>> = BTreeMap::new();
        for Count { span, dimension, at, value, count } in counts {
            spans.entry((span, dimension, at)).or_default().insert(value, count);
        }
        let mut bounded = Vec::new();
        for ((span, dimension, at), values) in spans {
            if matches!(dimension, dimension::CLASS | dimension::DECISION | dimension::LATENCY) {
                // Ours, and few.
                bounded.extend(values.into_iter().map(|(value, count)| Count {
                    span,
                    dimension,
                    at,
                    value,
                    count,
                }));
                continue;
            }
            let known = self.0.store.values(span, dimension, at).await?;
            let known: BTreeSet<String> = known.into_iter().collect();
            let mut room = most_values(span).saturating_sub(known.len());
            let mut others = 0;
            for (value, count) in values {
                let is_new = !known.contains(&value);
                if is_new && room == 0 {
                    others += count;
                    continue;
                }
                room = room.saturating_sub(usize::from(is_new));
                bounded.push(Count { span, dimension, at, value, count });
            }
            if others > 0 {
                bounded.push(Count { span, dimension, at, value: String::new(), count: others });
            }
        }
        Ok(bounded)
    }
}

/// `now` in unix seconds.
fn read(from: i64, to: i64, records: &[StoredRecord], now: i64) -> RollUp {
    let mut facts = Vec::new();
    let mut counts: BTreeMap<(i64, &'static str, i64, String), i64> = BTreeMap::new();
    for record in records {
        // What does not parse was changed; the verification of the chain says so.
        let Ok(body) = serde_json::from_slice::<Value>(&record.body) else { continue };
        let reading = Reading::of(&body);
        facts.extend(reading.found_by.iter().map(|(field, value)| (key(*field, value), record.seq)));
        let Some(at) = reading.at.map(|at| at.timestamp()) else { continue };
        for span in [MINUTE, HOUR, DAY] {
            if span == MINUTE && at < now - MINUTES_KEPT {
                continue;
            }
            for (dimension, value) in &reading.counted {
                *counts.entry((span, dimension, at - at.rem_euclid(span), value.clone())).or_default() += 1;
            }
        }
    }
    // In the order of the index, so that its pages are visited once.
    facts.sort_unstable();
    let counts = counts.into_iter().map(|((span, dimension, at, value), count)| Count {
        span,
        dimension,
        at,
        value,
        count,
    });
    RollUp { from, to, facts, counts: counts.collect(), over: Some((MINUTE, now - MINUTES_KEPT)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(seq: i64, at: &str) -> StoredRecord {
        let body = json!({ "id": format!("rec_{seq}"), "at": at, "kind": "request_decided", "actor": "x", "facts": { "class": "read" } });
        StoredRecord { seq, hash: [0; 32], body: body.to_string().into_bytes() }
    }

    #[test]
    fn records_are_counted_by_the_hour_and_late_ones_by_the_minute_too() {
        let records = [
            record(5, "2026-11-22T09:59:59Z"),
            record(6, "2026-11-22T10:00:00Z"),
            record(7, "2026-11-22T14:30:10Z"),
        ];
        let now = 1_795_357_860; // 2026-11-22T14:31:00Z
        let rollup = read(4, 7, &records, now);
        let class =
            |span| rollup.counts.iter().filter(move |count| count.span == span && count.dimension == "class");
        assert_eq!(class(HOUR).map(|count| count.count).collect::<Vec<_>>(), [1, 1, 1]);
        let minutes: Vec<_> = class(MINUTE).map(|count| count.at).collect();
        assert_eq!(minutes, [now - 60]);
        assert!(rollup.facts.is_sorted() && rollup.facts.iter().any(|(_, seq)| *seq == 6));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_passed_over() {
        let mut broken = record(1, "2026-11-22T10:00:00Z");
        broken.body.truncate(9);
        let rollup = read(0, 2, &[broken, record(2, "2026-11-22T10:00:00Z")], 1_795_357_860);
        assert_eq!(rollup.to, 2);
        assert!(rollup.facts.iter().all(|(_, seq)| *seq == 2));
    }
}
