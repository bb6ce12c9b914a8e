use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Tier;

/// `POST /v1/setup`: use the setup token, once, to become the first administrator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Setup {
    pub setup_token: String,
    /// Name of the person.
    pub person: String,
    /// Public key of this login as a JWK; the private half stays with the client.
    pub key: Value,
    /// Where the login is, for the list of logins: a host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupDone {
    pub person: String,
    /// `client_id` of this login at the token endpoint.
    pub client_id: String,
    pub issuer: String,
    pub token_endpoint: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoAmI {
    pub person: String,
    pub role: String,
    pub client_id: String,
    /// How far this login reaches now. Absent from brokers of before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaches: Option<crate::Reaches>,
}

/// `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    pub version: String,
    pub sealed: bool,
    pub database: String,
    pub packs: Vec<String>,
    pub sessions_live: u64,
    pub approvals_waiting: u64,
    pub records: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddEnvironment {
    pub name: String,
    pub tier: Tier,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddSelector {
    /// `railway:environment/<id>`, `github:repository/<owner>/<name>`.
    pub selector: String,
    /// Map it without asking the provider whether it is there and what it is called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Environment {
    pub name: String,
    pub tier: Tier,
    pub selectors: Vec<String>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentList {
    pub environments: Vec<Environment>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddAgent {
    pub name: String,
    /// Public key (JWK) for `private_key_jwt`; without it the agent runs under people's logins only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// Environments that the agent may ask for by itself; people may start it anywhere that policy allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Agent {
    pub name: String,
    /// `client_id` at the token endpoint.
    pub client_id: String,
    pub has_key: bool,
    pub environments: Vec<String>,
    pub created_at: DateTime<Utc>,
    /// How many of its sessions live.
    #[serde(default)]
    pub sessions_live: u64,
    /// When its last session was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentList {
    pub agents: Vec<Agent>,
}

/// `POST /v1/credentials`. The secret goes in and never comes out.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddCredential {
    pub name: String,
    /// Pack name.
    pub provider: String,
    /// Kind of credential as the pack lists them (`account`, `project`); the pack's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Environment that the credential is pinned to; absent means any that its resources resolve to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Base URL to send to instead of the provider's own hosts: `https://127.0.0.1:8443`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// PEM certificates to trust for `upstream`, instead of the system's roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_ca: Option<String>,
    /// Store it without asking the provider whether it takes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
    pub secret: String,
}

impl std::fmt::Debug for AddCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddCredential")
            .field("name", &self.name)
            .field("provider", &self.provider)
            .field("kind", &self.kind)
            .field("environment", &self.environment)
            .field("upstream", &self.upstream)
            .field("secret", &"[redacted]")
            .finish_non_exhaustive()
    }
}

/// `POST /v1/credentials/{name}/versions`: a new secret; the old version stays until it is revoked.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddVersion {
    pub secret: String,
}

impl std::fmt::Debug for AddVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AddVersion { secret: [redacted] }")
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Credential {
    pub name: String,
    pub provider: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Version in use, counted from 1.
    pub version: i64,
    /// First 12 hex digits of a keyed digest of the secret: tells versions apart, tells nothing of the value.
    pub fingerprint: String,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// When a request was last sent with it, to within a few seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<DateTime<Utc>>,
    /// Where a secret comes from that was taken out of a provider's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
}

impl Credential {
    /// Whether it was captured, and a person has still to say what becomes of it.
    pub fn waits(&self) -> bool {
        let captured = self.captured.as_ref();
        self.revoked_at.is_none() && captured.is_some_and(|captured| captured.kept_at.is_none())
    }
}

/// The origin of a secret that a provider made in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Captured {
    pub session: String,
    pub agent: String,
    /// `github:apps/create-installation-access-token`.
    pub operation: String,
    /// Member of the answer.
    pub field: String,
    /// Id of the record of the request that it answered.
    pub record: String,
    /// When it ends, as the provider said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When a person kept it; until then it waits for one, and no session gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CredentialList {
    pub credentials: Vec<Credential>,
}
