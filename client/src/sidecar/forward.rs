use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use stint_api::{
    Code, HEADER_DOWNSTREAM_AUTHORIZATION, HEADER_HOST, HEADER_REASON, Problem, SessionCredential,
};
use tokio::time::Instant;

use super::placeholder;
use super::refusal::refuse;
use crate::api::{Body, Error, Holder, full};
use crate::session::LiveSession;

/// Bodies up to this size, in bytes, are kept so that a request can be sent again when the broker asks for that or was
/// away. Larger ones stream and are sent once.
const KEPT_BODY: u64 = 256 << 10;
/// How long a request waits for a broker that is away.
const PATIENCE: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(60);

/// Headers about one hop (RFC 9110 s7.6.1), which end here.
const ONE_HOP: [&str; 10] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Hands one request to the gateway and its answer back, untouched but for what belongs to one hop.
///
/// One that is of no `session` goes by the one around all, without any of its credentials: the gateway refuses it, and
/// records it with what it carries. Why, only this side knows.
pub(super) async fn forward(
    request: Request<Incoming>,
    host: &str,
    session: Option<&Arc<LiveSession>>,
    outermost: &LiveSession,
    graphql: bool,
) -> Response<Body> {
    let delivered = match session {
        Some(session) => deliver(request, host, session, &session.started().credentials).await,
        None => deliver(request, host, outermost, &[]).await.and_then(|_| Err(unnamed())),
    };
    match delivered {
        Ok(response) => response,
        Err(problem) => refuse(&problem, graphql),
    }
}

/// What is the same in each attempt to send a request.
struct Outgoing {
    head: Parts,
    /// URL at the gateway, without query: what the proof names.
    target: String,
}

enum Payload {
    Kept(Bytes),
    Streamed(Option<Incoming>),
}

async fn deliver(
    request: Request<Incoming>,
    host: &str,
    session: &LiveSession,
    credentials: &[SessionCredential],
) -> Result<Response<Body>, Box<Problem>> {
    let (mut head, body) = request.into_parts();
    let host_value = HeaderValue::from_str(host).map_err(|_| unreadable("the host is no header value"))?;
    strip(&mut head.headers);
    let credential = placeholder::choose(&mut head.headers, host, credentials)?;
    head.headers.insert(HeaderName::from_static(HEADER_HOST), host_value);

    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let started = session.started();
    let provider = || session.provider_of(host);
    let door = match credential {
        Some(credential) => Some(credential.name.clone()),
        None => provider().map(|provider| unheld(provider, &started.credentials)),
    };
    let door = door.ok_or_else(|| unreadable("the host belongs to no provider"))?;
    let target = format!("{}/{door}{path}", started.gateway);
    head.uri = target.parse::<Uri>().map_err(|_| unreadable("the path is no part of a URL"))?;
    let target = target.split('?').next().unwrap_or_default().to_owned();
    let payload = keep_if_small(&head.headers, body).await?;
    Outgoing { head, target }.send(payload, session).await
}

/// What stands where a credential's name would, in a request that is to get none: the gateway knows none of that name.
fn unheld(provider: &str, credentials: &[SessionCredential]) -> String {
    let mut name = provider.to_owned();
    while credentials.iter().any(|held| held.name == name) {
        name.push_str("-unnamed");
    }
    name
}

impl Outgoing {
    async fn send(
        &self,
        mut payload: Payload,
        session: &LiveSession,
    ) -> Result<Response<Body>, Box<Problem>> {
        let started = Instant::now();
        let mut asked_again = false;
        let mut pause = Duration::from_millis(100);
        loop {
            let token = match session.holder().token().await {
                Ok(token) => token,
                Err(error) if error.is_passing() && started.elapsed() + pause < PATIENCE => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    continue;
                }
                Err(error) => return Err(no_token(error)),
            };
            let (body, again) = match &mut payload {
                Payload::Kept(bytes) => (full(bytes.clone()), true),
                Payload::Streamed(body) => match body.take() {
                    Some(body) => (body.map_err(Into::into).boxed(), false),
                    None => return Err(away(BROKE)),
                },
            };
            let request = self.request(body, session.holder(), &token).map_err(no_token)?;
            let answer = match session.holder().transport().stream(request).await {
                Ok(answer) => answer,
                // Nothing was sent when no connection could be made: it may be tried again.
                Err(error) if again && error.is_connect() && started.elapsed() + pause < PATIENCE => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    continue;
                }
                Err(error) if error.is_connect() => return Err(away("no connection can be made")),
                Err(_) => return Err(away(BROKE)),
            };
            let wants_nonce = session.holder().learn_nonce(answer.status(), answer.headers());
            // The gateway refuses a token or a proof before it looks at the request: nothing was done yet.
            if again && !asked_again && (wants_nonce || is_token_refused(&answer)) {
                asked_again = true;
                if !wants_nonce {
                    session.holder().discard(&token).await;
                }
                continue;
            }
            return Ok(hand_back(answer));
        }
    }

    fn request(
        &self,
        body: Body,
        holder: &Holder,
        token: &crate::api::Token,
    ) -> Result<Request<Body>, Error> {
        let mut request = Request::new(body);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, Holder::authorization(token)?);
        headers.insert("dpop", holder.proof(&self.head.method, &self.target, Some(token))?);
        Ok(request)
    }
}

async fn keep_if_small(headers: &HeaderMap, body: Incoming) -> Result<Payload, Box<Problem>> {
    use hyper::body::Body as _;
    if body.is_end_stream() && !headers.contains_key(CONTENT_LENGTH) {
        return Ok(Payload::Kept(Bytes::new()));
    }
    match body.size_hint().exact() {
        Some(size) if size <= KEPT_BODY => {
            let limit = usize::try_from(KEPT_BODY).unwrap_or(usize::MAX);
            let incomplete = || unreadable("the body did not arrive");
            let body = tokio::time::timeout(BODY, Limited::new(body, limit).collect()).await;
            let body = body.map_err(|_| incomplete())?.map_err(|_| incomplete())?;
            Ok(Payload::Kept(body.to_bytes()))
        }
        _ => Ok(Payload::Streamed(Some(body))),
    }
}

/// Takes out what is about the hop from the command to here, and what only a sidecar may say.
fn strip(headers: &mut HeaderMap) {
    strip_hop(headers);
    headers.remove(HOST);
    headers.remove("dpop");
    let ours: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name.as_str())).cloned().collect();
    for name in ours {
        headers.remove(&name);
    }
    debug_assert!(!headers.contains_key(HEADER_DOWNSTREAM_AUTHORIZATION));
}

/// The agent's reason is its own to give; it goes on as far as the broker.
fn is_ours(name: &str) -> bool {
    name.starts_with("stint-") && name != HEADER_REASON
}

fn strip_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A request cannot have its length or its credential dropped on the way by naming them as one hop's.
        .filter(|name| *name != CONTENT_LENGTH && *name != AUTHORIZATION)
        .collect();
    for name in named {
        headers.remove(&name);
    }
    for name in ONE_HOP {
        headers.remove(name);
    }
}

fn hand_back(answer: Response<Incoming>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    strip_hop(&mut head.headers);
    head.headers.remove("dpop-nonce");
    // Another way to the same host, past the gateway.
    head.headers.remove("alt-svc");
    head.version = http::Version::default();
    Response::from_parts(head, body.map_err(Into::into).boxed())
}

/// Whether the gateway itself refused the token: a provider's own 401 does not challenge with `DPoP`.
fn is_token_refused(answer: &Response<Incoming>) -> bool {
    answer.status() == 401
        && answer.headers().get_all(WWW_AUTHENTICATE).iter().any(|value| {
            value.to_str().is_ok_and(|text| text.starts_with("DPoP ") && text.contains("invalid_token"))
        })
}

/// For clients that go by a provider's name alone, once there was a session within the command's own.
fn unnamed() -> Box<Problem> {
    let detail = "a session was started within this one, and a request that does not come through the proxy says of neither that it is its own";
    Problem::new(Code::Denied, detail).hint("let the client use HTTPS_PROXY, as `stint run` sets it").into()
}

fn unreadable(detail: &str) -> Box<Problem> {
    Problem::new(Code::MalformedRequest, detail).into()
}

fn no_token(error: Error) -> Box<Problem> {
    match error {
        Error::Unreachable { why, .. } => away(&why),
        Error::Problem(problem) => problem,
        Error::OAuth { error, description } => {
            let detail = format!("the broker gives it no token: {}", description.unwrap_or(error));
            Problem::new(Code::SessionEnded, detail).hint("start a new session with `stint run`").into()
        }
        Error::Protocol(detail) => Problem::new(Code::Internal, detail.to_string()).into(),
    }
}

const BROKE: &str = "the connection to it broke, and whether the request was carried out is not known here";

fn away(why: &str) -> Box<Problem> {
    Problem::new(Code::BrokerUnreachable, why)
        .hint("the session lives on: try again when the broker is back")
        .into()
}
