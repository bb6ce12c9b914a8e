//! Remote MCP servers (Model Context Protocol 2025-06-18, Streamable HTTP): which tools a request calls.
//!
//! A server's tools mean what the administrator's table says; what the server itself says of them is not believed. A tool
//! that is in no table is unknown. Messages are JSON-RPC 2.0 with the members that the protocol knows and no others.

mod message;
mod reply;
mod table;

#[cfg(test)]
mod tests;

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::json;
use super::listing::Listed;
use super::pack::{Manifest, PackError};
use super::refusal::{Refusal, code};
use super::understood::Understood;
use crate::model::{Class, Operation, Request, Scope};
use message::Message;
use table::Row;

pub use reply::Reply;

/// Messages of one batch.
const MOST: usize = 50;

/// What passes between any client and any server: it reads, and concerns the connection alone.
const OWN: [&str; 11] = [
    "initialize",
    "ping",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
    "logging/setLevel",
];

/// The stream of the server's own messages, its end, and an empty answer to one.
const STREAM: &str = "stream";
const END: &str = "session/end";
const ANSWER: &str = "answer";

/// What an administrator says about a server.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Reads `operations.tsv`.
    pub fn load(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, PackError> {
        Ok(Table { rows: table::rows(read)? })
    }

    pub fn classify(&self, manifest: &Manifest, request: Request) -> Result<Understood, Refusal> {
        let unknown = |detail: &str| Refusal::new(code::UNKNOWN_OPERATION, detail);
        if !manifest.endpoints.contains(&request.path) || request.query.is_some() {
            return Err(unknown("the pack knows no MCP endpoint at this path"));
        }
        let own = |name: &str| operation(manifest, name, Class::Read, Scope::Shared);
        let operations = match request.method {
            Method::GET => vec![own(STREAM)],
            Method::DELETE if request.body.is_empty() => vec![own(END)],
            Method::POST => self.posted(manifest, &request)?,
            _ => return Err(unknown("MCP is spoken with POST, GET and DELETE")),
        };
        Ok(Understood { operations, request })
    }

    fn posted(&self, manifest: &Manifest, request: &Request) -> Result<Vec<Operation>, Refusal> {
        let messages = messages(request)?;
        messages.iter().map(|message| self.judge(manifest, message)).collect()
    }

    fn judge(&self, manifest: &Manifest, message: &Message) -> Result<Operation, Refusal> {
        let method = match message {
            // More than an empty answer would be data or a consent that the server asked for.
            Message::Answer { empty: true } => {
                return Ok(operation(manifest, ANSWER, Class::Read, Scope::Shared));
            }
            Message::Answer { empty: false } => {
                let detail = "what a server asks of its client (sampling, elicitation, roots) is not carried";
                return Err(Refusal::new(code::UNKNOWN_OPERATION, detail));
            }
            Message::Call { method, .. } => method.as_str(),
        };
        if method != "tools/call" {
            return match self.rows.iter().find(|row| row.method && row.name == method) {
                Some(row) => row.operation(manifest, message.params()),
                None if OWN.contains(&method) => Ok(operation(manifest, method, Class::Read, Scope::Shared)),
                None => Err(Refusal::new(code::UNKNOWN_OPERATION, "the pack does not know this MCP method")),
            };
        }
        let (name, arguments) = message.tool()?;
        match self.rows.iter().find(|row| !row.method && row.name == name) {
            Some(row) => row.operation(manifest, arguments),
            None => Ok(operation(manifest, "tools/call", Class::Unknown, Scope::Account)),
        }
    }

    pub(super) fn actions(&self) -> impl Iterator<Item = (String, Class)> {
        let own = OWN.iter().chain(&[STREAM, END, ANSWER]).map(|name| ((*name).to_owned(), Class::Read));
        let own = own.filter(|(name, _)| !self.rows.iter().any(|row| row.method && row.name == *name));
        let unknown = std::iter::once(("tools/call".to_owned(), Class::Unknown));
        own.chain(unknown).chain(self.rows.iter().map(|row| (row.id(), row.class)))
    }

    pub(super) fn listed(&self) -> Vec<Listed> {
        let row = |id: &str| self.rows.iter().find(|row| row.id() == id);
        let one = |(id, class): (String, Class)| Listed {
            request: format!("MCP {id}"),
            class,
            scope: row(&id).map_or("shared", Row::scope),
            resources: row(&id).map(Row::resources).unwrap_or_default(),
            marks: Vec::new(),
            operation: id,
        };
        self.actions().map(one).collect()
    }
}

/// The messages of a body: one, or a batch of some.
fn messages(request: &Request) -> Result<Vec<Message>, Refusal> {
    let wrong = |detail: &str| Refusal::new(code::MALFORMED_BODY, detail);
    if request.partial {
        return Err(Refusal::new(code::BODY_TOO_LARGE, "an MCP message is read whole or not at all"));
    }
    let kind = request.header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    if kind.trim() != "application/json" {
        return Err(Refusal::new(code::UNKNOWN_OPERATION, "send MCP messages as application/json"));
    }
    match json::strict(&request.body)? {
        Value::Array(all) if all.is_empty() || all.len() > MOST => {
            Err(wrong("a batch holds one message to fifty"))
        }
        Value::Array(all) => all.into_iter().map(Message::parse).collect(),
        one => Ok(vec![Message::parse(one)?]),
    }
}

fn operation(manifest: &Manifest, name: &str, class: Class, scope: Scope) -> Operation {
    Operation {
        operation: format!("{}:{name}", manifest.name),
        class,
        resources: Vec::new(),
        scope,
        marks: Default::default(),
        pending: None,
    }
}
