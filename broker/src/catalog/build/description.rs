//! One operation as a description has it, without its prose.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::Value;

/// How a description says what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenAPI 2 (Swagger) or 3.
    OpenApi,
    /// Google API discovery.
    Discovery,
    /// A service model of botocore.
    Botocore,
    HyperSchema,
    Introspection,
    /// `{"ops": [{"m": METHOD, "p": PATH, "id": NAME}]}`, or `{"services": {NAME: {..., "ops": {ACTION: [METHOD, PATH]}}}}`.
    List,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::OpenApi => "OpenAPI",
            Format::Discovery => "Google discovery",
            Format::Botocore => "botocore",
            Format::HyperSchema => "JSON hyper-schema",
            Format::Introspection => "GraphQL introspection",
            Format::List => "a list of operations",
        })
    }
}

impl Format {
    pub(super) fn of(document: &Value) -> Option<Self> {
        let has = |name: &str| document.get(name).is_some();
        Some(if (has("openapi") || has("swagger")) && has("paths") {
            Format::OpenApi
        } else if document.get("kind").and_then(Value::as_str) == Some("discovery#restDescription") {
            Format::Discovery
        } else if has("metadata") && has("operations") {
            Format::Botocore
        } else if has("ops") || has("services") {
            Format::List
        } else if has("links") || has("definitions") {
            Format::HyperSchema
        } else if has("__schema") || document.pointer("/data/__schema").is_some() {
            Format::Introspection
        } else {
            return None;
        })
    }
}

/// What says how strong an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// The method, and the words of path and name.
    #[default]
    Rest,
    /// The first word of the name alone: the method carries every action alike.
    Action,
}

/// One operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Upper case.
    pub method: String,
    /// `/accounts/{id}`: parameters in braces.
    pub path: String,
    /// The description's own name for it; made from method and path where it has none.
    pub id: String,
    /// The service, where a name begins with it (`compute.instances.delete`) or it is an action's; empty elsewhere.
    pub service: String,
    pub style: Style,
    /// Names of query parameters.
    pub query: Vec<String>,
    /// Names of members of the body, of the first two levels.
    pub members: Vec<String>,
    /// Names of members of a good answer, of the first levels.
    pub gives: Vec<String>,
}

/// Gives every operation a name, and every name to one operation. A HEAD is the GET without its body, and counts as it; an
/// OPTIONS is asked by browsers, and left out.
pub(super) fn finish(all: &mut Vec<Described>) -> Result<(), String> {
    let reads: HashSet<String> =
        all.iter().filter(|one| one.method == "GET").map(|one| shape(&one.path)).collect();
    let heads = |one: &Described| one.method == "HEAD" && reads.contains(&shape(&one.path));
    all.retain(|one| one.style == Style::Action || !(one.method == "OPTIONS" || heads(one)));
    for one in all.iter_mut().filter(|one| one.method == "HEAD" && one.style == Style::Rest) {
        one.method = "GET".to_owned();
    }
    let mut seen: HashMap<(String, String, String, String), ()> = HashMap::new();
    for one in all.iter_mut() {
        if one.id.is_empty() {
            one.id = named(&one.method, &one.path);
        }
        one.id = plain(&one.id);
        if one.id.is_empty() {
            return Err(format!("{} {} has no name and none can be made", one.method, one.path));
        }
        let action = if one.style == Style::Action { one.id.clone() } else { String::new() };
        let place = (one.service.clone(), action, one.method.clone(), shape(&one.path));
        if seen.insert(place, ()).is_some() {
            return Err(format!("{} {} is there twice", one.method, one.path));
        }
    }
    let mut names: HashMap<(String, String), usize> = HashMap::new();
    for one in all.iter() {
        *names.entry((one.service.clone(), one.id.clone())).or_default() += 1;
    }
    for one in all.iter_mut() {
        if names.get(&(one.service.clone(), one.id.clone())).is_some_and(|count| *count > 1) {
            one.id = plain(&named_in_full(&one.method, &one.path));
        }
    }
    Ok(())
}

/// A path without the names of its parameters: two that differ in these alone are one.
fn shape(path: &str) -> String {
    let parts =
        path.split('/').map(|part| if part.starts_with('{') && part.ends_with('}') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// `DELETE /v1/customers/{id}/tax_ids/{id}` is `v1/customers/tax_ids/delete`, `GET /v1/customers` is `v1/customers/list`.
pub(super) fn named(method: &str, path: &str) -> String {
    let mut name = String::new();
    let mut parameter = false;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        parameter = part.starts_with('{');
        if !parameter {
            name.push_str(part);
            name.push('/');
        }
    }
    let method = method.to_ascii_lowercase();
    name.push_str(if method == "get" && !parameter { "list" } else { &method });
    name
}

/// As [`named`], with the parameters: for two that would be called the same.
fn named_in_full(method: &str, path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.map(|part| part.trim_matches(|c| c == '{' || c == '}')).collect();
    format!("{}/{}", parts.join("/"), method.to_ascii_lowercase())
}

/// The letters that a name of a table may have.
fn plain(id: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() || "-_/.".contains(c) { c } else { '-' };
    let text: String = id.chars().map(word).collect();
    text.trim_matches(|c| c == '-' || c == '/').to_owned()
}
