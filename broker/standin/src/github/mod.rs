//! A stand-in of the code host's API, REST and of GraphQL what its command line asks for: the slice that an agent at work, and one gone astray, would use.
//!
//! Repositories with issues, files, refs, action secrets and environments; tokens by `Authorization` (`Bearer`,
//! `token`, or `Basic` with the token as the password). Owner and name ignore case. A repository that was renamed or
//! moved answers under its old name with a redirect to `/repositories/{id}`, where everything works as well.

mod contents;
mod graphql;
mod issues;
mod refs;
mod repository;
mod route;
#[cfg(test)]
mod tests;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::{Body, whole};
use crate::fault::Fault;
use crate::serve::{Inbound, Site};
use route::Place;
pub use world::{Repository, World};

/// Accepted as a token until revoked.
pub const TOKEN: &str = "ghp_0Stand1nStand1nStand1nStand1nStand1n";

/// The provider; clones share one world.
#[derive(Debug, Clone)]
pub struct Github(Arc<Mutex<World>>);

/// What one request gets: a status and JSON, or a place to go to.
#[derive(Debug)]
pub(crate) enum Reply {
    Json(u16, Value),
    /// No body.
    Empty(u16),
    Moved(u16, String),
}

impl Github {
    pub fn new(world: World) -> Self {
        Github(Arc::new(Mutex::new(world)))
    }

    /// With the repositories `atlas/api`, `atlas/web` and `atlas/sandbox`.
    pub fn seeded() -> Self {
        Github::new(World::seeded())
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, request: &Inbound) -> Reply {
        let mut world = self.world();
        let Some(login) = token(&request.parts.headers).and_then(|token| world.login(&token)) else {
            return Reply::Json(
                401,
                json!({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}),
            );
        };
        let path = route::segments(request.parts.uri.path());
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = &request.parts.method;
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let query = request.parts.uri.query().unwrap_or_default();
        match words.as_slice() {
            ["graphql"] if method == Method::POST => graphql::answer(&mut world, &login, &body),
            ["user"] => Reply::Json(200, json!({"login": login, "id": 7, "type": "User"})),
            ["rate_limit"] => Reply::Json(
                200,
                json!({"resources": {"core": {"limit": 5000, "remaining": 4987, "reset": 1_777_000_000}}}),
            ),
            ["user", "repos"] if method == Method::GET => repository::all(&world, None),
            ["user" | "orgs", .., "repos"] if method == Method::POST => repository::create(
                &mut world,
                words.get(1).copied().filter(|word| *word != "repos").unwrap_or(&login),
                &body,
            ),
            ["orgs", owner, "repos"] | ["users", owner, "repos"] => repository::all(&world, Some(owner)),
            ["repos", owner, name, rest @ ..] => match world.place(owner, name) {
                Place::Here(id) => repository::answer(&mut world, id, method, rest, query, &body),
                Place::Moved(id) => {
                    Reply::Moved(if method == Method::GET { 301 } else { 307 }, onward(request, id, rest))
                }
                Place::Nowhere => not_found(),
            },
            ["repositories", id, rest @ ..] => {
                match id.parse().ok().filter(|id| world.repository(*id).is_some()) {
                    Some(id) => repository::answer(&mut world, id, method, rest, query, &body),
                    None => not_found(),
                }
            }
            _ => not_found(),
        }
    }
}

impl Default for Github {
    fn default() -> Self {
        Github::seeded()
    }
}

impl Site for Github {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        if request.parts.uri.path() == "/graphql" {
            return graphql::root_fields(&request.body);
        }
        vec![format!("{} {}", request.parts.method, route::template(request.parts.uri.path()))]
    }

    async fn answer(&self, request: Inbound, _faults: &[Fault]) -> Response<Body> {
        let (status, location, text) = match self.reply(&request) {
            Reply::Json(status, body) => (status, None, body.to_string()),
            Reply::Empty(status) => (status, None, String::new()),
            Reply::Moved(status, location) => {
                let body = json!({"message": "Moved Permanently", "url": location});
                (status, Some(location), body.to_string())
            }
        };
        let mut answer = Response::new(whole(text));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        if status != 204 {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        }
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            headers.insert(LOCATION, location);
        }
        headers.insert("x-ratelimit-limit", HeaderValue::from_static("5000"));
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static("4987"));
        answer
    }
}

pub(crate) fn not_found() -> Reply {
    Reply::Json(
        404,
        json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}),
    )
}

pub(crate) fn invalid(field: &str) -> Reply {
    Reply::Json(
        422,
        json!({"message": "Validation Failed", "errors": [{"field": field, "code": "missing_field"}], "status": "422"}),
    )
}

/// The token, in whichever way it is carried.
fn token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(value.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            pair.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

fn onward(request: &Inbound, id: u64, rest: &[&str]) -> String {
    let headers = &request.parts.headers;
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("api.github.com");
    let tail: String = rest.iter().map(|word| format!("/{word}")).collect();
    format!("https://{host}/repositories/{id}{tail}")
}
