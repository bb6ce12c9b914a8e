//! The callers' end of the writer: what gets in, and how long anybody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::backend::Connection;
use super::commit::{Outcome, Scribe};
use super::job::Job;
use super::open::Source;
use super::writer::{Message, Waiting, Writer};
use crate::model::CredentialId;

use super::{Change, CheckpointRow, Commit, CommitError, Encode, Error, Receipt, Store};

/// Commits that may wait; more are refused.
const QUEUE: usize = 10_000;
/// How long a caller waits for its commit before it is told that the outcome is unknown.
const COMMIT_WAIT: Duration = Duration::from_secs(10);

/// Holds the sending end; the writer ends when the last clone of the store is gone.
pub(super) struct Queue {
    /// Not bounded itself: `waiting` is what bounds it, so that `commit_later` always gets in.
    sender: mpsc::UnboundedSender<Message>,
    waiting: Arc<AtomicUsize>,
    unrecorded: AtomicU64,
    encode: Encode,
}

impl Store {
    /// Writes all of it or nothing; durable when it returns. A commit whose caller went away before its turn is not
    /// written.
    pub async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        if commit.events.is_empty() {
            return Err(CommitError::Conflict("record"));
        }
        let outcome = self.0.queue.ask(commit).await;
        if matches!(outcome, Err(CommitError::Unavailable(_))) {
            self.0.queue.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
        outcome?.ok_or(CommitError::Conflict("record"))
    }

    /// Records what has happened already: queued, not waited for, and never refused.
    ///
    /// It belongs to work that a commit admitted, so the bound of the queue holds for it through that one. While the
    /// database is away it stays owed, is tried again until it is written, and fills the queue, so that no new work is
    /// admitted meanwhile. Where the answer to a commit was lost it may be written twice, under the same record id: twice
    /// is better than not at all. Its changes must not be ones that can conflict.
    pub fn commit_later(&self, commit: Commit) {
        self.0.queue.tell(commit);
    }

    /// For what only repeats what records say.
    pub(super) async fn change_without_event(&self, commit: Commit) -> Result<(), CommitError> {
        self.0.queue.ask(commit).await.map(|_| ())
    }

    /// Keeps a signed head: with what is read out of records, the one write that is no event.
    pub async fn checkpoint(&self, row: CheckpointRow) -> Result<(), CommitError> {
        let CheckpointRow { seq, hash, at, key_id, signature } = row;
        let change = Change::AddCheckpoint { seq, hash, at, key_id, signature };
        self.change_without_event(Commit { changes: vec![change], events: Vec::new(), digest: None }).await
    }

    /// Notes when credentials were used last. No event either: the records of the requests say it, and this only saves
    /// looking for the last one.
    pub async fn note_uses(&self, uses: Vec<(CredentialId, DateTime<Utc>)>) -> Result<(), CommitError> {
        let changes = vec![Change::NoteUses(uses)];
        self.0.queue.ask(Commit { changes, events: Vec::new(), digest: None }).await.map(|_| ())
    }

    /// Returns when everything that was queued before has been written.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, written) = oneshot::channel();
        self.0.queue.sender.send(Message::Flush(done)).map_err(|_| Error::Closed)?;
        written.await.map_err(|_| Error::Closed)
    }

    /// Commits that could not be written since the start.
    pub fn unrecorded(&self) -> u64 {
        self.0.queue.unrecorded.load(Ordering::Relaxed)
    }

    /// Commits that wait, for metrics.
    pub fn queued(&self) -> usize {
        self.0.queue.waiting.load(Ordering::Relaxed)
    }
}

impl Queue {
    pub(super) fn start(source: Source, connection: Connection, scribe: Scribe, encode: Encode) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        tokio::spawn(Writer::new(source, connection, scribe, receiver, Arc::clone(&waiting)).run());
        Queue { sender, waiting, unrecorded: AtomicU64::new(0), encode }
    }

    pub(super) async fn ask(&self, commit: Commit) -> Outcome {
        if self.waiting.load(Ordering::Relaxed) >= QUEUE {
            return Err(Error::Busy.into());
        }
        let (reply, answer) = oneshot::channel();
        self.send(commit, Some(reply)).map_err(|_| Error::Closed)?;
        match timeout(COMMIT_WAIT, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Error::Closed.into()),
            Err(_) => Err(Error::Busy.into()),
        }
    }

    fn tell(&self, commit: Commit) {
        if let Err(lost) = self.send(commit, None) {
            tracing::error!(audit.records = lost, "records came after the store was closed and are lost");
        }
    }

    /// The error is how many records were not taken.
    fn send(&self, commit: Commit, reply: Option<oneshot::Sender<Outcome>>) -> Result<(), usize> {
        let job = Job::new(commit, self.encode);
        let records = job.records.len();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.sender.send(Message::Write(Waiting { job, reply })).map_err(|_| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            records
        })
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.sender.send(Message::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}
