//! Counts of what happened, and the index by which records are found: both are read out of the records after they were
//! written, and each step moves the position up to which they know in the same transaction.

use sqlx::AssertSqlSafe;

use super::backend::{Connection, all, changed, execute, one, row};
use super::error::Fault;
use super::{Change, Commit, CommitError, Error, Store, sql};

/// What some records said, to be added to what earlier ones did.
#[derive(Debug, Default)]
pub struct RollUp {
    /// Position of the last record that was read before.
    pub from: i64,
    /// Position of the last record that this was read out of.
    pub to: i64,
    /// Key of a fact, and the position of the record in which it stands.
    pub facts: Vec<(i64, i64)>,
    /// No key twice.
    pub counts: Vec<Count>,
    /// Counts of this span which began before that time (unix seconds) are no longer needed.
    pub over: Option<(i64, i64)>,
}

/// How often a value of a dimension occurred in the `span` seconds from `at` on (unix seconds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub span: i64,
    pub dimension: &'static str,
    pub at: i64,
    pub value: String,
    pub count: i64,
}

row! {
    pub struct Bar {
        at: i64,
        value: String,
        count: i64,
    }
}

impl std::fmt::Debug for Bar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.at, self.value, self.count)
    }
}

impl Bar {
    /// When it begins, in unix seconds.
    pub fn at(&self) -> i64 {
        self.at
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn count(&self) -> i64 {
        self.count
    }
}

row! {
    struct Top {
        value: String,
        count: i64,
    }
}

impl Store {
    /// Position of the last record that counts and index know of.
    pub async fn rolled_up(&self) -> Result<i64, Error> {
        let row: Option<(i64,)> = one!(self, sql::ROLLED_UP)?;
        row.map(|(seq,)| seq).ok_or(Error::Damaged("rolled_up"))
    }

    /// Adds what was read out of records. Says nothing new, so it is no event. `Conflict` where another broker was faster.
    pub async fn roll_up(&self, rollup: RollUp) -> Result<(), CommitError> {
        self.change_without_event(Commit {
            changes: vec![Change::RollUp(rollup)],
            events: Vec::new(),
            digest: None,
        })
        .await
    }

    /// Counts of one dimension in the order of time, from `from` to before `to` (unix seconds).
    pub async fn bars(&self, span: i64, dimension: &str, from: i64, to: i64) -> Result<Vec<Bar>, Error> {
        Ok(all!(self, sql::ROLLUPS, span, dimension, from, to)?)
    }

    /// The values of a dimension that occurred most, the first first.
    pub async fn top(
        &self,
        span: i64,
        dimension: &str,
        from: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<(String, i64)>, Error> {
        let rows: Vec<Top> = all!(self, sql::ROLLUP_TOP, span, dimension, from, to, limit)?;
        Ok(rows.into_iter().map(|row| (row.value, row.count)).collect())
    }

    /// Values that a dimension has in one span.
    pub async fn values(&self, span: i64, dimension: &str, at: i64) -> Result<Vec<String>, Error> {
        let rows: Vec<(String,)> = all!(self, sql::ROLLUP_VALUES, span, dimension, at)?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }
}

pub(super) async fn apply(c: &mut Connection, rollup: &RollUp) -> Result<(), Fault> {
    changed(execute!(&mut *c, sql::MOVE_ROLLED_UP, rollup.from, rollup.to)?, "rollup")?;
    let mut facts = rollup.facts.as_slice();
    while let Some((some, rest)) =
        facts.split_at_checked(sql::chunk(facts.len())).filter(|(some, _)| !some.is_empty())
    {
        macro_rules! index {
            ($c:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe(sql::index(some.len())));
                for (fact, seq) in some {
                    query = query.bind(fact).bind(seq);
                }
                query.execute($c).await?;
            }};
        }
        match &mut *c {
            Connection::Sqlite(c) => index!(c),
            Connection::Postgres(c) => index!(c),
        }
        facts = rest;
    }
    let mut counts = rollup.counts.as_slice();
    while let Some((some, rest)) =
        counts.split_at_checked(sql::chunk(counts.len())).filter(|(some, _)| !some.is_empty())
    {
        macro_rules! count {
            ($c:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe(sql::count(some.len())));
                for Count { span, dimension, at, value, count } in some {
                    query = query.bind(span).bind(*dimension).bind(at).bind(value).bind(count);
                }
                query.execute($c).await?;
            }};
        }
        match &mut *c {
            Connection::Sqlite(c) => count!(c),
            Connection::Postgres(c) => count!(c),
        }
        counts = rest;
    }
    if let Some((span, before)) = rollup.over {
        execute!(c, sql::SWEEP_ROLLUPS, span, before)?;
    }
    Ok(())
}
