use super::apply::is_one_guarded_statement;
use super::{Change, Commit, Encode, Receipt};
use crate::model::RecordId;

/// A commit, ready to be written: its events are encoded by whoever brings it, not by the writer.
pub(super) struct Job {
    pub(super) changes: Vec<Change>,
    pub(super) records: Vec<Prepared>,
    digest: Option<[u8; 32]>,
}

/// A record that has no place in the chain yet.
pub(super) struct Prepared {
    id: RecordId,
    /// Unix milliseconds.
    pub(super) at: i64,
    pub(super) kind: String,
    pub(super) session: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Job {
    pub(super) fn new(commit: Commit, encode: Encode) -> Self {
        let records = commit.events.into_iter().map(|event| Prepared {
            body: encode(&event),
            at: event.at.timestamp_millis(),
            kind: event.kind.as_str(),
            session: event.session,
            id: event.id,
        });
        Job { changes: commit.changes, records: records.collect(), digest: commit.digest }
    }

    /// What the job uses up, with the unix second until which it must be remembered.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&[u8; 32], i64)> {
        self.changes.iter().filter_map(|change| match change {
            Change::Remember { key, until } => Some((key, *until)),
            _ => None,
        })
    }

    /// A job that only records, and uses things up.
    pub(super) fn changes_nothing_else(&self) -> bool {
        !self.records.is_empty()
            && self.changes.iter().all(|change| matches!(change, Change::Remember { .. }))
    }

    /// Such a job needs a savepoint when others share its transaction.
    pub(super) fn may_fail_halfway(&self) -> bool {
        let mut changes = self.changes.iter().filter(|change| !matches!(change, Change::Remember { .. }));
        match (changes.next(), changes.next()) {
            (None, _) => false,
            (Some(only), None) => !is_one_guarded_statement(only),
            _ => true,
        }
    }

    /// INVARIANT: called by `commit` after the transaction was acknowledged, and nowhere else. `seq` is the place of the
    /// job's last record.
    pub(super) fn receipt(&self, seq: i64) -> Option<Receipt> {
        self.records.last().map(|last| Receipt::new(last.id.clone(), seq, self.digest))
    }
}
