use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Name;

/// How a login came to be, which decides how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginKind {
    /// By the setup token: the first one of a broker.
    Setup,
    /// By the device grant: a person let a machine in.
    Device,
}

impl LoginKind {
    pub fn as_str(self) -> &'static str {
        match self {
            LoginKind::Setup => "setup",
            LoginKind::Device => "device",
        }
    }

    /// Whatever is not known reaches least.
    pub fn parse(text: &str) -> Self {
        if text == "setup" { LoginKind::Setup } else { LoginKind::Device }
    }
}

/// What decides how far a login reaches now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginStanding {
    pub kind: LoginKind,
    /// Until then its person lets it administer.
    pub elevated_until: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether its person has a password or a passkey.
    pub has_factor: bool,
}

/// Where a request of a machine to be let in stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    Waiting,
    Approved,
    Denied,
    Used,
}

impl DeviceState {
    pub fn as_str(self) -> &'static str {
        match self {
            DeviceState::Waiting => "waiting",
            DeviceState::Approved => "approved",
            DeviceState::Denied => "denied",
            DeviceState::Used => "used",
        }
    }
}

impl std::str::FromStr for DeviceState {
    type Err = super::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "waiting" => DeviceState::Waiting,
            "approved" => DeviceState::Approved,
            "denied" => DeviceState::Denied,
            "used" => DeviceState::Used,
            _ => return Err(super::IdError("not a state of a device code".to_owned())),
        })
    }
}

/// A machine that asked to be let in (RFC 8628).
#[derive(Debug, Clone)]
pub struct DeviceCodeRow {
    /// SHA-256 of the device code.
    pub hash: [u8; 32],
    /// SHA-256 of the code that a person types.
    pub user_code: [u8; 32],
    /// JWK text of the key that it was asked for with: nobody else gets the login.
    pub key: String,
    pub jkt: String,
    /// What the machine says it is called, and what its program says it is: claims.
    pub device: String,
    pub program: String,
    /// Where it connected from, as the broker saw it.
    pub address: String,
    pub state: DeviceState,
    /// Who decided.
    pub person: Option<Name>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}
