use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct IdError(pub String);

/// A name that people give: of an environment, credential, agent or person.
///
/// 1 to 64 of `a-z 0-9 - _ .`, the first a letter or digit. Lower case only, so that two names never differ by case alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !first || text.len() > 64 || !text.chars().all(fits) || text.contains("..") {
            return Err(IdError(format!(
                "'{}' is not a name: 1 to 64 of a-z, 0-9, '-', '_' and '.', the first a letter or digit",
                text.chars().take(80).collect::<String>().escape_debug()
            )));
        }
        Ok(Name(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Name::parse(text)
    }
}

impl TryFrom<String> for Name {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Name::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// From 128 bits that the caller made unique (time-ordered by convention: UUID version 7).
            pub fn from_uuid(uuid: uuid::Uuid) -> Self {
                $name(format!("{}{}", $prefix, uuid.simple()))
            }

            pub fn parse(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix($prefix).unwrap_or_default();
                let hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
                if rest.len() == 32 && rest.chars().all(hex) {
                    Ok($name(text.to_owned()))
                } else {
                    Err(IdError(format!("not an id of the form {}…", $prefix)))
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                $name::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    )*};
}

ids! {
    SessionId = "ses_";
    CredentialId = "crd_";
    ApprovalId = "apr_";
    /// A login of a person or an agent with a key of its own: `client_id` at the token endpoint.
    ClientId = "cli_";
    /// A browser that is signed in to the console.
    SignInId = "sin_";
    /// Where people are told of things.
    ChannelId = "chn_";
    DeliveryId = "dlv_";
    /// An audit record.
    RecordId = "rec_";
}

/// A person who may sign in.
#[derive(Debug, Clone)]
pub struct PersonRow {
    pub name: Name,
    /// `owner`, `approver`, `operator`, `auditor`.
    pub role: String,
    pub created_at: DateTime<Utc>,
}

/// A registered workload identity.
#[derive(Debug, Clone)]
pub struct AgentRow {
    pub name: Name,
    pub client: ClientId,
    /// JWK text of the agent's own key, for `private_key_jwt`.
    pub key: Option<String>,
    /// Environments it may ask for by itself.
    pub environments: Vec<Name>,
    pub created_at: DateTime<Utc>,
}

/// A person's login on one machine, bound to a key.
#[derive(Debug, Clone)]
pub struct LoginRow {
    pub client: ClientId,
    pub person: Name,
    /// JWK text.
    pub key: String,
    pub device: Option<String>,
    pub created_at: DateTime<Utc>,
    pub kind: super::LoginKind,
}
