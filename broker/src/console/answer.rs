//! What a handler gives back: a page, a redirect, or a failure as a page.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use maud::{Markup, html};
use serde::de::DeserializeOwned;
use stint_api::Code;

use super::layout;
use super::sentence::capital;
use super::text::Shown;
use crate::app::Error;

/// Bytes of a form: policies are pasted into one.
const LIMIT: usize = 256 * 1024;

pub(super) type Reply = Result<Response, Failure>;

/// A page, with a status that fits what it says.
pub(super) fn page(status: StatusCode, markup: Markup) -> Response {
    let mut response = Response::new(axum::body::Body::from(markup.into_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

pub(super) fn ok(markup: Markup) -> Response {
    page(StatusCode::OK, markup)
}

/// After a form: the browser asks for the page that shows what became of it.
pub(super) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// For a page's own script.
pub(super) fn json(value: &serde_json::Value) -> Response {
    let mut response = Response::new(axum::body::Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The status that goes with an error, for the page that shows it.
pub(super) fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// What went wrong, at the head of the form that it is about.
pub(super) fn complaint(error: Option<&Error>) -> Markup {
    html! {
        @if let Some(error) = error {
            div.notice.danger role="alert" {
                (Shown(&error.detail))
                @if let Some(hint) = &error.hint { br; span.dim { (Shown(hint)) } }
            }
        }
    }
}

/// What went wrong, as a page of its own: where there is no form to show it beside.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = capital(self.0.code.title());
        let body = html! {
            h1 { (title) }
            p { (Shown(&self.0.detail)) }
            @if let Some(hint) = &self.0.hint { p.hint { (hint) } }
            p { a href="/console/" { "Go to the approvals" } }
        };
        page(status, layout::bare(&title, body))
    }
}

pub(super) async fn nothing_here() -> Failure {
    Failure(Error::new(Code::NotFound, "there is no page at this address"))
}

/// An `application/x-www-form-urlencoded` body whose fields are exactly those of `T`.
#[derive(Debug)]
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let wrong = |detail: &str| Failure(Error::new(Code::InvalidInput, detail));
        let bytes = Limited::new(request.into_body(), LIMIT).collect().await;
        let bytes = bytes.map_err(|_| wrong("the form is too large or broke off"))?.to_bytes();
        let fields =
            form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.into_owned()));
        let fields = fields.collect::<Vec<_>>();
        T::deserialize(serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(
            fields.into_iter(),
        ))
        .map(Form)
        .map_err(|error| Failure(Error::new(Code::InvalidInput, error.to_string())))
    }
}
