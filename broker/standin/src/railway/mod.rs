//! A stand-in of the hosting provider of the published incident.
//!
//! One GraphQL endpoint, `POST /graphql/v2`, that validates against the published schema and executes: what a
//! mutation takes with it here, it takes at the provider. Any host name is answered. Knows nothing of Stint. What it
//! supports is what `schema/` lists; the rest of the published schema is answered as an unknown field.

mod access;
mod config;
mod create;
mod delete;
mod execute;
pub mod ids;
#[cfg(test)]
mod lookups;
mod mutation;
mod node;
mod query;
mod request;
mod schema;
mod seed;
#[cfg(test)]
mod tests;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::{Body, whole};
use crate::fault::Fault;
use crate::serve::{Inbound, Site};
pub(crate) use execute::root_fields;
use execute::{Executed, execute};
use node::Sight;
use request::{Ask, Asked};
pub use world::{Deletes, Record, Viewer, Volume, VolumeInstance, World};

/// The provider; clones share one world.
#[derive(Debug, Clone)]
pub struct Railway(Arc<Mutex<World>>);

impl Railway {
    pub fn new(world: World) -> Self {
        Railway(Arc::new(Mutex::new(world)))
    }

    /// With the world of [`World::seeded`] and the ids of [`ids`].
    pub fn seeded() -> Self {
        Railway::new(World::seeded())
    }

    /// Look at the world or change it; requests wait meanwhile.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn snapshot(&self) -> World {
        self.world().clone()
    }

    pub fn restore(&self, world: World) {
        *self.world() = world;
    }

    /// An account's token is a bearer; a project token has a header of its own, and wins.
    fn viewer(&self, headers: &HeaderMap) -> Option<Viewer> {
        let world = self.world();
        if let Some(token) = headers.get("project-access-token").and_then(|value| value.to_str().ok()) {
            return world
                .viewer(token.trim())
                .filter(|viewer| matches!(viewer, Viewer::Project { .. }))
                .cloned();
        }
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let known = world.viewer(token.trim()).filter(|viewer| !matches!(viewer, Viewer::Project { .. }));
        known.filter(|_| scheme.eq_ignore_ascii_case("bearer")).cloned()
    }

    fn one(&self, headers: &HeaderMap, asked: &Asked, faults: &[Fault]) -> Executed {
        execute(Sight::new(self.clone(), self.viewer(headers), faults), asked)
    }
}

impl Site for Railway {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        match request::read(request) {
            Some(Ask::One(asked)) => root_fields(&asked.query),
            Some(Ask::Batch(all)) => all.iter().flat_map(|asked| root_fields(&asked.query)).collect(),
            None => Vec::new(),
        }
    }

    async fn answer(&self, request: Inbound, faults: &[Fault]) -> Response<Body> {
        let parts = &request.parts;
        if parts.uri.path() != "/graphql/v2" || !matches!(parts.method, Method::GET | Method::POST) {
            return json_answer(StatusCode::NOT_FOUND, &json!({"message": "Not Found"}));
        }
        match request::read(&request) {
            None => json_answer(
                StatusCode::BAD_REQUEST,
                &json!({"errors": [{"message": "Must provide query string."}]}),
            ),
            Some(Ask::One(asked)) => {
                let executed = self.one(&parts.headers, &asked, faults);
                let status = if executed.began { StatusCode::OK } else { StatusCode::BAD_REQUEST };
                json_answer(status, &executed.body)
            }
            Some(Ask::Batch(all)) => {
                let bodies = all.iter().map(|asked| self.one(&parts.headers, asked, faults).body).collect();
                json_answer(StatusCode::OK, &Value::Array(bodies))
            }
        }
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = Response::new(whole(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    answer
}
