//! What happened in a range of time, in numbers.

use std::collections::BTreeMap;

use chrono::DateTime;
use stint_api::{Activity, ActivityRange, Class, Latency, Series, Top};

use super::reading::{dimension, middle};
use super::rollup::{DAY, HOUR, MINUTE};
use super::{App, Error, Result};
use crate::store::Bar;

/// Lines of a list of those that occurred most.
const TOP: i64 = 10;

/// How a range is cut: the span of the counts that it is made of, the seconds of a step, and the steps.
fn cut(range: ActivityRange) -> (i64, i64, i64) {
    match range {
        ActivityRange::Hour => (MINUTE, 5 * MINUTE, 12),
        ActivityRange::Day => (HOUR, HOUR, 24),
        ActivityRange::Week => (HOUR, 6 * HOUR, 28),
        ActivityRange::Month => (DAY, DAY, 30),
    }
}

/// Where a range begins, and how it is cut.
#[derive(Debug, Clone, Copy)]
struct Steps {
    span: i64,
    from: i64,
    step: i64,
    count: i64,
}

impl Steps {
    /// The last step is the one that `now` (unix seconds) falls into.
    fn up_to(now: i64, range: ActivityRange) -> Self {
        let (span, step, count) = cut(range);
        Steps { span, from: now - now.rem_euclid(step) - (count - 1) * step, step, count }
    }

    fn to(self) -> i64 {
        self.from + self.step * self.count
    }

    fn place(self, at: i64) -> Option<usize> {
        usize::try_from((at - self.from).div_euclid(self.step)).ok()
    }

    fn empty<T: Clone>(self, value: T) -> Vec<T> {
        vec![value; usize::try_from(self.count).unwrap_or_default()]
    }

    /// One series for each value, a count for each step.
    fn series(self, bars: &[Bar]) -> BTreeMap<String, Vec<i64>> {
        let mut series: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for bar in bars {
            let counts = series.entry(bar.value().to_owned()).or_insert_with(|| self.empty(0));
            if let Some(count) = self.place(bar.at()).and_then(|place| counts.get_mut(place)) {
                *count += bar.count();
            }
        }
        series
    }
}

impl App {
    pub async fn activity(&self, range: ActivityRange) -> Result<Activity> {
        let progress = self.rolled_up().await?;
        let steps = Steps::up_to(self.0.clock.now().timestamp(), range);
        let decisions = steps.series(&self.bars(steps, dimension::DECISION).await?);
        let classes = steps.series(&self.bars(steps, dimension::CLASS).await?);
        let latency = latency(steps, &self.bars(steps, dimension::LATENCY).await?);
        let decisions = named(decisions, &["allowed", "approved", "asked", "denied"]);
        let time = |seconds| {
            DateTime::from_timestamp(seconds, 0).ok_or_else(|| Error::internal("the clock is not right"))
        };
        Ok(Activity {
            range,
            from: time(steps.from)?,
            to: time(steps.to())?,
            step: steps.step,
            requests: decisions.iter().map(|series| series.total).sum(),
            decisions,
            classes: named(classes, &CLASSES.map(Class::as_str)),
            denials: self.most(steps, dimension::CODE).await?,
            agents: self.most(steps, dimension::AGENT).await?,
            providers: self.most(steps, dimension::PROVIDER).await?,
            environments: self.most(steps, dimension::ENVIRONMENT).await?,
            operations: self.most(steps, dimension::OPERATION).await?,
            resources: self.most(steps, dimension::RESOURCE).await?,
            latency,
            behind: progress.head - progress.through,
        })
    }

    async fn bars(&self, steps: Steps, dimension: &str) -> Result<Vec<Bar>> {
        Ok(self.0.store.bars(steps.span, dimension, steps.from, steps.to()).await?)
    }

    async fn most(&self, steps: Steps, dimension: &str) -> Result<Vec<Top>> {
        let rows = self.0.store.top(steps.span, dimension, steps.from, steps.to(), TOP).await?;
        Ok(rows.into_iter().map(|(name, count)| Top { name, count }).collect())
    }
}

/// From the weakest to the strongest.
const CLASSES: [Class; 6] =
    [Class::Read, Class::Reveal, Class::Write, Class::Grant, Class::Destroy, Class::Unknown];

/// Series in an order that stays the same; one that did not occur is left out.
fn named(mut series: BTreeMap<String, Vec<i64>>, order: &[&str]) -> Vec<Series> {
    let known = order.iter().filter_map(|name| series.remove_entry(*name)).collect::<Vec<_>>();
    let all = known.into_iter().chain(series);
    all.map(|(name, counts)| Series { name, total: counts.iter().sum(), counts }).collect()
}

fn latency(steps: Steps, bars: &[Bar]) -> Latency {
    let mut whole: BTreeMap<u32, i64> = BTreeMap::new();
    let mut each: Vec<BTreeMap<u32, i64>> = steps.empty(BTreeMap::new());
    for bar in bars {
        let Ok(bucket) = bar.value().parse() else { continue };
        *whole.entry(bucket).or_default() += bar.count();
        if let Some(step) = steps.place(bar.at()).and_then(|place| each.get_mut(place)) {
            *step.entry(bucket).or_default() += bar.count();
        }
    }
    Latency {
        answers: whole.values().sum(),
        p50: quantile(&whole, 0.50),
        p95: quantile(&whole, 0.95),
        p50_by_step: each.iter().map(|step| quantile(step, 0.50)).collect(),
        p95_by_step: each.iter().map(|step| quantile(step, 0.95)).collect(),
    }
}

/// Milliseconds that this share of the answers did not exceed.
fn quantile(histogram: &BTreeMap<u32, i64>, share: f64) -> Option<f64> {
    let total: i64 = histogram.values().sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "counts are far below 2^53"
    )]
    let rank = ((total as f64) * share).ceil().max(1.0) as i64;
    let mut seen = 0;
    let found = histogram.iter().find(|(_, count)| {
        seen += **count;
        seen >= rank
    });
    found.map(|(bucket, _)| (middle(*bucket) * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_with_the_step_of_now() {
        let now = 1_795_357_861; // 14:31:01
        let hour = Steps::up_to(now, ActivityRange::Hour);
        assert_eq!((hour.to() - now, hour.to() - hour.from), (239, 3_600));
        assert_eq!(
            (hour.place(now), hour.place(hour.from), hour.place(hour.from - 1)),
            (Some(11), Some(0), None)
        );
        let month = Steps::up_to(now, ActivityRange::Month);
        assert_eq!((month.from.rem_euclid(86_400), month.count), (0, 30));
    }

    #[test]
    fn quantiles_are_read_off_the_histogram() {
        // 90 answers near 8 ms, 10 near 1 s.
        let histogram = BTreeMap::from([(12, 90), (40, 10)]);
        assert_eq!((quantile(&histogram, 0.5), quantile(&histogram, 0.95)), (Some(8.0), Some(1024.0)));
        assert_eq!(quantile(&BTreeMap::new(), 0.5), None);
    }

    #[test]
    fn series_keep_their_order_and_unknown_ones_come_last() {
        let series = BTreeMap::from([
            ("denied".to_owned(), vec![1]),
            ("allowed".to_owned(), vec![2]),
            ("new".to_owned(), vec![3]),
        ]);
        let names: Vec<_> =
            named(series, &["allowed", "approved", "denied"]).into_iter().map(|series| series.name).collect();
        assert_eq!(names, ["allowed", "denied", "new"]);
    }
}
