//! Phase 1, accept: one canonical form, or 400. Nothing here looks at who asks; nothing after here sees raw input.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use stint_api::{Code, HEADER_DOWNSTREAM_AUTHORIZATION, HEADER_HOST};

use super::PREFIX;
use super::identify::Identified;
use crate::app::{App, Error, Raw, Result, Tail};
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

/// Read the body as far as it is judged. What follows after a beginning stays where it is until the beginning was judged.
pub(super) async fn body(app: &App, identified: &Identified, body: Body) -> Result<(Bytes, Option<Tail>)> {
    let limits = &app.config().limits;
    if body.size_hint().lower() > limits.upload {
        return Err(Error::new(Code::BodyTooLarge, "the body is longer than limits.upload of the broker"));
    }
    let (body, rest) = read(body, limits.body).await?;
    Ok((body, rest.map(|rest| app.tail(&identified.caller.session, rest))))
}

/// Refuse what carries a credential of its own, and put the request into its one form.
pub(super) fn canonical(
    app: &App,
    identified: &Identified,
    accepted: Accepted,
    body: Bytes,
    partial: bool,
) -> Result<model::Request> {
    let raw = Raw {
        method: &accepted.method,
        host: accepted.host.as_deref(),
        target: &accepted.target,
        headers: &accepted.headers,
        body,
        partial,
    };
    app.canonical(&identified.credential, &identified.caller.session, raw)
}

/// The whole body, or the beginning of one that is longer than `limit` and what follows.
async fn read(mut body: Body, limit: usize) -> Result<(Bytes, Option<Body>)> {
    let mut read = BytesMut::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| malformed("the body is not framed as it should be"))?;
            let Ok(data) = frame.into_data() else { continue };
            if read.is_empty() && data.len() <= limit && body.is_end_stream() {
                return Ok((data, None));
            }
            read.extend_from_slice(&data);
            if read.len() > limit {
                return Ok((read.freeze(), Some(body)));
            }
        }
        Ok((read.freeze(), None))
    };
    tokio::time::timeout(BODY_TIMEOUT, reading)
        .await
        .map_err(|_| malformed("the body did not arrive in time"))?
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
