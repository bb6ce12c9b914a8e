//! When credentials were used last: in memory at each request, in the store every few seconds.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::app::{App, Result};
use crate::model::CredentialId;

#[derive(Debug, Default)]
pub(in crate::app) struct Uses(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    last: HashMap<CredentialId, DateTime<Utc>>,
    /// Those that the store does not know of yet.
    unwritten: HashSet<CredentialId>,
}

impl Uses {
    pub(in crate::app) fn note(&self, credential: &CredentialId, at: DateTime<Utc>) {
        let mut held = self.held();
        match held.last.get_mut(credential) {
            Some(last) => *last = at,
            None => drop(held.last.insert(credential.clone(), at)),
        }
        if !held.unwritten.contains(credential) {
            held.unwritten.insert(credential.clone());
        }
    }

    pub(super) fn all(&self) -> HashMap<CredentialId, DateTime<Utc>> {
        self.held().last.clone()
    }

    fn take(&self) -> Vec<(CredentialId, DateTime<Utc>)> {
        let mut held = self.held();
        let unwritten = std::mem::take(&mut held.unwritten);
        unwritten.into_iter().filter_map(|id| held.last.get(&id).map(|at| (id.clone(), *at))).collect()
    }

    fn put_back(&self, uses: &[(CredentialId, DateTime<Utc>)]) {
        self.held().unwritten.extend(uses.iter().map(|(id, _)| id.clone()));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// A request is about to be sent with this credential.
    pub(in crate::app) fn note_use(&self, credential: &CredentialId) {
        self.0.memory.uses.note(credential, self.0.clock.now());
    }

    /// Keep what was noted since the last time.
    pub(in crate::app) async fn keep_uses(&self) -> Result<()> {
        let uses = self.0.memory.uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        let kept = self.0.store.note_uses(uses.clone()).await;
        if kept.is_err() {
            self.0.memory.uses.put_back(&uses);
        }
        Ok(kept?)
    }
}
