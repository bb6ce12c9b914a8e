//! What a GraphQL request makes a provider do.
//!
//! Knows: the forms that a request body takes, documents, variables, and the tables of a pack that say what
//! each root field does, what it names and what its answer holds. Reads what will be *executed*: the chosen
//! operation, after fragments and variables; aliases and operation names are never facts. What comes out is
//! written again from what was understood (INVARIANT: what was judged is what is sent), so that a difference
//! between two parsers has nothing to work on.
//!
//! Must not know: environments, policies, credentials, the network, time. Values in, values out.

use serde_json::Value;

use super::Refusal;
use super::pack::Manifest;
use super::understood::Understood;
use crate::model::{Class, Operation, Request};

mod body;
pub mod code;
mod config;
mod document;
mod documents;
mod effect;
mod json;
mod payload;
mod reach;
mod tables;
mod values;
mod walk;

#[cfg(test)]
mod tests;

pub use tables::{TableError, Tables};

/// Classifies a request to one of the pack's endpoints. Everything that is not understood completely is refused.
pub fn classify(tables: &Tables, manifest: &Manifest, request: Request) -> Result<Understood, Refusal> {
    let body = body::read(&request, &manifest.endpoints)?;
    let mut budget = walk::Budget::default();
    let mut operations: Vec<Operation> = Vec::new();
    let mut documents = Vec::new();
    for posted in body.posted {
        let chosen = tables.documents.choose(&posted.query, posted.operation_name.as_deref())?;
        let variables = values::Variables::coerce(tables, &chosen.operation, posted.variables)?;
        let reading = walk::Scope { chosen: &chosen, variables: &variables };
        let mut reader = walk::Reader::new(tables, &mut budget);
        for call in reader.calls(reading)? {
            let operation = effect::operation(&manifest.name, &mut reader, reading, &call)?;
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        documents.push((chosen.text.clone(), variables.given(), chosen.name()));
    }
    if operations.is_empty() {
        return Err(Refusal::new(code::NOT_EXECUTABLE, "the document selects nothing"));
    }
    if operations.len() > 1 {
        // What stands beside it in the same request can change what was stored before it takes effect: then a
        // look-up says nothing.
        operations.iter_mut().for_each(|operation| operation.pending = None);
    }
    Ok(Understood { operations, request: body::write(request, documents, body.batch) })
}

/// Judges an operation whose effect was stored by an earlier request, once the look-up of `operation.pending`
/// has answered.
///
/// `patch` is what the provider holds. The operation comes back without `pending`, with the class, the marks
/// and the resources that the patch really has: never weaker than `write`, and `destroy` for whatever is not
/// recognised.
pub fn judge_staged(operation: Operation, patch: &Value) -> Operation {
    let mut judged = payload::Judged {
        class: Class::Write,
        resources: operation.resources,
        marks: operation.marks,
        pending: None,
    };
    config::patch(patch, &mut judged);
    Operation {
        class: judged.class,
        resources: judged.resources,
        marks: judged.marks,
        pending: None,
        ..operation
    }
}
