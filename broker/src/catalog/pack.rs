//! What a pack says: the shape of `policies/packs/<provider>/pack.toml`.

mod load;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::placeholder::PlaceholderShape;
use super::{aws, canonical, capture, git, graphql, mcp, reply, rest, snapshot};
use crate::model::Carrier;

/// `pack.toml`. Unknown keys are errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// `railway`: the first part of operation names and selectors.
    pub name: String,
    /// `Railway`: for people.
    pub title: String,
    pub protocol: Protocol,
    /// All API hosts, lower case, the present one first, legacy ones after it.
    pub hosts: Vec<String>,
    /// The paths that take GraphQL documents. Of a GraphQL pack anything else is unknown; of a REST pack they stand beside
    /// its operations, on its first host, and their tables in the folder `graphql`.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// Kinds of credential; exactly one is the default.
    pub credential: Vec<CredentialKind>,
    /// Every header in which a credential of this provider may arrive from downstream, lower case. Removed or refused, never forwarded.
    pub carriers: Vec<String>,
    /// Query parameters in which one may arrive: a request that has one is refused.
    #[serde(default)]
    pub query_carriers: Vec<String>,
    /// Resource kinds that can be mapped to a Stint environment: the `KIND` of selectors.
    pub environment_kinds: Vec<String>,
    /// Other variables that carry credentials of this provider: dropped from what a command inherits.
    #[serde(default)]
    pub scrub: Vec<String>,
    /// Path parameters in which the provider ignores case: lowered before they become part of a resource's id.
    #[serde(default)]
    pub ignore_case: Vec<String>,
    /// Hosts that serve a few operations only, and which (`compute.*` for all that begin so): everything else is unknown
    /// there.
    #[serde(default)]
    pub host_operations: BTreeMap<String, Vec<String>>,
    /// Repositories by git, with the same credentials.
    #[serde(default)]
    pub git: Option<git::Door>,
    /// What the provider reads of bodies.
    #[serde(default = "json_alone")]
    pub bodies: Vec<BodyForm>,
    /// What this provider's keys look like.
    #[serde(default)]
    pub key: Vec<KeyShape>,
    /// Which answers carry new secrets, and where.
    #[serde(default)]
    pub capture: Vec<capture::Capture>,
    /// How the provider's own backups of things are taken.
    #[serde(default)]
    pub snapshot: Vec<snapshot::Snapshot>,
    /// How this provider's errors look to its clients.
    #[serde(default)]
    pub denial: Vec<reply::Denial>,
}

/// A form of bodies whose members can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyForm {
    Json,
    /// `application/x-www-form-urlencoded`, with brackets for members of members.
    Form,
}

fn json_alone() -> Vec<BodyForm> {
    vec![BodyForm::Json]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Rest,
    Graphql,
    /// A remote MCP server.
    Mcp,
    /// Amazon Web Services.
    Aws,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CredentialKind {
    /// `account`, `project`.
    pub name: String,
    #[serde(default)]
    pub default: bool,
    pub carrier: Carrier,
    /// Variables under which the provider's tools look for this kind.
    pub variables: Vec<String>,
    pub placeholder: PlaceholderShape,
    /// The narrower kind that the provider offers, and where it is made: for people.
    #[serde(default)]
    pub narrower: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyShape {
    /// `github personal access token`: said in refusals.
    pub name: String,
    /// Regular expression (RE2 syntax) that the whole value matches.
    pub pattern: String,
    /// The literal texts that such a key starts with, at least three bytes each. Needed unless `only-in-carrier`:
    /// bodies are searched for these first.
    #[serde(default)]
    pub starts: Vec<String>,
    /// A shape that other things have too (a bare UUID): it counts as a key only in a carrier, never in a body.
    #[serde(default)]
    pub only_in_carrier: bool,
    /// For a broad kind of key: the narrower one that the provider offers.
    #[serde(default)]
    pub narrower: Option<String>,
}

impl Manifest {
    /// The kind of credential of that name; the default one when none is named.
    pub fn kind(&self, name: Option<&str>) -> Option<&CredentialKind> {
        match name {
            Some(name) => self.credential.iter().find(|kind| kind.name == name),
            None => self.credential.iter().find(|kind| kind.default),
        }
    }

    /// The shape that a secret has as a whole.
    pub fn key_of(&self, secret: &[u8]) -> Option<&KeyShape> {
        self.key.iter().find(|key| {
            let pattern = regex::bytes::RegexBuilder::new(&format!("^(?:{})$", key.pattern));
            pattern.clone().unicode(false).build().is_ok_and(|pattern| pattern.is_match(secret))
        })
    }

    /// How a credential of a kind goes to a path of a host: git's own way where git asks, though the API be on the same host.
    pub fn carrier(&self, kind: &CredentialKind, host: &str, path: &str) -> Carrier {
        match &self.git {
            Some(door) if door.takes(host, path) => Carrier::new("authorization", door.format.clone()),
            _ => kind.carrier.clone(),
        }
    }
}

/// A loaded pack.
#[derive(Debug)]
pub struct Pack {
    pub manifest: Manifest,
    pub tables: Tables,
    /// Of a REST pack that has endpoints too.
    pub graphql: Option<Box<graphql::Tables>>,
    /// In the order of the manifest.
    pub denials: Vec<Arc<reply::Shape>>,
}

/// What the pack's operations mean, in the form of its protocol.
#[derive(Debug)]
pub enum Tables {
    Rest(rest::Table),
    Graphql(Box<graphql::Tables>),
    Mcp(mcp::Table),
    Aws(Box<aws::Table>),
}

/// What is wrong with a pack's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackError {
    /// `operations.tsv`, relative to the pack's folder.
    pub file: String,
    /// Line, counted from 1.
    pub row: Option<usize>,
    pub reason: String,
}

impl PackError {
    pub fn new(file: impl Into<String>, reason: impl Into<String>) -> Self {
        PackError { file: file.into(), row: None, reason: reason.into() }
    }

    pub fn at(file: impl Into<String>, row: usize, reason: impl Into<String>) -> Self {
        PackError { file: file.into(), row: Some(row), reason: reason.into() }
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}, row {row}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for PackError {}

impl Pack {
    /// Reads and checks a pack. `read` gives the text of a file of the pack's folder.
    pub fn load(folder: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<Self, PackError> {
        load::pack(read).map_err(|error| PackError { file: format!("{folder}/{}", error.file), ..error })
    }

    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Whether a host (lower case, no port) is one of the provider's: in the list, or by the pattern of its protocol.
    pub fn serves(&self, host: &str) -> bool {
        self.manifest.hosts.iter().any(|own| own == host)
            || matches!(&self.tables, Tables::Aws(table) if table.serves(host))
    }

    /// Patterns of further hosts by which a sidecar knows the provider's, `*` for one label.
    pub fn patterns(&self) -> Vec<String> {
        match &self.tables {
            Tables::Aws(table) => table.patterns(),
            _ => Vec::new(),
        }
    }

    /// What requests to these hosts may look like. git's paths, where a pack has them, never end in a slash.
    pub fn provider<'a>(&self, hosts: &'a [String]) -> canonical::Provider<'a> {
        let slash_at_end = matches!(&self.tables, Tables::Rest(table) if table.slash_at_end());
        canonical::Provider { hosts, slash_at_end: slash_at_end && self.manifest.git.is_none() }
    }

    /// Where the request is one with a GraphQL document.
    pub fn graphql(&self, host: &str, path: &str) -> Option<&graphql::Tables> {
        match &self.tables {
            Tables::Graphql(tables) => Some(tables),
            Tables::Mcp(_) | Tables::Aws(_) => None,
            Tables::Rest(_) => self.graphql.as_deref().filter(|_| {
                self.manifest.hosts.first().is_some_and(|first| first == host)
                    && self.manifest.endpoints.iter().any(|own| own == path)
            }),
        }
    }

    /// Where the request is one to a repository.
    pub fn git_door(&self, host: &str, path: &str) -> Option<&git::Door> {
        self.manifest.git.as_ref().filter(|door| door.takes(host, path))
    }
}
