use std::collections::HashSet;

use serde_json::{Map, Value};

use super::operation;
use crate::catalog::pack::{Manifest, PackError};
use crate::catalog::refusal::{Refusal, code};
use crate::model::{Class, Operation, Resource, Scope};

const FILE: &str = "operations.tsv";
const HEADER: &str = "what\tname\tclass\tresources\tscope";

/// One line of `operations.tsv`: a tool, or a method of the protocol such as `resources/read`.
#[derive(Debug)]
pub(super) struct Row {
    pub method: bool,
    pub name: String,
    pub class: Class,
    /// Kind, and the argument that holds the id: `volume=volume_id`.
    resources: Vec<(String, String)>,
    scope: Scope,
}

pub(super) fn rows(read: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Row>, PackError> {
    let text = read(FILE).ok_or_else(|| PackError::new(FILE, "the file is missing"))?;
    let mut lines = text.lines().enumerate();
    if lines.next().is_none_or(|(_, line)| line != HEADER) {
        return Err(PackError::at(FILE, 1, format!("the first line is not '{}'", HEADER.replace('\t', " "))));
    }
    let mut rows = Vec::new();
    let mut names = HashSet::new();
    for (index, line) in lines {
        let row = row(line).map_err(|reason| PackError::at(FILE, index + 1, reason))?;
        if !names.insert(row.id()) {
            return Err(PackError::at(FILE, index + 1, format!("'{}' is there twice", row.name)));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn row(text: &str) -> Result<Row, String> {
    let cells: Vec<&str> = text.split('\t').collect();
    let [what, name, class, resources, scope] = cells.as_slice() else {
        return Err(format!("{} cells instead of 5", cells.len()));
    };
    let method = match *what {
        "tool" => false,
        "method" => true,
        other => return Err(format!("'{other}' is neither tool nor method")),
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.');
    if name.is_empty() || !name.bytes().all(word) || *name == "tools/call" {
        return Err(format!("'{name}' is not a name"));
    }
    let named = |text: &str| {
        let (kind, argument) =
            text.split_once('=').ok_or(format!("resource '{text}' is not KIND=ARGUMENT"))?;
        let plain = kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if kind.is_empty() || argument.is_empty() || !plain {
            return Err(format!("resource '{text}' is not KIND=ARGUMENT"));
        }
        Ok((kind.to_owned(), argument.to_owned()))
    };
    let resources = resources.split(',').filter(|text| !text.is_empty());
    let resources: Vec<(String, String)> = resources.map(named).collect::<Result<_, String>>()?;
    let class: Class = class.parse()?;
    let scope = match *scope {
        "resources" if resources.is_empty() => return Err("scope 'resources' without a resource".to_owned()),
        "resources" => Scope::Resources,
        "shared" if class > Class::Reveal => {
            return Err(format!("scope 'shared' is for reads, not for {class}"));
        }
        "shared" => Scope::Shared,
        "account" => Scope::Account,
        other => return Err(format!("scope '{other}'")),
    };
    Ok(Row { method, name: (*name).to_owned(), class, resources, scope })
}

impl Row {
    /// Name of its operation, without the pack's.
    pub fn id(&self) -> String {
        if self.method { self.name.clone() } else { format!("tool/{}", self.name) }
    }

    pub fn scope(&self) -> &'static str {
        match self.scope {
            Scope::Resources => "resources",
            Scope::Shared => "shared",
            Scope::Account => "account",
        }
    }

    pub fn resources(&self) -> Vec<String> {
        self.resources.iter().map(|(kind, argument)| format!("{kind}={argument}")).collect()
    }

    /// What a call with these arguments is. Every resource of the row has to be named: a tool that falls back to
    /// something else would touch that instead.
    pub fn operation(
        &self,
        manifest: &Manifest,
        arguments: &Map<String, Value>,
    ) -> Result<Operation, Refusal> {
        let mut judged = operation(manifest, &self.id(), self.class, self.scope);
        for (kind, argument) in &self.resources {
            let alike = |key: &&String| *key != argument && key.to_lowercase() == argument.to_lowercase();
            if arguments.keys().any(|key| alike(&key)) {
                let detail = "an argument's name looks like one that names a resource";
                return Err(Refusal::new(code::AMBIGUOUS_BODY, detail));
            }
            let ids = match arguments.get(argument) {
                Some(Value::Array(ids)) if !ids.is_empty() => ids.iter().collect(),
                Some(id) => vec![id],
                None => vec![&Value::Null],
            };
            for id in ids {
                let Some(id) = id.as_str().filter(|id| is_id(id)) else {
                    let detail = format!("'{argument}' of {} has to be the id of a {kind}", self.name);
                    return Err(Refusal::new(code::BAD_PARAMETER, detail));
                };
                let resource = Resource::new(kind, id);
                if !judged.resources.contains(&resource) {
                    judged.resources.push(resource);
                }
            }
        }
        Ok(judged)
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && id.bytes().all(|b| b.is_ascii_graphic() && b != b'*')
}
