//! Along the whole chain, a page at a time: records in their order, each checkpoint directly after the record it signs.

use std::io;
use std::iter::Peekable;
use std::vec::IntoIter;

use futures_util::Stream;
use futures_util::stream::unfold;

use super::Result;
use crate::audit::{AuditKey, Checkpoint, Export, Head};
use crate::clock::Clock;
use crate::store::{Store, StoredRecord};

/// Records read at a time.
const PAGE: i64 = 1000;

pub(in crate::app) enum Step {
    Record(StoredRecord),
    /// Directly after the record that it signs.
    Checkpoint(Checkpoint),
}

pub(in crate::app) struct Walk {
    store: Store,
    checkpoints: Peekable<IntoIter<Checkpoint>>,
    /// `None` after the end.
    from: Option<i64>,
}

impl Walk {
    /// From that position on, counted from 1.
    pub(in crate::app) async fn from(store: &Store, from: i64) -> Result<Self> {
        let rows = store.checkpoints().await?;
        let checkpoints: Vec<Checkpoint> = rows
            .into_iter()
            .filter(|row| row.seq >= from)
            .map(|row| Checkpoint {
                seq: row.seq,
                hash: row.hash,
                at: row.at,
                key: row.key_id,
                signature: row.signature,
            })
            .collect();
        Ok(Walk { store: store.clone(), checkpoints: checkpoints.into_iter().peekable(), from: Some(from) })
    }

    /// The next page; `None` at the end.
    pub(in crate::app) async fn page(&mut self) -> Result<Option<Vec<Step>>> {
        let Some(from) = self.from else { return Ok(None) };
        let rows = self.store.records_from(from, PAGE).await?;
        self.from = rows.last().map(|last| last.seq.saturating_add(1));
        let mut steps = Vec::with_capacity(rows.len());
        for row in rows {
            let seq = row.seq;
            steps.push(Step::Record(row));
            while let Some(checkpoint) = self.checkpoints.next_if(|checkpoint| checkpoint.seq <= seq) {
                steps.push(Step::Checkpoint(checkpoint));
            }
        }
        if self.from.is_none() {
            // A checkpoint of records that are gone says so.
            steps.extend(self.checkpoints.by_ref().map(Step::Checkpoint));
        }
        Ok(Some(steps))
    }
}

/// The whole chain as the lines of an export with a signed end, a piece at a time.
pub struct Exporter {
    walk: Walk,
    key: std::sync::Arc<AuditKey>,
    clock: Clock,
    /// `None` after the end was signed.
    export: Option<Export>,
    /// What has been begun and not been given out.
    lines: Vec<u8>,
}

impl Exporter {
    pub(in crate::app) async fn start(
        store: &Store,
        key: std::sync::Arc<AuditKey>,
        clock: &Clock,
    ) -> Result<Self> {
        let mut lines = Vec::new();
        let export = Export::start(Head::EMPTY, key.public(), &mut lines);
        let walk = Walk::from(store, 1).await?;
        Ok(Exporter { walk, key, clock: clock.clone(), export: Some(export), lines })
    }

    /// The lines as they come. One that breaks off has no signed end.
    pub fn pieces(self) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
        unfold(Some(self), |exporter| async move {
            let mut exporter = exporter?;
            match exporter.step().await {
                Ok(step) => Some((Ok(step?.0), Some(exporter))),
                Err(error) => Some((Err(io::Error::other(error)), None)),
            }
        })
    }

    /// The next lines, with the last of them the head that was signed.
    pub(in crate::app) async fn step(&mut self) -> Result<Option<(Vec<u8>, Option<Head>)>> {
        let Some(export) = &mut self.export else { return Ok(None) };
        let mut lines = std::mem::take(&mut self.lines);
        if let Some(steps) = self.walk.page().await? {
            for step in steps {
                match step {
                    Step::Record(row) => export.record(row.seq, &row.hash, &row.body, &mut lines),
                    Step::Checkpoint(checkpoint) => export.checkpoint(&checkpoint, &mut lines),
                }
            }
            return Ok(Some((lines, None)));
        }
        let head = self.export.take().map(|export| export.finish(self.clock.now(), &self.key, &mut lines));
        Ok(Some((lines, head)))
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exporter")
    }
}
