use chrono::{DateTime, Utc};

use super::{Name, PersonRow, Sealed, SignInId};

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

/// A WebAuthn credential of a person.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// base64url of the credential id.
    pub id: String,
    pub person: Name,
    /// What its person calls it.
    pub name: String,
    /// The COSE key.
    pub public: Vec<u8>,
    pub counter: i64,
    /// Whether it may be copied to other devices.
    pub eligible: bool,
    pub created_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A person as an OpenID provider knows them.
#[derive(Debug, Clone)]
pub struct SubjectRow {
    pub issuer: String,
    pub created_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A link by which a person enrols.
#[derive(Debug, Clone)]
pub struct InvitationRow {
    pub person: Name,
    /// `None` for a person who is there already and gets a way in.
    pub role: Option<String>,
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    pub by: Name,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The sealed secret of a person's one-time codes (RFC 6238).
#[derive(Debug, Clone)]
pub struct OneTimeCodesRow {
    pub sealed: Sealed,
    /// The last one used; negative until the first was.
    pub step: i64,
}

/// A person with the ways in that they have.
#[derive(Debug, Clone)]
pub struct WaysIn {
    pub person: PersonRow,
    pub passkeys: u64,
    pub password: bool,
    pub one_time_codes: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u64,
    pub single_sign_on: bool,
    pub signed_in_at: Option<DateTime<Utc>>,
}
