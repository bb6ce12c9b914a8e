use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::RecordId;

/// The content of one audit record. Holds ids, digests and parsed facts; never a secret, a body or a header map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: RecordId,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// `person:alice`, `agent:ci`, `broker`, or `unknown` for who could not be identified.
    pub actor: String,
    /// Facts of the kind, under stable snake_case names. Text in it is data, never markup; sizes are bounded by the maker.
    pub facts: Map<String, Value>,
}

/// What happened. The text is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    BrokerStarted,
    BrokerUnsealed,
    KeyMade,
    SetupUsed,
    PersonAdded,
    LoginAdded,
    PasswordChanged,
    SignedIn,
    SignInRefused,
    /// A signed-in person proved again who they are.
    SignInProven,
    SignedOut,
    AgentAdded,
    EnvironmentAdded,
    EnvironmentMapped,
    EnvironmentUnmapped,
    CredentialAdded,
    CredentialRotated,
    CredentialRevoked,
    SessionStarted,
    SessionEnded,
    TokenMinted,
    TokenRefused,
    /// A request that was understood and decided: its intent, before anything is sent.
    RequestDecided,
    /// A request that was refused before or by the decision.
    RequestRefused,
    /// What became of a request that was sent.
    RequestClosed,
    /// The broker's own read-only look-up with a credential.
    Lookup,
    ApprovalRequested,
    ApprovalApproved,
    ApprovalDenied,
    ApprovalUsed,
    ApprovalExpired,
    PolicyChanged,
    /// A change of what ships, which waits for a second owner.
    PolicyProposed,
    PolicyConfirmed,
    PolicyWithdrawn,
    AuditExported,
}

impl EventKind {
    pub fn as_str(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
