//! The door to sessions within a session: `POST /children` at the proxy, with its secret.
//!
//! Who is inside has no login and perhaps no way to the broker; so this process asks for them, with the token of the
//! session around it, and serves the new session at the same doors. The answer is `101` (RFC 9110 s15.2.2), and then one
//! line of JSON, `Within`. The connection is the new session's life: when every copy of it is closed, the session ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use stint_api::{Code, Problem, StartSession, StartedSession};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::listen::{Party, Proxy};
use crate::api::{Body, Error, empty};
use crate::clock::NoRandomness;
use crate::session::LiveSession;

/// Where the door is.
pub const PATH: &str = "/children";
pub const PROTOCOL: &str = "stint-session";
/// Largest question and answer, in bytes.
pub const LARGEST: usize = 1 << 20;
const END: Duration = Duration::from_secs(15);

/// What a command within a session needs to know of its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct Within {
    pub started: StartedSession,
    /// `http://stint:<secret>@127.0.0.1:<port>`.
    pub proxy_url: String,
    /// Where the commands of this sidecar find the session's certificates, with the system's.
    pub bundle: PathBuf,
}

pub(super) fn is_asked(request: &Request<Incoming>) -> bool {
    request.method() == Method::POST && request.uri().authority().is_none() && request.uri().path() == PATH
}

/// Starts a session within `outer`. The task serves it until the connection is closed.
pub(super) async fn open(
    mut request: Request<Incoming>,
    outer: &LiveSession,
    proxy: &Arc<Proxy>,
) -> Result<(Response<Body>, JoinHandle<()>), Box<Problem>> {
    let Some(bundle) = proxy.bundle.clone() else {
        return Err(Problem::new(Code::Denied, "this sidecar starts no sessions within its own").into());
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let unreadable =
        || Box::new(Problem::new(Code::MalformedRequest, "the request is no start of a session"));
    let body = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|_| unreadable())?;
    let start: StartSession = serde_json::from_slice(&body.to_bytes()).map_err(|_| unreadable())?;
    let is_dry = start.dry_run;
    let session = Arc::new(outer.start_within(start).await.map_err(refused)?);
    let (party, secret) = Party::new(session.clone(), &proxy.clock).map_err(no_secret)?;
    let within = Within {
        started: session.started().clone(),
        proxy_url: super::proxy_url(&secret, proxy.port).expose().to_owned(),
        bundle,
    };
    let proxy = proxy.clone();
    let work = tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let mut line = serde_json::to_vec(&within).unwrap_or_default();
        line.push(b'\n');
        let mut stream = TokioIo::new(stream);
        if is_dry {
            let _ = stream.write_all(&line).await;
            return;
        }
        let _party = proxy.admit(party);
        let alive = tokio::spawn(session.clone().keep_alive(super::Heartbeats::AsAsked));
        if stream.write_all(&line).await.is_ok() {
            // Nothing is said; the end is.
            while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
        }
        alive.abort();
        // A broker that cannot be told ends it by its silence.
        let _ = session.end_patiently("command_ended", END).await;
    });
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
    Ok((response, work))
}

fn no_secret(error: NoRandomness) -> Box<Problem> {
    Problem::new(Code::Internal, error.to_string()).into()
}

fn refused(error: Error) -> Box<Problem> {
    match error {
        Error::Problem(problem) => problem,
        Error::Unreachable { why, .. } => Problem::new(Code::BrokerUnreachable, why).into(),
        other => Problem::new(Code::SessionEnded, other.to_string()).into(),
    }
}
