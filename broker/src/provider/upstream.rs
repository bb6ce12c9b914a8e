//! The only HTTP client of the broker.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::time::timeout_at;

use super::address::AddressRules;
use super::body::{Body, IdleBody, Progress};
use super::connect::{Destination, Door, classify, request_uri};
use crate::model::{CredentialId, Upstream};

/// Sends requests to providers. Cheap to share behind an `Arc`.
///
/// Proxies named by the process's environment are not used, redirects are not followed, and no client certificate is
/// offered. Connections are never shared between credentials.
pub struct Upstreams {
    rules: Arc<AddressRules>,
    times: Times,
    max_clients: usize,
    roots: OnceLock<Result<Arc<RootCertStore>, UpstreamError>>,
    clients: Mutex<Clients>,
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Private ranges that may be upstreams.
    pub allow_private: Vec<IpNet>,
    /// Addresses that the broker listens on.
    pub own: Vec<SocketAddr>,
    pub times: Times,
}

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For a TCP connection.
    pub connect: Duration,
    /// For a connection with its name look-up and its TLS handshake.
    pub handshake: Duration,
    /// For the head of an answer, after the last byte of the request that moved.
    pub head: Duration,
    /// Between two parts of an answer's body.
    pub idle: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        }
    }
}

/// What kept a request from being answered. `detail` is for people and holds nothing of a header, query or body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct UpstreamError {
    pub kind: UpstreamFailure,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// The destination is not allowed: nothing was sent.
    Refused,
    /// No connection: nothing was sent.
    Connect,
    /// No trustworthy connection: nothing was sent.
    Tls,
    Timeout,
    /// What came back is not an answer that can be handed on. The request may have had its effect.
    Protocol,
}

impl UpstreamError {
    pub(super) fn new(kind: UpstreamFailure, detail: impl Into<String>) -> Self {
        UpstreamError { kind, detail: detail.into() }
    }
}

const MAX_CLIENTS: usize = 1024;
/// Bytes of an answer's head.
const MAX_HEAD: usize = 64 << 10;

impl Upstreams {
    pub fn new(options: Options) -> Self {
        let rules = AddressRules { allow_private: options.allow_private, own: options.own };
        Upstreams {
            rules: Arc::new(rules),
            times: options.times,
            max_clients: MAX_CLIENTS,
            roots: OnceLock::new(),
            clients: Mutex::default(),
        }
    }

    /// Judges an upstream before it is stored: its URL, a literal address in it, and its certificates.
    pub fn check(&self, upstream: &Upstream) -> Result<(), UpstreamError> {
        let destination = upstream.url.as_deref().map(Destination::parse).transpose()?;
        if let Some(destination) = destination
            && let Some(address) = destination.literal()
        {
            let judged = self.rules.check(address, destination.is_plain());
            judged.map_err(|why| UpstreamError::new(UpstreamFailure::Refused, why.to_string()))?;
        }
        self.client(upstream).map(|_| ())
    }

    /// Sends one request and gives the head of its answer; the body streams.
    ///
    /// The request's URI names the policy's host (`https://host/path?query`, no port, no userinfo). That host is what
    /// `Host` or `:authority` says even where `upstream.url` sends the request elsewhere; TLS checks the name of the place
    /// that is connected to. `Host` and the like in the request's headers are replaced.
    pub async fn send(
        &self,
        credential: &CredentialId,
        upstream: &Upstream,
        request: Request<Body>,
    ) -> Result<Response<IdleBody>, UpstreamError> {
        let client = self.pooled(credential, upstream)?;
        let progress = Progress::new();
        let mut request = client.address(request)?.map(|body| progress.watch(body));
        let captured = capture_connection(&mut request);
        let mut sending = pin!(client.http.request(request));
        let answer = loop {
            let deadline = progress.last() + self.times.head;
            match timeout_at(deadline, &mut sending).await {
                Ok(answer) => break answer.map_err(|error| failure(&error))?,
                // A body that is still moving is not a provider that does not answer.
                Err(_) if progress.last() + self.times.head > deadline => {}
                Err(_) => return Err(UpstreamError::new(UpstreamFailure::Timeout, "no answer in time")),
            }
        };
        if let Err(why) = judge(answer.version(), answer.status(), answer.headers()) {
            if let Some(connected) = captured.connection_metadata().as_ref() {
                connected.poison();
            }
            return Err(UpstreamError::new(UpstreamFailure::Protocol, why));
        }
        let idle = self.times.idle;
        Ok(answer.map(|body| IdleBody::new(body, idle)))
    }

    /// The client of this credential; a credential whose upstream changed leaves its old connections behind.
    fn pooled(&self, credential: &CredentialId, upstream: &Upstream) -> Result<Pooled, UpstreamError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.uses += 1;
        let now = clients.uses;
        if let Some(held) = clients.held.get_mut(credential)
            && held.upstream == *upstream
        {
            held.used = now;
            return Ok(held.client.clone());
        }
        let client = self.client(upstream)?;
        if clients.held.len() >= self.max_clients
            && let Some(oldest) =
                clients.held.iter().min_by_key(|(_, held)| held.used).map(|(id, _)| id.clone())
        {
            clients.held.remove(&oldest);
        }
        let held = Held { upstream: upstream.clone(), client: client.clone(), used: now };
        clients.held.insert(credential.clone(), held);
        Ok(client)
    }

    pub(super) fn client(&self, upstream: &Upstream) -> Result<Pooled, UpstreamError> {
        let fixed = upstream.url.as_deref().map(Destination::parse).transpose()?;
        let plain = fixed.as_ref().is_some_and(Destination::is_plain);
        let tls = Arc::new(tls_config(self.roots(upstream.ca.as_deref())?)?);
        let door = Door::new(Arc::clone(&self.rules), tls, fixed, self.times.connect, self.times.handshake);
        let http = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(64)
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(200)
            .http2_max_header_list_size(MAX_HEAD as u32)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .build(door);
        Ok(Pooled { http, plain })
    }

    fn roots(&self, ca: Option<&str>) -> Result<Arc<RootCertStore>, UpstreamError> {
        match ca {
            Some(pem) => own_roots(pem).map(Arc::new),
            None => self.roots.get_or_init(|| system_roots().map(Arc::new)).clone(),
        }
    }
}

#[derive(Default)]
struct Clients {
    held: HashMap<CredentialId, Held>,
    uses: u64,
}

struct Held {
    upstream: Upstream,
    client: Pooled,
    used: u64,
}

#[derive(Clone)]
pub(super) struct Pooled {
    pub(super) http: Client<Door, Body>,
    plain: bool,
}

impl Pooled {
    /// Puts the request into the form that goes out.
    fn address(&self, request: Request<Body>) -> Result<Request<Body>, UpstreamError> {
        let refuse = |why: &str| UpstreamError::new(UpstreamFailure::Refused, why);
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::CONNECT || parts.headers.contains_key(UPGRADE) {
            return Err(refuse("tunnels and upgrades are not sent"));
        }
        let host: Authority = match parts.uri.authority() {
            Some(host) if !host.as_str().contains(['@', ':']) => host.clone(),
            _ => return Err(refuse("the request does not name a plain host")),
        };
        let target = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        parts.uri =
            request_uri(host, target, self.plain).map_err(|_| refuse("the request's target is not valid"))?;
        parts.version = Version::HTTP_11;
        // Made anew from the URI, in the form that the connection's version wants.
        parts.headers.remove(HOST);
        parts.headers.remove(TRANSFER_ENCODING);
        Ok(Request::from_parts(parts, body))
    }
}

/// F16: an answer with two framings, or one that takes the connection over, is not an answer.
pub(super) fn judge(version: Version, status: StatusCode, headers: &HeaderMap) -> Result<(), &'static str> {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err("the provider switched protocols unasked");
    }
    // The client's own bound is on its buffer, which a head can overrun.
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MAX_HEAD {
        return Err("the answer's head is too large");
    }
    if version >= Version::HTTP_2 {
        return Ok(());
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if headers.contains_key(CONTENT_LENGTH) {
            return Err("the answer has two framings");
        }
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("the answer's framing is not understood");
        }
    }
    if headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err("the answer has more than one length");
    }
    Ok(())
}

pub(super) fn failure(error: &hyper_util::client::legacy::Error) -> UpstreamError {
    if error.is_connect() {
        return classify(error);
    }
    // Past the connection nothing of the error's text is known to be safe.
    UpstreamError::new(UpstreamFailure::Protocol, "the provider broke the exchange off")
}

fn tls_config(roots: Arc<RootCertStore>) -> Result<ClientConfig, UpstreamError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| UpstreamError::new(UpstreamFailure::Tls, error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Kept per client, so that no session ticket links two credentials.
    config.resumption = Resumption::in_memory_sessions(32);
    Ok(config)
}

fn own_roots(pem: &str) -> Result<RootCertStore, UpstreamError> {
    let wrong = |why: &str| UpstreamError::new(UpstreamFailure::Tls, why);
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let cert = cert.map_err(|_| wrong("the upstream's CA is not PEM"))?;
        roots.add(cert).map_err(|_| wrong("the upstream's CA is not a certificate"))?;
    }
    if roots.is_empty() { Err(wrong("the upstream's CA holds no certificate")) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, UpstreamError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(UpstreamError::new(
            UpstreamFailure::Tls,
            "this machine has no trusted root certificates",
        ));
    }
    Ok(roots)
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams")
            .field("rules", &self.rules)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}
