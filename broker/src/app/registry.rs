//! What is registered, a file a noun, and how people change it. Each change is recorded with who made it.

mod agents;
mod check;
mod credentials;
mod environments;
mod inventory;
mod mapping;
mod proposal;
mod providers;
mod settings;
mod uses;
mod welcome;

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use stint_api::{AuditRecord, Code, Status};

use super::{App, Error, Facts, PersonCaller, Result};
use crate::model::{EventKind, Name};
use crate::store::{Change, Commit, Database};

pub(in crate::app) use credentials::credential;
pub use providers::OperationFilter;

/// What this process knows of registered things beside their rows. Lost with it, and nothing depends on it.
#[derive(Debug, Default)]
pub(in crate::app) struct Memory {
    uses: uses::Uses,
    readings: Mutex<inventory::Readings>,
}

/// Records of changes that are looked through for one thing, of each kind.
const RECORDS: i64 = 200;
/// Changes that are shown of one thing.
const CHANGES: usize = 50;

impl App {
    pub async fn status(&self) -> Result<Status> {
        let counts = self.0.store.counts().await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sealed: self.is_sealed(),
            database: match self.database() {
                Database::Sqlite(_) => "sqlite",
                Database::Postgres(_) => "postgresql",
            }
            .to_owned(),
            packs: self.packs().catalog.names(),
            sessions_live: counts.sessions_live,
            approvals_waiting: counts.approvals_waiting,
            records: counts.records,
        })
    }

    /// Commit a person's change with its record, then read the registry anew.
    pub(in crate::app) async fn change(
        &self,
        caller: &PersonCaller,
        kind: EventKind,
        facts: Facts,
        mut changes: Vec<Change>,
    ) -> Result<()> {
        changes.extend(caller.used_proof());
        if let Some(notice) = self.noteworthy(kind, &facts) {
            changes.extend(self.tells(&notice)?);
        }
        let event = self.event(kind, &caller.actor(), None, facts)?;
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        self.reload_registry().await
    }

    /// Records of changes to one thing, newest first: those of these kinds whose fact of this name is `name`.
    async fn changes_of(&self, kinds: &[EventKind], fact: &str, name: &str) -> Result<Vec<AuditRecord>> {
        let mut changes = Vec::new();
        for kind in kinds {
            let page = self.audit_page(None, RECORDS, Some(&kind.as_str()), None).await?;
            let is_of = |record: &AuditRecord| {
                let found = record.body.get("facts").and_then(|facts| facts.get(fact));
                found.is_some_and(|found| found == name)
            };
            changes.extend(page.records.into_iter().filter(is_of));
        }
        changes.sort_by_key(|record| std::cmp::Reverse(record.seq));
        changes.truncate(CHANGES);
        Ok(changes)
    }
}

/// The later of two moments, where there is one.
fn later(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    a.max(b)
}

/// The name of something new.
fn given(text: &str) -> Result<Name> {
    Name::parse(text.trim()).map_err(|error| Error::from(error).about("name"))
}

/// A name that could not be given, said as that.
fn taken(error: Error, what: &str, name: &Name) -> Error {
    match error.code {
        Code::Conflict => {
            let hint = match what {
                "credential" => "take another: names of credentials are used once, even after a revocation",
                _ => "take another, or look at the one that there is",
            };
            Error::new(Code::Conflict, format!("the name {name} is taken by another {what}"))
                .hint(hint)
                .about("name")
        }
        _ => error,
    }
}
