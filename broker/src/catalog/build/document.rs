//! The bytes of a description as one JSON value: JSON that has a single reading, or YAML 1.2 within limits.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use stint_jose::strict_json;

use super::Limits;
use crate::catalog::pack::PackError;

pub(super) fn parse(file: &str, bytes: &[u8], limits: &Limits) -> Result<Value, PackError> {
    let text = std::str::from_utf8(bytes).map_err(|_| PackError::new(file, "the text is not UTF-8"))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) {
        return strict_json::parse(text.as_bytes(), limits.depth).map_err(|error| {
            // A JSON reader that forgives nothing does not say where; one that forgives more does.
            let row = serde_json::from_str::<serde::de::IgnoredAny>(text).err().map(|error| error.line());
            PackError { file: file.to_owned(), row, reason: error.to_string() }
        });
    }
    yaml(file, text, limits)
}

/// One open collection.
enum Open {
    List(Vec<Value>),
    Map { members: Map<String, Value>, key: Option<String> },
}

struct Building<'a> {
    limits: &'a Limits,
    open: Vec<(Open, usize)>,
    anchors: std::collections::HashMap<usize, (Value, usize)>,
    root: Option<Value>,
    nodes: usize,
}

fn yaml(file: &str, text: &str, limits: &Limits) -> Result<Value, PackError> {
    let mut building = Building {
        limits,
        open: Vec::new(),
        anchors: std::collections::HashMap::new(),
        root: None,
        nodes: 0,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            PackError::at(file, error.marker().line(), format!("the YAML is malformed: {}", error.info()))
        })?;
        building.take(event).map_err(|reason| PackError::at(file, span.start.line(), reason))?;
    }
    building.root.ok_or_else(|| PackError::new(file, "the document is empty"))
}

impl Building<'_> {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::SequenceStart(anchor, tag) => {
                no_tag(tag.is_some())?;
                self.start(Open::List(Vec::new()), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                no_tag(tag.is_some())?;
                self.start(Open::Map { members: Map::new(), key: None }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Scalar(text, style, anchor, tag) => {
                no_tag(tag.is_some())?;
                let value = if style == ScalarStyle::Plain { plain(&text) } else { Value::from(&*text) };
                self.put(value, 1, anchor, Some(&text))
            }
            Event::Alias(anchor) => {
                let (value, size) =
                    self.anchors.get(&anchor).cloned().ok_or("an alias names what is not there yet")?;
                self.put(value, size, 0, None)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                Err("there is more than one document".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        if self.open.len() >= self.limits.depth {
            return Err(format!("nested deeper than {}", self.limits.depth));
        }
        self.open.push((open, anchor));
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let (open, anchor) = self.open.pop().ok_or("a collection ends that was not begun")?;
        let value = match open {
            Open::List(items) => Value::Array(items),
            Open::Map { members, .. } => Value::Object(members),
        };
        let size = if anchor == 0 { 1 } else { size(&value) };
        self.put_sized(value, 1, size, anchor, None)
    }

    fn put(&mut self, value: Value, size: usize, anchor: usize, text: Option<&str>) -> Result<(), String> {
        self.put_sized(value, size, size, anchor, text)
    }

    /// `cost` counts what is new; `size` is what an alias of it would cost.
    fn put_sized(
        &mut self,
        value: Value,
        cost: usize,
        size: usize,
        anchor: usize,
        text: Option<&str>,
    ) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(cost);
        if self.nodes > self.limits.nodes {
            return Err(format!("the document stands for more than {} values", self.limits.nodes));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.open.last_mut() {
            None if self.root.is_none() => self.root = Some(value),
            None => return Err("there is more than one value".to_owned()),
            Some((Open::List(items), _)) => items.push(value),
            Some((Open::Map { members, key }, _)) => match key.take() {
                None => *key = Some(text.ok_or("a key is not a plain text")?.to_owned()),
                Some(name) if members.contains_key(&name) => {
                    return Err(format!("the key '{}' is there twice", shown(&name)));
                }
                Some(name) => {
                    members.insert(name, value);
                }
            },
        }
        Ok(())
    }
}

fn no_tag(there: bool) -> Result<(), String> {
    if there { Err("tags are not read".to_owned()) } else { Ok(()) }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(size).fold(1, usize::saturating_add),
        Value::Object(members) => members.values().map(size).fold(1, usize::saturating_add),
        _ => 1,
    }
}

/// The core schema of YAML 1.2 (s10.3), as far as descriptions need it.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => text.parse::<i64>().map_or_else(
            |_| match text
                .parse::<f64>()
                .ok()
                .filter(|_| text.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
            {
                Some(number) => Number::from_f64(number).map_or_else(|| Value::from(text), Value::Number),
                None => Value::from(text),
            },
            Value::from,
        ),
    }
}

fn shown(name: &str) -> String {
    name.chars().take(60).collect::<String>().escape_debug().to_string()
}
