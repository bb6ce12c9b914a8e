use std::sync::Arc;

use thiserror::Error;

/// Why the store could not answer. Holds no stored value, and `Display` shows none.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// More is waiting than can be written soon, or the database is too slow: ask again later.
    #[error("the store is busy")]
    Busy,
    #[error("the store is closed")]
    Closed,
    /// A row does not hold what was written there; the text names the column.
    #[error("stored {0} cannot be read")]
    Damaged(&'static str),
    #[error("the database failed: {0}")]
    Database(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Error::Database(Arc::new(error))
    }
}

/// Why a commit did not happen, or is not known to have happened.
#[derive(Debug, Clone, Error)]
pub enum CommitError {
    /// The state that a change starts from is not there (any more): the word names the thing, such as `approval`.
    /// Nothing of the commit was written.
    #[error("the {0} is not in the state that this needs")]
    Conflict(&'static str),
    /// A proof or assertion was used before. Nothing of the commit was written.
    #[error("used before")]
    Replayed,
    /// Not known to be durable: to be treated as not done.
    #[error(transparent)]
    Unavailable(#[from] Error),
}

/// Why one change was not applied, as seen inside a transaction.
#[derive(Debug)]
pub(super) enum Fault {
    Conflict(&'static str),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Fault::Database(error)
    }
}
