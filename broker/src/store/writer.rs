//! The one writer: a task that owns the only connection that writes, and drains a queue.
//!
//! There is no timer: a batch is whatever has queued up while the last one was being synced, so that one sync serves
//! many under load and a lone commit never waits. After any failure of a transaction the connection is thrown away: an
//! error of a sync may have been told only once, so the same handle is not asked again (R3).

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::backend::Connection;
use super::commit::{Failure, Job, Outcome, Scribe};
use super::open::Source;
use super::{Change, CheckpointRow, Commit, CommitError, Encode, Error, Link, Receipt, Store, replay};

/// Commits that may wait; more are refused.
const QUEUE: usize = 10_000;
/// Jobs of one transaction.
const BATCH: usize = 512;
/// How long a caller waits for its commit before it is told that the outcome is unknown.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// How long PostgreSQL may take over a batch: a connection that went dead does not say so.
const BATCH_WAIT: Duration = Duration::from_secs(9);
/// Pause before what is owed is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Tries that what is owed still gets when the store closes.
const LAST_TRIES: u32 = 5;

impl Store {
    /// Writes all of it or nothing; durable when it returns. A commit whose caller went away before its turn is not
    /// written.
    pub async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        if commit.events.is_empty() {
            return Err(CommitError::Conflict("record"));
        }
        self.0.writer.ask(commit).await?.ok_or(CommitError::Conflict("record"))
    }

    /// Records what has happened already: queued, not waited for, and never refused.
    ///
    /// It belongs to work that a commit admitted, so the bound of the queue holds for it through that one. While the
    /// database is away it stays owed, is tried again until it is written, and fills the queue, so that no new work is
    /// admitted meanwhile. Where the answer to a commit was lost it may be written twice, under the same record id: twice
    /// is better than not at all. Its changes must not be ones that can conflict.
    pub fn commit_later(&self, commit: Commit) {
        self.0.writer.tell(commit);
    }

    /// Remembers the key of a proof whose request changes nothing: no event either. `CommitError::Replayed` where it is
    /// known; `until` is in unix seconds, after which it may be forgotten.
    pub async fn remember(&self, key: [u8; 32], until: i64) -> Result<(), CommitError> {
        let changes = vec![Change::Remember { key, until }];
        self.0.writer.ask(Commit { changes, events: Vec::new(), digest: None }).await.map(|_| ())
    }

    /// Keeps a signed head, which is no event.
    pub async fn checkpoint(&self, row: CheckpointRow) -> Result<(), CommitError> {
        let CheckpointRow { seq, hash, at, key_id, signature } = row;
        let change = Change::AddCheckpoint { seq, hash, at, key_id, signature };
        self.0
            .writer
            .ask(Commit { changes: vec![change], events: Vec::new(), digest: None })
            .await
            .map(|_| ())
    }

    /// Returns when everything that was queued before has been written.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, written) = oneshot::channel();
        self.0.writer.sender.send(Message::Flush(done)).map_err(|_| Error::Closed)?;
        written.await.map_err(|_| Error::Closed)
    }

    /// Commits that wait, for metrics.
    pub fn queued(&self) -> usize {
        self.0.writer.waiting.load(Ordering::Relaxed)
    }
}

/// The callers' end.
pub(super) struct Queue {
    /// Not bounded itself: `waiting` is what bounds it, so that `commit_later` always gets in.
    sender: mpsc::UnboundedSender<Message>,
    waiting: Arc<AtomicUsize>,
    encode: Encode,
}

enum Message {
    Write(Waiting),
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// A job with whoever waits for it, if anybody does.
struct Waiting {
    job: Job,
    reply: Option<oneshot::Sender<Outcome>>,
}

pub(super) fn start(source: Source, connection: Connection, link: Link, encode: Encode) -> Queue {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let writer = Writer {
        source,
        connection: Some(connection),
        scribe: Scribe::new(link),
        receiver,
        waiting: Arc::clone(&waiting),
        next: VecDeque::new(),
        owed: VecDeque::new(),
        flushes: Vec::new(),
        closing: None,
        sweep: Sweep::default(),
    };
    tokio::spawn(writer.run());
    Queue { sender, waiting, encode }
}

impl Queue {
    async fn ask(&self, commit: Commit) -> Outcome {
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

/// The writer's end.
struct Writer {
    source: Source,
    connection: Option<Connection>,
    scribe: Scribe,
    receiver: mpsc::UnboundedReceiver<Message>,
    waiting: Arc<AtomicUsize>,
    /// Taken from the queue and not in a batch yet.
    next: VecDeque<Waiting>,
    /// Jobs that nobody waits for and that could not be written: to be tried again, first.
    owed: VecDeque<Job>,
    flushes: Vec<oneshot::Sender<()>>,
    closing: Option<oneshot::Sender<()>>,
    sweep: Sweep,
}

/// When to forget what is over. Time comes from the events.
#[derive(Default)]
struct Sweep {
    now: i64,
    swept: i64,
    more: bool,
}

impl Writer {
    async fn run(mut self) {
        let mut inbox = Vec::with_capacity(BATCH);
        loop {
            let open = self.receive(&mut inbox).await;
            for message in inbox.drain(..) {
                match message {
                    Message::Write(waiting) => self.next.push_back(waiting),
                    Message::Flush(done) => self.flushes.push(done),
                    Message::Close(done) => {
                        self.receiver.close();
                        self.closing = Some(done);
                    }
                }
            }
            self.batch().await;
            if self.next.is_empty() && self.owed.is_empty() {
                for done in self.flushes.drain(..) {
                    let _ = done.send(());
                }
            }
            if !open && self.next.is_empty() {
                return self.end().await;
            }
            self.sweep().await;
        }
    }

    /// Fills `inbox`; waits only when nothing is left to do. False when no more will ever come.
    async fn receive(&mut self, inbox: &mut Vec<Message>) -> bool {
        let room = BATCH.saturating_sub(self.next.len());
        if !self.next.is_empty() || self.sweep.more {
            while inbox.len() < room {
                match self.receiver.try_recv() {
                    Ok(message) => inbox.push(message),
                    Err(mpsc::error::TryRecvError::Empty) => return true,
                    Err(mpsc::error::TryRecvError::Disconnected) => return false,
                }
            }
            return true;
        }
        let receiving = self.receiver.recv_many(inbox, room);
        match self.owed.is_empty() {
            true => receiving.await > 0,
            false => {
                timeout(RETRY, receiving).await.is_ok_and(|count| count > 0) || !self.receiver.is_closed()
            }
        }
    }

    /// Writes what is owed and what waits, as far as it goes into one transaction.
    async fn batch(&mut self) {
        let batch = self.take();
        if batch.is_empty() {
            return;
        }
        match self.write(&batch).await {
            Ok(outcomes) => self.answer_all(batch, outcomes),
            Err(Failure::Rejected(_)) if batch.len() > 1 => self.one_by_one(batch.into()).await,
            failure => self.conclude(batch, failure),
        }
    }

    /// One of the jobs says what the database refuses: find it, and let the others through.
    async fn one_by_one(&mut self, mut batch: VecDeque<Waiting>) {
        while let Some(one) = batch.pop_front() {
            match self.write(std::slice::from_ref(&one)).await {
                broken @ Err(Failure::Broken(_)) => {
                    batch.push_front(one);
                    return self.conclude(batch.into(), broken);
                }
                result => self.conclude(vec![one], result),
            }
        }
    }

    /// Takes a batch in which no key is remembered twice: of two jobs with the same key the later one waits for the
    /// next batch, and there finds what became of the first.
    fn take(&mut self) -> Vec<Waiting> {
        let owed = mem::take(&mut self.owed).into_iter().map(|job| Waiting { job, reply: None });
        let next = mem::take(&mut self.next);
        let (mut batch, mut claimed) = (Vec::with_capacity(next.len()), HashSet::new());
        for waiting in owed.chain(next) {
            if waiting.reply.as_ref().is_some_and(oneshot::Sender::is_closed) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let mut own = HashSet::new();
            if !waiting.job.keys().all(|(key, _)| own.insert(*key)) {
                self.answer(waiting, Err(CommitError::Replayed));
            } else if batch.len() >= BATCH || !own.is_disjoint(&claimed) {
                self.next.push_back(waiting);
            } else {
                claimed.extend(own);
                batch.push(waiting);
            }
        }
        batch
    }

    async fn write(&mut self, batch: &[Waiting]) -> Result<Vec<Outcome>, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.source.connect().await.map_err(Failure::Broken)?,
        };
        let jobs: Vec<&Job> = batch.iter().map(|waiting| &waiting.job).collect();
        let writing = self.scribe.write(&mut connection, &jobs);
        let result = match self.source {
            Source::Postgres(_) => {
                timeout(BATCH_WAIT, writing).await.map_err(|_| Failure::Broken(Error::Busy))
            }
            Source::Sqlite(_) => Ok(writing.await),
        };
        let result = result.and_then(|result| result);
        if !matches!(result, Err(Failure::Broken(_))) {
            self.connection = Some(connection);
        }
        result
    }

    fn conclude(&mut self, batch: Vec<Waiting>, result: Result<Vec<Outcome>, Failure>) {
        let (error, broken) = match result {
            Ok(outcomes) => return self.answer_all(batch, outcomes),
            Err(Failure::Rejected(error)) => (error, false),
            Err(Failure::Broken(error)) => (error, true),
        };
        tracing::warn!(store.error = %error, store.jobs = batch.len(), "a batch was not written");
        for waiting in batch {
            match waiting {
                Waiting { job, reply: None } if broken => self.owed.push_back(job),
                waiting => self.answer(waiting, Err(CommitError::Unavailable(error.clone()))),
            }
        }
    }

    fn answer_all(&mut self, batch: Vec<Waiting>, outcomes: Vec<Outcome>) {
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            if let Some(at) = waiting.job.records.iter().map(|record| record.at).max() {
                self.sweep.now = self.sweep.now.max(at / 1_000);
            }
            self.answer(waiting, outcome);
        }
    }

    fn answer(&self, waiting: Waiting, outcome: Outcome) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        match (waiting.reply, outcome) {
            (Some(reply), outcome) => {
                let _ = reply.send(outcome);
            }
            (None, Err(error)) => {
                let records = waiting.job.records.len();
                tracing::error!(audit.records = records, store.error = %error, "records could not be written");
            }
            (None, Ok(_)) => {}
        }
    }

    /// About once a second of the events' own time.
    async fn sweep(&mut self) {
        if !(self.sweep.more || self.sweep.now > self.sweep.swept) {
            return;
        }
        self.sweep.swept = self.sweep.now;
        self.sweep.more = false;
        let Some(connection) = &mut self.connection else { return };
        match replay::sweep(connection, self.sweep.now).await {
            Ok(more) => self.sweep.more = more,
            Err(error) => {
                tracing::warn!(store.error = %error, "what is over could not be forgotten");
                self.connection = None;
            }
        }
    }

    async fn end(mut self) {
        for _ in 0..LAST_TRIES {
            if self.owed.is_empty() {
                break;
            }
            sleep(RETRY).await;
            self.batch().await;
        }
        if !self.owed.is_empty() {
            let records: usize = self.owed.iter().map(|job| job.records.len()).sum();
            tracing::error!(
                audit.records = records,
                "records could not be written before the end and are lost"
            );
        }
        if let Some(connection) = self.connection {
            let _ = connection.close().await;
        }
        if let Some(done) = self.closing {
            let _ = done.send(());
        }
    }
}
