use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::Value;

use crate::body::{Body, whole};
use crate::fault::Fault;
use crate::serve::{Inbound, Site};

/// A provider that answers each GET as it was told, by path and query, and any other request, told of as `POST /path`, too. What
/// it was told nothing about is a 404 for a GET, and `{}` else.
#[derive(Debug, Clone, Default)]
pub struct Scripted(Arc<Mutex<BTreeMap<String, Said>>>);

/// An answer.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    /// Beside `content-type: application/json`, or in its place.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Said {
    pub fn json(body: &Value) -> Said {
        Said::text(body.to_string())
    }

    /// With status 200; the type still says JSON.
    pub fn text(body: impl Into<Bytes>) -> Said {
        Said { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub fn status(mut self, status: u16) -> Said {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Said {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Scripted {
    /// From now on `GET target` is answered so.
    pub fn say(&self, target: &str, said: Said) {
        self.lock().insert(target.to_owned(), said);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site for Scripted {
    /// `GET /path`, without the query.
    fn operations(&self, request: &Inbound) -> Vec<String> {
        vec![format!("{} {}", request.parts.method, request.parts.uri.path())]
    }

    async fn answer(&self, request: Inbound, _faults: &[Fault]) -> Response<Body> {
        let target = request.parts.uri.path_and_query().map_or("", |target| target.as_str());
        let said = match request.parts.method {
            Method::GET => self.lock().get(target).cloned(),
            ref method => {
                let said = self.lock().get(&format!("{method} {target}")).cloned();
                Some(said.unwrap_or_else(|| Said::text("{}")))
            }
        };
        let said = said.unwrap_or_else(|| Said::text(r#"{"message":"not found"}"#).status(404));
        let mut answer = Response::new(whole(said.body));
        *answer.status_mut() = StatusCode::from_u16(said.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in said.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }
}
