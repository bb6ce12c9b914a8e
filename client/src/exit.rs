//! How a command ends: its exit code, what went wrong, and what to do about it.
//!
//! Codes: 0 done, 1 failure, 2 usage, 4 not authenticated, 5 denied, 6 approval pending, 7 broker unreachable.
//! `stint run` has its own: 125 could not start, 126 not executable, 127 not found, and otherwise the command's.

use std::fmt;

use stint_api::{Code, Problem};

use crate::api;

pub const FAILURE: u8 = 1;
pub const USAGE: u8 = 2;
pub const NOT_AUTHENTICATED: u8 = 4;
pub const DENIED: u8 = 5;
pub const APPROVAL_PENDING: u8 = 6;
pub const UNREACHABLE: u8 = 7;
pub const COULD_NOT_START: u8 = 125;
pub const NOT_EXECUTABLE: u8 = 126;
pub const NOT_FOUND: u8 = 127;

/// A failed command: printed as `stint: message` and one `hint:` line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: u8,
    pub message: String,
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), hints: Vec::new() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Failure::new(USAGE, message)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same failure under another code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<api::Error> for Failure {
    fn from(error: api::Error) -> Self {
        match error {
            api::Error::Unreachable { url, why } => {
                Failure::new(UNREACHABLE, format!("the broker at {url} cannot be reached: {why}"))
                    .hint("is `stint-broker serve` running? `stint doctor` looks further")
            }
            api::Error::Problem(problem) => problem.as_ref().into(),
            api::Error::OAuth { error, description } => {
                let code = match error.as_str() {
                    "access_denied" => DENIED,
                    // The broker's own trouble says nothing of who asks.
                    "temporarily_unavailable" | "server_error" => {
                        let why = description.unwrap_or(error);
                        return Failure::new(FAILURE, format!("the broker gives no tokens now: {why}"));
                    }
                    _ => NOT_AUTHENTICATED,
                };
                let message = match description {
                    Some(description) => {
                        format!("the broker refused to give a token: {description} ({error})")
                    }
                    None => format!("the broker refused to give a token: {error}"),
                };
                Failure::new(code, message).hint("`stint doctor` shows whether this login is still known")
            }
            other => Failure::new(FAILURE, other.to_string()),
        }
    }
}

impl From<&Problem> for Failure {
    fn from(problem: &Problem) -> Self {
        let code = match problem.status {
            _ if problem.code == Code::ApprovalRequired.as_str() => APPROVAL_PENDING,
            401 => NOT_AUTHENTICATED,
            403 => DENIED,
            _ => FAILURE,
        };
        let mut message = problem.title.clone();
        if !problem.detail.is_empty() {
            message = format!("{message}: {}", problem.detail);
        }
        let mut failure = Failure::new(code, message);
        if !problem.policies.is_empty() {
            failure = failure.hint(format!("decided by {}", problem.policies.join(", ")));
        }
        if let Some(approval) = &problem.approval {
            failure = failure.hint(format!("wait for a person with `stint approval wait {}`", approval.id));
        }
        match &problem.hint {
            Some(hint) => failure.hint(hint.clone()),
            None => failure,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new(FAILURE, error.to_string())
    }
}

impl From<crate::home::Error> for Failure {
    fn from(error: crate::home::Error) -> Self {
        let failure = Failure::new(FAILURE, error.to_string());
        match &error {
            crate::home::Error::Exposed { path, .. } => {
                failure.hint(format!("make it yours alone: chmod go= {}", path.display()))
            }
            _ => failure,
        }
    }
}

impl From<crate::clock::NoRandomness> for Failure {
    fn from(error: crate::clock::NoRandomness) -> Self {
        Failure::new(FAILURE, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let code = |code: Code| Failure::from(&Problem::new(code, "")).code;
        assert_eq!(code(Code::NotAuthenticated), NOT_AUTHENTICATED);
        assert_eq!(code(Code::SessionEnded), NOT_AUTHENTICATED);
        assert_eq!(code(Code::Denied), DENIED);
        assert_eq!(code(Code::ConfirmationMismatch), DENIED);
        assert_eq!(code(Code::ApprovalRequired), APPROVAL_PENDING);
        assert_eq!(code(Code::NotFound), FAILURE);
        let unreachable = api::Error::Unreachable { url: "http://127.0.0.1:1".into(), why: "refused".into() };
        assert_eq!(Failure::from(unreachable).code, UNREACHABLE);
        let oauth =
            |error: &str| Failure::from(api::Error::OAuth { error: error.into(), description: None }).code;
        assert_eq!(oauth("invalid_client"), NOT_AUTHENTICATED);
        assert_eq!(oauth("temporarily_unavailable"), FAILURE);
    }
}
