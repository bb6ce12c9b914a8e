//! Two databases, one text: each macro writes the same expression once per driver, so that every type of the drivers
//! works on both and nothing is dynamic.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Connection as _, PgConnection, PgPool, SqliteConnection, SqlitePool};

use super::Error;
use super::error::Fault;

/// The writer's own connection.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Connections for reading. Those of SQLite cannot write.
pub(super) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// `execute!(connection, STATEMENT, argument, ...)`: how many rows it changed.
macro_rules! execute {
    ($connection:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        match $connection {
            $crate::store::backend::Connection::Sqlite(c) => {
                sqlx::query($sql)$(.bind($argument))*.execute(c).await.map(|done| done.rows_affected())
            }
            $crate::store::backend::Connection::Postgres(c) => {
                sqlx::query($sql)$(.bind($argument))*.execute(c).await.map(|done| done.rows_affected())
            }
        }
    };
}

/// `found!(connection, STATEMENT, argument, ...)`: every row, read inside the writer's transaction.
macro_rules! found {
    ($connection:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        match $connection {
            $crate::store::backend::Connection::Sqlite(c) => {
                sqlx::query_as($sql)$(.bind($argument))*.fetch_all(c).await
            }
            $crate::store::backend::Connection::Postgres(c) => {
                sqlx::query_as($sql)$(.bind($argument))*.fetch_all(c).await
            }
        }
    };
}

/// `all!(store, STATEMENT, argument, ...)`: every row, as the type that is asked for.
macro_rules! all {
    ($store:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        match &$store.0.readers {
            $crate::store::backend::Readers::Sqlite(pool) => {
                sqlx::query_as($sql)$(.bind($argument))*.fetch_all(pool).await
            }
            $crate::store::backend::Readers::Postgres(pool) => {
                sqlx::query_as($sql)$(.bind($argument))*.fetch_all(pool).await
            }
        }
    };
}

/// `one!(store, STATEMENT, argument, ...)`: the row, if there is one.
macro_rules! one {
    ($store:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        match &$store.0.readers {
            $crate::store::backend::Readers::Sqlite(pool) => {
                sqlx::query_as($sql)$(.bind($argument))*.fetch_optional(pool).await
            }
            $crate::store::backend::Readers::Postgres(pool) => {
                sqlx::query_as($sql)$(.bind($argument))*.fetch_optional(pool).await
            }
        }
    };
}

/// A row, read by the names of its columns. sqlx's own derive would build both drivers twice, once for the compiler.
macro_rules! row {
    ($visible:vis struct $name:ident { $($column:ident: $type:ty,)* }) => {
        $visible struct $name { $($column: $type,)* }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok($name { $($column: row.try_get(stringify!($column))?,)* })
            }
        }
    };
}

pub(super) use {all, execute, found, one, row};

/// Times are stored as unix milliseconds.
pub(super) fn time(millis: i64) -> Result<DateTime<Utc>, Error> {
    DateTime::from_timestamp_millis(millis).ok_or(Error::Damaged("time"))
}

pub(super) fn parse<T: FromStr>(text: &str, column: &'static str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::Damaged(column))
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str, column: &'static str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Damaged(column))
}

pub(super) fn hash(bytes: Vec<u8>, column: &'static str) -> Result<[u8; 32], Error> {
    bytes.try_into().map_err(|_| Error::Damaged(column))
}

/// A guarded statement that changed no row did not find the state that it starts from.
pub(super) fn changed(rows: u64, thing: &'static str) -> Result<(), Fault> {
    if rows == 0 { Err(Fault::Conflict(thing)) } else { Ok(()) }
}

/// For a row that belongs to another: the other has to be there.
pub(super) fn needs(result: Result<u64, sqlx::Error>, owner: &'static str) -> Result<u64, Fault> {
    result.map_err(|error| match error.as_database_error() {
        Some(refused) if refused.is_foreign_key_violation() => Fault::Conflict(owner),
        _ => Fault::Database(error),
    })
}

impl Connection {
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        }
    }
}
