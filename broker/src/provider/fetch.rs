//! One small exchange with a server that is not a provider behind a credential: its whole answer, or none.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};

use super::body::{Body, IdleBody};
use super::upstream::{UpstreamError, UpstreamFailure, Upstreams, failure, judge};
use crate::model::Upstream;

/// For the whole exchange.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer's body.
const MAX_BODY: usize = 256 << 10;

/// What is sent: a GET, or a POST of a form.
#[derive(Default)]
pub struct Fetch {
    pub authorization: Option<String>,
    /// `application/x-www-form-urlencoded`
    pub form: Option<String>,
}

pub struct Fetched {
    pub status: u16,
    pub body: Bytes,
}

impl fmt::Debug for Fetch {
    /// Both may carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetch([redacted])")
    }
}

impl fmt::Debug for Fetched {
    /// The body may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Upstreams {
    /// Sends one request to an absolute URL over a connection of its own. The rules about addresses, TLS and redirects are
    /// those of every upstream; `ca` is PEM, in place of the system's roots. Errors hold nothing that was sent.
    pub async fn fetch(&self, url: &str, ca: Option<&str>, fetch: Fetch) -> Result<Fetched, UpstreamError> {
        let request = request(url, fetch)?;
        let origin = request.uri().authority().map(|authority| authority.as_str().to_owned());
        let scheme = request.uri().scheme_str().unwrap_or("https").to_owned();
        let origin = format!("{scheme}://{}", origin.unwrap_or_default());
        let client = self.client(&Upstream { url: Some(origin), ca: ca.map(str::to_owned) })?;
        let exchange = async {
            let answer = client.http.request(request).await.map_err(|error| failure(&error))?;
            judge(answer.version(), answer.status(), answer.headers())
                .map_err(|why| UpstreamError::new(UpstreamFailure::Protocol, why))?;
            let status = answer.status().as_u16();
            let body = Limited::new(IdleBody::new(answer.into_body(), TIME), MAX_BODY).collect().await;
            let body = body.map_err(|_| {
                UpstreamError::new(
                    UpstreamFailure::Protocol,
                    "the answer broke off or is longer than 256 KiB",
                )
            })?;
            Ok(Fetched { status, body: body.to_bytes() })
        };
        let late = |_| UpstreamError::new(UpstreamFailure::Timeout, "no answer in time");
        tokio::time::timeout(TIME, exchange).await.map_err(late)?
    }
}

fn request(url: &str, fetch: Fetch) -> Result<Request<Body>, UpstreamError> {
    let wrong = || UpstreamError::new(UpstreamFailure::Refused, "the URL is not one to ask");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if !plain || !matches!(uri.scheme_str(), Some("https" | "http")) {
        return Err(wrong());
    }
    let method = if fetch.form.is_some() { Method::POST } else { Method::GET };
    let body = Full::new(Bytes::from(fetch.form.unwrap_or_default()));
    let mut request = Request::new(body.map_err(|never| match never {}).boxed_unsync());
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("stint"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if method == Method::POST {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }
    if let Some(text) = fetch.authorization {
        let mut value = HeaderValue::from_str(&text).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    Ok(request)
}
