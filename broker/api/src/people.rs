use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A person and the ways in that they have.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    pub name: String,
    /// `owner`, `approver`, `operator`, `auditor`.
    pub role: String,
    pub created_at: DateTime<Utc>,
    #[serde(default)]
    pub passkeys: u64,
    #[serde(default)]
    pub password: bool,
    #[serde(default)]
    pub one_time_codes: bool,
    /// Recovery codes that are left.
    #[serde(default)]
    pub recovery_codes: u64,
    /// Whether an OpenID provider says who they are.
    #[serde(default)]
    pub single_sign_on: bool,
    /// Their last sign-in to the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonList {
    pub people: Vec<Person>,
    /// Links that were not used yet.
    #[serde(default)]
    pub invitations: Vec<Invitation>,
}

/// A link by which a person enrols, without the link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    pub person: String,
    /// Absent for a person who is there already and gets a new way in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub invited_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// `POST /v1/people`: a link by which a new person enrols.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Invite {
    pub person: String,
    pub role: String,
}

/// The answer to it: the link is not kept and not to be had again.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invited {
    pub person: String,
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invited").field("person", &self.person).finish_non_exhaustive()
    }
}

/// `POST /v1/people/{name}/role`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    pub role: String,
}

/// `GET /v1/account` and `GET /v1/people/{name}/account`: how a person gets in, and where they are in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    #[serde(flatten)]
    pub person: Person,
    pub keys: Vec<Passkey>,
    pub sign_ins: Vec<SignIn>,
    pub logins: Vec<Login>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Passkey {
    pub id: String,
    pub name: String,
    /// Whether it may be copied to the person's other devices.
    pub synced: bool,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<DateTime<Utc>>,
}

/// `POST /v1/account/password`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    pub password: String,
}

/// `PATCH /v1/account/passkeys/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RenamePasskey {
    pub name: String,
}

/// `POST /v1/account/one-time-codes`: for the person's app. They count from the first code on that is confirmed.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedCodes {
    /// `otpauth://…`
    pub uri: String,
    /// The same as text to type.
    pub secret: String,
}

/// `POST /v1/account/one-time-codes/confirm`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmCode {
    /// Six digits, as the app shows them now.
    pub code: String,
}

/// `POST /v1/account/recovery-codes`: in place of those of before, and not to be had again.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryCodes {
    pub codes: Vec<String>,
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}

redacted!(SetPassword, OfferedCodes, ConfirmCode, RecoveryCodes);

/// A browser that is signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    pub id: String,
    /// `setup`, `password`, `passkey`, `recovery`, `invitation`, `sso`.
    pub method: String,
    /// What the browser says it is.
    pub device: String,
    pub address: String,
    pub created_at: DateTime<Utc>,
    pub proven_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A login on a machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Login {
    pub client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}
