use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `POST /v1/logins/{client_id}/elevate` and `…/lower`: whether a login administers, and until when.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Elevated {
    pub client_id: String,
    /// Absent when it does not, or no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// `POST /v1/logout`: the login that asked is forgotten.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedLogin {
    pub client_id: String,
}

/// `POST /v1/console-link`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConsoleLink {
    pub url: String,
    /// Set where the link lets its first visitor set a password, once, until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// How far the login reaches that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaches {
    /// Sees people, the audit, and sessions and approvals of others.
    pub reads: bool,
    /// Decides approvals of what can be put back.
    pub approves: bool,
    /// Decides approvals of what cannot be put back.
    pub destroys: bool,
    /// Registers, maps, adds and removes.
    pub administers: bool,
}
