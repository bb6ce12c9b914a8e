//! Descriptions whose operations are actions of services: botocore, and a list of services.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::description::{Described, Style};
use super::gathered::{Steps, text};

/// One service model of botocore: `metadata`, `operations`, `shapes`.
pub(super) fn botocore(document: &Value, steps: &mut Steps) -> Result<Vec<Described>, String> {
    let metadata = document.get("metadata").ok_or("'metadata' is missing")?;
    let service = ["serviceId", "endpointPrefix"].iter().find_map(|key| metadata.get(key)?.as_str());
    let service = service.ok_or("'metadata' names no service")?.to_lowercase().replace(' ', "-");
    let operations =
        document.get("operations").and_then(Value::as_object).ok_or("'operations' is not an object")?;
    let mut all = Vec::with_capacity(operations.len());
    for (name, operation) in operations {
        steps.operation()?;
        let http = |key: &str| operation.get("http").and_then(|http| http.get(key)).and_then(Value::as_str);
        let mut one = Described {
            method: http("method").unwrap_or("POST").to_ascii_uppercase(),
            path: http("requestUri").unwrap_or("/").to_owned(),
            id: name.clone(),
            service: service.clone(),
            style: Style::Action,
            ..Described::default()
        };
        for (key, depth) in [("input", 2), ("output", 4)] {
            let shape = operation.get(key).and_then(|part| part.get("shape")).and_then(Value::as_str);
            let into = if key == "input" { &mut one.members } else { &mut one.gives };
            if let Some(shape) = shape {
                shapes(document, shape, depth, steps, &mut HashSet::new(), into)
                    .map_err(|error| format!("operation '{}': {error}", text(name)))?;
            }
        }
        all.push(one);
    }
    Ok(all)
}

fn shapes<'a>(
    document: &'a Value,
    name: &'a str,
    depth: usize,
    steps: &mut Steps,
    seen: &mut HashSet<&'a str>,
    into: &mut Vec<String>,
) -> Result<(), String> {
    steps.step()?;
    if depth == 0 || !seen.insert(name) {
        return Ok(());
    }
    let shape = document
        .get("shapes")
        .and_then(|shapes| shapes.get(name))
        .ok_or_else(|| format!("the shape '{}' is not there", text(name)))?;
    let inner = |part: &'a Value| part.get("shape").and_then(Value::as_str);
    for part in ["member", "value"].into_iter().filter_map(|key| shape.get(key)) {
        if let Some(next) = inner(part) {
            shapes(document, next, depth, steps, seen, into)?;
        }
    }
    for (member, part) in shape.get("members").and_then(Value::as_object).into_iter().flatten() {
        if !into.contains(member) {
            into.push(member.clone());
        }
        if let Some(next) = inner(part) {
            shapes(document, next, depth - 1, steps, seen, into)?;
        }
    }
    Ok(())
}

/// `{"s3": {"ops": {"DeleteBucket": ["DELETE", "/{Bucket}"]}}}`.
pub(super) fn services(services: &Map<String, Value>, steps: &mut Steps) -> Result<Vec<Described>, String> {
    let mut all = Vec::new();
    for (service, described) in services {
        let ops = described.get("ops").and_then(Value::as_object);
        let ops = ops.ok_or_else(|| format!("the service '{}' has no 'ops'", text(service)))?;
        for (name, place) in ops {
            steps.operation()?;
            let word = |index: usize| place.get(index).and_then(Value::as_str);
            let (Some(method), Some(path)) = (word(0), word(1)) else {
                return Err(format!(
                    "the operation '{}' of '{}' is not [METHOD, PATH]",
                    text(name),
                    text(service)
                ));
            };
            all.push(Described {
                method: method.to_ascii_uppercase(),
                path: path.to_owned(),
                id: name.clone(),
                service: service.clone(),
                style: Style::Action,
                ..Described::default()
            });
        }
    }
    Ok(all)
}
