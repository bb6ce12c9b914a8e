//! The way out of this room for look-ups: implemented by the application layer, which holds the credential.

use futures_util::future::BoxFuture;
use serde_json::Value;

/// Sends a pack's read-only queries with the broker's own credential.
pub trait Lookup: Send + Sync {
    /// Sends the query called `name`, whose text is `query`; gives the whole answer, `{"data": …, "errors": …}`, of a
    /// response with status 200. Bounds its own time.
    fn graphql<'a>(
        &'a self,
        name: &'a str,
        query: &'a str,
        variables: Value,
    ) -> BoxFuture<'a, Result<Value, LookupError>>;

    /// Asks for `target`, a path with its query, on `host`, or on the pack's first: the JSON of a response with status 200.
    /// Bounds its own time.
    fn get<'a>(
        &'a self,
        name: &'a str,
        host: Option<&'a str>,
        target: &'a str,
    ) -> BoxFuture<'a, Result<Value, LookupError>>;
}

/// The provider could not be asked. `detail` is for people and holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct LookupError {
    pub kind: LookupFailure,
    pub detail: String,
    /// Seconds for which the provider wants to be left alone.
    pub wait: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupFailure {
    /// No answer, or none that can be read.
    Unavailable,
    Timeout,
    /// The provider asked for fewer requests.
    Limited,
    /// The provider, or the broker, does not allow the question.
    Refused,
    /// The provider does not take the credential.
    Rejected,
    /// The provider knows no such thing.
    Missing,
}

impl LookupError {
    pub fn new(kind: LookupFailure, detail: impl Into<String>) -> Self {
        LookupError { kind, detail: detail.into(), wait: None }
    }
}
