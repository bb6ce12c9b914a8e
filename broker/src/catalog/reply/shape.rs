use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use stint_api::Problem;

use super::{Asked, text};

/// `[[denial]]` of a pack: how errors of this provider look to its clients. The first that fits is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Denial {
    /// A JSON object, or XML. In its texts stand `{text}` (all that is said), `{code}`, `{kind}`, `{type}` (the address of
    /// the problem) and `{record}`; as whole values of JSON `{status}` (a number) and `{problem}` (the document). Members of
    /// the problem stand beside those of an object that has no `{problem}`.
    pub body: String,
    /// What `{kind}` is: by status, `403`, or by its first digit, `4`.
    #[serde(default)]
    pub kinds: BTreeMap<String, String>,
    /// Beginnings of the content types of requests that are answered so; all where there are none.
    #[serde(default)]
    pub content_types: Vec<String>,
    /// Whether clients read an error only from an answer with status 200.
    #[serde(default)]
    pub success: bool,
}

/// A [`Denial`] that was read.
#[derive(Debug)]
pub struct Shape {
    denial: Denial,
    /// `None` for XML.
    json: Option<Value>,
}

const NAMES: [&str; 7] = ["text", "code", "kind", "type", "record", "status", "problem"];

impl Shape {
    pub fn read(denial: &Denial) -> Result<Arc<Self>, String> {
        let body = denial.body.trim();
        let json = match body.starts_with('{') {
            true => Some(serde_json::from_str(body).map_err(|error| format!("denial: {error}"))?),
            false if body.starts_with('<') => None,
            false => return Err("denial: the body is a JSON object or XML".to_owned()),
        };
        let named = NAMES.iter().filter(|name| body.contains(&format!("{{{name}}}")));
        if !named.clone().any(|name| *name == "text") {
            return Err("denial: '{text}' is nowhere in the body, so nobody would read why".to_owned());
        }
        let kinds = named.clone().any(|name| *name == "kind");
        if kinds && !["4", "5"].iter().all(|digit| denial.kinds.contains_key(*digit)) {
            return Err("denial: kinds say what '{kind}' is for '4' and for '5'".to_owned());
        }
        if json.is_none() && named.clone().any(|name| *name == "problem") {
            return Err("denial: '{problem}' stands in JSON".to_owned());
        }
        Ok(Arc::new(Shape { denial: denial.clone(), json }))
    }

    pub(super) fn is_for(&self, asked: &Asked<'_>) -> bool {
        let types = &self.denial.content_types;
        types.is_empty() || types.iter().any(|own| asked.content_type.starts_with(own.as_str()))
    }

    pub(super) fn succeeds(&self) -> bool {
        self.denial.success
    }

    pub(super) fn content_type(&self) -> &'static str {
        if self.json.is_some() { "application/json" } else { "text/xml" }
    }

    pub(super) fn body(&self, problem: &Problem) -> Vec<u8> {
        let Some(shape) = &self.json else {
            return self.filled(self.denial.body.trim(), problem, escaped).into_bytes();
        };
        let mut body = self.value(shape, problem);
        let whole = self.denial.body.contains("{problem}");
        if let (Value::Object(members), Value::Object(problem), false) = (&mut body, json!(problem), whole) {
            for (name, value) in problem {
                members.entry(name).or_insert(value);
            }
        }
        body.to_string().into_bytes()
    }

    fn value(&self, shape: &Value, problem: &Problem) -> Value {
        match shape {
            Value::String(text) if text == "{status}" => json!(problem.status),
            Value::String(text) if text == "{problem}" => json!(problem),
            Value::String(text) => Value::String(self.filled(text, problem, str::to_owned)),
            Value::Array(all) => all.iter().map(|one| self.value(one, problem)).collect(),
            Value::Object(members) => {
                let filled = members.iter().map(|(name, value)| (name.clone(), self.value(value, problem)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// In one pass, so that what is filled in is never looked through again.
    fn filled(&self, shape: &str, problem: &Problem, written: fn(&str) -> String) -> String {
        let mut out = String::new();
        let mut rest = shape;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let named =
                after.split_once('}').and_then(|(name, after)| Some((self.part(name, problem)?, after)));
            rest = match named {
                Some((part, after)) => {
                    out.push_str(&written(&part));
                    after
                }
                None => {
                    out.push('{');
                    after
                }
            };
        }
        out.push_str(rest);
        out
    }

    fn part(&self, name: &str, problem: &Problem) -> Option<String> {
        Some(match name {
            "text" => text(problem),
            "code" => problem.code.clone(),
            "kind" => self.kind(problem.status),
            "type" => problem.kind.clone(),
            "record" => problem.record.clone().unwrap_or_default(),
            "status" => problem.status.to_string(),
            _ => return None,
        })
    }

    fn kind(&self, status: u16) -> String {
        let kinds = &self.denial.kinds;
        let kind = kinds.get(&status.to_string()).or_else(|| kinds.get(&(status / 100).to_string()));
        kind.cloned().unwrap_or_default()
    }
}

/// For the text of an XML element.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML 1.0 has no way to write these.
            letter if letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}') => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
