//! The wire contract of Stint: what the broker and its clients say to each other.
//!
//! Serde types only: no I/O, no clock, no validation beyond shape. The broker owns this crate; the client links it
//! and nothing else of the broker. Times are RFC 3339 in UTC; durations are whole seconds.

mod activity;
mod approval;
mod audit;
mod class;
mod oauth;
mod problem;
mod registry;
mod session;

pub use approval::{Approval, ApprovalList, ApprovalState, Approve, Confirmation, Deny, TouchedResource};
pub use activity::{Activity, ActivityQuery, ActivityRange, Latency, Series, Top};
pub use audit::{
    AuditEntry, AuditPage, AuditQuery, AuditRecord, Chain, ChainCheckpoint, Verification, Verify,
};
pub use class::{Class, Tier};
pub use oauth::{AuthorizationDetail, CLIENT_ASSERTION_TYPE, OAuthError, TokenResponse};
pub use problem::{Code, PROBLEM_BASE, PROBLEM_MEDIA_TYPE, Problem, ProblemApproval};
pub use registry::{
    AddAgent, AddCredential, AddEnvironment, AddSelector, AddVersion, Agent, AgentList, Credential,
    CredentialList, Environment, EnvironmentList, Person, PersonList, Setup, SetupDone, Status, WhoAmI,
};
pub use session::{
    EndSessions, EndedSessions, GatewayHost, Heartbeat, Session, SessionCredential, SessionList,
    SessionState, StartSession, StartedSession, Variable,
};

/// Header by which a client names the provider host that a gateway request was meant for, where a provider has several
/// (`backboard.railway.app`). Must be a host of the credential's pack; absent means the pack's first host.
pub const HEADER_HOST: &str = "stint-host";

/// Header in which a sidecar hands on the `Authorization` value that the command itself sent, when it was not one of
/// the session's placeholders. The gateway judges it as a credential that came from downstream.
pub const HEADER_DOWNSTREAM_AUTHORIZATION: &str = "stint-downstream-authorization";

/// Header that carries the id of the audit record of a gateway request, on every gateway answer.
pub const HEADER_RECORD: &str = "stint-record";
