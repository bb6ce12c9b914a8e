//! What is on record of a session: read back after a restart, and read on where other brokers let requests of it through too.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use serde_json::Value;
use stint_api::Class;

use super::super::{App, Error, Judged, LiveSession, Result};
use super::{Spent, Wish};
use crate::model::SessionId;
use crate::store::{Database, Store};

const PAGE: i64 = 500;
/// Before a read, what others did is read on no more often than this, in milliseconds: reads pass a limit by bytes alone.
const SOON: i64 = 1000;

/// A record that counts.
enum Recorded {
    Decided { at: i64, digest: String, wish: Wish },
    Closed { intent: String, bytes: u64 },
}

/// What is on record of a session that this process did not start, and of all that were started within it.
pub(in crate::app) async fn counted_again(
    store: &Store,
    session: &SessionId,
    now: DateTime<Utc>,
    shared: bool,
) -> Result<Spent> {
    let spent = Spent::none(shared);
    spent.read_on(store, session, now.timestamp_millis()).await?;
    Ok(spent)
}

impl App {
    /// Where several brokers share a database: count what the others let through since this one last looked.
    pub async fn count_others(&self, session: &LiveSession, judged: &Judged) -> Result<()> {
        let Some(spent) = session.spent.get().filter(|_| matches!(self.database(), Database::Postgres(_)))
        else {
            return Ok(());
        };
        let now = self.0.clock.now().timestamp_millis();
        if judged.class() <= Class::Read && spent.looked_after(now - SOON) {
            return Ok(());
        }
        // All that is within one session spends of one budget.
        let mut root = session.row.id.clone();
        let mut parent = session.row.parent.clone();
        while let Some(id) = parent {
            parent = self.live_session(&id).await?.row.parent.clone();
            root = id;
        }
        spent.read_on(&self.0.store, &root, now).await
    }
}

impl Spent {
    fn looked_after(&self, at: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seen_at > at
    }

    async fn read_on(&self, store: &Store, root: &SessionId, now: i64) -> Result<()> {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner).seen;
        // The end first: what is recorded while this reads is for the next time.
        let end = store.head().await?.map_or(0, |(seq, _)| seq);
        let mut found = Vec::new();
        let mut left = vec![root.clone()];
        while let Some(session) = left.pop() {
            for kind in ["request_decided", "request_closed"] {
                records(store, kind, &session, since, end, &mut found).await?;
            }
            left.extend(store.sessions_within(&session).await?.into_iter().map(|row| row.id));
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request of the session read the same meanwhile.
        if counts.seen != since {
            return Ok(());
        }
        for record in found {
            counts.add(record);
        }
        counts.writes.make_contiguous().sort_unstable();
        counts.forget(now);
        (counts.seen, counts.seen_at) = (end, now);
        Ok(())
    }
}

impl super::Counts {
    /// What was counted here already is not counted again.
    fn add(&mut self, record: Recorded) {
        match record {
            Recorded::Decided { at, digest, wish } => {
                let own =
                    self.own.as_mut().and_then(|own| own.decided.get_mut(&digest)).filter(|left| **left > 0);
                match own {
                    Some(left) => {
                        *left -= 1;
                        if let Some(own) = self.own.as_mut() {
                            own.decided.retain(|_, left| *left > 0);
                        }
                    }
                    None => self.take(wish, at),
                }
            }
            Recorded::Closed { intent, bytes } => {
                if !self.own.as_mut().is_some_and(|own| own.closed.remove(&intent)) {
                    self.bytes = self.bytes.saturating_add(bytes);
                }
            }
        }
    }
}

/// Of one kind and session, behind `since` and up to `end`; the newest first.
async fn records(
    store: &Store,
    kind: &str,
    session: &SessionId,
    since: i64,
    end: i64,
    found: &mut Vec<Recorded>,
) -> Result<()> {
    let mut before = Some(end.saturating_add(1));
    loop {
        let rows = store.records(before, PAGE, Some(kind), Some(session)).await?;
        let full = rows.len() == usize::try_from(PAGE).unwrap_or_default();
        before = rows.last().map(|row| row.seq);
        for row in rows {
            if row.seq <= since {
                return Ok(());
            }
            let body: Value = serde_json::from_slice(&row.body).map_err(Error::internal)?;
            let facts = body.get("facts").unwrap_or(&Value::Null);
            let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            if kind == "request_closed" {
                let bytes = facts.get("bytes").and_then(Value::as_u64).unwrap_or_default();
                found.push(Recorded::Closed { intent: text("intent"), bytes });
                continue;
            }
            let at = body.get("at").and_then(Value::as_str).and_then(|at| at.parse().ok());
            let at = at.map_or(0, |at: DateTime<Utc>| at.timestamp_millis());
            found.push(Recorded::Decided { at, digest: text("digest"), wish: Wish::recorded(facts) });
        }
        if !full {
            return Ok(());
        }
    }
}
