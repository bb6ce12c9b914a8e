use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::body::{Body, fed, whole};
use crate::log::Entry;

/// A way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answer later.
    Delay(Duration),
    /// Answer with this status and nothing done: 500, 503.
    Status(u16),
    /// 429 with `Retry-After` in seconds; nothing done.
    TooMany { retry_after: u64 },
    /// Do the work, send the headers and the first bytes, then nothing more and no end.
    Stall,
    /// Do the work, send the first half of the body, then drop the connection.
    Cut,
    /// Answer with the credential that the request carried; nothing done.
    Echo(Place, Coding),
    /// Point elsewhere; nothing done.
    Redirect { status: u16, location: String },
    /// GraphQL: pages that never end.
    Endless,
    /// GraphQL: a look-up by id answers with another thing, of another project where there is one.
    Elsewhere,
    /// GraphQL: lists cut short, with an entry in `errors`.
    Partial,
}

/// Where the credential comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Body,
    /// `x-debug-authorization`.
    Header,
    /// A 400 whose JSON body quotes it.
    Error,
    /// `x-debug-authorization`, after the body.
    Trailer,
}

/// In what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Raw,
    Base64,
    Hex,
    /// Raw, flushed to the wire in pieces of this many bytes.
    Split(usize),
}

/// The faults that are on. Cheap to clone; all clones see the same list.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Planned>>>);

#[derive(Debug, Clone)]
struct Planned {
    fault: Fault,
    operation: Option<String>,
    left: Option<usize>,
}

impl Faults {
    /// For every request from now on.
    pub fn always(&self, fault: Fault) {
        self.plan(fault, None, None);
    }

    /// For the next `times` requests.
    pub fn next(&self, times: usize, fault: Fault) {
        self.plan(fault, None, Some(times));
    }

    /// For requests that name `operation`, as the log names it.
    pub fn on(&self, operation: &str, fault: Fault) {
        self.plan(fault, Some(operation.to_owned()), None);
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The faults for one request, counted down.
    pub(crate) fn take(&self, entry: &Entry) -> Vec<Fault> {
        let mut taken = Vec::new();
        self.lock().retain_mut(|planned| {
            let meant = planned.operation.as_ref().is_none_or(|name| entry.operations.contains(name));
            if meant && planned.left != Some(0) {
                taken.push(planned.fault.clone());
                planned.left = planned.left.map(|left| left - 1);
            }
            planned.left != Some(0)
        });
        taken
    }

    fn plan(&self, fault: Fault, operation: Option<String>, left: Option<usize>) {
        self.lock().push(Planned { fault, operation, left });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is answered instead of doing the work, if any of `faults` says so.
pub(crate) fn instead(faults: &[Fault], entry: &Entry) -> Option<Response<Body>> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status(status) => Some(status_only(*status)),
        Fault::TooMany { retry_after } => {
            let mut answer = status_only(429);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after));
            Some(answer)
        }
        Fault::Redirect { status, location } => {
            let mut answer = status_only(*status);
            answer.headers_mut().insert(LOCATION, HeaderValue::from_str(location).ok()?);
            Some(answer)
        }
        Fault::Echo(place, coding) => Some(echo(*place, *coding, &credential(&entry.headers))),
        _ => None,
    })
}

/// Spoil the body of an answer to work that was done.
pub(crate) fn spoil(
    faults: &[Fault],
    status: StatusCode,
    headers: HeaderMap,
    bytes: bytes::Bytes,
) -> Response<Body> {
    let stall = faults.contains(&Fault::Stall);
    let body = if stall || faults.contains(&Fault::Cut) {
        let half = bytes.slice(..bytes.len() / 2);
        fed(move |feed| async move {
            feed.send(half).await;
            if stall { feed.hold().await } else { feed.cut().await }
        })
    } else {
        whole(bytes)
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn status_only(status: u16) -> Response<Body> {
    let text = format!("{{\"message\":\"stand-in answers {status}\"}}");
    let mut answer = Response::new(whole(text));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The credential of a request without its scheme: the first header that carries one.
fn credential(headers: &HeaderMap) -> String {
    ["authorization", "project-access-token", "x-api-key"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(|value| value.split_once(' ').map_or(value, |(_, secret)| secret).to_owned())
        .unwrap_or_default()
}

fn echo(place: Place, coding: Coding, secret: &str) -> Response<Body> {
    const DEBUG: HeaderName = HeaderName::from_static("x-debug-authorization");
    let coded = match coding {
        Coding::Raw | Coding::Split(_) => secret.to_owned(),
        Coding::Base64 => STANDARD.encode(secret),
        Coding::Hex => secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    };
    let text = format!("{{\"message\":\"you sent {coded} as a credential\"}}");
    let value = HeaderValue::from_str(&coded).unwrap_or(HeaderValue::from_static(""));
    let mut answer = match (place, coding) {
        (Place::Trailer, _) => {
            let mut trailers = HeaderMap::new();
            trailers.insert(DEBUG, value);
            let mut answer = Response::new(fed(move |feed| async move {
                feed.send("{\"data\":null}").await;
                feed.trailers(trailers).await;
            }));
            answer.headers_mut().insert(TRAILER, HeaderValue::from_static("x-debug-authorization"));
            answer
        }
        (Place::Header, _) => {
            let mut answer = Response::new(whole("{\"data\":null}"));
            answer.headers_mut().insert(DEBUG, value);
            answer
        }
        (Place::Body | Place::Error, Coding::Split(size)) => Response::new(fed(move |feed| async move {
            for piece in text.as_bytes().chunks(size.max(1)) {
                feed.send(piece.to_vec()).await;
                // Without a pause the pieces would be joined on their way out.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })),
        (Place::Body | Place::Error, _) => Response::new(whole(text)),
    };
    if place == Place::Error {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
