//! The only maker of problem documents (RFC 9457). Shared by the edges; knows nothing of what went wrong inside.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use stint_api::{Code, PROBLEM_MEDIA_TYPE, Problem};

use crate::app;

/// An error as a problem document.
pub fn document(error: &app::Error) -> Problem {
    let mut problem = Problem::new(error.code, error.detail.clone());
    problem.hint.clone_from(&error.hint);
    if let Some(decision) = &error.decision {
        problem.operations.clone_from(&decision.operations);
        problem.environments.clone_from(&decision.environments);
        problem.policies.clone_from(&decision.policies);
        problem.approval.clone_from(&decision.approval);
    }
    problem
}

/// The answer for an error, never cached; with a GraphQL error beside the problem where a GraphQL client asked.
pub fn response(error: &app::Error, problem: &Problem, graphql: bool) -> Response<Body> {
    let body = if graphql { serde_json::to_vec(&with_errors(problem)) } else { serde_json::to_vec(problem) };
    let mut response = answer(problem, body.unwrap_or_default());
    if let Some(nonce) = error.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
    response
}

/// The answer for an error to a program that shows its user what a form of its own says, and not what a status means.
pub fn told(problem: &Problem, reply: &app::Reply) -> Response<Body> {
    let mut response = answer(problem, reply.body(problem));
    if reply.is_success() {
        *response.status_mut() = StatusCode::OK;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type()));
    response
}

/// The problem with `errors[]` and `data` beside its members, so that GraphQL clients show what a person would want to read.
fn with_errors(problem: &Problem) -> Value {
    let mut text = problem.title.clone();
    for part in [Some(problem.detail.as_str()), problem.hint.as_deref()].into_iter().flatten() {
        if !part.is_empty() {
            text.push_str(": ");
            text.push_str(part);
        }
    }
    let mut value = json!(problem);
    if let Value::Object(members) = &mut value {
        members.insert("data".to_owned(), Value::Null);
        members.insert(
            "errors".to_owned(),
            json!([{ "message": format!("stint: {text}"), "extensions": { "code": problem.code, "problem": problem } }]),
        );
    }
    value
}

fn answer(problem: &Problem, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if problem.status == 401 {
        // RFC 9449 s7.1. Codes are of a fixed list, so the header is always valid.
        let error = match problem.code.as_str() {
            code if code == Code::NotAuthenticated.as_str() => None,
            code if code == Code::InvalidProof.as_str() || code == Code::UseNonce.as_str() => Some(code),
            _ => Some("invalid_token"),
        };
        let challenge = match error {
            Some(error) => format!("DPoP error=\"{error}\", algs=\"EdDSA ES256\""),
            None => "DPoP algs=\"EdDSA ES256\"".to_owned(),
        };
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
    }
    if problem.status == 503 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}
