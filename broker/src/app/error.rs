use std::fmt;

use stint_api::{Code, ProblemApproval};

/// What went wrong, as edges say it: a stable code, and words that hold nothing of a secret.
#[derive(Debug, Clone)]
pub struct Error {
    pub code: Code,
    pub detail: String,
    pub hint: Option<String>,
    /// For `UseNonce`: the nonce to make the next proof with (RFC 9449 s8).
    pub nonce: Option<String>,
    /// Set where a decision was made.
    pub decision: Option<Box<DecisionFacts>>,
    /// The field of what was sent that is wrong, for forms to say it there.
    pub field: Option<&'static str>,
}

/// What a decision adds to a problem.
#[derive(Debug, Clone, Default)]
pub struct DecisionFacts {
    pub operations: Vec<String>,
    pub environments: Vec<String>,
    pub policies: Vec<String>,
    pub approval: Option<ProblemApproval>,
}

impl Error {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Error { code, detail: detail.into(), hint: None, nonce: None, decision: None, field: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn about(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    pub fn decided(mut self, facts: DecisionFacts) -> Self {
        self.decision = Some(Box::new(facts));
        self
    }

    /// Something of ours failed. The cause goes to the log, not to the caller.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(cause = %cause, "internal failure");
        Error::new(Code::Internal, "the broker failed; its log says why")
    }

    pub fn not_found(what: &str, name: impl fmt::Display) -> Self {
        Error::new(Code::NotFound, format!("there is no {what} '{name}'"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Error {}

impl From<crate::model::IdError> for Error {
    fn from(error: crate::model::IdError) -> Self {
        Error::new(Code::InvalidInput, error.to_string())
    }
}

impl From<crate::store::CommitError> for Error {
    fn from(error: crate::store::CommitError) -> Self {
        use crate::store::CommitError;
        match error {
            CommitError::Conflict(what) => {
                Error::new(Code::Conflict, format!("the {what} was taken or changed in the meantime"))
            }
            CommitError::Replayed => Error::new(Code::InvalidProof, "the proof or assertion was used before"),
            CommitError::Unavailable(cause) => {
                tracing::error!(cause = %cause, "the store could not record");
                Error::new(Code::NotRecorded, "the store could not record this, so it did not happen")
                    .hint("the broker's log says why; it goes on by itself when the store does")
            }
        }
    }
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Self {
        tracing::error!(cause = %error, "the store could not be read");
        Error::new(Code::NotRecorded, "the store could not be read")
    }
}
