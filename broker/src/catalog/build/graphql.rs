//! GraphQL: a schema in its own language, or the answer to an introspection query, as the three tables of a pack.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use apollo_compiler::Schema;
use apollo_compiler::ast::{FieldDefinition, InputValueDefinition, Value as Literal};
use apollo_compiler::parser::Parser;
use apollo_compiler::schema::ExtendedType;
use serde_json::{Map, Number, Value};

use super::description::Described;
use super::gathered::text;
use super::rules::judge;
use super::{Limits, document, words};
use crate::catalog::pack::PackError;
use crate::model::{Class, Mark};

const DEPTH: usize = 64;
const TOKENS: usize = 4_000_000;
/// Lists and not-nulls around one type.
const WRAPPED: usize = 8;

/// The tables of a pack of the GraphQL protocol.
#[derive(Debug, Clone)]
pub struct GraphqlBuilt {
    pub operations: String,
    pub types: String,
    pub inputs: String,
    pub counts: BTreeMap<Class, usize>,
}

/// Whether the file is a schema or an introspection answer.
pub fn is_graphql(file: &str, bytes: &[u8]) -> bool {
    let sdl = [".graphql", ".graphqls", ".gql"].iter().any(|end| file.ends_with(end));
    sdl || (bytes.len() < 64 * 1024 * 1024 && memchr::memmem::find(bytes, b"\"__schema\"").is_some())
}

/// Makes the tables. `overrides` are the classes that a person chose, by field.
pub fn graphql(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    overrides: &BTreeMap<String, Class>,
) -> Result<GraphqlBuilt, PackError> {
    let wrong = |reason: String| PackError::new(file, reason);
    if bytes.len() > limits.bytes {
        return Err(wrong(format!("the description is larger than {} bytes", limits.bytes)));
    }
    let own = std::str::from_utf8(bytes).map_err(|_| wrong("the text is not UTF-8".to_owned()))?;
    let made;
    let sdl = if own.trim_start().starts_with('{') {
        let answer = document::parse(file, bytes, limits)?;
        made = schema_text(&answer, limits).map_err(wrong)?;
        made.as_str()
    } else {
        own
    };
    let mut parser = Parser::new().recursion_limit(DEPTH).token_limit(TOKENS);
    let schema = parser.parse_schema(sdl, file).map_err(|errors| {
        let first = errors.errors.iter().next();
        let row = first.as_ref().and_then(|error| error.line_column_range()).map(|range| range.start.line);
        let reason =
            first.map_or_else(|| "the schema is malformed".to_owned(), |error| error.error.to_string());
        PackError { file: file.to_owned(), row, reason: text(&reason) }
    })?;
    tables(&schema, limits, overrides).map_err(wrong)
}

fn tables(
    schema: &Schema,
    limits: &Limits,
    overrides: &BTreeMap<String, Class>,
) -> Result<GraphqlBuilt, String> {
    let definition = &schema.schema_definition;
    let roots = [
        ("mutation", definition.mutation.as_ref()),
        ("query", definition.query.as_ref()),
        ("subscription", definition.subscription.as_ref()),
    ];
    let mut built = GraphqlBuilt {
        operations: "root\tfield\tclass\tscope\tresources\tmarks\tpayload\treturns\n".to_owned(),
        types: "type\tfield\treturns\tflags\n".to_owned(),
        inputs: "owner\tname\ttype\tdefault\n".to_owned(),
        counts: BTreeMap::new(),
    };
    let mut root_types = BTreeSet::new();
    let mut known = BTreeSet::new();
    for (root, name) in roots {
        let Some(name) = name else { continue };
        root_types.insert(name.name.to_string());
        let fields: BTreeMap<String, &FieldDefinition> = match schema.types.get(name.name.as_str()) {
            Some(ExtendedType::Object(object)) => {
                object.fields.iter().map(|(name, field)| (name.to_string(), &***field)).collect()
            }
            _ => return Err(format!("the root type '{}' is not an object", name.name)),
        };
        if known.len() + fields.len() > limits.operations {
            return Err("the description has too many operations".to_owned());
        }
        for (field_name, field) in fields {
            known.insert(field_name.clone());
            let one = Described {
                method: if root == "mutation" { "POST" } else { "GET" }.to_owned(),
                id: field_name.clone(),
                gives: if root == "mutation" {
                    fields_of(schema, field.ty.inner_named_type().as_str())
                } else {
                    Vec::new()
                },
                ..Described::default()
            };
            let judged = judge(&one);
            let class = overrides.get(&field_name).copied().unwrap_or(judged.class);
            let resources: Vec<String> = field.arguments.iter().filter_map(|own| named(own)).collect();
            let scope = if resources.is_empty() { "account" } else { "resources" };
            let marks: Vec<&str> = judged.marks.iter().copied().map(Mark::as_str).collect();
            let marks = if class == Class::Destroy { marks.join(",") } else { String::new() };
            let row = format!(
                "{root}\t{field_name}\t{class}\t{scope}\t{}\t{marks}\t\t{}\n",
                resources.join(","),
                field.ty
            );
            built.operations.push_str(&row);
            *built.counts.entry(class).or_default() += 1;
            inputs(
                &mut built.inputs,
                &format!("{root}.{field_name}"),
                field.arguments.iter().map(|own| &**own),
            )?;
        }
    }
    if known.is_empty() {
        return Err("the description has no operations".to_owned());
    }
    if let Some(unknown) = overrides.keys().find(|name| !known.contains(*name)) {
        return Err(format!("overrides.toml names '{unknown}', which the description has not"));
    }
    for (name, kind) in schema.types.iter().filter(|(name, _)| !name.starts_with("__")) {
        if root_types.contains(name.as_str()) || kind.is_built_in() {
            continue;
        }
        nested(&mut built, name.as_str(), kind)?;
    }
    Ok(built)
}

fn nested(built: &mut GraphqlBuilt, name: &str, kind: &ExtendedType) -> Result<(), String> {
    let fields: Vec<&FieldDefinition> = match kind {
        ExtendedType::Object(object) => object.fields.values().map(|field| &***field).collect(),
        ExtendedType::Interface(interface) => interface.fields.values().map(|field| &***field).collect(),
        ExtendedType::Union(_) => {
            let _ = writeln!(built.types, "{name}\t|\t\t");
            Vec::new()
        }
        ExtendedType::Enum(values) => {
            let values: Vec<&str> = values.values.keys().map(|value| value.as_str()).collect();
            let _ = writeln!(built.inputs, "{name}\t=\t{}\t", values.join(" "));
            Vec::new()
        }
        // What a custom scalar takes is not said: anything.
        ExtendedType::Scalar(_) => {
            let _ = writeln!(built.inputs, "{name}\t*\tjson\t");
            Vec::new()
        }
        ExtendedType::InputObject(input) => {
            inputs(&mut built.inputs, name, input.fields.values().map(|field| &***field))?;
            Vec::new()
        }
    };
    for field in fields {
        let flags = if words::gives_secret(field.name.as_str()) { "reveal" } else { "" };
        let _ = writeln!(built.types, "{name}\t{}\t{}\t{flags}", field.name, field.ty);
        inputs(
            &mut built.inputs,
            &format!("{name}.{}", field.name),
            field.arguments.iter().map(|own| &**own),
        )?;
    }
    Ok(())
}

fn inputs<'a>(
    table: &mut String,
    owner: &str,
    all: impl Iterator<Item = &'a InputValueDefinition>,
) -> Result<(), String> {
    for input in all {
        let default = match &input.default_value {
            Some(value) => plain(value, 0)?.to_string(),
            None => String::new(),
        };
        let _ = writeln!(table, "{owner}\t{}\t{}\t{default}", input.name, input.ty);
    }
    Ok(())
}

/// `volumeId: ID!` names a volume; a bare `id` names nothing that is known.
fn named(argument: &InputValueDefinition) -> Option<String> {
    let name = argument.name.as_str();
    let kind = name.strip_suffix("Id").or_else(|| name.strip_suffix("ID"))?;
    let word: Vec<String> = words::split(kind);
    (!argument.ty.is_list() && !word.is_empty()).then(|| format!("{}={name}", word.join("-")))
}

/// Names of the fields that a type has.
fn fields_of(schema: &Schema, name: &str) -> Vec<String> {
    match schema.types.get(name) {
        Some(ExtendedType::Object(object)) => object.fields.keys().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn plain(value: &Literal, depth: usize) -> Result<Value, String> {
    if depth > DEPTH {
        return Err("a default value is nested too deeply".to_owned());
    }
    Ok(match value {
        Literal::Null => Value::Null,
        Literal::Enum(name) => Value::from(name.as_str()),
        Literal::Variable(_) => return Err("a default value holds a variable".to_owned()),
        Literal::String(text) => Value::from(text.as_str()),
        Literal::Boolean(value) => Value::Bool(*value),
        Literal::Int(number) => serde_json::from_str(number.as_str()).map_err(|error| error.to_string())?,
        Literal::Float(number) => number
            .try_to_f64()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or("a default value is no number")?,
        Literal::List(items) => {
            items.iter().map(|item| plain(item, depth + 1)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Literal::Object(members) => {
            let mut map = Map::new();
            for (name, member) in members {
                map.insert(name.to_string(), plain(member, depth + 1)?);
            }
            Value::Object(map)
        }
    })
}

/// The answer to an introspection query in the language of schemas, so that one reader reads both.
fn schema_text(answer: &Value, limits: &Limits) -> Result<String, String> {
    let schema = answer.get("__schema").or_else(|| answer.pointer("/data/__schema"));
    let schema = schema.ok_or("there is no '__schema'")?;
    let mut sdl = String::from("schema {\n");
    for (root, key) in
        [("query", "queryType"), ("mutation", "mutationType"), ("subscription", "subscriptionType")]
    {
        if let Some(name) = schema.get(key).and_then(|kind| kind.get("name")).and_then(Value::as_str) {
            let _ = writeln!(sdl, "  {root}: {}", word(name)?);
        }
    }
    sdl.push_str("}\n");
    let types = schema.get("types").and_then(Value::as_array).ok_or("'types' is not a list")?;
    if types.len() > limits.operations {
        return Err("the description has too many types".to_owned());
    }
    for kind in types {
        let name = word(kind.get("name").and_then(Value::as_str).ok_or("a type has no name")?)?;
        if name.starts_with("__") || ["String", "ID", "Int", "Float", "Boolean"].contains(&name) {
            continue;
        }
        let list = |key: &str| kind.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        match kind.get("kind").and_then(Value::as_str) {
            Some("SCALAR") => {
                let _ = writeln!(sdl, "scalar {name}");
            }
            Some("ENUM") => {
                let values: Vec<&str> = list("enumValues").iter().map(name_of).collect::<Result<_, _>>()?;
                let _ = writeln!(sdl, "enum {name} {{ {} }}", values.join(" "));
            }
            Some("UNION") => {
                let members: Vec<&str> =
                    list("possibleTypes").iter().map(name_of).collect::<Result<_, _>>()?;
                let _ = writeln!(sdl, "union {name} = {}", members.join(" | "));
            }
            Some("INPUT_OBJECT") => {
                let _ = writeln!(sdl, "input {name} {{ {} }}", arguments(list("inputFields"))?);
            }
            Some(shape @ ("OBJECT" | "INTERFACE")) => {
                let _ = writeln!(sdl, "{} {name} {{", if shape == "OBJECT" { "type" } else { "interface" });
                for field in list("fields") {
                    let own = arguments(
                        field.get("args").and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
                    )?;
                    let own = if own.is_empty() { own } else { format!("({own})") };
                    let _ = writeln!(sdl, "  {}{own}: {}", name_of(field)?, type_text(field.get("type"), 0)?);
                }
                sdl.push_str("}\n");
            }
            _ => return Err(format!("nobody knows what kind of type '{name}' is")),
        }
    }
    Ok(sdl)
}

fn arguments(list: &[Value]) -> Result<String, String> {
    let mut all = Vec::with_capacity(list.len());
    for one in list {
        let default = one.get("defaultValue").and_then(Value::as_str);
        let default = default.map(|text| format!(" = {text}")).unwrap_or_default();
        all.push(format!("{}: {}{default}", name_of(one)?, type_text(one.get("type"), 0)?));
    }
    Ok(all.join(", "))
}

fn type_text(kind: Option<&Value>, depth: usize) -> Result<String, String> {
    let kind = kind.filter(|_| depth < WRAPPED).ok_or("a type is missing, or wrapped without end")?;
    let inner = || type_text(kind.get("ofType"), depth + 1);
    match kind.get("kind").and_then(Value::as_str) {
        Some("NON_NULL") => Ok(format!("{}!", inner()?)),
        Some("LIST") => Ok(format!("[{}]", inner()?)),
        _ => name_of(kind).map(str::to_owned),
    }
}

fn name_of(value: &Value) -> Result<&str, String> {
    word(value.get("name").and_then(Value::as_str).ok_or("something has no name")?)
}

/// A name of GraphQL (October 2021, s2.1.9).
fn word(name: &str) -> Result<&str, String> {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let first = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if letters && first { Ok(name) } else { Err(format!("'{}' is not a name", text(name))) }
}
