use chrono::{DateTime, Utc};

use super::{Name, SignInId};

/// A browser that is signed in to the console.
#[derive(Debug, Clone)]
pub struct SignInRow {
    pub id: SignInId,
    pub person: Name,
    /// SHA-256 of the cookie's value.
    pub hash: [u8; 32],
    /// `setup`, `password`, `passkey`, `recovery`, `sso`.
    pub method: String,
    /// What the browser says it is.
    pub device: String,
    /// Where it connected from.
    pub address: String,
    pub created_at: DateTime<Utc>,
    /// When its person last proved who they are.
    pub proven_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}
