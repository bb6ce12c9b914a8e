//! What a session has done so far, against what one session may do before a person looks.
//!
//! Over budget a request is held for a person and not refused: an agent that works hard is asked about, and one that has
//! lost its way is stopped. Counted when a request is allowed, before it is recorded, so that requests at the same time
//! cannot each be the last. Read back from the records after a restart (`again`). Where several brokers share a database, each
//! reads on what the others let through before it decides: only what is under way at several at once can pass a limit, and
//! by no more than that.

mod again;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;
use stint_api::{Budgeted, Class, SessionBudget};

use super::{App, Judged};
use crate::config::Budget;
use crate::model::{Lift, SessionId, digest_hex};
use crate::policy::Needed;

pub(in crate::app) use again::counted_again;

/// What a budget says of itself.
pub(in crate::app) fn advice(id: &str) -> Option<&'static str> {
    Some(match id {
        DESTROYS => "the session destroyed as often as one session may: each further time waits for a person",
        WRITES => {
            "the session changes things faster than one session may: what is beyond that waits for a person"
        }
        THINGS => {
            "the session touched as many things as one session may: each further one waits for a person"
        }
        BYTES => {
            "the session was answered with as much as one session may: each further request waits for a person"
        }
        _ => return None,
    })
}

const MINUTE_MS: i64 = 60_000;

/// Names of the budgets, as they stand among the policies of a decision.
const DESTROYS: &str = "budget.destroys";
const WRITES: &str = "budget.writes-per-minute";
const THINGS: &str = "budget.things";
const BYTES: &str = "budget.bytes";

/// What was done.
#[derive(Debug, Default)]
pub(in crate::app) struct Spent(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    destroys: u64,
    /// When, in Unix milliseconds, the oldest first.
    writes: VecDeque<i64>,
    things: HashSet<String>,
    bytes: u64,
    /// Position of the last record that is counted, where others write records too.
    seen: i64,
    /// When that was looked at, in Unix milliseconds.
    seen_at: i64,
    /// What this process counted by itself and has not found on record yet, where others count too: requests by their digest,
    /// how often, and answers by their intent.
    own: Option<Own>,
    /// Budgets of which an alert told that they were passed.
    told: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Own {
    decided: HashMap<String, u32>,
    closed: HashSet<String>,
}

/// What one request would do.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    class: Class,
    /// What it touches; nothing for a read, which none counts.
    things: Vec<String>,
}

/// What stands against a request.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::app) struct Over {
    /// `budget.…`, each that would be passed.
    pub(in crate::app) ids: Vec<String>,
    pub(in crate::app) reason: String,
}

impl Over {
    pub(in crate::app) fn needed(self) -> Needed {
        let lift = Lift { policies: self.ids, confirm: None, approvers: 1, cooldown: 0 };
        Needed { lift, reason: self.reason }
    }
}

impl Wish {
    fn of(judged: &Judged) -> Self {
        let class = judged.class();
        if class <= Class::Read {
            return Wish { class, things: Vec::new() };
        }
        let things = judged.touches.iter().filter_map(|touch| {
            let resource = touch.resource.as_ref()?;
            Some(format!("{}:{}/{}", touch.provider, resource.kind, resource.id))
        });
        Wish { class, things: things.collect() }
    }

    /// Of the facts of a record of the kind `request_decided`.
    fn recorded(facts: &Value) -> Self {
        let class = facts.get("class").cloned().and_then(|class| serde_json::from_value(class).ok());
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let things = facts.get("resources").and_then(Value::as_array).into_iter().flatten();
        let things = things.filter_map(|thing| {
            let operation = text(thing, "operation")?;
            let provider = operation.split_once(':')?.0.to_owned();
            Some(format!("{provider}:{}/{}", text(thing, "kind")?, text(thing, "id")?))
        });
        Wish { class: class.unwrap_or(Class::Unknown), things: things.collect() }
    }
}

impl Counts {
    /// Writes of more than a minute ago.
    fn forget(&mut self, now_ms: i64) {
        while self.writes.front().is_some_and(|at| *at <= now_ms - MINUTE_MS) {
            self.writes.pop_front();
        }
    }

    fn over(&mut self, wish: &Wish, budget: &Budget, now_ms: i64) -> Option<Over> {
        self.forget(now_ms);
        let passed = |limit: u64, would: u64| limit > 0 && would > limit;
        let mut over = Vec::new();
        if wish.class >= Class::Destroy && passed(budget.destroys, self.destroys + 1) {
            over.push((DESTROYS, format!("it destroyed {} times", self.destroys)));
        }
        if wish.class > Class::Reveal && passed(budget.writes_per_minute, count(self.writes.len()) + 1) {
            over.push((WRITES, format!("it changed things {} times within a minute", self.writes.len())));
        }
        if wish.class > Class::Read {
            let fresh: HashSet<&String> =
                wish.things.iter().filter(|thing| !self.things.contains(*thing)).collect();
            if !fresh.is_empty() && passed(budget.things, count(self.things.len() + fresh.len())) {
                over.push((THINGS, format!("it touched {} different things", self.things.len())));
            }
        }
        if passed(budget.bytes, self.bytes) {
            over.push((BYTES, format!("it was answered with {} bytes", self.bytes)));
        }
        let (ids, did): (Vec<&str>, Vec<String>) = over.into_iter().unzip();
        (!ids.is_empty()).then(|| Over {
            ids: ids.into_iter().map(str::to_owned).collect(),
            reason: format!(
                "this session is over its budget, so a person must approve each further request: {}",
                did.join("; ")
            ),
        })
    }

    fn take(&mut self, wish: Wish, at_ms: i64) {
        if wish.class >= Class::Destroy {
            self.destroys += 1;
        }
        if wish.class > Class::Reveal {
            self.writes.push_back(at_ms);
        }
        if wish.class > Class::Read {
            self.things.extend(wish.things);
        }
    }
}

impl Spent {
    /// Nothing yet. `shared`: other brokers let requests of the session through too.
    pub(in crate::app) fn none(shared: bool) -> Self {
        Spent(Mutex::new(Counts { own: shared.then(Own::default), ..Counts::default() }))
    }

    /// Count the request, where nothing stands against it but what `lifted` lifts; else say what does.
    pub(in crate::app) fn spend(
        &self,
        judged: &Judged,
        lifted: &[String],
        budget: &Budget,
        now: DateTime<Utc>,
    ) -> Option<Over> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wish = Wish::of(judged);
        match counts.over(&wish, budget, now.timestamp_millis()) {
            Some(over) if !over.ids.iter().all(|id| lifted.contains(id)) => Some(over),
            _ => {
                // What reads counts for nothing, and need not be known again.
                if let Some(own) = counts.own.as_mut().filter(|_| wish.class > Class::Read) {
                    *own.decided.entry(digest_hex(judged.digest())).or_default() += 1;
                }
                counts.take(wish, now.timestamp_millis());
                None
            }
        }
    }

    /// What would stand against it, counting nothing.
    pub(in crate::app) fn over(&self, judged: &Judged, budget: &Budget, now: DateTime<Utc>) -> Option<Over> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.over(&Wish::of(judged), budget, now.timestamp_millis())
    }

    fn answered(&self, intent: &str, bytes: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = &mut counts.own {
            own.closed.insert(intent.to_owned());
        }
        counts.bytes = counts.bytes.saturating_add(bytes);
    }

    /// The budgets among these policies that nobody was told of yet; from now on they count as told.
    pub(in crate::app) fn tells(&self, policies: &[String]) -> Vec<String> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let budgets = policies.iter().filter(|id| advice(id).is_some());
        budgets.filter(|id| counts.told.insert((*id).clone())).cloned().collect()
    }

    fn shown(&self, budget: &Budget, now: DateTime<Utc>) -> SessionBudget {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.forget(now.timestamp_millis());
        let of = |used: u64, limit: u64| Budgeted { used, limit };
        SessionBudget {
            destroys: of(counts.destroys, budget.destroys),
            writes_per_minute: of(count(counts.writes.len()), budget.writes_per_minute),
            things: of(count(counts.things.len()), budget.things),
            bytes: of(counts.bytes, budget.bytes),
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl App {
    /// What a live session has spent; `None` where this process has not heard of it.
    pub(in crate::app) fn budget_of(&self, id: &SessionId) -> Option<SessionBudget> {
        let live = self.0.sessions.find(id)?;
        Some(live.spent.get()?.shown(&self.0.config.budget, self.0.clock.now()))
    }

    /// Bytes of the answer to an intent, once it has ended.
    pub fn spend_bytes(&self, session: &SessionId, intent: &str, bytes: u64) {
        if let Some(live) = self.0.sessions.find(session) {
            live.spent.get().inspect(|spent| spent.answered(intent, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish(class: Class, things: &[&str]) -> Wish {
        Wish { class, things: things.iter().map(|thing| (*thing).to_owned()).collect() }
    }

    const BUDGET: Budget = Budget { destroys: 2, writes_per_minute: 3, things: 2, bytes: 100 };

    fn ids(over: Option<Over>) -> Vec<String> {
        over.map(|over| over.ids).unwrap_or_default()
    }

    #[test]
    fn each_budget_holds_what_passes_it_and_reading_passes_none() {
        let mut counts = Counts::default();
        for _ in 0..1000 {
            assert_eq!(counts.over(&wish(Class::Read, &["p:a/1"]), &BUDGET, 0), None);
            counts.take(wish(Class::Read, &["p:a/1"]), 0);
        }
        counts.take(wish(Class::Destroy, &["p:a/1"]), 0);
        counts.take(wish(Class::Destroy, &["p:a/1"]), 0);
        assert_eq!(ids(counts.over(&wish(Class::Destroy, &["p:a/1"]), &BUDGET, 1)), [DESTROYS]);
        assert_eq!(ids(counts.over(&wish(Class::Unknown, &[]), &BUDGET, 1)), [DESTROYS]);
        counts.take(wish(Class::Write, &["p:a/2"]), 0);
        assert_eq!(ids(counts.over(&wish(Class::Write, &["p:a/2"]), &BUDGET, 1)), [WRITES]);
        assert_eq!(ids(counts.over(&wish(Class::Write, &["p:a/2"]), &BUDGET, MINUTE_MS)), [""; 0]);
        assert_eq!(ids(counts.over(&wish(Class::Reveal, &["p:a/3"]), &BUDGET, MINUTE_MS)), [THINGS]);
        counts.bytes = 101;
        assert_eq!(ids(counts.over(&wish(Class::Read, &[]), &BUDGET, MINUTE_MS)), [BYTES]);
    }

    #[test]
    fn nothing_is_a_limit_where_it_is_zero() {
        let none = Budget { destroys: 0, writes_per_minute: 0, things: 0, bytes: 0 };
        let mut counts = Counts { bytes: u64::MAX, ..Counts::default() };
        for number in 0..100 {
            counts.take(wish(Class::Destroy, &[&format!("p:a/{number}")]), 0);
        }
        assert_eq!(counts.over(&wish(Class::Destroy, &["p:b/1"]), &none, 0), None);
    }

    #[test]
    fn a_record_says_what_the_request_did() {
        let facts = json!({ "class": "destroy", "resources": [
            { "operation": "railway:volumeDelete", "kind": "volume", "id": "v1", "environments": [] },
        ] });
        assert_eq!(Wish::recorded(&facts), wish(Class::Destroy, &["railway:volume/v1"]));
        assert_eq!(Wish::recorded(&json!({})), wish(Class::Unknown, &[]));
    }
}
