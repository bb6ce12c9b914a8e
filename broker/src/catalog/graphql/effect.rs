//! From a root field to an operation: its class, what it names, and where that is.

use serde_json::{Map, Value};

use super::code;
use super::payload::{self, Judged};
use super::reach::Level;
use super::tables::{Path, Root, RowScope};
use super::walk::{Call, Holds, Kind, Reader, Scope as Reading};
use crate::catalog::Refusal;
use crate::model::{Class, Operation, Resource, Scope};

/// The operation that one root field is.
pub(super) fn operation<'a>(
    provider: &str,
    reader: &mut Reader<'a, '_>,
    reading: Reading<'a>,
    call: &Call<'a>,
) -> Result<Operation, Refusal> {
    let name = format!("{provider}:{}", call.field.name);
    let row = match call.kind {
        Kind::Known(row) => row,
        Kind::Introspection => {
            reader.holds(reading, call, None)?;
            return Ok(Operation {
                operation: name,
                class: Class::Read,
                resources: Vec::new(),
                scope: Scope::Shared,
                marks: Default::default(),
                pending: None,
            });
        }
    };
    let mut judged = Judged {
        class: row.class,
        resources: named(row, &call.arguments)?,
        marks: row.marks.clone(),
        pending: None,
    };
    if let Some(rule) = &row.payload {
        payload::judge(rule, &call.arguments, &mut judged);
    }
    for resource in &judged.resources {
        check_id(&resource.id)?;
    }
    let cover = judged.resources.iter().map(|resource| Level::of_kind(&resource.kind)).max();
    let holds = reader.holds(reading, call, cover)?;
    if holds.secrets {
        judged.class = judged.class.max(Class::Reveal);
    }
    let scope = scope(row.scope, &judged, &holds);
    if scope == Scope::Shared {
        // The names of things belong to no environment, and so does what they were asked by.
        judged.resources.clear();
    }
    Ok(Operation {
        operation: name,
        class: judged.class,
        resources: judged.resources,
        scope,
        marks: judged.marks,
        pending: judged.pending,
    })
}

/// Where the operation happens. What would be shared is not shared any more once it is stronger than a read
/// or holds content; what lies beyond the named resources, or names none, is the account's.
fn scope(row: RowScope, judged: &Judged, holds: &Holds) -> Scope {
    let shareable = judged.class == Class::Read && !holds.content;
    match row {
        RowScope::Account => Scope::Account,
        _ if holds.beyond => Scope::Account,
        RowScope::Shared | RowScope::Names if shareable => Scope::Shared,
        _ if judged.resources.is_empty() => Scope::Account,
        _ => Scope::Resources,
    }
}

/// Every resource that the arguments name, each once, in the order of the row.
fn named(row: &Root, arguments: &Map<String, Value>) -> Result<Vec<Resource>, Refusal> {
    let mut resources: Vec<Resource> = Vec::new();
    for named in &row.resources {
        for (kind, paths) in &named.0 {
            let ids = ids(paths, arguments)?;
            if ids.is_empty() {
                continue;
            }
            for id in ids {
                let resource = Resource::new(kind, id);
                if !resources.contains(&resource) {
                    resources.push(resource);
                }
            }
            break;
        }
    }
    Ok(resources)
}

/// The ids at one path, or the one id whose parts are at several.
fn ids(paths: &[Path], arguments: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let mut ids = Vec::new();
    for path in paths {
        step(&path.0, arguments, &mut ids)?;
    }
    if paths.len() < 2 || ids.is_empty() {
        return Ok(ids);
    }
    if ids.len() != paths.len() || ids.iter().any(|part| part.is_empty() || part.contains('/')) {
        return Err(Refusal::new(code::MALFORMED_ID, "a part of an id is missing, or no part"));
    }
    Ok(vec![ids.join("/").to_ascii_lowercase()])
}

/// The strings at a path. Absent and null are nothing; what is neither a string nor nothing is refused.
fn collect(steps: &[String], value: Option<&Value>, ids: &mut Vec<String>) -> Result<(), Refusal> {
    match (steps.split_first(), value) {
        (_, None | Some(Value::Null)) => Ok(()),
        (None, Some(Value::String(id))) => {
            ids.push(id.clone());
            Ok(())
        }
        (Some(_), Some(Value::Object(map))) => step(steps, map, ids),
        _ => Err(Refusal::new(code::MALFORMED_ID, "an id is not a string")),
    }
}

fn step(steps: &[String], map: &Map<String, Value>, ids: &mut Vec<String>) -> Result<(), Refusal> {
    let Some((step, rest)) = steps.split_first() else { return Ok(()) };
    match step.strip_suffix("[]") {
        None => collect(rest, map.get(step), ids),
        Some(step) => match map.get(step) {
            Some(Value::Array(items)) => items.iter().try_for_each(|item| collect(rest, Some(item), ids)),
            other => collect(rest, other, ids),
        },
    }
}

/// The value at a path of plain steps.
pub(super) fn at<'a>(path: &Path, arguments: &'a Map<String, Value>) -> Option<&'a Value> {
    let (first, rest) = path.0.split_first()?;
    rest.iter().try_fold(arguments.get(first)?, |value, step| value.get(step))
}

/// Ids are compared as bytes later on. A provider may trim one or read an empty one as null, so only plain
/// ones pass.
fn check_id(id: &str) -> Result<(), Refusal> {
    if id.is_empty() || id.len() > 256 || !id.chars().all(|c| c.is_ascii_graphic() && c != '*') {
        return Err(Refusal::new(
            code::MALFORMED_ID,
            "an id is empty, too long, or has characters that no id has",
        ));
    }
    Ok(())
}
