//! One batch, one transaction: the only maker of `Receipt`.
//!
//! The head of the chain is read under a lock when the transaction opens; changes are applied job by job; the records
//! of the jobs that held are linked and written by one statement; the receipts are made after the commit was
//! acknowledged. A job that fails leaves nothing behind and does not disturb the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::{AssertSqlSafe, FromRow as _, Row as _};

use super::apply::{apply, is_one_guarded_statement};
use super::backend::{Connection, execute};
use super::error::Fault;
use super::records::Head;
use super::{Change, Commit, CommitError, Encode, Error, Link, Receipt, replay, sql};
use crate::model::RecordId;

/// A commit, ready to be written: its events are encoded by whoever brings it, not by the writer.
pub(super) struct Job {
    pub(super) changes: Vec<Change>,
    pub(super) records: Vec<Prepared>,
    pub(super) digest: Option<[u8; 32]>,
}

/// A record that has no place in the chain yet.
pub(super) struct Prepared {
    id: RecordId,
    /// Unix milliseconds.
    pub(super) at: i64,
    kind: String,
    session: Option<String>,
    body: Vec<u8>,
}

/// `None` for a job without records.
pub(super) type Outcome = Result<Option<Receipt>, CommitError>;

/// Why a whole batch was not written.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database refuses what one of the jobs says. Rolled back: the jobs may be tried one by one.
    Rejected(Error),
    /// Nothing is known of the outcome, and the connection is not to be used again.
    Broken(Error),
}

/// What a batch is written with; lives as long as the writer.
pub(super) struct Scribe {
    link: Link,
    texts: HashMap<(Text, usize), Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Text {
    BeginAndRemember,
    Remember,
    Append,
    AppendAndCommit,
    AppendAndSetHead,
}

type Key = [u8; 32];

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

    /// What the job remembers, with the second until which it must.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Key, i64)> {
        self.changes.iter().filter_map(|change| match change {
            Change::Remember { key, until } => Some((key, *until)),
            _ => None,
        })
    }

    /// A job that may fail halfway needs a savepoint when others share its transaction.
    fn may_fail_halfway(&self) -> bool {
        let mut changes = self.changes.iter().filter(|change| !matches!(change, Change::Remember { .. }));
        match (changes.next(), changes.next()) {
            (None, _) => false,
            (Some(only), None) => !is_one_guarded_statement(only),
            _ => true,
        }
    }
}

impl Scribe {
    pub(super) fn new(link: Link) -> Self {
        Scribe { link, texts: HashMap::new() }
    }

    /// Writes a batch. No two of its jobs remember the same key, and no job remembers one twice.
    pub(super) async fn write(
        &mut self,
        connection: &mut Connection,
        jobs: &[&Job],
    ) -> Result<Vec<Outcome>, Failure> {
        match self.transaction(connection, jobs).await {
            Ok(outcomes) => Ok(outcomes),
            Err(error) => {
                let rejected = matches!(&error, Stop::Database(error) if is_about_data(connection, error));
                let rolled_back = execute!(connection, sql::ROLLBACK).is_ok();
                let error = error.into();
                Err(if rejected && rolled_back { Failure::Rejected(error) } else { Failure::Broken(error) })
            }
        }
    }

    async fn transaction(&mut self, c: &mut Connection, jobs: &[&Job]) -> Result<Vec<Outcome>, Stop> {
        let keys: Vec<(&Key, i64)> = jobs.iter().flat_map(|job| job.keys()).collect();
        let (head, fresh) = self.begin(c, &keys).await?;

        let mut forget: Vec<&Key> = Vec::new();
        let mut held: Vec<Result<(), CommitError>> = Vec::with_capacity(jobs.len());
        for job in jobs {
            let outcome = if job.keys().all(|(key, _)| fresh.contains(key)) {
                run(c, job, jobs.len() > 1).await?
            } else {
                Err(CommitError::Replayed)
            };
            if outcome.is_err() {
                forget.extend(job.keys().map(|(key, _)| key).filter(|key| fresh.contains(*key)));
            }
            held.push(outcome);
        }

        if held.iter().all(Result::is_err) {
            execute!(c, sql::ROLLBACK)?;
            return Ok(held.into_iter().map(|outcome| outcome.map(|()| None)).collect());
        }
        for key in forget {
            replay::forget(c, key).await?;
        }
        let lines = self.link(head, jobs, &held);
        self.finish(c, &lines).await?;
        Ok(receipts(jobs, held, head.0))
    }

    /// Opens the transaction; answers with the head of the chain and those of the keys that are new.
    async fn begin(
        &mut self,
        c: &mut Connection,
        keys: &[(&Key, i64)],
    ) -> Result<((i64, Key), HashSet<Key>), Stop> {
        let mut fresh = HashSet::with_capacity(keys.len());
        let (head, rest) = match c {
            Connection::Sqlite(c) if keys.is_empty() => {
                let rows = sqlx::query(sql::BEGIN_SQLITE).fetch_all(c).await?;
                (rows.first().map(Head::from_row), keys)
            }
            Connection::Sqlite(c) => {
                // Each statement is a trip to SQLite's thread and back: open and remember in one.
                let (first, rest) = keys.split_at_checked(sql::chunk(keys.len())).unwrap_or((keys, &[]));
                let text = self.text(Text::BeginAndRemember, first.len());
                let mut query = sqlx::query(AssertSqlSafe(text));
                for (key, until) in first {
                    query = query.bind(&key[..]).bind(until);
                }
                let rows = query.fetch_all(c).await?;
                for row in rows.iter().skip(1) {
                    fresh.insert(key_of(row.try_get(0)?)?);
                }
                (rows.first().map(Head::from_row), rest)
            }
            Connection::Postgres(c) => {
                let rows = sqlx::raw_sql(sql::BEGIN_POSTGRES).fetch_all(c).await?;
                (rows.first().map(Head::from_row), keys)
            }
        };
        let head = head.ok_or(Error::Damaged("chain_head"))??.parse()?;
        self.remember(c, rest, &mut fresh).await?;
        Ok((head, fresh))
    }

    async fn remember(
        &mut self,
        c: &mut Connection,
        mut keys: &[(&Key, i64)],
        fresh: &mut HashSet<Key>,
    ) -> Result<(), Stop> {
        while !keys.is_empty() {
            let (some, rest) = keys.split_at_checked(sql::chunk(keys.len())).unwrap_or((keys, &[]));
            let text = self.text(Text::Remember, some.len());
            macro_rules! remember {
                ($c:expr) => {{
                    let mut query = sqlx::query_as(AssertSqlSafe(text));
                    for (key, until) in some {
                        query = query.bind(&key[..]).bind(until);
                    }
                    query.fetch_all($c).await?
                }};
            }
            let rows: Vec<(Vec<u8>,)> = match c {
                Connection::Sqlite(c) => remember!(c),
                Connection::Postgres(c) => remember!(c),
            };
            for (key,) in rows {
                fresh.insert(key_of(key)?);
            }
            keys = rest;
        }
        Ok(())
    }

    /// Gives the records of the jobs that held their places in the chain.
    fn link<'j>(
        &self,
        (mut seq, mut hash): (i64, Key),
        jobs: &[&'j Job],
        held: &[Result<(), CommitError>],
    ) -> Vec<Line<'j>> {
        let holding = jobs.iter().zip(held).filter(|(_, outcome)| outcome.is_ok());
        let records = holding.flat_map(|(job, _)| &job.records);
        records
            .map(|record| {
                seq += 1;
                hash = (self.link)(&hash, seq, &record.body);
                Line { seq, hash, record }
            })
            .collect()
    }

    /// Appends the lines, moves the head to the last of them, and commits.
    async fn finish(&mut self, c: &mut Connection, mut lines: &[Line<'_>]) -> Result<(), Stop> {
        while let Some(last) = lines.last() {
            let (some, rest) = lines.split_at_checked(sql::chunk(lines.len())).unwrap_or((lines, &[]));
            let at_end = rest.is_empty();
            macro_rules! append {
                ($text:expr, $c:expr) => {{
                    let mut query = sqlx::query(AssertSqlSafe($text));
                    for Line { seq, hash, record } in some {
                        query = query.bind(seq).bind(&hash[..]).bind(record.at).bind(&record.kind);
                        query = query.bind(record.session.as_deref()).bind(&record.body[..]);
                    }
                    if at_end {
                        query = query.bind(last.seq).bind(&last.hash[..]);
                    }
                    query.execute($c).await?;
                }};
            }
            match c {
                Connection::Sqlite(c) if at_end => {
                    append!(self.text(Text::AppendAndCommit, some.len()), c);
                    return Ok(());
                }
                Connection::Sqlite(c) => append!(self.text(Text::Append, some.len()), c),
                Connection::Postgres(c) if at_end => {
                    append!(self.text(Text::AppendAndSetHead, some.len()), c);
                }
                Connection::Postgres(c) => append!(self.text(Text::Append, some.len()), c),
            }
            lines = rest;
        }
        execute!(c, sql::COMMIT)?;
        Ok(())
    }

    fn text(&mut self, text: Text, rows: usize) -> Arc<str> {
        let made = self.texts.entry((text, rows)).or_insert_with(|| match text {
            Text::BeginAndRemember => format!("{}; {}", sql::BEGIN_SQLITE, sql::remember(rows)).into(),
            Text::Remember => sql::remember(rows).into(),
            Text::Append => sql::append(rows).into(),
            Text::AppendAndCommit => sql::append_and_commit(rows).into(),
            Text::AppendAndSetHead => sql::append_and_set_head(rows).into(),
        });
        Arc::clone(made)
    }
}

/// A record in its place.
struct Line<'j> {
    seq: i64,
    hash: Key,
    record: &'j Prepared,
}

/// Why a transaction stopped.
enum Stop {
    Database(sqlx::Error),
    Stored(Error),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Stop::Database(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Stored(error)
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Database(error) => error.into(),
            Stop::Stored(error) => error,
        }
    }
}

fn key_of(bytes: Vec<u8>) -> Result<Key, Error> {
    bytes.try_into().map_err(|_| Error::Damaged("remembered.key"))
}

/// Applies a job's changes. The inner error is the job's own; the outer one ends the transaction.
async fn run(c: &mut Connection, job: &Job, shared: bool) -> Result<Result<(), CommitError>, Stop> {
    let savepoint = shared && job.may_fail_halfway();
    if savepoint {
        execute!(c, sql::SAVEPOINT)?;
    }
    let outcome = apply_all(c, job).await;
    let error = match outcome {
        Ok(()) => {
            if savepoint {
                execute!(c, sql::RELEASE)?;
            }
            return Ok(Ok(()));
        }
        Err(Fault::Conflict(thing)) => CommitError::Conflict(thing),
        Err(Fault::Database(error)) if savepoint && is_about_data(c, &error) => {
            CommitError::Unavailable(error.into())
        }
        Err(Fault::Database(error)) => return Err(error.into()),
    };
    if savepoint {
        execute!(c, sql::ROLLBACK_TO)?;
        execute!(c, sql::RELEASE)?;
    }
    Ok(Err(error))
}

async fn apply_all(c: &mut Connection, job: &Job) -> Result<(), Fault> {
    for change in &job.changes {
        apply(c, change).await?;
    }
    Ok(())
}

/// INVARIANT: called after the commit was acknowledged, and nowhere else.
fn receipts(jobs: &[&Job], held: Vec<Result<(), CommitError>>, mut seq: i64) -> Vec<Outcome> {
    let outcomes = jobs.iter().zip(held).map(|(job, outcome)| {
        outcome?;
        seq += i64::try_from(job.records.len()).unwrap_or_default();
        Ok(job.records.last().map(|last| Receipt::new(last.id.clone(), seq, job.digest)))
    });
    outcomes.collect()
}

/// Whether the database refuses a value, and not its work: a text that it cannot hold, a row too large for an index.
fn is_about_data(c: &Connection, error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return matches!(error, sqlx::Error::Encode(_)) };
    let code = error.code().unwrap_or_default();
    match c {
        // Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded.
        Connection::Postgres(_) => ["22", "23", "54"].iter().any(|class| code.starts_with(class)),
        // The low byte of a result code: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH.
        Connection::Sqlite(_) => matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(18..=20)),
    }
}
