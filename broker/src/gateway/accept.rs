//! Phase 1, accept: one canonical form, or 400. Nothing here looks at who asks; nothing after here sees raw input.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use stint_api::{Code, HEADER_DOWNSTREAM_AUTHORIZATION, HEADER_HOST};

use super::PREFIX;
use super::identify::Identified;
use crate::app::{App, Error, Raw, Result};
use crate::model::{self, Name};

/// A body that sends nothing for so long is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request to the gateway, taken apart but not yet judged.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) credential: Name,
    pub(super) method: Method,
    /// Path as it was sent, with the gateway's prefix: what a proof is made for.
    pub(super) door: String,
    /// Path and query at the provider, byte for byte.
    pub(super) target: String,
    /// Every `Authorization` and `DPoP` value that came for the broker.
    pub(super) authorization: Vec<String>,
    pub(super) proofs: Vec<String>,
    /// Provider host that the client names, where it names one.
    pub(super) host: Option<String>,
    pub(super) headers: HeaderMap,
}

/// The body stays apart: nobody waits for it before it is known who asks.
pub(super) fn accept(request: Request<Body>) -> Result<(Accepted, Body)> {
    let (parts, body) = request.into_parts();
    let raw = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    let rest = raw.strip_prefix(PREFIX).ok_or_else(|| malformed("not a path of the gateway"))?;
    let (name, _) = rest
        .split_once('/')
        .ok_or_else(|| malformed("the path names no credential and path: /gateway/{credential}/{path}"))?;
    let credential = Name::parse(name).map_err(|error| malformed(error.to_string()))?;
    let target = rest.strip_prefix(name).unwrap_or_default().to_owned();
    let door = raw.split_once('?').map_or(raw, |(path, _)| path).to_owned();
    let mut headers = parts.headers;
    let authorization = taken(&mut headers, header::AUTHORIZATION.as_str())?;
    let proofs = taken(&mut headers, "dpop")?;
    let mut hosts = taken(&mut headers, HEADER_HOST)?;
    if hosts.len() > 1 {
        return Err(malformed("two provider hosts are named"));
    }
    // What the command itself sent as `Authorization` is judged like every other header.
    for value in taken(&mut headers, HEADER_DOWNSTREAM_AUTHORIZATION)? {
        let value = HeaderValue::from_str(&value).map_err(|_| malformed("a header value is not text"))?;
        headers.append(header::AUTHORIZATION, value);
    }
    headers.remove(header::HOST);
    let accepted = Accepted {
        credential,
        method: parts.method,
        door,
        target,
        authorization,
        proofs,
        host: hosts.pop(),
        headers,
    };
    Ok((accepted, body))
}

/// Read the body within its limits, refuse what carries a credential of its own, and put the request into its one form.
pub(super) async fn canonical(
    app: &App,
    identified: &Identified,
    accepted: Accepted,
    body: Body,
) -> Result<model::Request> {
    let body = read(body, app.config().limits.body).await?;
    let raw = Raw {
        method: &accepted.method,
        host: accepted.host.as_deref(),
        target: &accepted.target,
        headers: &accepted.headers,
        body,
    };
    app.canonical(&identified.credential, &identified.caller.session, raw)
}

async fn read(body: Body, limit: usize) -> Result<Bytes> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match collected {
        Err(_) => Err(malformed("the body did not arrive in time")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Error::new(
            Code::BodyTooLarge,
            format!("a body of more than {limit} bytes cannot be judged whole, so it is not sent"),
        )
        .hint("limits.body sets how much the broker reads")),
        Ok(Err(_)) => Err(malformed("the body is not framed as it should be")),
    }
}

fn taken(headers: &mut HeaderMap, name: &str) -> Result<Vec<String>> {
    let values = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(str::to_owned).map_err(|_| malformed("a header value is not text")))
        .collect();
    headers.remove(name);
    values
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::new(Code::MalformedRequest, detail)
}
