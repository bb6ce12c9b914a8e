//! The description of the API (OpenAPI 3.1), made from the types of the contract and the table of its calls.
//!
//! For whoever serves it or shows it; a test of the broker holds the table against its router. Schemas come from the
//! types by derive, so a member cannot be added and not described.

mod audit;
mod calls;
mod people;
mod policies;
mod registered;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{Code, OAuthError, PROBLEM_MEDIA_TYPE, Problem};

pub use calls::calls;

/// One call: a method at a path, who may make it, what goes in and what comes out.
#[derive(Debug, Clone)]
pub struct Call {
    /// In capitals.
    pub method: &'static str,
    pub path: &'static str,
    pub group: &'static str,
    pub summary: &'static str,
    pub who: Who,
    pub query: Vec<Parameter>,
    takes: Takes,
    gives: Gives,
    /// Codes of problems beyond those that every call of this kind can have.
    codes: Vec<Code>,
}

/// A parameter of the query or a field of a form.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    /// `string`, `integer`, `boolean`.
    pub kind: &'static str,
    pub required: bool,
    pub about: &'static str,
}

/// Who may make a call: roles of people, and how far their login must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anybody,
    /// Every role, by every login; what a login did not start itself is left out where it reads nothing else.
    AnyLogin,
    /// Every role, by a login that reads.
    Readers,
    /// Owner, approver or operator, by every login.
    Workers,
    /// The same, by a login that reads.
    WorkersWhoRead,
    /// Owner or approver, by a login that approves.
    Approvers,
    /// Owner, by a login that administers.
    Administrators,
    /// Owner, signed in to the console: no login reaches it by itself.
    Console,
    /// The session itself.
    Session,
    /// The session itself, or whoever sees it.
    SessionOrLogin,
    /// The session itself, or owner, approver or operator who sees it.
    SessionOrWorker,
}

type Schemas = BTreeMap<String, Value>;
type Part = fn(&mut Schemas) -> Value;

#[derive(Debug, Clone)]
enum Takes {
    Nothing,
    Json(Part),
    /// A JSON object of these members, or a form of these fields.
    Fields(&'static str, &'static [Parameter]),
}

#[derive(Debug, Clone, Copy)]
enum Gives {
    Json(Part),
    Text,
    AnyJson,
}

impl Who {
    /// Roles that may, none where nobody has to say who they are.
    pub fn roles(self) -> &'static [&'static str] {
        match self {
            Who::Anybody | Who::Session => &[],
            Who::AnyLogin | Who::Readers | Who::SessionOrLogin => {
                &["owner", "approver", "operator", "auditor"]
            }
            Who::Workers | Who::WorkersWhoRead | Who::SessionOrWorker => &["owner", "approver", "operator"],
            Who::Approvers => &["owner", "approver"],
            Who::Administrators | Who::Console => &["owner"],
        }
    }

    /// What a login needs beside the role, in words.
    pub fn needs(self) -> &'static str {
        match self {
            Who::Anybody => "no token",
            Who::AnyLogin | Who::Workers => "any login",
            Who::Readers | Who::WorkersWhoRead => "a login that reads",
            Who::Approvers => "a login that approves",
            Who::Administrators => "a login that administers",
            Who::Console => "the console: no login does this by itself",
            Who::Session => "the session's own token",
            Who::SessionOrLogin | Who::SessionOrWorker => "the session's own token, or a login that sees it",
        }
    }

    fn codes(self) -> Vec<Code> {
        let mut codes = vec![Code::Internal, Code::Sealed, Code::NotRecorded];
        if self != Who::Anybody {
            codes.extend([Code::NotAuthenticated, Code::InvalidToken, Code::InvalidProof, Code::UseNonce]);
        }
        if matches!(self, Who::Session | Who::SessionOrLogin | Who::SessionOrWorker) {
            codes.push(Code::SessionEnded);
        }
        if !self.roles().is_empty() && self.roles().len() < 4 {
            codes.push(Code::Forbidden);
        }
        let limited = matches!(
            self,
            Who::Readers | Who::WorkersWhoRead | Who::Approvers | Who::Administrators | Who::Console
        );
        if limited {
            codes.push(Code::StepUpRequired);
        }
        codes
    }
}

impl Call {
    /// Names in braces in the path.
    pub fn path_parameters(&self) -> Vec<&'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    pub fn is_oauth(&self) -> bool {
        self.path.starts_with("/oauth/") && self.method == "POST"
    }

    /// Stable codes of the problems that the call can answer with; the token endpoint answers in OAuth's own words.
    pub fn codes(&self) -> Vec<Code> {
        if matches!(self.gives, Gives::Text) && self.codes.is_empty() {
            return Vec::new();
        }
        let mut codes = self.who.codes();
        if !matches!(self.takes, Takes::Nothing) || !self.query.is_empty() {
            codes.push(Code::InvalidInput);
        }
        if !matches!(self.takes, Takes::Nothing) {
            codes.push(Code::BodyTooLarge);
        }
        if !self.path_parameters().is_empty() {
            codes.push(Code::NotFound);
        }
        codes.extend(&self.codes);
        codes.sort_by_key(|code| (code.status(), code.as_str()));
        codes.dedup();
        codes
    }

    fn operation(&self, schemas: &mut Schemas) -> Value {
        let parameter = |place: &str, name: &str, kind: &str, required: bool, about: &str| json!({ "name": name, "in": place, "required": required, "description": about, "schema": { "type": kind } });
        let in_path = self.path_parameters();
        let in_path = in_path.iter().map(|name| parameter("path", name, "string", true, ""));
        let in_query = self.query.iter().map(|p| parameter("query", p.name, p.kind, p.required, p.about));
        let mut operation = json!({
            "operationId": self.id(),
            "tags": [self.group],
            "summary": self.summary,
            "description": format!("Needs {}.{}", self.who.needs(), self.role_words()),
            "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
            "responses": self.responses(schemas),
            "security": if self.who == Who::Anybody { json!([]) } else { json!([{ "token": [], "proof": [] }]) },
            "x-stint-roles": self.who.roles(),
        });
        if let Value::Object(members) = &mut operation
            && let Some((media, schema)) = self.body(schemas)
        {
            let body = json!({ "required": true, "content": { media: { "schema": schema } } });
            members.insert("requestBody".to_owned(), body);
        }
        operation
    }

    /// `post_v1_sessions_id_end`
    fn id(&self) -> String {
        let words = self.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.collect();
        format!("{}_{}", self.method.to_ascii_lowercase(), words.join("_"))
    }

    fn role_words(&self) -> String {
        match self.who.roles() {
            [] => String::new(),
            roles => format!(" Roles: {}.", roles.join(", ")),
        }
    }

    fn body(&self, schemas: &mut Schemas) -> Option<(&'static str, Value)> {
        match &self.takes {
            Takes::Nothing => None,
            Takes::Json(part) => Some(("application/json", part(schemas))),
            Takes::Fields(media, fields) => {
                let member = |field: &Parameter| json!({ "type": field.kind, "description": field.about });
                let members: Map<String, Value> =
                    fields.iter().map(|field| (field.name.to_owned(), member(field))).collect();
                let required: Vec<&str> =
                    fields.iter().filter(|field| field.required).map(|field| field.name).collect();
                let mut schema = json!({ "type": "object", "properties": members });
                if let Value::Object(schema) = &mut schema
                    && !required.is_empty()
                {
                    schema.insert("required".to_owned(), json!(required));
                }
                Some((media, schema))
            }
        }
    }

    fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut responses = Map::new();
        let (media, schema) = match self.gives {
            Gives::Json(part) => ("application/json", part(schemas)),
            Gives::AnyJson => ("application/json", json!({ "type": "object" })),
            Gives::Text => ("text/plain", json!({ "type": "string" })),
        };
        let done = json!({ "description": "Done.", "content": { media: { "schema": schema } } });
        responses.insert("200".to_owned(), done);
        if self.is_oauth() {
            let schema = part::<OAuthError>(schemas);
            for (status, about) in [
                ("400", "Refused, in OAuth's words."),
                ("401", "The client is not known."),
                ("503", "Not now."),
            ] {
                let refused =
                    json!({ "description": about, "content": { "application/json": { "schema": schema } } });
                responses.insert(status.to_owned(), refused);
            }
            return Value::Object(responses);
        }
        let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in self.codes() {
            by_status.entry(code.status()).or_default().push(code.as_str());
        }
        for (status, codes) in by_status {
            let schema = part::<Problem>(schemas);
            let refused = json!({
                "description": format!("A problem: {}.", codes.join(", ")),
                "content": { PROBLEM_MEDIA_TYPE: { "schema": schema } },
                "x-stint-codes": codes,
            });
            responses.insert(status.to_string(), refused);
        }
        Value::Object(responses)
    }
}

/// The whole document. `issuer` is the broker's public URL.
pub fn document(issuer: &str, version: &str) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let calls = calls();
    for call in &calls {
        let operation = call.operation(&mut schemas);
        paths.entry(call.path).or_default().insert(call.method.to_ascii_lowercase(), operation);
    }
    let mut groups: Vec<&str> = calls.iter().map(|call| call.group).collect();
    groups.dedup();
    let groups: Vec<Value> = groups.iter().map(|group| json!({ "name": group })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Stint",
            "version": version,
            "description": "The control plane of a Stint broker. Tokens are bound to a key: each request carries its token as \
                DPoP and a proof made for exactly this method and URL (RFC 9449). A problem answers in application/problem+json \
                (RFC 9457) with a stable code and what to do next.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": issuer }],
        "tags": groups,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "DPoP", "description": "From the token endpoint (RFC 9449 s7.1)." },
                "proof": { "type": "apiKey", "in": "header", "name": "DPoP", "description": "A proof of the token's key (RFC 9449 s4.2)." },
            },
        },
    })
}

/// A type's schema among the components, and what points to it.
fn part<T: ToSchema>(schemas: &mut Schemas) -> Value {
    let name = T::name().into_owned();
    let mut found = vec![(name.clone(), T::schema())];
    T::schemas(&mut found);
    for (name, schema) in found {
        schemas.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
