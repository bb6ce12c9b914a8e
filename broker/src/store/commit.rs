//! One batch, one transaction: the only place where receipts are made.
//!
//! The head of the chain is read under a lock when the transaction opens; changes are applied job by job; the records
//! of the jobs that held are linked and written together; the receipts are made after the commit was acknowledged. A
//! job that fails leaves nothing behind and does not disturb the others.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, FromRow as _};

use super::apply::apply;
use super::backend::{Connection, execute, found};
use super::error::Fault;
use super::job::{Job, Prepared};
use super::records::Head;
use super::replay::{Memory, Used};
use super::{CommitError, Error, Link, Receipt, sql};

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

/// What batches are written with; lives as long as the writer.
pub(super) struct Scribe {
    link: Link,
    memory: Memory,
    /// Generated statements, by kind and number of rows.
    texts: HashMap<(Text, usize), Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Text {
    Append,
    FinishSqlite { remember: bool, whole: bool },
    FinishPostgres { remember: bool },
}

/// Place and hash of a record.
type Place = (i64, [u8; 32]);

/// A record in its place.
struct Line<'j> {
    seq: i64,
    hash: [u8; 32],
    record: &'j Prepared,
}

/// What the last statement of a batch does besides appending.
struct End<'u> {
    from: Place,
    to: Place,
    used: &'u Used,
    /// The statement is the whole transaction.
    whole: bool,
}

impl Scribe {
    /// Reads what was used before, so that the first commit does not have to.
    pub(super) async fn open(connection: &mut Connection, link: Link) -> Result<Self, Error> {
        let mut memory = Memory::default();
        let heads: Vec<Head> = found!(&mut *connection, sql::HEAD)?;
        let head = heads.into_iter().next().ok_or(Error::Damaged("chain_head"))?.parse()?;
        memory.catch_up(connection, head).await?;
        Ok(Scribe { link, memory, texts: HashMap::new() })
    }

    pub(super) async fn write(
        &mut self,
        connection: &mut Connection,
        jobs: &[&Job],
    ) -> Result<Vec<Outcome>, Failure> {
        let head = self.memory.own_head().filter(|_| jobs.iter().all(|job| job.changes_nothing_else()));
        if let Some(head) = head {
            match self.at_once(connection, jobs, head).await {
                Ok(Some(outcomes)) => return Ok(outcomes),
                Ok(None) => {}
                // Somebody else moved the head, or a value is refused: the long way tells which.
                Err(stop) => match undo(connection, stop).await {
                    Failure::Rejected(_) => {}
                    broken => return Err(broken),
                },
            }
        }
        match self.transaction(connection, jobs).await {
            Ok(outcomes) => Ok(outcomes),
            Err(stop) => Err(undo(connection, stop).await),
        }
    }

    /// Forgets what is over at `now` (unix seconds). Answers whether there may be more.
    pub(super) async fn sweep(&mut self, connection: &mut Connection, now: i64) -> Result<bool, sqlx::Error> {
        self.memory.sweep(connection, now).await
    }

    /// The short way, for jobs that change no other state: one step on the belief that nobody else moved the head, which
    /// the statement itself checks. `None` where it takes more than one statement.
    async fn at_once(
        &mut self,
        c: &mut Connection,
        jobs: &[&Job],
        head: Place,
    ) -> Result<Option<Vec<Outcome>>, Stop> {
        let (mut used, mut held) = (Used::default(), Vec::with_capacity(jobs.len()));
        for job in jobs {
            let fresh = self.memory.is_fresh(job, &used);
            if fresh {
                used.add(job);
            }
            held.push(if fresh { Ok(()) } else { Err(CommitError::Replayed) });
        }
        let lines = self.link(head, jobs, &held);
        if lines.len() != sql::chunk(lines.len()) {
            return Ok(None);
        }
        if let Some(last) = lines.last() {
            let end = (last.seq, last.hash);
            self.append(c, &lines, Some(End { from: head, to: end, used: &used, whole: true })).await?;
            self.memory.learn(used, end)?;
        }
        Ok(Some(receipts(jobs, held, head.0)))
    }

    /// The long way.
    async fn transaction(&mut self, c: &mut Connection, jobs: &[&Job]) -> Result<Vec<Outcome>, Stop> {
        let head = begin(c).await?;
        self.memory.catch_up(c, head).await?;

        let (mut used, mut held) = (Used::default(), Vec::with_capacity(jobs.len()));
        for job in jobs {
            let outcome = match self.memory.is_fresh(job, &used) {
                true => run(c, job, jobs.len() > 1).await?,
                false => Err(CommitError::Replayed),
            };
            if outcome.is_ok() {
                used.add(job);
            }
            held.push(outcome);
        }
        if held.iter().all(Result::is_err) {
            execute!(c, sql::ROLLBACK)?;
            return Ok(receipts(jobs, held, head.0));
        }
        let lines = self.link(head, jobs, &held);
        let end = lines.last().map_or(head, |last| (last.seq, last.hash));
        self.finish(c, &lines, head, &used).await?;
        self.memory.learn(used, end)?;
        Ok(receipts(jobs, held, head.0))
    }

    /// Gives the records of the jobs that held their places in the chain.
    fn link<'j>(
        &self,
        (mut seq, mut hash): Place,
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

    /// Appends the lines, moves the head to the last of them, keeps what was used, and commits.
    async fn finish(
        &mut self,
        c: &mut Connection,
        mut lines: &[Line<'_>],
        from: Place,
        used: &Used,
    ) -> Result<(), Stop> {
        let to = lines.last().map_or(from, |last| (last.seq, last.hash));
        while !lines.is_empty() {
            let (some, rest) = lines.split_at_checked(sql::chunk(lines.len())).unwrap_or((lines, &[]));
            let end = End { from, to, used, whole: false };
            self.append(c, some, Some(end).filter(|_| rest.is_empty())).await?;
            lines = rest;
        }
        // On SQLite the last step has committed.
        if matches!(c, Connection::Postgres(_)) || to == from {
            execute!(c, sql::COMMIT)?;
        }
        Ok(())
    }

    /// One statement: the lines, and at the end of a batch what belongs there.
    async fn append(
        &mut self,
        c: &mut Connection,
        lines: &[Line<'_>],
        end: Option<End<'_>>,
    ) -> Result<(), Stop> {
        let remember = end.as_ref().is_some_and(|end| !end.used.is_empty());
        let text = match (&end, &c) {
            (None, _) => Text::Append,
            (Some(End { whole, .. }), Connection::Sqlite(_)) => {
                Text::FinishSqlite { remember, whole: *whole }
            }
            (Some(_), Connection::Postgres(_)) => Text::FinishPostgres { remember },
        };
        let text = self.text(text, lines.len());
        macro_rules! append {
            ($c:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe(text));
                for Line { seq, hash, record } in lines {
                    query = query.bind(seq).bind(&hash[..]).bind(record.at).bind(&record.kind);
                    query = query.bind(record.session.as_deref()).bind(&record.body[..]);
                }
                if let Some(End { from, to, used, .. }) = end {
                    query = query.bind(to.0).bind(&to.1[..]).bind(from.0).bind(&from.1[..]);
                    if remember {
                        query = query.bind(from.0 + 1).bind(used.until()).bind(used.bytes());
                    }
                }
                query.execute($c).await?.rows_affected()
            }};
        }
        let moves_head = end.is_some();
        match c {
            Connection::Sqlite(c) => {
                append!(c);
            }
            Connection::Postgres(c) => {
                if append!(c) != 1 && moves_head {
                    return Err(Error::Damaged("chain_head").into());
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: Text, rows: usize) -> Arc<str> {
        let made = self.texts.entry((text, rows)).or_insert_with(|| match text {
            Text::Append => sql::append(rows).into(),
            Text::FinishSqlite { remember, whole } => sql::finish_sqlite(rows, remember, whole).into(),
            Text::FinishPostgres { remember } => sql::finish_postgres(rows, remember).into(),
        });
        Arc::clone(made)
    }
}

/// After a failure nothing stays open.
async fn undo(c: &mut Connection, stop: Stop) -> Failure {
    let rejected = matches!(&stop, Stop::Database(error) if is_about_data(c, error));
    let rolled_back = execute!(c, sql::ROLLBACK).is_ok();
    let error = stop.into();
    if rejected && rolled_back { Failure::Rejected(error) } else { Failure::Broken(error) }
}

/// Opens the transaction and reads the head of the chain under its lock.
async fn begin(c: &mut Connection) -> Result<Place, Stop> {
    let head = match c {
        Connection::Sqlite(c) => {
            sqlx::query(sql::BEGIN_SQLITE).fetch_all(c).await?.first().map(Head::from_row)
        }
        Connection::Postgres(c) => {
            sqlx::raw_sql(sql::BEGIN_POSTGRES).fetch_all(c).await?.first().map(Head::from_row)
        }
    };
    Ok(head.ok_or(Error::Damaged("chain_head"))??.parse()?)
}

/// Applies a job's changes. The inner error is the job's own; the outer one ends the transaction.
async fn run(c: &mut Connection, job: &Job, shared: bool) -> Result<Result<(), CommitError>, Stop> {
    let savepoint = shared && job.may_fail_halfway();
    if savepoint {
        execute!(c, sql::SAVEPOINT)?;
    }
    let error = match apply_all(c, job).await {
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

/// Each job's receipt, the jobs that held having taken the places after `seq` in their order.
fn receipts(jobs: &[&Job], held: Vec<Result<(), CommitError>>, mut seq: i64) -> Vec<Outcome> {
    let outcomes = jobs.iter().zip(held).map(|(job, outcome)| {
        outcome?;
        seq += i64::try_from(job.records.len()).unwrap_or_default();
        Ok(job.receipt(seq))
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
