use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::request::Parts;

use crate::app::{App, Error, Facts, GatewayCaller, PersonCaller, Presented};
use crate::model::EventKind;
use crate::problem;

/// An error on its way to being a problem document.
#[derive(Debug)]
pub(super) struct Failed(pub(super) Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let mut response = problem::response(&self.0, &problem::document(&self.0), false);
        if matches!(response.status().as_u16(), 401 | 403) {
            response.extensions_mut().insert(Refusal::of(EventKind::RequestRefused, &self.0));
        }
        response
    }
}

/// Response extension: who asked was not let in, which goes on record before it is answered.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) kind: EventKind,
    pub(super) facts: Facts,
}

impl Refusal {
    pub(super) fn of(kind: EventKind, error: &Error) -> Self {
        let facts = Facts::new().with("code", error.code.as_str()).with("detail", error.detail.as_str());
        Refusal { kind, facts }
    }
}

/// A person, by token and proof.
#[derive(Debug)]
pub(super) struct AsPerson(pub(super) PersonCaller);

/// A session, by token and proof.
#[derive(Debug)]
pub(super) struct AsSession(pub(super) GatewayCaller);

/// Either: a session for what is its own, a person for everything.
#[derive(Debug)]
pub(super) enum AsEither {
    Person(PersonCaller),
    Session(GatewayCaller),
}

impl FromRequestParts<App> for AsPerson {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        let caller = app.identify_person(&held.presented()).await?;
        if parts.method.is_safe() {
            app.settle(caller.used()).await?;
        }
        Ok(AsPerson(caller))
    }
}

impl FromRequestParts<App> for AsSession {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        session(app, &held).await.map(AsSession)
    }
}

impl FromRequestParts<App> for AsEither {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        let presented = held.presented();
        if app.is_session_token(&presented) {
            return session(app, &held).await.map(AsEither::Session);
        }
        AsPerson::from_request_parts(parts, app).await.map(|AsPerson(caller)| AsEither::Person(caller))
    }
}

/// Nothing that a session does at the control plane makes a commit with its proof.
async fn session(app: &App, held: &Held) -> Result<GatewayCaller, Failed> {
    let caller = app.identify_own_session(&held.presented()).await?;
    app.settle(caller.used()).await?;
    Ok(caller)
}

/// What a request presents, copied out of it.
struct Held {
    method: String,
    path: String,
    authorization: Vec<String>,
    proofs: Vec<String>,
}

impl Held {
    fn of(parts: &Parts) -> Result<Self, Failed> {
        Ok(Held {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            authorization: texts(&parts.headers, "authorization")?,
            proofs: texts(&parts.headers, "dpop")?,
        })
    }

    fn presented(&self) -> Presented<'_> {
        Presented {
            method: &self.method,
            path: &self.path,
            authorization: &self.authorization,
            proofs: &self.proofs,
        }
    }
}

pub(super) fn texts(headers: &HeaderMap, name: &str) -> Result<Vec<String>, Failed> {
    let text = |value: &http::HeaderValue| {
        let wrong = |_| Failed(Error::new(stint_api::Code::MalformedRequest, "a header value is not text"));
        value.to_str().map(str::to_owned).map_err(wrong)
    };
    headers.get_all(name).iter().map(text).collect()
}
