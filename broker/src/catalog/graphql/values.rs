//! Values as a server will have them: variables with their defaults, arguments, input objects (GraphQL October 2021 s6.1.2, s6.4.1).
//!
//! Everything that a fact is read from comes through here, so that a literal, a variable and a default give one answer.

use std::collections::BTreeMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Argument, OperationDefinition, Type, Value as Literal};
use serde_json::{Map, Number, Value};

use super::code;
use super::tables::{Input, Leaf, Tables};
use crate::catalog::Refusal;

/// The variables of one operation.
#[derive(Debug)]
pub(super) struct Variables {
    declared: BTreeMap<String, Variable>,
}

#[derive(Debug)]
struct Variable {
    ty: Type,
    has_default: bool,
    /// `None` when nothing was given and there is no default.
    value: Option<Value>,
    /// What the request gave: sent on as it was judged.
    given: Option<Value>,
}

impl Variables {
    /// Coerces what the request gave to the declared types. What is not declared is dropped, and so not sent on.
    pub fn coerce(
        tables: &Tables,
        operation: &OperationDefinition,
        mut given: Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let none = Variables { declared: BTreeMap::new() };
        let mut declared = BTreeMap::new();
        for definition in &operation.variables {
            let name = definition.name.to_string();
            if declared.contains_key(&name) {
                return Err(Refusal::new(code::DUPLICATE_NAME, "two variables have one name"));
            }
            let ty = (*definition.ty).clone();
            if !tables.is_input(ty.inner_named_type()) {
                return Err(Refusal::new(code::UNKNOWN_TYPE, format!("the type of ${name} is not known")));
            }
            if !definition.directives.is_empty() {
                return Err(Refusal::new(code::UNKNOWN_DIRECTIVE, "a variable has a directive"));
            }
            let default = match &definition.default_value {
                Some(value) => literal(tables, value, &ty, &none, 0)?,
                None => None,
            };
            let given = match given.remove(&name) {
                Some(value) => Some(json(tables, value, &ty, 0)?),
                None => None,
            };
            let has_default = default.as_ref().is_some_and(|value| !value.is_null());
            let value = given.clone().or(default);
            if value.is_none() && ty.is_non_null() {
                return Err(Refusal::new(code::MISSING_ARGUMENT, format!("${name} is required")));
            }
            declared.insert(name, Variable { ty, has_default, value, given });
        }
        Ok(Variables { declared })
    }

    /// What is sent on: the declared variables that the request gave, as coerced.
    pub fn given(self) -> Map<String, Value> {
        self.declared.into_iter().filter_map(|(name, variable)| Some((name, variable.given?))).collect()
    }

    /// Whether a variable can stand where a boolean has to (a directive's `if`).
    pub fn is_boolean(&self, name: &str) -> bool {
        self.declared.get(name).is_some_and(|variable| variable.value.as_ref().is_some_and(Value::is_boolean))
    }
}

/// The arguments of a field as the server will have them, with the schema's defaults. Absent ones are left out.
pub(super) fn arguments(
    tables: &Tables,
    owner: &str,
    arguments: &[Node<Argument>],
    variables: &Variables,
) -> Result<Map<String, Value>, Refusal> {
    let known = tables.inputs(owner).unwrap_or_default();
    let mut given: BTreeMap<&str, &Literal> = BTreeMap::new();
    for argument in arguments {
        if given.insert(argument.name.as_str(), &argument.value).is_some() {
            return Err(Refusal::new(code::DUPLICATE_NAME, format!("{owner} has an argument twice")));
        }
    }
    fields(tables, owner, known, given, variables, 0)
}

/// Values are nested no deeper than this: the parser holds literals, and this holds JSON.
const MAX_DEPTH: usize = 64;

/// The fields of an input object (or the arguments of a field) from literals.
fn fields(
    tables: &Tables,
    owner: &str,
    known: &[Input],
    mut given: BTreeMap<&str, &Literal>,
    variables: &Variables,
    depth: usize,
) -> Result<Map<String, Value>, Refusal> {
    let mut map = Map::new();
    for input in known {
        let value = match given.remove(input.name.as_str()) {
            Some(Literal::Variable(name)) => {
                variable(variables, name, &input.ty, input.default.as_ref().is_some_and(|v| !v.is_null()))?
            }
            Some(value) => literal(tables, value, &input.ty, variables, depth + 1)?,
            None => None,
        };
        settle(&mut map, owner, input, value)?;
    }
    match given.keys().next() {
        Some(name) => Err(unknown(owner, name)),
        None => Ok(map),
    }
}

/// Puts one input in its place: what was given, else the schema's default, else nothing where that is allowed.
fn settle(
    map: &mut Map<String, Value>,
    owner: &str,
    input: &Input,
    value: Option<Value>,
) -> Result<(), Refusal> {
    match value.or_else(|| input.default.clone()) {
        Some(value) if !(value.is_null() && input.ty.is_non_null()) => {
            map.insert(input.name.clone(), value);
            Ok(())
        }
        None if !input.ty.is_non_null() => Ok(()),
        _ => Err(Refusal::new(code::MISSING_ARGUMENT, format!("{owner} needs '{}'", input.name))),
    }
}

fn literal(
    tables: &Tables,
    value: &Literal,
    ty: &Type,
    variables: &Variables,
    depth: usize,
) -> Result<Option<Value>, Refusal> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    if let Literal::Variable(name) = value {
        return variable(variables, name, ty, false);
    }
    if matches!(value, Literal::Null) {
        return if ty.is_non_null() { Err(invalid(ty)) } else { Ok(Some(Value::Null)) };
    }
    if ty.is_list() {
        let items = match value {
            Literal::List(items) => items.iter().map(|item| &**item).collect(),
            single => vec![single],
        };
        let item_type = ty.item_type();
        let items = items.into_iter().map(|item| {
            // A list has no absent items: an absent variable in one is null.
            literal(tables, item, item_type, variables, depth + 1).map(|value| value.unwrap_or(Value::Null))
        });
        return Ok(Some(Value::Array(items.collect::<Result<_, _>>()?)));
    }
    let name = ty.inner_named_type().as_str();
    let value = match (name, value) {
        (_, Literal::Object(members)) if tables.inputs(name).is_some() => {
            let known = tables.inputs(name).unwrap_or_default();
            let mut given: BTreeMap<&str, &Literal> = BTreeMap::new();
            for (member, value) in members {
                if given.insert(member.as_str(), value).is_some() {
                    return Err(Refusal::new(code::DUPLICATE_NAME, format!("{name} has a field twice")));
                }
            }
            Value::Object(fields(tables, name, known, given, variables, depth)?)
        }
        (_, value) if matches!(tables.leaf(name), Some(Leaf::Json)) => free(value, variables, depth)?,
        (_, Literal::Enum(word)) => match tables.leaf(name) {
            Some(Leaf::Enum(words)) if words.contains(word.as_str()) => Value::String(word.to_string()),
            _ => return Err(invalid(ty)),
        },
        // Enums are never strings in a document.
        _ if matches!(tables.leaf(name), Some(Leaf::Enum(_))) => return Err(invalid(ty)),
        (_, Literal::Object(_) | Literal::List(_)) => return Err(invalid(ty)),
        (_, value) => json(tables, free(value, variables, depth)?, ty, depth)?,
    };
    Ok(Some(value))
}

/// A literal of no particular type: what stands in a JSON scalar.
fn free(value: &Literal, variables: &Variables, depth: usize) -> Result<Value, Refusal> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let number = |text: &str| {
        let number: Result<Number, _> = serde_json::from_str(text);
        number.map(Value::Number).map_err(|_| Refusal::new(code::INVALID_VALUE, "a number is out of range"))
    };
    Ok(match value {
        Literal::Null => Value::Null,
        Literal::Boolean(value) => Value::Bool(*value),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Enum(word) => Value::String(word.to_string()),
        Literal::Int(value) => number(value.as_str())?,
        Literal::Float(value) => number(value.as_str())?,
        Literal::Variable(name) => {
            let variable = variables.declared.get(name.as_str()).ok_or_else(undeclared)?;
            variable.value.clone().unwrap_or(Value::Null)
        }
        Literal::List(items) => {
            let items = items.iter().map(|item| free(item, variables, depth + 1));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Literal::Object(members) => {
            let mut map = Map::new();
            for (name, value) in members {
                if map.insert(name.to_string(), free(value, variables, depth + 1)?).is_some() {
                    return Err(Refusal::new(code::DUPLICATE_NAME, "an object has a field twice"));
                }
            }
            Value::Object(map)
        }
    })
}

/// A variable where a value of `ty` has to stand (s5.8.5: all variable usages are allowed).
fn variable(
    variables: &Variables,
    name: &str,
    ty: &Type,
    place_has_default: bool,
) -> Result<Option<Value>, Refusal> {
    let variable = variables.declared.get(name).ok_or_else(undeclared)?;
    let fits = if ty.is_non_null() && !variable.ty.is_non_null() {
        (variable.has_default || place_has_default) && variable.ty.is_assignable_to(&ty.clone().nullable())
    } else {
        variable.ty.is_assignable_to(ty)
    };
    let null = variable.value.as_ref().is_some_and(Value::is_null);
    if !fits || (null && ty.is_non_null()) {
        return Err(Refusal::new(code::INVALID_VALUE, format!("${name} cannot stand where {ty} has to")));
    }
    Ok(variable.value.clone())
}

/// JSON to a declared type.
fn json(tables: &Tables, value: Value, ty: &Type, depth: usize) -> Result<Value, Refusal> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    if value.is_null() {
        return if ty.is_non_null() { Err(invalid(ty)) } else { Ok(Value::Null) };
    }
    if ty.is_list() {
        let items = match value {
            Value::Array(items) => items,
            single => vec![single],
        };
        let items = items.into_iter().map(|item| json(tables, item, ty.item_type(), depth + 1));
        return Ok(Value::Array(items.collect::<Result<_, _>>()?));
    }
    let name = ty.inner_named_type().as_str();
    if let Some(known) = tables.inputs(name) {
        let Value::Object(mut members) = value else { return Err(invalid(ty)) };
        let mut map = Map::new();
        for input in known {
            let value = match members.remove(&input.name) {
                Some(value) => Some(json(tables, value, &input.ty, depth + 1)?),
                None => None,
            };
            settle(&mut map, name, input, value)?;
        }
        return match members.keys().next() {
            Some(member) => Err(unknown(name, member)),
            None => Ok(Value::Object(map)),
        };
    }
    let fits = match (name, &value) {
        ("String", Value::String(_)) | ("Boolean", Value::Bool(_)) => true,
        ("Float", Value::Number(_)) => true,
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|int| i32::try_from(int).is_ok()),
        ("ID", Value::String(_)) => true,
        // An id that is written as a number is a string from here on.
        ("ID", Value::Number(number)) if number.is_i64() => return Ok(Value::String(number.to_string())),
        (_, value) => match (tables.leaf(name), value) {
            (Some(Leaf::Json), _) => true,
            (Some(Leaf::Enum(words)), Value::String(word)) => words.contains(word),
            (Some(Leaf::Scalar), Value::String(_) | Value::Number(_)) => true,
            _ => false,
        },
    };
    if fits { Ok(value) } else { Err(invalid(ty)) }
}

fn invalid(ty: &Type) -> Refusal {
    Refusal::new(code::INVALID_VALUE, format!("a value is not of type {ty}"))
}

fn unknown(owner: &str, name: &str) -> Refusal {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(80).collect();
    Refusal::new(code::UNKNOWN_ARGUMENT, format!("{owner} has no '{name}'"))
}

fn undeclared() -> Refusal {
    Refusal::new(code::UNKNOWN_VARIABLE, "a variable is used that the operation does not declare")
}

fn too_deep() -> Refusal {
    Refusal::new(code::TOO_COMPLEX, "a value is nested too deeply")
}
