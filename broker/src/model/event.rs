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
    /// A person let one of their logins administer for a while, or no longer.
    LoginElevated,
    LoginEnded,
    /// A machine asked to be let in.
    DeviceAsked,
    DeviceApproved,
    DeviceDenied,
    /// A code was typed that no machine shows.
    DeviceRefused,
    /// A one-time link to the console was made; its use is a `password_changed` and a `signed_in`.
    ConsoleLinkMade,
    PasswordChanged,
    SignedIn,
    SignInRefused,
    /// A signed-in person proved again who they are.
    SignInProven,
    SignedOut,
    /// A sign-in was ended from elsewhere, by its person or an owner.
    SignInEnded,
    PasswordRemoved,
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    /// A secret for one-time codes was made; it counts from its first use on.
    OneTimeCodesOffered,
    OneTimeCodesAdded,
    OneTimeCodesRemoved,
    RecoveryCodesMade,
    PersonInvited,
    InvitationWithdrawn,
    /// A person who was there already got a way in by a link.
    PersonEnrolled,
    RoleChanged,
    /// A person was tied to who an OpenID provider says they are, or no longer.
    SubjectLinked,
    SubjectUnlinked,
    PersonRemoved,
    AgentAdded,
    AgentEdited,
    AgentRemoved,
    EnvironmentAdded,
    EnvironmentMapped,
    EnvironmentUnmapped,
    TierChanged,
    EnvironmentRemoved,
    CredentialAdded,
    CredentialRotated,
    CredentialRevoked,
    /// A new secret was taken out of a provider's answer.
    CredentialCaptured,
    /// A person kept it.
    CredentialKept,
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
    /// The broker asked a provider for a snapshot that a policy wants before a request goes on.
    SnapshotAsked,
    /// The provider said that it is complete.
    SnapshotCompleted,
    ApprovalRequested,
    /// A person's yes that is not enough by itself: others, or time, are still needed.
    ApprovalVoted,
    ApprovalApproved,
    ApprovalDenied,
    /// What a person said to an approval did not count: it came too late, or was not theirs to say.
    ApprovalRefused,
    ApprovalUsed,
    ApprovalExpired,
    PolicyChanged,
    /// A change of what ships, which waits for a second owner.
    PolicyProposed,
    PolicyConfirmed,
    PolicyWithdrawn,
    PacksReloaded,
    /// Packs with an error in them were not put to use.
    PacksRefused,
    AuditExported,
    /// The database was copied to a file.
    BackupTaken,
    /// The database is a copy of before: what came after it is not in the chain.
    BackupRestored,
    ChannelAdded,
    ChannelRemoved,
    NotificationSent,
    /// Given up after its last try.
    NotificationFailed,
    /// For a while the store could not write. What could not be recorded did not happen.
    RecordingFailed,
    /// A person has seen the alerts up to one.
    AlertsSeen,
}

impl EventKind {
    pub fn as_str(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
