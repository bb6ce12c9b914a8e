//! OpenAPI 2 and 3.

use serde_json::{Map, Value};

use super::description::Described;
use super::gathered::{Steps, text};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

pub(super) fn read(document: &Value, steps: &mut Steps) -> Result<Vec<Described>, String> {
    let paths = document.get("paths").and_then(Value::as_object).ok_or("'paths' is not an object")?;
    let base = document.get("basePath").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/');
    let mut all = Vec::new();
    for (path, item) in paths {
        // Extensions stand beside paths.
        if path.starts_with("x-") {
            continue;
        }
        if !path.starts_with('/') {
            return Err(format!("the path '{}' does not start with '/'", text(path)));
        }
        let item = steps.resolve(document, item)?;
        let item = item.as_object().ok_or_else(|| format!("the path '{}' is not an object", text(path)))?;
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let operation =
                operation.as_object().ok_or_else(|| format!("{method} {} is not an object", text(path)))?;
            steps.operation()?;
            let mut one = Described {
                method: method.to_ascii_uppercase(),
                path: format!("{base}{path}"),
                id: operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned(),
                ..Described::default()
            };
            for list in [item.get("parameters"), operation.get("parameters")].into_iter().flatten() {
                parameters(document, list, &mut one, steps)
                    .map_err(|e| format!("{method} {}: {e}", text(path)))?;
            }
            body(document, operation, &mut one, steps)?;
            answers(document, operation, &mut one, steps)?;
            if method != "options" {
                all.push(one);
            }
        }
    }
    Ok(all)
}

fn parameters(document: &Value, list: &Value, one: &mut Described, steps: &mut Steps) -> Result<(), String> {
    for parameter in list.as_array().ok_or("'parameters' is not a list")? {
        let parameter = steps.resolve(document, parameter)?;
        let name = parameter.get("name").and_then(Value::as_str).ok_or("a parameter has no name")?;
        match parameter.get("in").and_then(Value::as_str) {
            Some("query") => one.query.push(name.to_owned()),
            Some("formData") => one.members.push(name.to_owned()),
            Some("body") => {
                if let Some(schema) = parameter.get("schema") {
                    steps.names(document, schema, 2, &mut one.members)?;
                }
            }
            Some("path" | "header" | "cookie") => {}
            _ => return Err(format!("nobody knows where the parameter '{}' stands", text(name))),
        }
    }
    Ok(())
}

fn body(
    document: &Value,
    operation: &Map<String, Value>,
    one: &mut Described,
    steps: &mut Steps,
) -> Result<(), String> {
    let Some(body) = operation.get("requestBody") else { return Ok(()) };
    let body = steps.resolve(document, body)?;
    for kind in body.get("content").and_then(Value::as_object).into_iter().flat_map(Map::values) {
        if let Some(schema) = kind.get("schema") {
            steps.names(document, schema, 2, &mut one.members)?;
        }
    }
    Ok(())
}

/// What an operation answers when it goes well: 2xx and `default`.
fn answers(
    document: &Value,
    operation: &Map<String, Value>,
    one: &mut Described,
    steps: &mut Steps,
) -> Result<(), String> {
    let responses = operation.get("responses").and_then(Value::as_object);
    for (status, response) in responses.into_iter().flatten() {
        if !status.starts_with('2') && status != "default" {
            continue;
        }
        let response = steps.resolve(document, response)?;
        let schemas = response.get("schema").into_iter().chain(
            response
                .get("content")
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(Map::values)
                .filter_map(|kind| kind.get("schema")),
        );
        for schema in schemas {
            steps.names(document, schema, 4, &mut one.gives)?;
        }
    }
    Ok(())
}
