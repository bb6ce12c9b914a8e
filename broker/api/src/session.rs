use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Confinement;

/// `POST /v1/sessions`: start a session for an agent, as a person. `POST /v1/sessions/{id}/children`: start one within a
/// session, by that session's own token; it is of the same environment and agent, and only narrower.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    pub environment: String,
    pub agent: String,
    /// Seconds until the session ends by itself; the broker's default when absent, capped by its maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// Public key of the session as a JWK (RFC 7517): Ed25519 or P-256. The private half never leaves its holder.
    pub key: Value,
    /// Names of the credentials wanted; empty means all of the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<String>,
    /// Whether the session must be kept alive by heartbeats.
    #[serde(default)]
    pub heartbeat: bool,
    /// How far the command is confined, as the client states it.
    #[serde(default)]
    pub confinement: Confinement,
    /// Program name for the record: never arguments, which may hold secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// With true nothing is started: the answer says what would be.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a started session may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartedSession {
    pub session: Session,
    pub credentials: Vec<SessionCredential>,
    /// Every host that any pack knows, whether the session has a credential for it or not: a sidecar intercepts all.
    pub hosts: Vec<GatewayHost>,
    /// Variables of every pack that carry provider credentials: to be dropped from what the command inherits.
    pub scrub: Vec<String>,
    /// Hosts that no pack knows and that a confined command may reach all the same, by exact name.
    #[serde(default)]
    pub egress: Vec<String>,
    /// Base URL of the gateway, no slash at its end: `http://127.0.0.1:7380/gateway`.
    pub gateway: String,
    /// Issuer, and audience of client assertions.
    pub issuer: String,
    pub token_endpoint: String,
    /// Seconds between heartbeats.
    pub heartbeat_seconds: u64,
}

/// One credential in a session, as its holder sees it: never the secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionCredential {
    pub name: String,
    pub provider: String,
    /// Hosts that the placeholder is for.
    pub hosts: Vec<String>,
    /// Those of them that serve repositories by git.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub git_hosts: Vec<String>,
    /// Shaped like the provider's own key, unique to the session, worthless outside it.
    pub placeholder: String,
    /// Variables under which the provider's tools look for a credential.
    pub variables: Vec<Variable>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Variable {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GatewayHost {
    /// A name, or a pattern of names in which `*` stands for one label: `ec2.*.amazonaws.com`.
    pub host: String,
    pub provider: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    Live,
    Ended,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    pub id: String,
    pub environment: String,
    pub tier: crate::Tier,
    pub agent: String,
    /// The person (`person:alice`) or agent (`agent:ci`) whom the work is for.
    pub subject: String,
    pub state: SessionState,
    /// Whether `confinement` is `full`.
    pub confined: bool,
    /// As the client stated it; no stronger than that of the session that it was started within.
    #[serde(default)]
    pub confinement: Confinement,
    /// The session that it was started within, with which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    pub credentials: Vec<String>,
    pub started_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// `command_ended`, `revoked`, `expired`, `heartbeat_missed`, `kill_switch`, `parent_ended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
    /// What it has spent of its budget, while it is live; of one session only, not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<SessionBudget>,
}

/// What a session may do before a person is asked about each further request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionBudget {
    /// Requests that destroy.
    pub destroys: Budgeted,
    /// Requests stronger than reading, within the last minute.
    pub writes_per_minute: Budgeted,
    /// Different things that were changed or revealed.
    pub things: Budgeted,
    /// Bytes of answers.
    pub bytes: Budgeted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Budgeted {
    pub used: u64,
    /// 0 is no limit.
    pub limit: u64,
}

impl SessionBudget {
    /// Each with its name: `destroys`, `writes a minute`, `things`, `bytes of answers`.
    pub fn each(&self) -> [(&'static str, Budgeted); 4] {
        [
            ("destroys", self.destroys),
            ("writes a minute", self.writes_per_minute),
            ("things", self.things),
            ("bytes of answers", self.bytes),
        ]
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionList {
    pub sessions: Vec<Session>,
    /// `before` of the next page, absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /v1/sessions/{id}/end` and `POST /v1/sessions/end-all`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EndSessions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedSessions {
    /// Ids of the sessions that this call ended; those that had ended before are not among them.
    pub ended: Vec<String>,
}

/// Answer of `POST /v1/sessions/{id}/heartbeat`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heartbeat {
    pub expires_at: DateTime<Utc>,
}
