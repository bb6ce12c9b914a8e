//! Operations whose effect is in their payload. Rules that a row of `operations.tsv` can name.
//!
//! A rule only ever raises the class of the row, and adds resources and marks. What a rule does not recognise
//! is `destroy`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::config;
use super::effect::at;
use super::tables::Path;
use crate::model::{Class, Mark, Pending, Resource};

/// A rule, as the `payload` column names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// `environment-config:PATH`: a patch of an environment's configuration.
    EnvironmentConfig(Path),
    /// `change-set:PATH`: a list of intended changes.
    ChangeSet(Path),
    /// `staged:LOOKUP:PATH`: the effect was stored before; the look-up takes the id at the path.
    Staged(String, Path),
    /// `variable`: an empty value erases.
    Variable,
    /// `variables`: `replace` erases what is not in the collection.
    Variables,
    /// `variables-patch:PATH`: a null value erases.
    VariablesPatch(Path),
    /// `volume-instance`: state and attachment.
    VolumeInstance,
    /// `service-instance`: scale, sleep and source.
    ServiceInstance,
    /// `limits`: nothing to run with is a stop.
    Limits,
    /// `project-update`: opening a project to the public is an access.
    ProjectUpdate,
    /// `all-environments`: reaches every environment of the service.
    AllEnvironments,
    /// `replace:PATH`: replaced as a whole; null clears.
    Replace(Path),
    /// `grant-if:PATH=VALUE`: with this value it lets something happen that was held back.
    GrantIf(Path, String),
    /// `one-repository:PATH`: a search that stays in the one repository that it names; any other names nothing.
    OneRepository(Path),
}

/// An operation while it is judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub class: Class,
    pub resources: Vec<Resource>,
    pub marks: BTreeSet<Mark>,
    pub pending: Option<Pending>,
}

impl Judged {
    pub fn raise(&mut self, class: Class) {
        self.class = self.class.max(class);
    }

    pub fn touch(&mut self, kind: &str, id: &str) {
        let resource = Resource::new(kind, id);
        if !self.resources.contains(&resource) {
            self.resources.push(resource);
        }
    }
}

impl Rule {
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = |text: &str| Path(text.split('.').map(str::to_owned).collect());
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let rule = match (name, rest) {
            ("environment-config", rest) if !rest.is_empty() => Rule::EnvironmentConfig(path(rest)),
            ("change-set", rest) if !rest.is_empty() => Rule::ChangeSet(path(rest)),
            ("variables-patch", rest) if !rest.is_empty() => Rule::VariablesPatch(path(rest)),
            ("replace", rest) if !rest.is_empty() => Rule::Replace(path(rest)),
            ("staged", rest) => match rest.split_once(':') {
                Some((lookup, id)) => Rule::Staged(lookup.to_owned(), path(id)),
                None => return Err("staged needs a look-up and a path".to_owned()),
            },
            ("grant-if", rest) => match rest.split_once('=') {
                Some((at, value)) => Rule::GrantIf(path(at), value.to_owned()),
                None => return Err("grant-if needs a path and a value".to_owned()),
            },
            ("one-repository", rest) if !rest.is_empty() => Rule::OneRepository(path(rest)),
            ("variable", "") => Rule::Variable,
            ("variables", "") => Rule::Variables,
            ("volume-instance", "") => Rule::VolumeInstance,
            ("service-instance", "") => Rule::ServiceInstance,
            ("limits", "") => Rule::Limits,
            ("project-update", "") => Rule::ProjectUpdate,
            ("all-environments", "") => Rule::AllEnvironments,
            _ => return Err(format!("'{text}' is not a payload rule")),
        };
        Ok(rule)
    }

    /// The argument that the rule reads, where the row names it.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Rule::EnvironmentConfig(path)
            | Rule::ChangeSet(path)
            | Rule::Staged(_, path)
            | Rule::VariablesPatch(path)
            | Rule::GrantIf(path, _)
            | Rule::OneRepository(path)
            | Rule::Replace(path) => Some(path),
            _ => None,
        }
    }
}

/// Applies a rule to the coerced arguments of its root field.
pub(super) fn judge(rule: &Rule, arguments: &Map<String, Value>, judged: &mut Judged) {
    let empty = Map::new();
    let input = arguments.get("input").and_then(Value::as_object).unwrap_or(&empty);
    match rule {
        Rule::EnvironmentConfig(path) => config::patch(at(path, arguments).unwrap_or(&Value::Null), judged),
        Rule::ChangeSet(path) => config::change_set(at(path, arguments).unwrap_or(&Value::Null), judged),
        Rule::Staged(lookup, path) => {
            judged.raise(Class::Destroy);
            if let Some(id) = at(path, arguments).and_then(Value::as_str) {
                judged.pending = Some(Pending { lookup: lookup.clone(), id: id.to_owned() });
            }
        }
        Rule::Variable => {
            if input.get("value").and_then(Value::as_str).is_none_or(str::is_empty) {
                judged.raise(Class::Destroy);
            }
        }
        Rule::Variables => {
            if !falsy(input.get("replace")) || !all_values(input.get("variables")) {
                judged.raise(Class::Destroy);
            }
        }
        Rule::VariablesPatch(path) => {
            if at(path, arguments).is_some_and(|value| !value.is_null() && !all_values(Some(value))) {
                judged.raise(Class::Destroy);
            }
        }
        Rule::VolumeInstance => volume_instance(input, judged),
        Rule::ServiceInstance => service_instance(input, judged),
        Rule::Limits => {
            let nothing = |key| input.get(key).is_some_and(|v| v.as_f64().is_none_or(|number| number <= 0.0));
            if nothing("vCPUs") || nothing("memoryGB") {
                judged.raise(Class::Destroy);
            }
        }
        Rule::ProjectUpdate => {
            if !falsy(input.get("isPublic")) {
                judged.raise(Class::Grant);
            }
        }
        Rule::AllEnvironments => {
            let service = input.get("serviceId").and_then(Value::as_str);
            if let (false, Some(service)) = (falsy(input.get("allEnvironments")), service) {
                judged.touch("service", service);
            }
        }
        Rule::Replace(path) => {
            if at(path, arguments).is_none_or(Value::is_null) {
                judged.raise(Class::Destroy);
            }
        }
        Rule::GrantIf(path, wanted) => {
            if at(path, arguments).and_then(Value::as_str) == Some(wanted) {
                judged.raise(Class::Grant);
            }
        }
        Rule::OneRepository(path) => {
            if let Some(name) = at(path, arguments).and_then(Value::as_str).and_then(one_repository) {
                judged.touch("named-repository", &name.to_ascii_lowercase());
            }
        }
    }
}

/// The repository of a search in which every word narrows what the others find: plain words and known qualifiers, with
/// `repo:OWNER/NAME` once. Others could widen it again.
fn one_repository(query: &str) -> Option<&str> {
    const QUALIFIERS: [&str; 20] = [
        "is",
        "type",
        "state",
        "author",
        "assignee",
        "mentions",
        "label",
        "sort",
        "review-requested",
        "review",
        "draft",
        "base",
        "head",
        "milestone",
        "in",
        "involves",
        "commenter",
        "status",
        "created",
        "updated",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/_.:<>=-*".contains(c);
    let mut repository = None;
    for word in query.split(' ').filter(|word| !word.is_empty()) {
        if !word.chars().all(plain) || matches!(word, "OR" | "AND" | "NOT") {
            return None;
        }
        let Some((qualifier, value)) = word.split_once(':') else { continue };
        if qualifier == "repo" {
            let (owner, name) = value.split_once('/')?;
            let is_name = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            };
            if repository.replace(value).is_some() || !is_name(owner) || !is_name(name) {
                return None;
            }
        } else if !QUALIFIERS.contains(&qualifier.strip_prefix('-').unwrap_or(qualifier)) {
            return None;
        }
    }
    repository
}

/// As in a patch of the configuration, but null means what it means for any input: the provider's default.
fn service_instance(input: &Map<String, Value>, judged: &mut Judged) {
    let held = |key: &str| matches!(key, "numReplicas" | "sleepApplication" | "multiRegionConfig" | "source");
    let given = input.iter().filter(|(key, value)| !value.is_null() || held(key));
    config::deploy(&given.map(|(key, value)| (key.clone(), value.clone())).collect(), judged);
}

fn volume_instance(input: &Map<String, Value>, judged: &mut Judged) {
    let ready = matches!(input.get("state"), None | Some(Value::Null))
        || input.get("state").is_some_and(|state| state == "READY");
    if !ready {
        // `DELETED` and `DELETING` are a delete, with what goes along; the other states are the provider's
        // own to set.
        judged.raise(Class::Destroy);
        judged.marks.insert(Mark::CarriesBackups);
    }
    // An explicit null takes the volume off its service.
    if input.get("serviceId").is_some_and(Value::is_null) {
        judged.raise(Class::Destroy);
    }
}

/// Absent, null or false.
fn falsy(value: Option<&Value>) -> bool {
    matches!(value, None | Some(Value::Null | Value::Bool(false)))
}

/// A map from names to texts that are not empty.
fn all_values(value: Option<&Value>) -> bool {
    value
        .and_then(Value::as_object)
        .is_some_and(|map| map.values().all(|value| value.as_str().is_some_and(|text| !text.is_empty())))
}
