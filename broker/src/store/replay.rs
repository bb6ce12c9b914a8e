//! What must not happen twice: proofs and assertions by their key, tokens that were revoked.
//!
//! Keys are random, and an index over random keys costs a page of writing for each. So the writer looks them up in its
//! own memory, and the database keeps only what a restart or another broker needs: the keys of each batch in one row.

use std::collections::{BTreeMap, HashSet};

use super::backend::{Connection, execute, found, one, row};
use super::error::Fault;
use super::job::Job;
use super::{Error, Store, sql};

type Key = [u8; 32];

/// Every key that was used and still counts, in this broker and in others.
///
/// INVARIANT: at the start of a transaction, after `catch_up`, it holds every key in the database. It learns of keys only
/// once they are committed; the keys of a commit whose outcome is unknown come back by `catch_up`.
#[derive(Default)]
pub(super) struct Memory {
    /// Head of the chain that this memory knows. A commit that uses keys always moves the head.
    head: Option<(i64, [u8; 32])>,
    /// By the time until which they count, in slots, so that a whole slot is forgotten at once.
    slots: BTreeMap<i64, HashSet<Key>>,
    /// Another broker wrote since this one last looked.
    shared: bool,
}

/// What one batch uses up.
#[derive(Default)]
pub(super) struct Used {
    keys: HashSet<Key>,
    until: i64,
    /// As stored: each key with its time.
    bytes: Vec<u8>,
}

/// Seconds of one slot.
const SLOT: i64 = 64;

/// Seconds that a key counts beyond its time, so that a clock which is set back does not make a proof new again.
const SLACK: i64 = 60;

/// Rows of one sweep or of one step of catching up: a few milliseconds of work, so that nobody waits long behind it.
const ROWS: i64 = 1_000;

impl Store {
    pub async fn token_revoked(&self, jti: &str) -> Result<bool, Error> {
        let row: Option<(String,)> = one!(self, sql::TOKEN_REVOKED, jti)?;
        Ok(row.is_some())
    }
}

impl Memory {
    /// Learns what others committed since this broker last did. `head` was read in the open transaction.
    pub(super) async fn catch_up(&mut self, c: &mut Connection, head: (i64, [u8; 32])) -> Result<(), Error> {
        self.shared = self.head != Some(head);
        if !self.shared {
            return Ok(());
        }
        let mut after = self.head.map_or(0, |(seq, _)| seq);
        loop {
            let rows: Vec<Row> = found!(&mut *c, sql::REMEMBERED, after, ROWS)?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in rows {
                self.learn_bytes(&row.keys)?;
            }
        }
        self.head = Some(head);
        Ok(())
    }

    /// Where the head is believed to be, unless others move it too.
    pub(super) fn own_head(&self) -> Option<(i64, [u8; 32])> {
        self.head.filter(|_| !self.shared)
    }

    /// Whether the job uses nothing that was used before, by others or in its own batch; then `used` holds its keys too.
    pub(super) fn is_fresh(&self, job: &Job, used: &Used) -> bool {
        let mut own = HashSet::new();
        job.keys().all(|(key, _)| {
            own.insert(*key)
                && !used.keys.contains(key)
                && !self.slots.values().any(|slot| slot.contains(key))
        })
    }

    /// After the batch was committed.
    pub(super) fn learn(&mut self, used: Used, head: (i64, [u8; 32])) -> Result<(), Error> {
        self.learn_bytes(&used.bytes)?;
        self.head = Some(head);
        Ok(())
    }

    fn learn_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (entries, rest) = bytes.as_chunks::<40>();
        for entry in entries {
            let Some((key, until)) = entry.split_first_chunk::<32>() else { continue };
            let until = i64::from_be_bytes(until.try_into().map_err(|_| Error::Damaged("remembered.keys"))?);
            self.slots.entry(until.div_euclid(SLOT)).or_default().insert(*key);
        }
        if rest.is_empty() { Ok(()) } else { Err(Error::Damaged("remembered.keys")) }
    }

    /// Forgets what is over at `now` (unix seconds), here and in the database. Answers whether there may be more.
    pub(super) async fn sweep(&mut self, c: &mut Connection, now: i64) -> Result<bool, sqlx::Error> {
        let before = now.saturating_sub(SLACK);
        self.slots = self.slots.split_off(&before.div_euclid(SLOT));
        let keys = execute!(&mut *c, sql::SWEEP_REMEMBERED, before, ROWS)?;
        let tokens = execute!(c, sql::SWEEP_REVOKED, before, ROWS)?;
        Ok(keys.max(tokens) >= ROWS.unsigned_abs())
    }
}

impl Used {
    pub(super) fn add(&mut self, job: &Job) {
        for (key, until) in job.keys() {
            self.keys.insert(*key);
            self.until = self.until.max(until);
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(&until.to_be_bytes());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn until(&self) -> i64 {
        self.until
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

pub(super) async fn revoke_token(connection: &mut Connection, jti: &str, until: i64) -> Result<(), Fault> {
    execute!(connection, sql::REVOKE_TOKEN, jti, until)?;
    Ok(())
}

row! {
    struct Row {
        seq: i64,
        keys: Vec<u8>,
    }
}
