//! What a GraphQL request makes a provider do.
//!
//! Knows: the forms that a request body takes, documents, variables, and the tables of a pack that say what each root field
//! does, what it names and what its answer holds. Reads what will be *executed*: the chosen operation, after fragments and
//! variables; aliases and operation names are never facts. What comes out is written again from what was understood
//! (INVARIANT: what was judged is what is sent), so that a difference between two parsers has nothing to work on.
//!
//! Must not know: environments, policies, credentials, the network, time. Values in, values out.

use serde_json::Value;

use super::Refusal;
use super::pack::Manifest;
use crate::model::{Operation, Request};

mod tables;

pub use tables::{TableError, Tables};

/// What a request would do, and the request to send in its place.
#[derive(Debug)]
pub struct Understood {
    pub operations: Vec<Operation>,
    pub request: Request,
}

/// Classifies a request to one of the pack's endpoints. Everything that is not understood completely is refused.
pub fn classify(tables: &Tables, manifest: &Manifest, request: Request) -> Result<Understood, Refusal> {
    let _ = (tables, manifest, request);
    Err(Refusal::new("unknown_operation", "not built yet"))
}

/// Judges an operation whose effect was stored by an earlier request, once the look-up of `operation.pending` has answered.
///
/// `patch` is what the provider holds. The operation comes back without `pending`, with the class, the marks and the
/// resources that the patch really has: never weaker than `write`, and `destroy` for whatever is not recognised.
pub fn judge_staged(operation: Operation, patch: &Value) -> Operation {
    let _ = patch;
    operation
}
