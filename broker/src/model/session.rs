use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Confinement, Name, SessionId, Tier};

/// One run of an agent: an environment, a set of grants, a key, an end.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    pub environment: Name,
    pub tier: Tier,
    pub agent: Name,
    /// `person:alice` or `agent:ci`.
    pub subject: String,
    /// JWK text of the session key.
    pub key: String,
    /// RFC 7638 thumbprint of the session key.
    pub jkt: String,
    pub grants: Vec<Grant>,
    pub confinement: Confinement,
    pub command: Option<String>,
    pub heartbeat: bool,
    /// The session that it was started within.
    pub parent: Option<SessionId>,
    pub started_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<String>,
}

/// One credential that the session may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub credential: Name,
    pub provider: String,
    pub placeholder: Placeholder,
}

/// What the command's environment holds where the provider's secret would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholder(pub String);
