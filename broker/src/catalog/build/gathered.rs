//! What readers of descriptions share: references within bounds, names of members. And the simpler formats: Google
//! discovery, JSON hyper-schema, and a plain list of operations.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Limits;
use super::action;
use super::description::Described;

/// References inside references.
const CHAIN: usize = 16;

/// The work that one description may make.
pub(super) struct Steps {
    left: usize,
    operations: usize,
}

impl Steps {
    pub fn new(limits: &Limits) -> Self {
        Steps { left: limits.steps, operations: limits.operations }
    }

    pub fn step(&mut self) -> Result<(), String> {
        self.left = self.left.checked_sub(1).ok_or("the description takes too many steps to read")?;
        Ok(())
    }

    pub fn operation(&mut self) -> Result<(), String> {
        self.operations = self.operations.checked_sub(1).ok_or("the description has too many operations")?;
        self.step()
    }

    /// What a `$ref` stands for. A reference out of the document, to nothing, or to itself is an error.
    pub fn resolve<'a>(&mut self, document: &'a Value, value: &'a Value) -> Result<&'a Value, String> {
        let mut at = value;
        for _ in 0..CHAIN {
            self.step()?;
            let Some(target) = at.get("$ref").and_then(Value::as_str) else { return Ok(at) };
            let pointer = target
                .strip_prefix('#')
                .ok_or_else(|| format!("the reference '{}' leads out of the document", text(target)))?;
            at = document
                .pointer(pointer)
                .ok_or_else(|| format!("the reference '{}' leads to nothing", text(target)))?;
        }
        Err("a reference leads to references without end".to_owned())
    }

    /// Names of the properties of a schema, `depth` levels deep, through references and combinations.
    pub fn names(
        &mut self,
        document: &Value,
        schema: &Value,
        depth: usize,
        into: &mut Vec<String>,
    ) -> Result<(), String> {
        let mut seen = HashSet::new();
        self.gather(document, schema, depth, &mut seen, into, 0)
    }

    fn gather<'a>(
        &mut self,
        document: &'a Value,
        schema: &'a Value,
        depth: usize,
        seen: &mut HashSet<*const Value>,
        into: &mut Vec<String>,
        nested: usize,
    ) -> Result<(), String> {
        if nested > 24 {
            return Ok(());
        }
        let schema = self.resolve(document, schema)?;
        // A schema that holds itself is ordinary; once is enough.
        if !seen.insert(std::ptr::from_ref(schema)) {
            return Ok(());
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(name).and_then(Value::as_array).into_iter().flatten() {
                self.gather(document, part, depth, seen, into, nested + 1)?;
            }
        }
        if let Some(items) = schema.get("items") {
            self.gather(document, items, depth, seen, into, nested + 1)?;
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.step()?;
            if !into.contains(name) {
                into.push(name.clone());
            }
            if depth > 1 {
                self.gather(document, property, depth - 1, seen, into, nested + 1)?;
            }
        }
        Ok(())
    }
}

/// Google discovery: resources in resources, each with methods.
pub(super) fn discovery(document: &Value, steps: &mut Steps) -> Result<Vec<Described>, String> {
    let base = document.get("servicePath").and_then(Value::as_str).unwrap_or_default();
    let mut all = Vec::new();
    discovered(document, document, base, steps, &mut all, 0)?;
    Ok(all)
}

fn discovered(
    document: &Value,
    resource: &Value,
    base: &str,
    steps: &mut Steps,
    all: &mut Vec<Described>,
    nested: usize,
) -> Result<(), String> {
    if nested > 16 {
        return Err("resources lie in resources without end".to_owned());
    }
    for (name, method) in resource.get("methods").and_then(Value::as_object).into_iter().flatten() {
        steps.operation()?;
        let word = |key: &str| method.get(key).and_then(Value::as_str);
        let service =
            word("id").and_then(|id| id.split_once('.')).map(|(service, _)| service).unwrap_or_default();
        let path = word("flatPath")
            .or_else(|| word("path"))
            .ok_or_else(|| format!("the method '{}' has no path", text(name)))?;
        let verb =
            word("httpMethod").ok_or_else(|| format!("the method '{}' has no httpMethod", text(name)))?;
        let query = method.get("parameters").and_then(Value::as_object).into_iter().flatten();
        let mut one = Described {
            method: verb.to_ascii_uppercase(),
            path: format!("/{}", format!("{base}{path}").trim_start_matches('/').replace("{+", "{")),
            id: word("id").unwrap_or(name).to_owned(),
            service: service.to_owned(),
            query: query
                .filter(|(_, parameter)| parameter.get("location").and_then(Value::as_str) == Some("query"))
                .map(|(name, _)| name.clone())
                .collect(),
            ..Described::default()
        };
        for (key, depth) in [("request", 2), ("response", 4)] {
            let reference = method.get(key).and_then(|part| part.get("$ref")).and_then(Value::as_str);
            let schema = reference.and_then(|name| document.get("schemas")?.get(name));
            let into = if key == "request" { &mut one.members } else { &mut one.gives };
            if let Some(schema) = schema {
                google_names(document, schema, depth, steps, &mut HashSet::new(), into)?;
            }
        }
        all.push(one);
    }
    for part in resource.get("resources").and_then(Value::as_object).into_iter().flat_map(Map::values) {
        discovered(document, part, base, steps, all, nested + 1)?;
    }
    Ok(())
}

/// As [`Steps::names`]; a reference is a bare name here.
fn google_names<'a>(
    document: &'a Value,
    schema: &'a Value,
    depth: usize,
    steps: &mut Steps,
    seen: &mut HashSet<*const Value>,
    into: &mut Vec<String>,
) -> Result<(), String> {
    steps.step()?;
    let named = schema.get("$ref").and_then(Value::as_str);
    let schema = named.and_then(|name| document.get("schemas")?.get(name)).unwrap_or(schema);
    if depth == 0 || !seen.insert(std::ptr::from_ref(schema)) {
        return Ok(());
    }
    if let Some(items) = schema.get("items") {
        google_names(document, items, depth, steps, seen, into)?;
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if !into.contains(name) {
            into.push(name.clone());
        }
        google_names(document, property, depth - 1, steps, seen, into)?;
    }
    Ok(())
}

/// JSON hyper-schema: `links` of the definitions, with `href`, `method` and `rel`.
pub(super) fn hyper_schema(document: &Value, steps: &mut Steps) -> Result<Vec<Described>, String> {
    let mut all = Vec::new();
    let definitions = document.get("definitions").and_then(Value::as_object).into_iter().flatten();
    let own = std::iter::once(("", document));
    for (name, definition) in own.chain(definitions.map(|(name, value)| (name.as_str(), value))) {
        for link in definition.get("links").and_then(Value::as_array).into_iter().flatten() {
            steps.operation()?;
            let word = |key: &str| link.get(key).and_then(Value::as_str);
            let href = word("href").ok_or_else(|| format!("a link of '{}' has no href", text(name)))?;
            let title = word("title").or_else(|| word("rel")).unwrap_or_default();
            let mut one = Described {
                method: word("method").unwrap_or("GET").to_ascii_uppercase(),
                path: plain_template(href)?,
                id: format!("{name}/{}", title.to_lowercase().replace(' ', "-")),
                ..Described::default()
            };
            if let Some(schema) = link.get("schema") {
                steps.names(document, schema, 2, &mut one.members)?;
            }
            match link.get("targetSchema") {
                Some(schema) => steps.names(document, schema, 4, &mut one.gives)?,
                None => steps.names(document, definition, 3, &mut one.gives)?,
            }
            all.push(one);
        }
    }
    Ok(all)
}

/// `/apps/{(%23%2Fdefinitions%2Fapp)}` is `/apps/{app}`: a second parameter of the same name gets a number.
fn plain_template(href: &str) -> Result<String, String> {
    let mut path = String::new();
    let mut names: Vec<String> = Vec::new();
    let mut rest = href;
    while let Some((before, after)) = rest.split_once('{') {
        let (inner, after) =
            after.split_once('}').ok_or_else(|| format!("'{}' is not a template", text(href)))?;
        let inner = inner.trim_matches(|c| c == '(' || c == ')').replace("%2F", "/").replace("%23", "#");
        let word = inner.rsplit('/').find(|part| *part != "identity" && !part.is_empty()).unwrap_or("id");
        let mut name: String =
            word.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if names.contains(&name) {
            name = format!("{name}_{}", names.len());
        }
        path.push_str(before);
        path.push_str(&format!("{{{name}}}"));
        names.push(name);
        rest = after;
    }
    path.push_str(rest);
    Ok(path)
}

/// A plain list: `ops` of a provider, or `services` of actions.
pub(super) fn list(document: &Value, steps: &mut Steps) -> Result<Vec<Described>, String> {
    if let Some(services) = document.get("services").and_then(Value::as_object) {
        return action::services(services, steps);
    }
    let ops = document.get("ops").and_then(Value::as_array).ok_or("'ops' is not a list")?;
    let mut all = Vec::with_capacity(ops.len());
    for (index, op) in ops.iter().enumerate() {
        steps.operation()?;
        let word = |key: &str| op.get(key).and_then(Value::as_str);
        let missing = |what: &str| format!("operation {} of 'ops' has no {what}", index + 1);
        let names = |key: &str| -> Vec<String> {
            let list = op.get(key).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        all.push(Described {
            method: word("m").ok_or_else(|| missing("method 'm'"))?.to_ascii_uppercase(),
            path: word("p").filter(|p| p.starts_with('/')).ok_or_else(|| missing("path 'p'"))?.to_owned(),
            id: word("id").unwrap_or_default().to_owned(),
            query: names("q"),
            members: names("b"),
            gives: names("g"),
            ..Described::default()
        });
    }
    Ok(all)
}

/// What an error may show of a description.
pub(super) fn text(part: &str) -> String {
    part.chars().take(120).collect::<String>().escape_debug().to_string()
}
