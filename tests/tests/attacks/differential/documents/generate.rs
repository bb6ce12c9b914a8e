//! Requests over a schema: right ones in many disguises, and some with an accident in their text.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::super::Dice;
use super::schema::{Input, Root, Schema, bare, literal};

/// One request.
pub(super) struct Request {
    pub query: String,
    pub variables: Value,
    pub name: Option<&'static str>,
    /// Nothing in the text was broken on purpose.
    pub is_whole: bool,
}

struct Writer<'a> {
    dice: &'a mut Dice,
    schema: &'a Schema,
    fragments: String,
    declared: Vec<String>,
    given: Map<String, Value>,
    count: usize,
}

const ODD: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    ":",
    "$",
    "!",
    "@",
    "...",
    "\"",
    "\"\"\"",
    "#",
    ",",
    "\n",
    " on ",
    "mutation",
    "query",
    "fragment F on Query { __typename }",
    "@skip(if: true)",
    "@include(if: false)",
    "\u{feff}",
    "\\u0061",
    "null",
    "true",
    "x: ",
    "é",
    "&",
    "|",
    "=",
    "0",
    "-",
    "[",
    "]",
    "@defer",
];

pub(super) fn request(dice: &mut Dice, schema: &Schema) -> Request {
    let mut writer =
        Writer { dice, schema, fragments: String::new(), declared: Vec::new(), given: Map::new(), count: 0 };
    let mut parts = vec![writer.operation("A")];
    let mut name = [None, Some("A")][writer.dice.roll(2)];
    if writer.dice.roll(5) == 0 {
        parts.push(writer.operation("B"));
        name = [None, Some("A"), Some("B"), Some("b"), Some("")][writer.dice.roll(5)];
    }
    let fragments = std::mem::take(&mut writer.fragments);
    parts.insert(writer.dice.roll(parts.len() + 1), fragments);
    let variables = Value::Object(std::mem::take(&mut writer.given));
    let mut query = parts.join("\n");
    let is_whole = dice.roll(4) > 0;
    if !is_whole {
        for _ in 0..=dice.roll(2) {
            query = broken(dice, &query);
        }
    }
    Request { query, variables, name, is_whole }
}

/// A letter less, a piece more, or a stretch twice.
fn broken(dice: &mut Dice, text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = dice.roll(letters.len() + 1);
    let (before, after) = letters.split_at(at);
    let join = |parts: [&[char]; 2], between: &str| -> String {
        parts[0].iter().chain(&between.chars().collect::<Vec<_>>()).chain(parts[1]).collect()
    };
    match dice.roll(4) {
        0 => join([before, after.get(1..).unwrap_or_default()], ""),
        1 => {
            let twice: String = after.iter().take(dice.roll(30)).collect();
            join([before, after], &twice)
        }
        2 => {
            let gone = dice.roll(12).min(after.len());
            join([before, &after[gone..]], "")
        }
        _ => join([before, after], dice.pick(ODD)),
    }
}

impl Writer<'_> {
    fn operation(&mut self, name: &str) -> String {
        let is_mutation = self.dice.roll(3) > 0;
        let schema = self.schema;
        let roots: Vec<&Root> = schema.roots.iter().filter(|root| root.is_mutation == is_mutation).collect();
        let kind = if is_mutation { "Mutation" } else { "Query" };
        let mut selections = String::new();
        for _ in 0..=self.dice.roll(3) {
            let root = roots[self.dice.roll(roots.len())];
            let field = self.field(root);
            let _ = write!(selections, "{} ", self.disguised(kind, field));
        }
        if self.dice.roll(6) == 0 {
            selections.push_str("__typename ");
        }
        let declared = std::mem::take(&mut self.declared);
        let declared = if declared.is_empty() { String::new() } else { format!("({})", declared.join(", ")) };
        format!("{} {name}{declared} {{ {selections}}}", kind.to_lowercase())
    }

    fn field(&mut self, root: &Root) -> String {
        let schema = self.schema;
        self.count += 1;
        let alias = match self.dice.roll(3) {
            0 => format!("{}: ", ["me", "a", "x", "query", "on2"][self.dice.roll(5)]),
            // Two of a name beside each other would have to be alike.
            _ => format!("n{}: ", self.count),
        };
        let arguments = self.members(schema.arguments(root), 0);
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        let mut selection = String::new();
        if !schema.is_leaf(&root.returns) {
            let plain = schema.plain(&root.returns);
            let mut names = vec!["__typename"];
            for _ in 0..self.dice.roll(3) {
                if !plain.is_empty() {
                    names.push(plain[self.dice.roll(plain.len())]);
                }
            }
            selection = format!(" {{ {} }}", names.join(" "));
        }
        format!("{alias}{}{arguments}{}{selection}", root.name, self.directive())
    }

    fn directive(&mut self) -> String {
        let (name, holds) = match self.dice.roll(12) {
            0 => ("include", true),
            1 => ("skip", false),
            2 => ("include", false),
            3 => ("skip", true),
            _ => return String::new(),
        };
        let value = self.written("Boolean!", &json!(holds));
        format!(" @{name}(if: {value})")
    }

    fn disguised(&mut self, kind: &str, field: String) -> String {
        self.count += 1;
        let number = self.count;
        match self.dice.roll(10) {
            0 => format!("... on {kind} {{ {field} }}"),
            1 => format!("...{} {{ {field} }}", self.directive()),
            2 => format!("... {{ ... on {kind}{} {{ {field} }} }}", self.directive()),
            3 => {
                let _ = write!(self.fragments, "fragment F{number} on {kind} {{ {field} }} ");
                format!("...F{number}{}", self.directive())
            }
            4 => {
                let _ = write!(
                    self.fragments,
                    "fragment F{number} on {kind} {{ ...G{number} }} fragment G{number} on {kind} {{ {field} }} "
                );
                format!("...F{number} ...G{number}")
            }
            5 => format!("# {{ me {{ id }} }}\n{field},,"),
            _ => field,
        }
    }

    /// Arguments or members of an input, as they are written between its brackets.
    fn members(&mut self, inputs: &[Input], depth: usize) -> String {
        let mut written = Vec::new();
        for input in inputs {
            let needed = input.ty.ends_with('!') && input.default.is_empty();
            if needed || self.dice.roll(depth + 2) == 0 {
                let value = self.value(&input.ty, depth);
                let value = self.written(&input.ty, &value);
                written.push(format!("{}: {value}", input.name));
            }
        }
        written.join(", ")
    }

    /// A value as JSON.
    fn value(&mut self, ty: &str, depth: usize) -> Value {
        let Some(inner) = ty.strip_suffix('!') else {
            return if self.dice.roll(12) == 0 { Value::Null } else { self.value(&format!("{ty}!"), depth) };
        };
        if let Some(item) = inner.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            // One value is a list of it.
            return match self.dice.roll(5) {
                0 => self.value(&format!("{}!", item.trim_end_matches('!')), depth),
                1 => json!([]),
                _ => json!([self.value(item, depth), self.value(item, depth)]),
            };
        }
        if let Some(values) = self.schema.enums.get(inner) {
            return json!(values[self.dice.roll(values.len())]);
        }
        if let Some(members) = self.schema.inputs.get(inner) {
            let mut object = Map::new();
            for member in members {
                let needed = member.ty.ends_with('!') && member.default.is_empty();
                if needed || self.dice.roll(depth + 3) == 0 && depth < 4 {
                    object.insert(member.name.clone(), self.value(&member.ty, depth + 1));
                }
            }
            return Value::Object(object);
        }
        match inner {
            "Int" => json!(self.dice.roll(1000)),
            "Float" => json!([0.5, 2.25, 7.0][self.dice.roll(3)]),
            "Boolean" => json!(self.dice.roll(2) == 0),
            "String" | "ID" => self.text(),
            _ if self.dice.roll(2) == 0 => json!({ "a": { "b": [1, "x", null, true] } }),
            _ => self.text(),
        }
    }

    fn text(&mut self) -> Value {
        let odd = ["", "a \"quoted\" text", "# { }", "$v", "é\u{1f600}", "\\", "x\ny", "}"];
        match self.dice.roll(8) {
            0 => json!(odd[self.dice.roll(odd.len())]),
            _ => json!(format!("3d2c42fb-0000-4000-8000-{:012x}", self.dice.roll(1 << 20))),
        }
    }

    /// A value in the document: as it stands, or by a variable.
    fn written(&mut self, ty: &str, value: &Value) -> String {
        if self.dice.roll(4) == 0 {
            return self.variable(ty, value);
        }
        let inner = ty.trim_end_matches('!');
        match (self.schema.inputs.get(inner), value) {
            (Some(members), Value::Object(object)) => {
                let own = members.iter().filter_map(|member| Some((member, object.get(&member.name)?)));
                let own: Vec<String> = own
                    .map(|(member, value)| format!("{}: {}", member.name, self.written(&member.ty, value)))
                    .collect();
                format!("{{{}}}", own.join([", ", " ", "\n"][self.dice.roll(3)]))
            }
            (_, Value::Array(items)) if inner.starts_with('[') => {
                let item = &inner[1..inner.len() - 1];
                let items: Vec<String> = items.iter().map(|one| self.written(item, one)).collect();
                format!("[{}]", items.join(", "))
            }
            (_, Value::String(text)) if self.dice.roll(10) == 0 && text.starts_with("3d") => {
                [format!("\"\"\"{text}\"\"\""), format!("\"\\u0033{}\"", &text[1..])][self.dice.roll(2)]
                    .clone()
            }
            (None, value) => literal(value, self.schema.enums.contains_key(bare(inner))),
            (Some(_), other) => literal(other, false),
        }
    }

    /// Given, by default, both, or neither where it may be absent.
    fn variable(&mut self, ty: &str, value: &Value) -> String {
        self.count += 1;
        let name = format!("v{}", self.count);
        let plain = self.constant(ty, value);
        let (default, given) = match self.dice.roll(5) {
            0 => (Some(plain), None),
            1 => {
                let other = self.value(ty, 3);
                (Some(self.constant(ty, &other)), Some(value.clone()))
            }
            2 if !ty.ends_with('!') => (None, None),
            _ => (None, Some(value.clone())),
        };
        let default = default.map(|default| format!(" = {default}")).unwrap_or_default();
        self.declared.push(format!("${name}: {ty}{default}"));
        if let Some(given) = given {
            self.given.insert(name.clone(), given);
        }
        format!("${name}")
    }

    /// As [`Writer::written`], without variables: what a default may be.
    fn constant(&self, ty: &str, value: &Value) -> String {
        let inner = ty.trim_end_matches('!');
        match (self.schema.inputs.get(inner), value) {
            (Some(members), Value::Object(object)) => {
                let own = members.iter().filter_map(|member| Some((member, object.get(&member.name)?)));
                let own = own
                    .map(|(member, value)| format!("{}: {}", member.name, self.constant(&member.ty, value)));
                format!("{{{}}}", own.collect::<Vec<_>>().join(", "))
            }
            (_, Value::Array(items)) if inner.starts_with('[') => {
                let item = &inner[1..inner.len() - 1];
                let items: Vec<String> = items.iter().map(|one| self.constant(item, one)).collect();
                format!("[{}]", items.join(", "))
            }
            (_, value) => literal(value, self.schema.enums.contains_key(bare(inner))),
        }
    }
}
