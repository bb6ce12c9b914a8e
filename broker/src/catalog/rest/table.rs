use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use http::Method;
use serde::Deserialize;

use super::resource::Template;
use crate::catalog::Listed;
use crate::catalog::pack::PackError;
use crate::model::{Class, Mark, Scope};

const FILE: &str = "operations.tsv";
const HEADER: &str = "method\tpath\toperation\tclass\tresources\tscope\tmarks";
const OVERRIDES: &str = "overrides.toml";

/// One line of `operations.tsv`.
#[derive(Debug)]
pub struct Row {
    /// Line, counted from 1.
    pub(super) line: usize,
    /// One, or several that mean the same: `GET|POST`.
    pub methods: Vec<Method>,
    /// `/repos/{owner}/{repo}/git/refs/{ref*}`: `{name}` is one segment, `{name/}` one segment that may hold an
    /// escaped slash, `{name*}` the last segments (for GET perhaps none), `{a...b*}` the same with `...` in them, `{name}:verb` one
    /// segment with that end. A slash at the end is part of the path: without it, the path is another one.
    pub template: String,
    pub segments: Vec<Segment>,
    /// `repos/delete`.
    pub id: String,
    pub class: Class,
    pub(super) resources: Vec<Template>,
    pub scope: Scope,
    pub marks: BTreeSet<Mark>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    Parameter {
        name: String,
        slashes: bool,
    },
    Rest {
        name: String,
        holds: &'static str,
    },
    /// `{name}:cancel`: a verb after a colon, which no parameter beside it swallows.
    Verb {
        name: String,
        verb: String,
    },
}

/// A class that is weaker than the rules for tables would give, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    class: Class,
    reason: String,
    operations: Vec<String>,
}

/// Operations that remove a thing together with its backups, and why that is so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Carries {
    reason: String,
    operations: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    #[serde(default, rename = "override")]
    overrides: Vec<Override>,
    #[serde(default)]
    carries: Vec<Carries>,
}

pub(super) fn rows(read: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Row>, PackError> {
    rows_with(read, &mut str::to_owned)
}

/// The rows, where paths stand in the table with more than a path: `bare` takes the rest off each, in their order.
pub(in crate::catalog) fn rows_with(
    read: &dyn Fn(&str) -> Option<String>,
    bare: &mut dyn FnMut(&str) -> String,
) -> Result<Vec<Row>, PackError> {
    let text = read(FILE).ok_or_else(|| PackError::new(FILE, "the file is missing"))?;
    let mut lines = text.lines().enumerate();
    if lines.next().is_none_or(|(_, line)| line != HEADER) {
        return Err(PackError::at(FILE, 1, format!("the first line is not '{}'", HEADER.replace('\t', " "))));
    }
    let mut rows = Vec::new();
    let mut ids = HashSet::new();
    for (index, line) in lines {
        let row = row(index + 1, line, bare).map_err(|reason| PackError::at(FILE, index + 1, reason))?;
        if !ids.insert(row.id.clone()) {
            return Err(PackError::at(FILE, index + 1, format!("operation '{}' is there twice", row.id)));
        }
        rows.push(row);
    }
    let weaker = overrides(read)?;
    let classes: HashMap<&str, Class> = rows.iter().map(|row| (row.id.as_str(), row.class)).collect();
    for (id, class) in &weaker {
        if classes.get(id.as_str()) != Some(class) {
            let reason = format!("operation '{id}' of class {class} is not in {FILE}");
            return Err(PackError::new(OVERRIDES, reason));
        }
    }
    mark_carriers(&mut rows, read)?;
    Ok(rows)
}

/// No description says that backups go with a thing, so a person does: `[[carries]]` of `overrides.toml`.
fn mark_carriers(rows: &mut [Row], read: &dyn Fn(&str) -> Option<String>) -> Result<(), PackError> {
    let wrong = |reason: String| PackError::new(OVERRIDES, reason);
    for entry in chosen(read)?.carries {
        if entry.reason.trim().is_empty() {
            return Err(wrong("[[carries]] is given without a reason".to_owned()));
        }
        for id in entry.operations {
            let row = rows.iter_mut().find(|row| row.id == id && row.class == Class::Destroy);
            let row =
                row.ok_or_else(|| wrong(format!("no operation '{id}' of class destroy is in {FILE}")))?;
            row.marks.insert(Mark::CarriesBackups);
        }
    }
    Ok(())
}

fn chosen(read: &dyn Fn(&str) -> Option<String>) -> Result<Overrides, PackError> {
    let Some(text) = read(OVERRIDES) else { return Ok(Overrides::default()) };
    toml::from_str(&text).map_err(|error| PackError::new(OVERRIDES, error.to_string()))
}

/// Operations whose class a person chose against the rules, with that class: from `overrides.toml`.
pub fn overrides(read: &dyn Fn(&str) -> Option<String>) -> Result<BTreeMap<String, Class>, PackError> {
    let wrong = |reason: String| PackError::new(OVERRIDES, reason);
    let mut weaker = BTreeMap::new();
    for entry in chosen(read)?.overrides {
        if entry.reason.trim().is_empty() {
            return Err(wrong(format!("class {} is given without a reason", entry.class)));
        }
        for id in entry.operations {
            if weaker.insert(id.clone(), entry.class).is_some() {
                return Err(wrong(format!("operation '{id}' is there twice")));
            }
        }
    }
    Ok(weaker)
}

fn row(line: usize, text: &str, bare: &mut dyn FnMut(&str) -> String) -> Result<Row, String> {
    let cells: Vec<&str> = text.split('\t').collect();
    let [method, template, id, class, resources, scope, marks] = cells.as_slice() else {
        return Err(format!("{} cells instead of 7", cells.len()));
    };
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let one =
        |word: &str| known.iter().find(|m| m.as_str() == word).cloned().ok_or(format!("method '{method}'"));
    let methods: Vec<Method> = method.split('|').map(one).collect::<Result<_, _>>()?;
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.');
    if id.is_empty() || !id.bytes().all(word) {
        return Err(format!("operation '{id}' is not a name"));
    }
    let segments = segments(&bare(template))?;
    let names = |name: &str| segments.iter().any(|segment| segment.name() == Some(name));
    let resources = resources.split(',').filter(|text| !text.is_empty());
    let resources: Vec<Template> =
        resources.map(|text| Template::parse(text, &names)).collect::<Result<_, _>>()?;
    if resources.iter().any(Template::needs_value) {
        return Err("'{}' stands for a member of the body, and belongs into payload.toml".to_owned());
    }
    let scope = match *scope {
        "resources" => Scope::Resources,
        "shared" => Scope::Shared,
        "account" => Scope::Account,
        other => return Err(format!("scope '{other}'")),
    };
    let class: Class = class.parse()?;
    if scope == Scope::Resources && resources.is_empty() {
        return Err("scope 'resources' without a resource".to_owned());
    }
    if scope == Scope::Shared && class > Class::Reveal {
        return Err(format!("scope 'shared' is for reads, not for {class}"));
    }
    Ok(Row {
        line,
        methods,
        template: (*template).to_owned(),
        segments,
        id: (*id).to_owned(),
        class,
        resources,
        scope,
        marks: self::marks(marks)?,
    })
}

fn marks(text: &str) -> Result<BTreeSet<Mark>, String> {
    let mark = |word: &str| match word {
        "backup" => Ok(Mark::Backup),
        "carries-backups" => Ok(Mark::CarriesBackups),
        other => Err(format!("mark '{other}'")),
    };
    text.split(',').filter(|word| !word.is_empty()).map(mark).collect()
}

fn segments(template: &str) -> Result<Vec<Segment>, String> {
    let wrong = || format!("path '{template}' is not a template");
    let rest = template.strip_prefix('/').ok_or_else(wrong)?;
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    // `{name/}` holds a slash that separates nothing.
    let rest = rest.replace("/}", "\0}");
    let texts: Vec<&str> = rest.split('/').collect();
    let mut segments: Vec<Segment> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let segment = match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => parameter(name, index + 1 == texts.len()).ok_or_else(wrong)?,
            None if text.starts_with('{') => verb(text).ok_or_else(wrong)?,
            None if text.is_empty() && index > 0 && index + 1 == texts.len() => {
                Segment::Literal(String::new())
            }
            None if plain(text, ".-_:") => Segment::Literal((*text).to_owned()),
            None => return Err(wrong()),
        };
        if segment.name().is_some_and(|name| segments.iter().any(|other| other.name() == Some(name))) {
            return Err(format!("path '{template}' has a parameter twice"));
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn parameter(name: &str, last: bool) -> Option<Segment> {
    if let Some(name) = name.strip_suffix('*') {
        let holds = if name.contains("...") { "..." } else { "" };
        return (last && plain(name, "-_.")).then(|| Segment::Rest { name: name.to_owned(), holds });
    }
    let (name, slashes) = name.strip_suffix('\0').map_or((name, false), |name| (name, true));
    plain(name, "-_").then(|| Segment::Parameter { name: name.to_owned(), slashes })
}

/// `{name}:verb`.
fn verb(text: &str) -> Option<Segment> {
    let (name, verb) = text.strip_prefix('{')?.split_once("}:")?;
    let whole = plain(name, "-_") && plain(verb, "");
    whole.then(|| Segment::Verb { name: name.to_owned(), verb: verb.to_owned() })
}

fn plain(text: &str, also: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

impl Segment {
    pub fn name(&self) -> Option<&str> {
        match self {
            Segment::Literal(_) => None,
            Segment::Parameter { name, .. } | Segment::Rest { name, .. } | Segment::Verb { name, .. } => {
                Some(name)
            }
        }
    }
}

impl Row {
    /// As people read it; the operation without its pack.
    pub(in crate::catalog) fn listed(&self) -> Listed {
        Listed {
            operation: self.id.clone(),
            request: format!("{} {}", self.method_names(), self.template),
            class: self.class,
            scope: match self.scope {
                Scope::Resources => "resources",
                Scope::Shared => "shared",
                Scope::Account => "account",
            },
            resources: self.resources.iter().map(ToString::to_string).collect(),
            marks: self.marks.iter().map(|mark| mark.as_str()).collect(),
        }
    }

    /// Line of the table, counted from 1.
    pub(in crate::catalog) fn line(&self) -> usize {
        self.line
    }

    /// `GET`, `GET|POST`.
    pub fn method_names(&self) -> String {
        self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join("|")
    }

    /// Names and raw texts of a path's parameters; the path has matched this row.
    pub(in crate::catalog) fn parameters<'a>(&'a self, path: &[&'a str]) -> Vec<(&'a str, Vec<&'a str>)> {
        let value = |index: usize, segment: &Segment| match segment {
            Segment::Rest { .. } => path.get(index..).unwrap_or_default().to_vec(),
            Segment::Verb { verb, .. } => {
                let bare =
                    |text: &&'a str| text.strip_suffix(verb.as_str()).and_then(|t| t.strip_suffix(':'));
                path.get(index).and_then(bare).into_iter().collect()
            }
            _ => path.get(index).copied().into_iter().collect(),
        };
        let named = self.segments.iter().enumerate();
        named.filter_map(|(index, segment)| Some((segment.name()?, value(index, segment)))).collect()
    }

    /// Whether every segment with an escaped slash stands where the template allows one.
    pub(in crate::catalog) fn holds_slashes(&self, path: &[&str]) -> bool {
        let allowed = |index: usize| match self.segments.get(index) {
            Some(Segment::Parameter { slashes, .. }) => *slashes,
            Some(Segment::Literal(_) | Segment::Verb { .. }) => false,
            Some(Segment::Rest { .. }) | None => true,
        };
        path.iter().enumerate().all(|(index, text)| !text.contains("%2F") || allowed(index))
    }
}
