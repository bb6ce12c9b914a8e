//! `build.toml`: what a person says about a pack once, and every build of its tables reads: where paths begin, which
//! parameters name resources, which operations are shared facts.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::description::{Described, Style, named};
use crate::catalog::pack::PackError;
use crate::model::{Class, Scope};

const FILE: &str = "build.toml";

/// `build.toml`. Unknown keys are errors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// Where the description was published, and which version: said in the pack's page.
    #[serde(default)]
    pub source: String,
    /// Put before every path: `/v1`.
    #[serde(default)]
    pub base: String,
    /// What says how strong an operation is: method and words, or the first word of its name alone.
    #[serde(default)]
    pub style: PlanStyle,
    /// Operations are called `SERVICE.OPERATION`.
    #[serde(default)]
    pub service_names: bool,
    /// What the description calls a service, and what the pack calls it.
    #[serde(default)]
    pub services: BTreeMap<String, String>,
    /// Both GET and POST carry every operation.
    #[serde(default)]
    pub any_method: bool,
    /// In order: the first parameters that a path has name its resources.
    #[serde(default)]
    pub resource: Vec<ResourceRule>,
    /// The resource of an operation that names none: `account=self`. Without it such an operation has scope `account`.
    #[serde(default)]
    pub otherwise: Option<String>,
    /// Names of operations that read facts which belong to no environment; `*` at the end takes all that begin so.
    #[serde(default)]
    pub shared: Vec<String>,
    /// Names of operations that concern the account as a whole, whatever else the plan says.
    #[serde(default)]
    pub account: Vec<String>,
    /// Names of operations that concern backups though no word says so.
    #[serde(default)]
    pub backups: Vec<String>,
    /// Operations of the description that are left out, and so are unknown: name, and why.
    #[serde(default)]
    pub leave_out: BTreeMap<String, String>,
    /// Path parameters that take all that follows: by name.
    #[serde(default)]
    pub rest: Vec<String>,
    /// Path parameters in which a slash is escaped as part of a name.
    #[serde(default)]
    pub slashes: Vec<String>,
    /// Paths of operations whose description does not say what tells them from others: a key of the query, a header.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    /// A piece of a path that stands for several.
    #[serde(default)]
    pub expand: Vec<Expand>,
    /// Operations that the description lacks.
    #[serde(default)]
    pub extra: Vec<Extra>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    pub from: String,
    pub to: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanStyle {
    #[default]
    Rest,
    Action,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRule {
    /// The parameters that the path must have, and how its beginning must read (empty for any).
    pub parameters: Vec<String>,
    #[serde(default)]
    pub under: String,
    /// `zone={zone_id}`; several with commas.
    pub resource: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    pub method: String,
    pub path: String,
    pub id: String,
}

impl Plan {
    pub fn parse(text: &str) -> Result<Self, PackError> {
        toml::from_str(text).map_err(|error| PackError::new(FILE, error.to_string()))
    }

    /// The description's operations as this plan wants them.
    pub(super) fn apply(&self, described: Vec<Described>) -> Result<Vec<Described>, PackError> {
        let described: Vec<Described> = described.into_iter().map(|one| self.called(one)).collect();
        let places = self.leave_out.keys().map(|name| ("leave-out", name));
        for (key, name) in places
            .chain(self.paths.keys().map(|name| ("paths", name)))
            .chain(self.backups.iter().map(|name| ("backups", name)))
        {
            if !described.iter().any(|one| fits(name, &one.id)) {
                return Err(PackError::new(
                    FILE,
                    format!("{key} names '{name}', which the description has not"),
                ));
            }
        }
        let mut all: Vec<Described> = described
            .into_iter()
            .filter(|one| !self.leave_out.keys().any(|name| fits(name, &one.id)))
            .flat_map(|one| self.expanded(one))
            .map(|one| self.placed(one))
            .collect();
        for extra in &self.extra {
            let one = Described {
                method: extra.method.clone(),
                path: extra.path.clone(),
                id: extra.id.clone(),
                ..Described::default()
            };
            all.push(Described { style: self.style.into(), ..one });
        }
        Ok(all)
    }

    fn called(&self, mut one: Described) -> Described {
        if let Some(service) = self.services.get(&one.service) {
            one.service.clone_from(service);
        }
        if self.service_names && !one.service.is_empty() {
            one.id = format!("{}.{}", one.service, one.id);
        }
        if let Some(path) = self.paths.get(&one.id) {
            one.path.clone_from(path);
        }
        one
    }

    fn expanded(&self, one: Described) -> Vec<Described> {
        let Some(expand) = self.expand.iter().find(|expand| one.path.contains(&expand.from)) else {
            return vec![one];
        };
        let made = one.id == named(&one.method, &one.path);
        let each = expand.to.iter().enumerate().map(|(index, to)| {
            let path = one.path.replacen(&expand.from, to, 1);
            let id = if made { named(&one.method, &path) } else { format!("{}/{}", one.id, index + 1) };
            Described { path, id, ..one.clone() }
        });
        each.collect()
    }

    fn placed(&self, mut one: Described) -> Described {
        one.path = format!("{}{}", self.base, template(&one.path, &self.rest, &self.slashes));
        if self.style == PlanStyle::Action {
            one.style = Style::Action;
        }
        one
    }

    /// Whether a person said that an operation concerns backups.
    pub(super) fn is_of_backups(&self, id: &str) -> bool {
        self.backups.iter().any(|name| fits(name, id))
    }

    /// Scope and resources of an operation.
    pub(super) fn scope(&self, one: &Described, class: Class) -> (Scope, String) {
        if class == Class::Read && self.shared.iter().any(|name| fits(name, &one.id)) {
            return (Scope::Shared, String::new());
        }
        if self.account.iter().any(|name| fits(name, &one.id)) {
            return (Scope::Account, String::new());
        }
        let has = |name: &String| {
            let plain = [format!("{{{name}}}"), format!("{{{name}*}}"), format!("{{{name}/}}")];
            plain.iter().any(|text| one.path.contains(text.as_str()))
        };
        let rule = self.resource.iter().find(|rule| {
            one.path.starts_with(&rule.under)
                && !rule.parameters.is_empty()
                && rule.parameters.iter().all(has)
        });
        match rule.map(|rule| rule.resource.as_str()).or(self.otherwise.as_deref()) {
            Some(resource) => (Scope::Resources, resource.to_owned()),
            None => (Scope::Account, String::new()),
        }
    }
}

impl From<PlanStyle> for Style {
    fn from(style: PlanStyle) -> Self {
        match style {
            PlanStyle::Rest => Style::Rest,
            PlanStyle::Action => Style::Action,
        }
    }
}

fn fits(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => id.starts_with(start),
        None => pattern == id,
    }
}

/// A template as tables have it: no slash at the end, each parameter once, `{name*}` for what takes the rest.
fn template(path: &str, rest: &[String], slashes: &[String]) -> String {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    let parts: Vec<&str> = path.split('/').collect();
    let mut names: Vec<String> = Vec::new();
    let mut done = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let Some((name, after)) = part.strip_prefix('{').and_then(|part| part.split_once('}')) else {
            done.push((*part).to_owned());
            continue;
        };
        let greedy = name.ends_with('+') || rest.iter().any(|own| own == name);
        let mut name: String = name
            .trim_end_matches('+')
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
            .collect();
        if names.contains(&name) {
            name = format!("{name}_{}", names.len());
        }
        let star = match () {
            () if greedy && index + 1 == parts.len() => "*",
            () if after.is_empty() && slashes.contains(&name) => "/",
            () => "",
        };
        done.push(format!("{{{name}{star}}}{after}"));
        names.push(name);
    }
    done.join("/")
}
