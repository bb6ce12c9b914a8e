//! The one writer: a task that owns the only connection that writes, and drains a queue.
//!
//! A batch is whatever has queued up while the last one was being synced, so that one sync serves many under load and a
//! commit that somebody waits for never waits for others. What nobody waits for does, for a moment. After any failure of a transaction the connection is thrown away: an
//! error of a sync may have been told only once, so the same handle is not asked again (R3).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::backend::Connection;
use super::commit::{Failure, Outcome, Scribe};
use super::job::Job;
use super::open::Source;
use super::{CommitError, Error};

/// Jobs of one transaction.
const BATCH: usize = 512;
/// How long PostgreSQL may take over a batch: a connection that went dead does not say so.
const BATCH_WAIT: Duration = Duration::from_secs(9);
/// How long records that nobody waits for wait for company, so that an outcome does not cost a sync of its own.
const LINGER: Duration = Duration::from_millis(5);
/// Pause before what is owed is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Tries that what is owed still gets when the store closes.
const LAST_TRIES: u32 = 5;

pub(super) enum Message {
    Write(Waiting),
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// A job with whoever waits for it, if anybody does.
pub(super) struct Waiting {
    pub(super) job: Job,
    pub(super) reply: Option<oneshot::Sender<Outcome>>,
}

/// The writer's end.
pub(super) struct Writer {
    source: Source,
    connection: Option<Connection>,
    scribe: Scribe,
    receiver: mpsc::UnboundedReceiver<Message>,
    waiting: Arc<AtomicUsize>,
    /// Taken from the queue and not in a batch yet.
    next: VecDeque<Waiting>,
    /// Jobs that nobody waits for and that could not be written: to be tried again, first.
    owed: VecDeque<Job>,
    /// The last batch broke: what is owed waits a little before the next try.
    broken: bool,
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
    pub(super) fn new(
        source: Source,
        connection: Connection,
        scribe: Scribe,
        receiver: mpsc::UnboundedReceiver<Message>,
        waiting: Arc<AtomicUsize>,
    ) -> Self {
        Writer {
            source,
            connection: Some(connection),
            scribe,
            receiver,
            waiting,
            next: VecDeque::new(),
            owed: VecDeque::new(),
            broken: false,
            flushes: Vec::new(),
            closing: None,
            sweep: Sweep::default(),
        }
    }

    pub(super) async fn run(mut self) {
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
        if !self.next.is_empty() || self.sweep.more || !(self.owed.is_empty() || self.broken) {
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
        let open = match self.owed.is_empty() {
            true => receiving.await > 0,
            false => {
                timeout(RETRY, receiving).await.is_ok_and(|count| count > 0) || !self.receiver.is_closed()
            }
        };
        self.linger(inbox, room).await;
        open
    }

    /// Waits a moment for company while nothing in `inbox` has anybody waiting for it.
    async fn linger(&mut self, inbox: &mut Vec<Message>, room: usize) {
        let unhurried = |message: &Message| matches!(message, Message::Write(Waiting { reply: None, .. }));
        let end = Instant::now() + LINGER;
        while !inbox.is_empty() && inbox.len() < room && inbox.iter().all(unhurried) {
            let more = self.receiver.recv_many(inbox, room - inbox.len());
            if !timeout_at(end, more).await.is_ok_and(|count| count > 0) {
                return;
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

    /// What is owed comes first; but while the database is away whoever waits is told so before anything else is tried.
    fn take(&mut self) -> Vec<Waiting> {
        let mut batch = Vec::new();
        if !self.broken {
            self.take_owed(&mut batch);
        }
        while batch.len() < BATCH {
            let Some(waiting) = self.next.pop_front() else { break };
            match &waiting.reply {
                Some(reply) if reply.is_closed() => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                _ => batch.push(waiting),
            }
        }
        self.take_owed(&mut batch);
        batch
    }

    fn take_owed(&mut self, batch: &mut Vec<Waiting>) {
        let room = BATCH.saturating_sub(batch.len()).min(self.owed.len());
        batch.extend(self.owed.drain(..room).map(|job| Waiting { job, reply: None }));
    }

    async fn write(&mut self, batch: &[Waiting]) -> Result<Vec<Outcome>, Failure> {
        self.broken = true;
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
        self.broken = matches!(result, Err(Failure::Broken(_)));
        if !self.broken {
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
        match self.scribe.sweep(connection, self.sweep.now).await {
            Ok(more) => self.sweep.more = more,
            Err(error) => {
                tracing::warn!(store.error = %error, "what is over could not be forgotten");
                self.connection = None;
            }
        }
    }

    async fn end(mut self) {
        let mut tries = 0;
        while !self.owed.is_empty() && tries < LAST_TRIES {
            if self.broken {
                tries += 1;
                sleep(RETRY).await;
            }
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
