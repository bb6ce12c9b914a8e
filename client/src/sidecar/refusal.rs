use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, PROXY_AUTHENTICATE};
use http::{Response, StatusCode};
use serde_json::json;
use stint_api::{Code, PROBLEM_MEDIA_TYPE, Problem};

use crate::api::{Body, full};

/// The answer to what does not even go to the gateway: a problem document (RFC 9457).
///
/// With `graphql` it also is an answer in the shape that GraphQL clients show: `errors[]` with a message.
pub(super) fn refuse(problem: &Problem, graphql: bool) -> Response<Body> {
    let mut document = json!(problem);
    if graphql && let Some(members) = document.as_object_mut() {
        let message = match &problem.hint {
            Some(hint) => format!("{}: {} ({hint})", problem.title, problem.detail),
            None => format!("{}: {}", problem.title, problem.detail),
        };
        members.insert("data".to_owned(), json!(null));
        members
            .insert("errors".to_owned(), json!([{"message": message, "extensions": {"code": problem.code}}]));
    }
    let mut response = Response::new(full(Bytes::from(document.to_string())));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    response
}

/// Whoever does not know the session's proxy secret gets 407 (RFC 9110 s15.5.8) and nothing else.
pub(super) fn ask_for_secret() -> Response<Body> {
    let problem =
        Problem::new(Code::NotAuthenticated, "this proxy belongs to one command and asks for its secret")
            .hint("use the proxy variables that `stint run` sets as they are");
    let mut response = refuse(&problem, false);
    *response.status_mut() = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    response.headers_mut().insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"stint\""));
    response
}
