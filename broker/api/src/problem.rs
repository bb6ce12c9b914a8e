use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `type` of a problem is this followed by its code (RFC 9457 s3.1.1).
pub const PROBLEM_BASE: &str = "https://stint.dev/problems/";

pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($variant:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// The stable codes of problems. The text of a code never changes; new ones may appear.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($variant,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// HTTP status that goes with the code.
            pub fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

codes! {
    // The request itself.
    MalformedRequest = "malformed_request", 400, "the request is malformed";
    AmbiguousRequest = "ambiguous_request", 400, "the request can be read in two ways";
    NotCanonical = "not_canonical", 400, "the request is not in canonical form";
    InvalidInput = "invalid_input", 400, "a value is not valid";
    BodyTooLarge = "body_too_large", 413, "the body is larger than can be judged";
    HeadersTooLarge = "headers_too_large", 431, "the headers are too large";
    MethodNotAllowed = "method_not_allowed", 405, "the method is not allowed here";
    UpgradeRefused = "upgrade_refused", 400, "connection upgrades are not carried";
    NotFound = "not_found", 404, "there is no such thing";
    Conflict = "conflict", 409, "the state changed or the name is taken";
    // Who asks.
    NotAuthenticated = "not_authenticated", 401, "authentication is needed";
    InvalidToken = "invalid_token", 401, "the token is not valid";
    InvalidProof = "invalid_dpop_proof", 401, "the proof of possession is not valid";
    UseNonce = "use_dpop_nonce", 401, "the proof needs the broker's nonce";
    SessionEnded = "session_ended", 401, "the session has ended";
    Forbidden = "forbidden", 403, "not allowed for this role";
    StepUpRequired = "step_up_required", 403, "a person must prove again who they are";
    TooManyAttempts = "too_many_attempts", 429, "too many attempts failed";
    // What it means.
    UnknownOperation = "unknown_operation", 403, "the operation is not known";
    NotUnderstood = "not_understood", 403, "the request was not understood";
    ForeignCredential = "foreign_credential", 403, "the request carries a credential that this session was not given";
    Unresolved = "unresolved", 403, "the owner of a resource could not be found";
    Denied = "denied", 403, "the request is denied";
    ApprovalRequired = "approval_required", 403, "a person must approve this request";
    ApprovalDenied = "approval_denied", 403, "a person denied this request";
    ConfirmationMismatch = "confirmation_mismatch", 403, "the confirmation does not match";
    // The broker and the provider.
    Sealed = "sealed", 503, "the broker is sealed";
    NotRecorded = "not_recorded", 503, "the request could not be recorded";
    Busy = "busy", 503, "the broker is at its limit";
    UpstreamRefused = "upstream_refused", 502, "the provider's address is not allowed";
    UpstreamFailed = "upstream_failed", 502, "the provider could not be reached";
    UpstreamTimeout = "upstream_timeout", 504, "the provider did not answer in time";
    Internal = "internal", 500, "the broker failed";
    // The client's own, when there is no broker to answer.
    BrokerUnreachable = "broker_unreachable", 503, "the broker cannot be reached";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem document (RFC 9457), with the members that decisions add.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: u16,
    pub code: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Operations as understood, `railway:volumeDelete`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// Environments that the request touches, by name; a provider's own selector where none is mapped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// Ids of the policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ProblemApproval>,
    /// What the session may do there instead, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// What to do next, for whoever reads this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Id of the audit record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// The approval that a request waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemApproval {
    pub id: String,
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem {
            kind: format!("{PROBLEM_BASE}{code}"),
            status: code.status(),
            code: code.as_str().to_owned(),
            title: code.title().to_owned(),
            detail: detail.into(),
            operations: Vec::new(),
            environments: Vec::new(),
            policies: Vec::new(),
            approval: None,
            instead: None,
            hint: None,
            record: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
