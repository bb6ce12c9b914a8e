//! The wire contract of Stint: what the broker and its clients say to each other.
//!
//! Serde types only: no I/O, no clock, no validation beyond shape. The broker owns this crate; the client links it
//! and nothing else of the broker. Times are RFC 3339 in UTC; durations are whole seconds.

mod activity;
mod alert;
mod approval;
mod audit;
mod channel;
mod check;
mod class;
mod login;
mod oauth;
#[cfg(feature = "openapi")]
pub mod openapi;
mod people;
mod policy;
mod problem;
mod reach;
mod registered;
mod registry;
mod session;

pub use activity::{Activity, ActivityQuery, ActivityRange, Latency, Series, Top};
pub use alert::{Alert, AlertKind, AlertList, SeeAlerts};
pub use approval::{
    Advice, Approval, ApprovalList, ApprovalState, Approve, Confirmation, Deny, TouchedResource, Vote,
};
pub use audit::{
    AuditEntry, AuditPage, AuditQuery, AuditRecord, Chain, ChainCheckpoint, Verification, Verify,
};
pub use channel::{AddChannel, AddedChannel, Channel, ChannelList, Delivery, MailSecurity, Target, Topic};
pub use check::{CredentialCheck, Proposal};
pub use class::{Class, Confinement, Tier};
pub use login::{ConsoleLink, Elevated, EndedLogin, Reaches};
pub use oauth::{
    AuthorizationDetail, CLIENT_ASSERTION_TYPE, DEVICE_CLIENT, DEVICE_GRANT_TYPE, DeviceAuthorization,
    OAuthError, TokenResponse,
};
pub use people::{
    Account, ChangeRole, ConfirmCode, Invitation, Invite, Invited, Login, OfferedCodes, Passkey, Person,
    PersonList, RecoveryCodes, RenamePasskey, SetPassword, SignIn,
};
pub use policy::{
    CheckPolicy, DecidePolicy, DiffLine, Policy, PolicyCheck, PolicyDiff, PolicyFault, PolicyList,
    PolicyOrigin, PolicyState, PolicySummary, PolicyTest, PolicyVersion, PolicyVersionList, ProposedRule,
    RestorePolicy, RuleDecision, SavePolicy,
};
pub use problem::{Code, PROBLEM_BASE, PROBLEM_MEDIA_TYPE, Problem, ProblemApproval};
pub use reach::{AskEffect, PolicyEffect, PolicyReach, ReachLine, Replay, ReplayDifference};
pub use registered::{
    AgentDetail, Backup, BackupPart, BackupTaken, BrokerKey, ChangeTier, ChangedTier, CheckpointInfo,
    CredentialDetail, EditAgent, EnvironmentDetail, Inventory, OperationPage, Origin, Place, PlaceThing,
    Provider, ProviderKind, ProviderList, ProviderOperation, Reading, ReloadedPacks, RemovedAgent,
    RemovedEnvironment, SettingValue, Settings, SsoCheck, SsoSettings, Welcome, WelcomeStep,
};
pub use registry::{
    AddAgent, AddCredential, AddEnvironment, AddSelector, AddVersion, Agent, AgentList, Captured, Credential,
    CredentialList, Environment, EnvironmentList, Setup, SetupDone, Status, WhoAmI,
};
pub use session::{
    Budgeted, EndSessions, EndedSessions, GatewayHost, Heartbeat, Session, SessionBudget, SessionCredential,
    SessionList, SessionState, StartSession, StartedSession, Variable,
};

/// Header by which a client names the provider host that a gateway request was meant for, where a provider has several
/// (`backboard.railway.app`). Must be a host of the credential's pack; absent means the pack's first host.
pub const HEADER_HOST: &str = "stint-host";

/// Header in which a sidecar hands on the `Authorization` value that the command itself sent, when it was not one of
/// the session's placeholders. The gateway judges it as a credential that came from downstream.
pub const HEADER_DOWNSTREAM_AUTHORIZATION: &str = "stint-downstream-authorization";

/// Header in which an agent says why, for the person who may have to decide: plain ASCII, other characters of UTF-8
/// percent-encoded, at most 500 characters. It is shown as the agent's own words, and goes no further.
pub const HEADER_REASON: &str = "stint-reason";

/// Header that carries the id of the audit record of a gateway request, on every gateway answer.
pub const HEADER_RECORD: &str = "stint-record";
