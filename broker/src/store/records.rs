use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, hash, one, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::SessionId;

/// One record of the chain as it was written: `body` is exactly what was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Counted from 1, without gaps.
    pub seq: i64,
    pub hash: [u8; 32],
    pub body: Vec<u8>,
}

/// A signed head of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    pub seq: i64,
    pub hash: [u8; 32],
    pub at: DateTime<Utc>,
    pub key_id: String,
    pub signature: Vec<u8>,
}

impl Store {
    /// Newest first: those before `before`, or the last. `kind` is the stable text of an `EventKind`.
    pub async fn records(
        &self,
        before: Option<i64>,
        limit: i64,
        kind: Option<&str>,
        session: Option<&SessionId>,
    ) -> Result<Vec<StoredRecord>, Error> {
        let before = before.unwrap_or(i64::MAX);
        let rows: Vec<Record> = match (kind, session.map(SessionId::as_str)) {
            (None, None) => all!(self, sql::RECORDS, before, limit)?,
            (Some(kind), None) => all!(self, sql::RECORDS_OF_KIND, before, limit, kind)?,
            (None, Some(session)) => all!(self, sql::RECORDS_OF_SESSION, before, limit, session)?,
            (Some(kind), Some(session)) => all!(self, sql::RECORDS_OF_BOTH, before, limit, session, kind)?,
        };
        rows.into_iter().map(Record::parse).collect()
    }

    /// Oldest first, from `seq` on: a page of a walk along the whole chain. The next page starts after the last `seq`.
    pub async fn records_from(&self, seq: i64, limit: i64) -> Result<Vec<StoredRecord>, Error> {
        let rows: Vec<Record> = all!(self, sql::RECORDS_FROM, seq, limit)?;
        rows.into_iter().map(Record::parse).collect()
    }

    /// Position and hash of the last record, `None` while there is none. It is kept apart from the records, so that
    /// records cut off at the end are noticed.
    pub async fn head(&self) -> Result<Option<(i64, [u8; 32])>, Error> {
        let row: Option<Head> = one!(self, sql::HEAD)?;
        let head = row.ok_or(Error::Damaged("chain_head"))?.parse()?;
        Ok(Some(head).filter(|(seq, _)| *seq > 0))
    }

    /// The newest.
    pub async fn last_checkpoint(&self) -> Result<Option<CheckpointRow>, Error> {
        let row: Option<Checkpoint> = one!(self, sql::LAST_CHECKPOINT)?;
        row.map(Checkpoint::parse).transpose()
    }

    /// Oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<CheckpointRow>, Error> {
        let rows: Vec<Checkpoint> = all!(self, sql::CHECKPOINTS)?;
        rows.into_iter().map(Checkpoint::parse).collect()
    }
}

pub(super) async fn add_checkpoint(
    connection: &mut Connection,
    seq: i64,
    hash: &[u8; 32],
    at: DateTime<Utc>,
    key_id: &str,
    signature: &[u8],
) -> Result<(), Fault> {
    let at = at.timestamp_millis();
    let added = execute!(connection, sql::ADD_CHECKPOINT, seq, &hash[..], at, key_id, signature);
    changed(added?, "checkpoint")
}

row! {
    pub(super) struct Record {
        seq: i64,
        hash: Vec<u8>,
        body: Vec<u8>,
    }
}

impl Record {
    pub(super) fn parse(self) -> Result<StoredRecord, Error> {
        Ok(StoredRecord { seq: self.seq, hash: hash(self.hash, "audit_records.hash")?, body: self.body })
    }
}

row! {
    pub(super) struct Head {
        seq: i64,
        hash: Vec<u8>,
    }
}

impl Head {
    pub(super) fn parse(self) -> Result<(i64, [u8; 32]), Error> {
        Ok((self.seq, hash(self.hash, "chain_head.hash")?))
    }
}

row! {
    struct Checkpoint {
        seq: i64,
        hash: Vec<u8>,
        at: i64,
        key_id: String,
        signature: Vec<u8>,
    }
}

impl Checkpoint {
    fn parse(self) -> Result<CheckpointRow, Error> {
        Ok(CheckpointRow {
            seq: self.seq,
            hash: hash(self.hash, "checkpoints.hash")?,
            at: time(self.at)?,
            key_id: self.key_id,
            signature: self.signature,
        })
    }
}
