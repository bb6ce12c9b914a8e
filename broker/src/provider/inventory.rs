//! What was learned about the things that one credential can see, and what learning more may still cost.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chrono::{DateTime, TimeDelta, Utc};

use super::resolve::Freshness;
use super::rules::Budget;
use crate::model::Resource;

/// A thing as an answer described it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Thing {
    pub name: Option<String>,
    /// What owns it, by kind and id; not yet followed up to selectors.
    pub owners: Vec<Resource>,
    pub facts: BTreeMap<String, String>,
    pub lists: BTreeMap<String, Vec<String>>,
    /// What goes with it, in words.
    pub notes: Vec<String>,
    /// The notes of the kind's consequences are among `notes`.
    pub told: bool,
}

impl Thing {
    /// Takes in another sighting of the same thing: it belongs to all that own either.
    pub(super) fn merge(&mut self, other: Thing) {
        self.owners.extend(other.owners);
        self.owners.sort();
        self.owners.dedup();
        for (name, ids) in other.lists {
            let list = self.lists.entry(name).or_default();
            list.extend(ids);
            list.sort();
            list.dedup();
        }
        for note in other.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

/// Things found, or the reason why one was not.
pub(super) type Finding = Result<Arc<Thing>, Arc<str>>;

/// How long a failure stands before the provider is asked again.
const NEGATIVE: TimeDelta = TimeDelta::seconds(2);

/// How long the list of projects is looked through before it is read again; a thing in none of them has it read at once.
const PROJECTS: TimeDelta = TimeDelta::minutes(10);

/// When something was read: by the clock, and in the order of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub at: DateTime<Utc>,
    pub tick: u64,
}

/// What a caller accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub freshness: Freshness,
    pub asked: Stamp,
}

impl Wanted {
    /// Whether what was read then will do. A read that began after the question is fresh, whoever made it.
    fn takes(&self, read: Stamp) -> bool {
        let age = self.asked.at - read.at;
        read.tick > self.asked.tick
            || matches!(self.freshness, Freshness::Cached(most) if age >= TimeDelta::zero() && age <= most)
    }

    fn takes_failure(&self, read: Stamp) -> bool {
        let age = self.asked.at - read.at;
        read.tick > self.asked.tick || (age >= TimeDelta::zero() && age <= NEGATIVE)
    }
}

/// One credential's.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    held: Mutex<Held>,
    ticks: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    things: HashMap<Resource, (Finding, Stamp)>,
    /// The last walk through everything, by kind.
    walked: HashMap<String, Stamp>,
    flights: HashMap<String, Weak<tokio::sync::Mutex<()>>>,
    /// The projects that the credential sees: where to look, and nothing about who owns what.
    projects: Option<(HashMap<String, Thing>, DateTime<Utc>)>,
    hour: Window,
    minute: Window,
    /// Until when the provider wants to be left alone.
    rest: Option<DateTime<Utc>>,
}

/// A count that begins anew with each span of time.
#[derive(Debug, Default)]
struct Window {
    start: Option<DateTime<Utc>>,
    used: u32,
}

impl Window {
    fn take(&mut self, now: DateTime<Utc>, span: TimeDelta, most: u32) -> bool {
        if self.start.is_none_or(|start| now - start >= span || now < start) {
            *self = Window { start: Some(now), used: 0 };
        }
        self.used += 1;
        self.used <= most
    }
}

impl Inventory {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stamp(&self, at: DateTime<Utc>) -> Stamp {
        Stamp { at, tick: self.ticks.fetch_add(1, Ordering::SeqCst) }
    }

    /// What is known of a thing, if it will do. `told`: the consequences are wanted, too.
    pub(super) fn usable(&self, resource: &Resource, wanted: &Wanted, told: bool) -> Option<Finding> {
        let held = self.held();
        let (finding, stamp) = held.things.get(resource)?;
        let good = match finding {
            Ok(thing) => wanted.takes(*stamp) && (thing.told || !told),
            Err(_) => wanted.takes_failure(*stamp),
        };
        good.then(|| finding.clone())
    }

    /// What was last known of a thing, however long ago.
    pub(super) fn stale(&self, resource: &Resource) -> Option<Arc<Thing>> {
        self.held().things.get(resource).and_then(|(finding, _)| finding.clone().ok())
    }

    /// A walk through all things of this kind that will do instead of a new one.
    pub(super) fn walked(&self, kind: &str, wanted: &Wanted) -> bool {
        self.held().walked.get(kind).is_some_and(|stamp| wanted.takes_failure(*stamp))
    }

    pub(super) fn set_walked(&self, kind: &str, stamp: Stamp) {
        self.held().walked.insert(kind.to_owned(), stamp);
    }

    pub(super) fn projects(&self, now: DateTime<Utc>) -> Option<HashMap<String, Thing>> {
        let held = self.held();
        let (projects, at) = held.projects.as_ref()?;
        (now >= *at && now - *at <= PROJECTS).then(|| projects.clone())
    }

    pub(super) fn set_projects(&self, projects: HashMap<String, Thing>, now: DateTime<Utc>) {
        self.held().projects = Some((projects, now));
    }

    pub(super) fn put(&self, resource: Resource, finding: Finding, stamp: Stamp, most: usize) {
        let mut held = self.held();
        if held.things.len() >= most && !held.things.contains_key(&resource) {
            // The older half goes: an entry that is asked for again costs one look-up.
            let mut ticks: Vec<u64> = held.things.values().map(|(_, stamp)| stamp.tick).collect();
            let middle = ticks.len() / 2;
            let (_, median, _) = ticks.select_nth_unstable(middle);
            let median = *median;
            held.things.retain(|_, (_, stamp)| stamp.tick > median);
        }
        held.things.insert(resource, (finding, stamp));
    }

    pub(super) fn forget(&self, resource: &Resource) {
        self.held().things.remove(resource);
    }

    /// Where those who want the same thing wait for the first of them.
    pub(super) fn flight(&self, key: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut held = self.held();
        if let Some(flight) = held.flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        if held.flights.len() > 64 {
            held.flights.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = Arc::default();
        held.flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    /// Seconds for which nothing may be asked.
    pub(super) fn resting(&self, now: DateTime<Utc>) -> Option<i64> {
        let left = (self.held().rest? - now).num_seconds();
        (left > 0).then_some(left)
    }

    /// Asks nothing for these seconds, at most an hour.
    pub(super) fn rest(&self, now: DateTime<Utc>, seconds: u32) {
        let until = now + TimeDelta::seconds(i64::from(seconds.min(3600)));
        let mut held = self.held();
        held.rest = held.rest.max(Some(until));
    }

    pub(super) fn may_look_up(&self, now: DateTime<Utc>, budget: &Budget) -> bool {
        self.held().hour.take(now, TimeDelta::hours(1), budget.lookups_per_hour)
    }

    pub(super) fn may_refresh(&self, now: DateTime<Utc>, budget: &Budget) -> bool {
        self.held().minute.take(now, TimeDelta::minutes(1), budget.refreshes_per_minute)
    }
}
