use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::request::Parts;
use stint_api::Code;

use super::refusal::Refusal;
use crate::app::{App, Error, GatewayCaller, PersonCaller, Presented};
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
        let mut response = problem::response(&self.0, &problem::document(&self.0));
        // To ask for a nonce is a step on the way in; two tokens at once are an attempt at one.
        let kept_out = matches!(response.status().as_u16(), 401 | 403) && self.0.code != Code::UseNonce;
        if kept_out || self.0.code == Code::AmbiguousRequest {
            response.extensions_mut().insert(Refusal::of(EventKind::RequestRefused, &self.0));
        }
        response
    }
}

/// A person, by token and proof. A login that only starts sessions is none.
#[derive(Debug)]
pub(super) struct AsPerson(pub(super) PersonCaller);

/// Any login of a person, for the few calls that even the least of them makes.
#[derive(Debug)]
pub(super) struct AsLogin(pub(super) PersonCaller);

/// A session, by token and proof.
#[derive(Debug)]
pub(super) struct AsSession(pub(super) GatewayCaller);

/// Either: a session for what is its own, a person for everything that their login sees.
#[derive(Debug)]
pub(super) enum AsEither {
    Person(PersonCaller),
    Session(GatewayCaller),
}

impl FromRequestParts<App> for AsPerson {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        Ok(AsPerson(app.identify_reader(&held.presented()).await?))
    }
}

impl FromRequestParts<App> for AsLogin {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        Ok(AsLogin(app.identify_person(&held.presented()).await?))
    }
}

impl FromRequestParts<App> for AsSession {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        Ok(AsSession(app.identify_own_session(&held.presented()).await?))
    }
}

impl FromRequestParts<App> for AsEither {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let held = Held::of(parts)?;
        let presented = held.presented();
        if app.is_session_token(&presented) {
            return Ok(AsEither::Session(app.identify_own_session(&presented).await?));
        }
        Ok(AsEither::Person(app.identify_person(&presented).await?))
    }
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
        let wrong = |_| Failed(Error::new(Code::MalformedRequest, "a header value is not text"));
        value.to_str().map(str::to_owned).map_err(wrong)
    };
    headers.get_all(name).iter().map(text).collect()
}
