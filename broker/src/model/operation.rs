use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Class, Name, Selector, Tier};

/// One thing that a request makes a provider do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `railway:volumeDelete`, `github:repos/delete`.
    pub operation: String,
    pub class: Class,
    /// What it names, in the order of the request. May be empty (`me`): then `scope` says what it touches.
    pub resources: Vec<Resource>,
    #[serde(default)]
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub marks: BTreeSet<Mark>,
    /// Set where the effect was stored at the provider by an earlier request and has to be read first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// What an operation touches beyond the resources that it names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Its resources, in the environments that own them.
    #[default]
    Resources,
    /// Facts that belong to no environment: the caller's own account, public facts, the names of things. Reads only.
    Shared,
    /// The account as a whole: creates or changes what no environment owns yet.
    Account,
}

/// What policy has to know about an operation beside its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Removes, overwrites or stops backups, snapshots or their schedule, as its purpose.
    Backup,
    /// Removes a thing whose backups go with it.
    CarriesBackups,
}

impl Mark {
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Backup => "backup",
            Mark::CarriesBackups => "carries-backups",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Mark::Backup, Mark::CarriesBackups].into_iter().find(|mark| mark.as_str() == text)
    }
}

/// An effect that was staged earlier: read it with this look-up, then judge what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Name of a look-up of the pack.
    pub lookup: String,
    /// Id that the look-up takes.
    pub id: String,
}

/// A provider's thing, by kind and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    pub kind: String,
    pub id: String,
}

impl Resource {
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Resource { kind: kind.into(), id: id.into() }
    }
}

/// A resource with what owns it, as the provider says: the answer of resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub resource: Resource,
    /// The provider's name for it, for people.
    pub name: Option<String>,
    /// Everything that owns it: never empty. Several for a thing that lives in several environments.
    pub owners: Vec<Selector>,
    /// What goes with it, in words: `3 backups live in this volume`.
    pub consequences: Vec<String>,
}

/// Operation × resource × environment: what one decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    pub operation: String,
    pub provider: String,
    pub class: Class,
    pub marks: BTreeSet<Mark>,
    /// `None` for an operation that names nothing.
    pub resource: Option<Resource>,
    /// The provider's name for the resource.
    pub name: Option<String>,
    pub place: Where,
    pub consequences: Vec<String>,
}

/// Where a touched thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    Environment {
        name: Name,
        tier: Tier,
    },
    /// Owned by something at the provider that no environment maps.
    Unmapped(Selector),
    /// The owner could not be found; the text says why.
    Unresolved(String),
    Shared,
    Account,
}
