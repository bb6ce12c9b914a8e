//! What a pack's tables say of its provider's schema, and the same as SDL for another parser.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

/// An argument or a member of an input: name, type, default as JSON or empty.
pub(super) struct Input {
    pub name: String,
    pub ty: String,
    pub default: String,
}

/// A root field.
pub(super) struct Root {
    pub is_mutation: bool,
    pub name: String,
    /// `volume=volumeId,environment=input.environmentId`.
    pub resources: String,
    pub returns: String,
}

#[derive(Default)]
pub(super) struct Schema {
    pub roots: Vec<Root>,
    /// Fields of types: name and type.
    pub types: BTreeMap<String, Vec<(String, String)>>,
    /// By `mutation.volumeDelete`, `Type.field` or the name of an input.
    pub inputs: BTreeMap<String, Vec<Input>>,
    pub enums: BTreeMap<String, Vec<String>>,
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    lines.map(|line| line.split('\t').collect())
}

/// `[String!]!` without what stands around the name.
pub(super) fn bare(ty: &str) -> &str {
    ty.trim_matches(['[', ']', '!'])
}

impl Schema {
    pub fn of(operations: &str, types: &str, inputs: &str) -> Self {
        let mut schema = Schema::default();
        // `*` is where a type is, `|` the members of a union: never asked for here.
        for row in rows(types).filter(|row| !matches!(row[1], "*" | "|")) {
            schema.types.entry(row[0].into()).or_default().push((row[1].into(), row[2].into()));
        }
        // `*` says what a scalar takes.
        for row in rows(inputs).filter(|row| row[1] != "*") {
            if row[1] == "=" {
                schema.enums.insert(row[0].into(), row[2].split(' ').map(str::to_owned).collect());
            } else {
                let input = Input { name: row[1].into(), ty: row[2].into(), default: row[3].into() };
                schema.inputs.entry(row[0].into()).or_default().push(input);
            }
        }
        for row in rows(operations).filter(|row| matches!(row[0], "query" | "mutation")) {
            let root = Root {
                is_mutation: row[0] == "mutation",
                name: row[1].into(),
                resources: row[4].into(),
                returns: row[7].into(),
            };
            // Where a union comes back, the tables do not say its members.
            if schema.is_leaf(&root.returns) || schema.types.contains_key(bare(&root.returns)) {
                schema.roots.push(root);
            }
        }
        schema
    }

    pub fn is_leaf(&self, ty: &str) -> bool {
        let name = bare(ty);
        matches!(name, "String" | "Int" | "Float" | "Boolean" | "ID") || self.enums.contains_key(name)
    }

    pub fn arguments(&self, root: &Root) -> &[Input] {
        let kind = if root.is_mutation { "mutation" } else { "query" };
        self.inputs.get(&format!("{kind}.{}", root.name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Fields that can be asked for as they are.
    pub fn plain(&self, ty: &str) -> Vec<&str> {
        let fields = self.types.get(bare(ty)).map(Vec::as_slice).unwrap_or_default();
        let needs = |name: &str| {
            let own = self.inputs.get(&format!("{}.{name}", bare(ty))).into_iter().flatten();
            own.into_iter().any(|input| input.ty.ends_with('!') && input.default.is_empty())
        };
        let plain = fields.iter().filter(|(name, ty)| self.is_leaf(ty) && !needs(name));
        plain.map(|(name, _)| name.as_str()).collect()
    }

    /// Root fields are nullable here, since the oracle's resolvers return nothing.
    pub fn sdl(&self) -> String {
        let mut text = String::new();
        let mut named: BTreeSet<&str> = BTreeSet::new();
        for (kind, is_mutation) in [("Query", false), ("Mutation", true)] {
            let _ = writeln!(text, "type {kind} {{");
            for root in self.roots.iter().filter(|root| root.is_mutation == is_mutation) {
                let returns = root.returns.trim_end_matches('!');
                self.field(&mut text, &root.name, self.arguments(root), returns, &mut named);
            }
            text.push_str("}\n");
        }
        for (name, fields) in &self.types {
            let _ = writeln!(text, "type {name} {{");
            for (field, ty) in fields {
                let own = self.inputs.get(&format!("{name}.{field}")).map(Vec::as_slice).unwrap_or_default();
                self.field(&mut text, field, own, ty, &mut named);
            }
            text.push_str("}\n");
        }
        for (name, members) in self.inputs.iter().filter(|(name, _)| !name.contains('.')) {
            let _ = writeln!(text, "input {name} {{");
            for member in members {
                let _ = writeln!(text, "  {}", self.input(member));
                named.insert(bare(&member.ty));
            }
            text.push_str("}\n");
        }
        for (name, values) in &self.enums {
            let _ = writeln!(text, "enum {name} {{ {} }}", values.join(" "));
        }
        let known = |name: &str| {
            self.is_leaf(name) || self.types.contains_key(name) || self.inputs.contains_key(name)
        };
        for name in named.into_iter().filter(|name| !known(name)) {
            let _ = writeln!(text, "scalar {name}");
        }
        text
    }

    fn field<'a>(
        &'a self,
        text: &mut String,
        name: &str,
        arguments: &'a [Input],
        returns: &'a str,
        named: &mut BTreeSet<&'a str>,
    ) {
        named.extend(arguments.iter().map(|one| bare(&one.ty)).chain([bare(returns)]));
        let own: Vec<String> = arguments.iter().map(|one| self.input(one)).collect();
        let own = if own.is_empty() { String::new() } else { format!("({})", own.join(", ")) };
        let _ = writeln!(text, "  {name}{own}: {returns}");
    }

    fn input(&self, input: &Input) -> String {
        let default = match serde_json::from_str(&input.default) {
            Ok(value) => format!(" = {}", literal(&value, self.enums.contains_key(bare(&input.ty)))),
            Err(_) => String::new(),
        };
        format!("{}: {}{default}", input.name, input.ty)
    }
}

/// JSON as a value of GraphQL.
pub(super) fn literal(value: &Value, is_enum: bool) -> String {
    match value {
        Value::String(text) if is_enum => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| literal(item, is_enum)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", literal(value, is_enum)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
