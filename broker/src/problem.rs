//! The only maker of problem documents (RFC 9457). Shared by the edges; knows nothing of what went wrong inside.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use stint_api::{Code, Problem};

use crate::app::{self, Reply};

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

/// The answer for an error, never cached.
pub fn response(error: &app::Error, problem: &Problem) -> Response<Body> {
    told(error, problem, &Reply::Problem)
}

/// The answer for an error to a program that shows its user what a form of its own says, and not what a status means.
pub fn told(error: &app::Error, problem: &Problem, reply: &Reply) -> Response<Body> {
    let told = reply.told(problem);
    let mut response = answer(problem, told.body);
    // A token that has to be renewed is between the sidecar and the broker: it is asked for by the status.
    if let (Ok(status), true) = (StatusCode::from_u16(told.status), problem.status != 401) {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(told.content_type));
    for (name, value) in told.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    if let Some(nonce) = error.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        headers.insert("dpop-nonce", nonce);
    }
    response
}

fn answer(problem: &Problem, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
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
