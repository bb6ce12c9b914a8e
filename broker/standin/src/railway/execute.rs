//! Validation and execution by a GraphQL engine, as any server does it.

use std::sync::Arc;

use apollo_compiler::ast;
use apollo_compiler::parser::Parser;
use apollo_compiler::request::RequestError;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{GraphQLError, JsonMap};
use serde_json::{Value, json};

use super::node::{Held, Sight, refuse, show};
use super::query::{NOT_AUTHORIZED, query};
use super::request::Asked;
use super::schema::schema;
use super::world::{Viewer, World, text};
use super::{Railway, mutation};
use crate::fault::Fault;

/// Nesting that a document may have: deeper ones are refused as real servers refuse them.
const DEPTH: usize = 64;

/// The answer's JSON, and whether execution began.
pub(crate) struct Executed {
    pub(crate) body: Value,
    pub(crate) began: bool,
}

struct Root {
    sight: Arc<Sight>,
    mutation: bool,
}

pub(crate) fn execute(sight: Sight, asked: &Asked) -> Executed {
    let Some(schema) = schema() else { return failed("the schema is broken") };
    let mut parser = Parser::new().recursion_limit(DEPTH);
    let document = match parser.parse_executable(schema, asked.query.as_str(), "query.graphql") {
        Ok(document) => document,
        Err(errors) => return invalid(errors.errors.iter().map(|error| error.unstable_to_json_compat())),
    };
    let document = match document.validate(schema) {
        Ok(document) => document,
        Err(errors) => return invalid(errors.errors.iter().map(|error| error.unstable_to_json_compat())),
    };
    let wrong = |error: RequestError| invalid([error.to_graphql_error(&document.sources)]);
    let name = asked.operation_name.as_deref().filter(|name| !name.is_empty());
    let operation = match document.operations.get(name) {
        Ok(operation) => operation,
        Err(error) => return wrong(error),
    };
    if asked.read_only && operation.is_mutation() {
        return failed("Can only perform a mutation operation from a POST request.");
    }
    let partial = sight.faults.contains(&Fault::Partial);
    let root = Root { sight: Arc::new(sight), mutation: operation.is_mutation() };
    let variables: JsonMap =
        asked.variables.iter().map(|(n, v)| (n.as_str().into(), v.clone().into())).collect();
    let execution = Execution::new(schema, &document)
        .operation(operation)
        .raw_variable_values(&variables)
        .enable_schema_introspection(true);
    match execution.execute_sync(&root) {
        Ok(mut response) => {
            for error in &mut response.errors {
                // The engine's own words before the provider's.
                if let Some(message) = error.message.strip_prefix("resolver error: ") {
                    error.message = message.to_owned();
                }
            }
            let mut body = serde_json::to_value(&response).unwrap_or_default();
            if partial && let Some(fields) = body.as_object_mut() {
                fields.insert("errors".to_owned(), json!([{"message": "Problem processing request"}]));
            }
            Executed { body, began: true }
        }
        Err(error) => wrong(error),
    }
}

/// Names of the root fields of all operations, as written; for the log. Fragments are followed, aliases are not names.
pub(crate) fn root_fields(text: &str) -> Vec<String> {
    let document = match Parser::new().recursion_limit(DEPTH).parse_ast(text, "query.graphql") {
        Ok(document) => document,
        Err(errors) => errors.partial,
    };
    let mut names = Vec::new();
    for definition in &document.definitions {
        if let ast::Definition::OperationDefinition(operation) = definition {
            collect(&document, &operation.selection_set, &mut names, 0);
        }
    }
    names
}

fn collect(document: &ast::Document, selections: &[ast::Selection], names: &mut Vec<String>, depth: usize) {
    if depth > DEPTH {
        return;
    }
    for selection in selections {
        match selection {
            ast::Selection::Field(field) => names.push(field.name.to_string()),
            ast::Selection::InlineFragment(inline) => {
                collect(document, &inline.selection_set, names, depth + 1)
            }
            ast::Selection::FragmentSpread(spread) => {
                for definition in &document.definitions {
                    if let ast::Definition::FragmentDefinition(fragment) = definition
                        && fragment.name == spread.fragment_name
                    {
                        collect(document, &fragment.selection_set, names, depth + 1);
                    }
                }
            }
        }
    }
}

impl Root {
    fn held(&self, info: &ResolveInfo<'_>) -> Result<Held, String> {
        let viewer = self.sight.viewer.as_ref().ok_or(NOT_AUTHORIZED)?;
        let arguments = serde_json::to_value(info.arguments()).unwrap_or_default();
        let mut world = self.sight.railway.world();
        if !world.within_reach(viewer, &arguments, self.mutation) {
            return Err(NOT_AUTHORIZED.to_owned());
        }
        if self.mutation {
            return mutation::mutate(&mut world, viewer, info.field_name(), &arguments);
        }
        let held = query(&world, viewer, info.field_name(), &arguments)?;
        Ok(match held {
            Held::Thing(kind, id) if self.sight.faults.contains(&Fault::Elsewhere) => {
                let other = elsewhere(&world, &kind, &id).unwrap_or(id);
                Held::Thing(kind, other)
            }
            held => held,
        })
    }
}

impl ObjectValue for Root {
    fn type_name(&self) -> &str {
        if self.mutation { "Mutation" } else { "Query" }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let held = self.held(info).map_err(refuse)?;
        show(&self.sight, info, held)
    }
}

/// Another thing of the kind, of another project where there is one.
fn elsewhere(world: &World, kind: &str, id: &str) -> Option<String> {
    let own = text(world.find(kind, id)?, "projectId");
    let others = || world.all(kind).iter().filter(|record| text(record, "id") != id);
    let far = others().find(|record| text(record, "projectId") != own);
    far.or_else(|| others().next()).map(|record| text(record, "id").to_owned())
}

fn invalid(errors: impl IntoIterator<Item = GraphQLError>) -> Executed {
    let errors: Vec<Value> =
        errors.into_iter().filter_map(|error| serde_json::to_value(error).ok()).collect();
    Executed { body: json!({ "errors": errors }), began: false }
}

fn failed(message: &str) -> Executed {
    Executed { body: json!({"errors": [{"message": message}]}), began: false }
}

impl Sight {
    pub(crate) fn new(railway: Railway, viewer: Option<Viewer>, faults: &[Fault]) -> Self {
        Sight { railway, viewer, faults: faults.to_vec() }
    }
}
