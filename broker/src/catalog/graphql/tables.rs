//! The tables of a pack in memory: `operations.tsv`, `types.tsv`, `inputs.tsv`.

use std::collections::{BTreeSet, HashMap};

use apollo_compiler::Name;
use apollo_compiler::ast::{OperationType, Type};
use serde_json::Value;

use super::documents::Documents;
use super::payload::Rule;
use super::reach::Level;
use crate::catalog::Listed;
use crate::model::{Class, Mark};

/// What a pack knows of its provider's schema, and what each root field does.
#[derive(Debug)]
pub struct Tables {
    roots: HashMap<(&'static str, String), Root>,
    types: HashMap<String, Composite>,
    /// By `mutation.volumeDelete`, `Environment.config` or the name of an input type.
    inputs: HashMap<String, Vec<Input>>,
    leaves: HashMap<String, Leaf>,
    /// What was read of requests so far: it holds nothing that a text does not say by itself.
    pub(super) documents: Documents,
}

/// One root field: a row of `operations.tsv`.
#[derive(Debug)]
pub(super) struct Root {
    pub class: Class,
    pub scope: RowScope,
    pub resources: Vec<Named>,
    pub marks: BTreeSet<Mark>,
    pub payload: Option<Rule>,
    pub returns: Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowScope {
    Resources,
    Shared,
    Account,
    /// Shared as long as only the names of things are read; its resources as soon as what an environment owns
    /// is read too.
    Names,
}

/// Where an id stands. Alternatives in order: the first that is present names the resource. An id of several parts
/// (`owner/name`) has a path for each, and ignores case.
#[derive(Debug)]
pub(super) struct Named(pub Vec<(String, Vec<Path>)>);

impl Named {
    /// As the table has it: `volume=volumeId`.
    fn text(&self) -> String {
        let path = |path: &Path| path.0.join(".");
        let text = |paths: &[Path]| paths.iter().map(path).collect::<Vec<_>>().join("/");
        let alternatives = self.0.iter().map(|(kind, paths)| format!("{kind}={}", text(paths)));
        alternatives.collect::<Vec<_>>().join("|")
    }
}

/// `input.environmentId`, `serviceIds[]`: steps through arguments and input fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(pub Vec<String>);

/// An object or interface type with its fields, or a union with none.
#[derive(Debug, Default)]
pub(super) struct Composite {
    pub level: Option<Level>,
    pub fields: HashMap<String, Nested>,
}

/// One nested field: a row of `types.tsv`.
#[derive(Debug)]
pub(super) struct Nested {
    pub returns: Type,
    /// Holds what an environment owns, and not only the name of something.
    pub owned: bool,
    pub reveal: Reveal,
    /// Leads further out than its type says.
    pub enters: Option<Level>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reveal {
    No,
    Yes,
    /// Unless this argument is absent, null or false.
    If(String),
}

/// One argument or input field: a row of `inputs.tsv`.
#[derive(Debug)]
pub(super) struct Input {
    pub name: String,
    pub ty: Type,
    pub default: Option<Value>,
}

/// A type that values have.
#[derive(Debug)]
pub(super) enum Leaf {
    Enum(BTreeSet<String>),
    /// A custom scalar written as a string or number.
    Scalar,
    /// A custom scalar that takes any JSON.
    Json,
}

/// A table that does not say what a table has to say: names the file, the row and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{row}: {reason}")]
pub struct TableError {
    pub file: String,
    /// Counted from 1; 0 for the file as a whole.
    pub row: usize,
    pub reason: String,
}

impl Tables {
    /// Reads the three tables; `read` gives the text of a file of the pack by its name.
    pub fn load(read: &dyn Fn(&str) -> Option<String>) -> Result<Tables, TableError> {
        let mut tables = Tables {
            roots: HashMap::new(),
            types: HashMap::new(),
            inputs: HashMap::new(),
            leaves: HashMap::new(),
            documents: Documents::default(),
        };
        rows(read, "inputs.tsv", ["owner", "name", "type", "default"], |row| tables.input(row))?;
        rows(read, "types.tsv", ["type", "field", "returns", "flags"], |row| tables.nested(row))?;
        let header = ["root", "field", "class", "scope", "resources", "marks", "payload", "returns"];
        rows(read, "operations.tsv", header, |row| tables.root_row(row))?;
        Ok(tables)
    }

    /// Every root field: `mutation`, `query` or `subscription`, its name, and the class that it has at least.
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, &str, Class)> {
        self.roots.iter().map(|((root, field), row)| (*root, field.as_str(), row.class))
    }

    /// Every root field as people read it; the operation without its pack.
    pub(in crate::catalog) fn listed(&self) -> Vec<Listed> {
        let listed = self.roots.iter().map(|((root, field), row)| Listed {
            operation: field.clone(),
            request: format!("{root} {field}"),
            class: row.class,
            scope: match row.scope {
                RowScope::Resources => "resources",
                RowScope::Shared => "shared",
                RowScope::Account => "account",
                RowScope::Names => "names",
            },
            resources: row.resources.iter().map(Named::text).collect(),
            marks: row.marks.iter().map(|mark| mark.as_str()).collect(),
        });
        listed.collect()
    }

    pub(super) fn root(&self, kind: OperationType, field: &str) -> Option<&Root> {
        // The key is owned; one small allocation a root field keeps the map plain.
        self.roots.get(&(kind.name(), field.to_owned()))
    }

    pub(super) fn composite(&self, name: &str) -> Option<&Composite> {
        self.types.get(name)
    }

    /// The arguments of `owner`, or the fields of the input type `owner`.
    pub(super) fn inputs(&self, owner: &str) -> Option<&[Input]> {
        self.inputs.get(owner).map(Vec::as_slice)
    }

    pub(super) fn leaf(&self, name: &str) -> Option<&Leaf> {
        self.leaves.get(name)
    }

    /// Whether values can have this type.
    pub(super) fn is_input(&self, name: &str) -> bool {
        matches!(name, "String" | "ID" | "Int" | "Float" | "Boolean")
            || self.leaves.contains_key(name)
            || self.inputs.contains_key(name)
    }

    fn input(&mut self, [owner, name, ty, default]: [&str; 4]) -> Result<(), String> {
        match name {
            "=" => {
                let values = ty.split(' ').map(str::to_owned).collect();
                self.leaves.insert(owner.to_owned(), Leaf::Enum(values));
            }
            "*" => {
                let leaf = match ty {
                    "json" => Leaf::Json,
                    "scalar" => Leaf::Scalar,
                    _ => return Err(format!("'{ty}' is neither json nor scalar")),
                };
                self.leaves.insert(owner.to_owned(), leaf);
            }
            _ => {
                let default = match default {
                    "" => None,
                    text => Some(serde_json::from_str(text).map_err(|_| format!("'{text}' is not JSON"))?),
                };
                let inputs = self.inputs.entry(owner.to_owned()).or_default();
                if inputs.iter().any(|known| known.name == name) {
                    return Err(format!("{owner}.{name} is there twice"));
                }
                inputs.push(Input { name: name.to_owned(), ty: parse_type(ty)?, default });
            }
        }
        Ok(())
    }

    fn nested(&mut self, [owner, field, returns, flags]: [&str; 4]) -> Result<(), String> {
        let composite = self.types.entry(owner.to_owned()).or_default();
        match field {
            "*" => composite.level = Some(Level::parse(flags)?),
            // A union has no fields of its own; its members have rows.
            "|" => {}
            _ => {
                let mut row =
                    Nested { returns: parse_type(returns)?, owned: false, reveal: Reveal::No, enters: None };
                for flag in flags.split(',').filter(|flag| !flag.is_empty()) {
                    match flag.split_once(':') {
                        None if flag == "owned" => row.owned = true,
                        None if flag == "reveal" => row.reveal = Reveal::Yes,
                        Some(("reveal-if", argument)) => row.reveal = Reveal::If(argument.to_owned()),
                        Some(("enters", level)) => row.enters = Some(Level::parse(level)?),
                        _ => return Err(format!("'{flag}' is not a flag")),
                    }
                }
                if composite.fields.insert(field.to_owned(), row).is_some() {
                    return Err(format!("{owner}.{field} is there twice"));
                }
            }
        }
        Ok(())
    }

    fn root_row(
        &mut self,
        [root, field, class, scope, resources, marks, payload, returns]: [&str; 8],
    ) -> Result<(), String> {
        let root = match root {
            "mutation" => "mutation",
            "query" => "query",
            "subscription" => "subscription",
            _ => return Err(format!("'{root}' is not a kind of operation")),
        };
        let scope = match scope {
            "resources" => RowScope::Resources,
            "shared" => RowScope::Shared,
            "account" => RowScope::Account,
            "names" => RowScope::Names,
            _ => return Err(format!("'{scope}' is not a scope")),
        };
        let owner = format!("{root}.{field}");
        let words = |text: &'static str| move |word: &str| format!("'{word}' is not {text}");
        let row = Root {
            class: class.parse()?,
            scope,
            resources: parts(resources).map(|text| self.named(&owner, text)).collect::<Result<_, _>>()?,
            marks: parts(marks)
                .map(|mark| {
                    [Mark::Backup, Mark::CarriesBackups]
                        .into_iter()
                        .find(|known| known.as_str() == mark)
                        .ok_or_else(|| words("a mark")(mark))
                })
                .collect::<Result<_, _>>()?,
            payload: Some(payload).filter(|text| !text.is_empty()).map(Rule::parse).transpose()?,
            returns: parse_type(returns)?,
        };
        if let Some(path) = row.payload.as_ref().and_then(Rule::path) {
            self.check(&owner, path)?;
        }
        if scope != RowScope::Account && scope != RowScope::Resources && row.class == Class::Destroy {
            return Err("an operation that destroys touches its resources or the account".to_owned());
        }
        match self.roots.insert((root, field.to_owned()), row) {
            Some(_) => Err(format!("{owner} is there twice")),
            None => Ok(()),
        }
    }

    fn named(&self, owner: &str, text: &str) -> Result<Named, String> {
        let alternative = |text: &str| {
            let (kind, path) = text.split_once('=').ok_or_else(|| format!("'{text}' is not KIND=PATH"))?;
            let paths = path.split('/').map(|path| {
                let path = Path(path.split('.').map(str::to_owned).collect());
                self.check(owner, &path)?;
                Ok(path)
            });
            Ok((kind.to_owned(), paths.collect::<Result<_, String>>()?))
        };
        text.split('|').map(alternative).collect::<Result<_, String>>().map(Named)
    }

    /// Holds that a path leads through arguments and input fields that exist, with `[]` at the lists and only
    /// there.
    fn check(&self, owner: &str, path: &Path) -> Result<(), String> {
        let mut owner = owner.to_owned();
        for step in &path.0 {
            let (name, list) = step.strip_suffix("[]").map_or((step.as_str(), false), |name| (name, true));
            let input = self.inputs(&owner).and_then(|inputs| inputs.iter().find(|input| input.name == name));
            let input = input.ok_or_else(|| format!("'{step}' is not an argument or field of {owner}"))?;
            if input.ty.is_list() != list {
                return Err(format!("'{step}' and {} do not agree on being a list", input.ty));
            }
            owner = input.ty.inner_named_type().to_string();
        }
        Ok(())
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

/// `[String!]!`
fn parse_type(text: &str) -> Result<Type, String> {
    if let Some(inner) = text.strip_suffix('!') {
        return Ok(parse_type(inner)?.non_null());
    }
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => Ok(parse_type(inner)?.list()),
        None => Name::new(text).map(Type::Named).map_err(|_| format!("'{text}' is not a type")),
    }
}

/// Hands each row to `take`, after the header was compared and the columns counted.
fn rows<const N: usize>(
    read: &dyn Fn(&str) -> Option<String>,
    file: &str,
    header: [&str; N],
    mut take: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), TableError> {
    let wrong = |row, reason: String| TableError { file: file.to_owned(), row, reason };
    let text = read(file).ok_or_else(|| wrong(0, "there is no such file in the pack".to_owned()))?;
    let mut seen_header = false;
    for (index, line) in text.lines().enumerate() {
        let row = index + 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let columns: [&str; N] = columns
            .try_into()
            .map_err(|_| wrong(row, format!("a row has {N} columns, with tabs between")))?;
        if seen_header {
            take(columns).map_err(|reason| wrong(row, reason))?;
        } else if columns == header {
            seen_header = true;
        } else {
            return Err(wrong(row, format!("the columns are {}", header.join(", "))));
        }
    }
    if seen_header { Ok(()) } else { Err(wrong(0, "the table is empty".to_owned())) }
}
