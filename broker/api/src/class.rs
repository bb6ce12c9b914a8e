use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How strong an operation is. Ordered: a later class is never weaker than an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Changes nothing and returns no secret.
    Read,
    /// Returns secrets.
    Reveal,
    /// Changes something that can be put back.
    Write,
    /// Creates credentials or permissions.
    Grant,
    /// Loses data or availability that cannot be put back.
    Destroy,
    /// Not understood: treated as worse than everything.
    Unknown,
}

impl Class {
    pub const ALL: [Class; 6] =
        [Class::Read, Class::Reveal, Class::Write, Class::Grant, Class::Destroy, Class::Unknown];

    /// The word used on the wire, in policies (`Action::"class:destroy"`) and in packs.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Read => "read",
            Class::Reveal => "reveal",
            Class::Write => "write",
            Class::Grant => "grant",
            Class::Destroy => "destroy",
            Class::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or_else(|| {
            format!("unknown class '{text}': one of read, reveal, write, grant, destroy, unknown")
        })
    }
}

/// How far a command is held, as its client states it. Ordered: a later level is never weaker than an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confinement {
    /// It has the rights of its user.
    #[default]
    None,
    /// It gains no privilege and does not look into processes outside; network and files are open to it.
    Partly,
    /// Namespaces of its own: the gateway is the only way out, and credentials on the disk are hidden.
    Full,
}

impl Confinement {
    pub const ALL: [Confinement; 3] = [Confinement::None, Confinement::Partly, Confinement::Full];

    /// The word used on the wire, in policies (`context.session.confinement`) and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Confinement::None => "none",
            Confinement::Partly => "partly",
            Confinement::Full => "full",
        }
    }

    /// Whether the gateway is the only way out: what policies and records call `confined`.
    pub fn is_full(self) -> bool {
        self == Confinement::Full
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Confinement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| format!("unknown confinement '{text}': one of full, partly, none"))
    }
}

/// How much is at stake in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Development,
    Staging,
    Production,
}

impl Tier {
    pub const ALL: [Tier; 3] = [Tier::Development, Tier::Staging, Tier::Production];

    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Development => "development",
            Tier::Staging => "staging",
            Tier::Production => "production",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or_else(|| format!("unknown tier '{text}': one of development, staging, production"))
    }
}
