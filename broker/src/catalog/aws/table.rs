//! `services.toml` and `operations.tsv`, held against each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Deserialize;

use super::super::pack::PackError;
use super::super::rest::{self, Row, Trie};
use super::Protocol;
use super::members::Members;

const SERVICES: &str = "services.toml";
const OPERATIONS: &str = "operations.tsv";

/// Every action of every service.
#[derive(Debug)]
pub struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) services: Vec<Service>,
    pub(super) members: Members,
}

/// One service.
#[derive(Debug)]
pub struct Service {
    /// `ec2`: the first part of its operations' names.
    pub name: String,
    /// The first part of its hosts.
    pub host: String,
    pub protocols: Vec<Protocol>,
    /// Of the protocol query: `2016-11-15`.
    pub version: Option<String>,
    /// Of the protocol JSON: `DynamoDB_20120810`.
    pub target: Option<String>,
    /// Whether it has a host without a region.
    pub global: bool,
    /// Keys of the query that name no action; none for "any".
    pub parameters: Vec<String>,
    /// Rows by action.
    pub(super) actions: HashMap<String, usize>,
    /// Keys of the query (`acl`, `Operation=Tag`) and headers that name an action.
    pub(super) deciding: BTreeSet<String>,
    /// Paths, for each set of those keys that some action has.
    pub(super) paths: Vec<(BTreeSet<String>, Trie)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    service: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    host: String,
    protocols: Vec<Protocol>,
    version: Option<String>,
    target: Option<String>,
    #[serde(default)]
    global: bool,
    #[serde(default)]
    parameters: Vec<String>,
}

impl Table {
    /// Reads `services.toml`, `operations.tsv`, `overrides.toml` and `members.toml`.
    pub fn load(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, PackError> {
        let text = read(SERVICES).ok_or_else(|| PackError::new(SERVICES, "the file is missing"))?;
        let file: File =
            toml::from_str(&text).map_err(|error| PackError::new(SERVICES, error.to_string()))?;
        let mut keys = Vec::new();
        let rows = rest::rows_with(read, &mut |template| {
            let (path, query) = template.split_once('?').unwrap_or((template, ""));
            keys.push(query.split('&').filter(|key| !key.is_empty()).map(str::to_owned).collect());
            path.to_owned()
        })?;
        let mut services = Vec::new();
        let mut names = HashSet::new();
        for entry in file.service {
            if !names.insert(entry.name.clone()) {
                return Err(PackError::new(SERVICES, format!("service '{}' is there twice", entry.name)));
            }
            services.push(service(entry, &rows, &keys)?);
        }
        for row in &rows {
            if !row.id.split_once('.').is_some_and(|(service, _)| names.contains(service)) {
                let reason = format!("'{}' is of no service of {SERVICES}", row.id);
                return Err(PackError::at(OPERATIONS, row.line(), reason));
            }
        }
        Ok(Table { rows, services, members: Members::load(read)? })
    }
}

fn service(entry: Entry, rows: &[Row], keys: &[BTreeSet<String>]) -> Result<Service, PackError> {
    let wrong = |reason: &str| Err(PackError::new(SERVICES, format!("service '{}' {reason}", entry.name)));
    if entry.protocols.contains(&Protocol::Json) != entry.target.is_some() {
        return wrong("has a target where it speaks JSON, and only there");
    }
    if entry.protocols.contains(&Protocol::Query) != entry.version.is_some() {
        return wrong("has a version where it speaks query, and only there");
    }
    if entry.protocols.is_empty()
        || (entry.protocols.iter().any(Protocol::is_by_path) && entry.protocols.len() > 1)
    {
        return wrong("has one protocol, or JSON and query");
    }
    let mut actions = HashMap::new();
    let mut groups: BTreeMap<BTreeSet<String>, Vec<(usize, &Row)>> = BTreeMap::new();
    for (index, (row, keys)) in rows.iter().zip(keys).enumerate() {
        let Some(action) = row.id.strip_prefix(&entry.name).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        actions.insert(action.to_owned(), index);
        groups.entry(keys.clone()).or_default().push((index, row));
    }
    let mut paths = Vec::new();
    if entry.protocols.iter().any(Protocol::is_by_path) {
        for (keys, rows) in groups {
            paths.push((keys, Trie::of(rows)?));
        }
    }
    let deciding = paths.iter().flat_map(|(keys, _)| keys.iter().cloned()).collect();
    let Entry { name, host, protocols, version, target, global, parameters } = entry;
    Ok(Service { name, host, protocols, version, target, global, parameters, actions, deciding, paths })
}
