//! How a refusal is told, so that the program that sent the request shows its user what a person would want to read.
//!
//! Knows which program reads what: git, GraphQL, JSON-RPC and gRPC have forms of their own, and clients of a REST
//! provider read the members that this provider's errors have, which its pack says (`[[denial]]`). Where nothing is
//! known it is the problem document (RFC 9457). Must not know why something was refused: it is handed the problem.

mod grpc;
mod shape;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use stint_api::{PROBLEM_MEDIA_TYPE, Problem};

use super::{Catalog, Pack, Tables, git, mcp};

pub use shape::{Denial, Shape};

/// What of a request says how its sender reads refusals. Nothing of it is trusted: it chooses words, not decisions.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a Method,
    pub host: &'a str,
    pub path: &'a str,
    /// Empty where none is given.
    pub content_type: &'a str,
    pub body: &'a [u8],
    /// Whether more follows after `body`.
    pub partial: bool,
}

/// The form in which the sender reads a refusal.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A problem document.
    Problem,
    Graphql,
    Git(git::Reply),
    /// JSON-RPC.
    Mcp(mcp::Reply),
    Grpc,
    /// As the provider's own errors look.
    Shape(Arc<Shape>),
}

/// A refusal as it is sent.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub content_type: &'static str,
    /// Further headers; values are visible ASCII.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Catalog {
    /// `pack` is the one whose credential or host the request names, where it is known.
    pub fn reply(&self, pack: Option<&Pack>, asked: &Asked<'_>) -> Reply {
        if asked.content_type.starts_with(grpc::MEDIA_TYPE) {
            return Reply::Grpc;
        }
        let Some(pack) = pack else {
            return match () {
                () if asked.path.ends_with("/info/refs") => Reply::Git(git::Reply::Text),
                () if asked.path.contains("/graphql") => Reply::Graphql,
                () => Reply::Problem,
            };
        };
        if pack.git_door(asked.host, asked.path).is_some() {
            return git::Reply::to(asked).map_or(Reply::Problem, Reply::Git);
        }
        if pack.graphql(asked.host, asked.path).is_some() {
            return Reply::Graphql;
        }
        if let Tables::Mcp(_) = pack.tables {
            return mcp::Reply::to(asked).map_or(Reply::Problem, Reply::Mcp);
        }
        let fits = pack.denials.iter().find(|shape| shape.is_for(asked));
        fits.map_or(Reply::Problem, |shape| Reply::Shape(Arc::clone(shape)))
    }
}

impl Reply {
    pub fn told(&self, problem: &Problem) -> Told {
        let plain = |content_type, body| Told { status: problem.status, content_type, headers: vec![], body };
        match self {
            Reply::Problem => plain(PROBLEM_MEDIA_TYPE, json!(problem).to_string().into_bytes()),
            Reply::Graphql => plain("application/json", graphql(problem).to_string().into_bytes()),
            Reply::Shape(shape) => Told {
                status: if shape.succeeds() { 200 } else { problem.status },
                ..plain(shape.content_type(), shape.body(problem))
            },
            Reply::Grpc => grpc::told(problem),
            Reply::Mcp(reply) => {
                Told { status: 200, ..plain("application/json", reply.body(&text(problem), &json!(problem))) }
            }
            Reply::Git(reply) => {
                let said: Vec<String> =
                    said(problem).into_iter().map(|line| format!("stint: {line}")).collect();
                let body = reply.body(&format!("stint: {}", problem.code), &said);
                let status = if reply.is_success() { 200 } else { problem.status };
                Told { status, ..plain(reply.content_type(), body) }
            }
        }
    }
}

/// The problem with `errors[]` and `data` beside its members.
fn graphql(problem: &Problem) -> Value {
    let mut value = json!(problem);
    if let Value::Object(members) = &mut value {
        let extensions = json!({ "code": problem.code, "problem": problem });
        members.insert("data".to_owned(), Value::Null);
        members.insert("errors".to_owned(), json!([{ "message": text(problem), "extensions": extensions }]));
    }
    value
}

/// All that a person would want to know, a line each: what was refused and why, who decided, what is allowed instead, how
/// to go on, where it is on record.
fn said(problem: &Problem) -> Vec<String> {
    let mut lines = vec![match problem.detail.as_str() {
        "" => problem.title.clone(),
        detail => format!("{}: {detail}", problem.title),
    }];
    let unsaid = problem.operations.iter().any(|operation| !problem.detail.contains(operation.as_str()));
    if unsaid {
        let place = match problem.environments.as_slice() {
            [] => String::new(),
            places => format!(" in {}", places.join(", ")),
        };
        lines.push(format!("understood as {}{place}", problem.operations.join(", ")));
    }
    if !problem.policies.is_empty() {
        lines.push(format!("decided by {}", problem.policies.join(", ")));
    }
    lines.extend(problem.instead.iter().map(|instead| format!("allowed instead: {instead}")));
    lines.extend(problem.hint.clone());
    lines.extend(problem.record.iter().map(|record| format!("on record as {record}")));
    lines
}

/// The same as one line, for clients that show one.
fn text(problem: &Problem) -> String {
    let lines = said(problem).join("; ");
    format!("stint: {}", lines.replace(char::is_control, " "))
}
