use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ring::digest::{SHA256, digest};
use stint_api::{Code, Problem};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::authority::Authority;
use super::egress::Egress;
use super::refusal::{ask_for_secret, refuse};
use super::{intercept, placeholder, transparent, tunnel, within};
use crate::api::{Body, empty, full};
use crate::clock::{Clock, NoRandomness};
use crate::secret::Secret;
use crate::session::LiveSession;

/// Connections that one command may hold open at a time.
const MOST_CONNECTIONS: usize = 512;
/// Time for the head of a request to arrive.
pub(super) const HEAD: Duration = Duration::from_secs(30);
/// Path of the proxy's own that says whether it is ready: 200 or 503.
pub const READY: &str = "/ready";
/// Largest head of a request, in bytes.
pub(super) const LARGEST_HEAD: usize = 64 << 10;

/// What all connections of a command share.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) session: Arc<LiveSession>,
    /// The command's own session, and those that are live within it.
    parties: RwLock<Vec<Arc<Party>>>,
    pub(super) authority: Authority,
    pub(super) egress: Egress,
    /// Port that commands reach the proxy by.
    pub(super) port: u16,
    /// Where commands find the session's certificates; without it no session starts within this one.
    pub(super) bundle: Option<PathBuf>,
    pub(super) clock: Clock,
    room: Arc<Semaphore>,
    /// Whether nothing new is taken any more.
    closing: watch::Sender<bool>,
    /// Whether everything is there that a command needs.
    announced: AtomicBool,
    /// Whether the session is known to have ended.
    over: AtomicBool,
}

/// A session and the secret of who speaks for it.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) session: Arc<LiveSession>,
    /// SHA-256 of the only `Proxy-Authorization` that is taken.
    expected: [u8; 32],
}

impl Party {
    pub(super) fn new(session: Arc<LiveSession>, clock: &Clock) -> Result<(Self, Secret), NoRandomness> {
        let secret = Secret::new(clock.unguessable()?);
        let expected = format!("Basic {}", STANDARD.encode(format!("stint:{}", secret.expose())));
        Ok((Party { session, expected: hash(expected.as_bytes()) }, secret))
    }
}

/// A session within the command's own is served for as long as this is kept.
pub(super) struct Admitted {
    proxy: Arc<Proxy>,
    party: Arc<Party>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Ok(mut parties) = self.proxy.parties.write() {
            parties.retain(|party| !Arc::ptr_eq(party, &self.party));
        }
    }
}

/// For whom a connection speaks.
#[derive(Debug, Clone)]
pub(super) enum Speaker {
    /// Whoever knew the secret of this session.
    Session(Arc<LiveSession>),
    /// Nobody said: each request says it by the placeholder that it carries.
    Unnamed,
}

/// Where a `CONNECT` leads.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// To the gateway, through TLS of our own.
    Gateway(String),
    /// Anywhere else, unread.
    Tunnel(String, u16),
}

impl Proxy {
    pub(super) fn new(
        party: Party,
        authority: Authority,
        egress: Egress,
        port: u16,
        bundle: Option<PathBuf>,
        clock: &Clock,
    ) -> Self {
        Proxy {
            session: party.session.clone(),
            parties: RwLock::new(vec![Arc::new(party)]),
            authority,
            egress,
            port,
            bundle,
            clock: clock.clone(),
            room: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            closing: watch::Sender::new(false),
            announced: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// From now on no connection and no request is taken; what is under way goes on.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until `close`.
    pub(super) async fn closed(&self) {
        // The sender lives as long as this does.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    pub(super) fn announce(&self) {
        self.announced.store(true, Ordering::Relaxed);
    }

    pub(super) fn session_is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        MOST_CONNECTIONS - self.room.available_permits()
    }

    pub(super) fn admit(self: &Arc<Self>, party: Party) -> Admitted {
        let party = Arc::new(party);
        if let Ok(mut parties) = self.parties.write() {
            parties.push(party.clone());
        }
        Admitted { proxy: self.clone(), party }
    }

    /// Whose secret this is. Digests are compared, so that the time tells nothing of it.
    fn knows_the_secret(&self, headers: &HeaderMap) -> Option<Arc<LiveSession>> {
        let mut values = headers.get_all(PROXY_AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let shown = hash(value.as_bytes());
        let parties = self.parties.read().ok()?;
        parties.iter().find(|party| party.expected == shown).map(|party| party.session.clone())
    }

    /// For whom a request speaks: `None` is told to say it. One that shows a wrong secret is never taken for one that shows
    /// none; and beside sessions within the command's own, a client that would show its secret when asked is asked.
    fn speaker(&self, request: &Request<Incoming>, door: Door) -> Option<Speaker> {
        if let Some(session) = self.knows_the_secret(request.headers()) {
            return Some(Speaker::Session(session));
        }
        let may_be_silent = door == Door::ProxyInside && request.method() == Method::CONNECT;
        let is_silent = !request.headers().contains_key(PROXY_AUTHORIZATION);
        let is_alone = || self.parties.read().is_ok_and(|parties| parties.len() == 1);
        (may_be_silent && is_silent && is_alone()).then_some(Speaker::Unnamed)
    }

    /// The session of a request that names none, by its placeholder. With sessions within the command's own, one that
    /// carries none is nobody's: `None`.
    pub(super) fn session_of(&self, headers: &HeaderMap, host: &str) -> Option<Arc<LiveSession>> {
        let parties = self.parties.read().ok()?;
        match parties.as_slice() {
            [only] => Some(only.session.clone()),
            several => several
                .iter()
                .map(|party| &party.session)
                .find(|session| placeholder::is_carried(headers, host, &session.started().credentials))
                .cloned(),
        }
    }

    pub(super) fn is_provider(&self, host: &str) -> bool {
        self.session.started().hosts.iter().any(|known| known.host == host)
    }

    /// Whether a name in a TLS greeting may go past the gateway.
    pub(super) fn may_tunnel(&self, host: &str) -> bool {
        !self.is_provider(host) && self.egress.allows(host)
    }

    fn route(&self, authority: &http::uri::Authority) -> Result<Route, Box<Problem>> {
        let host = canonical_host(authority.host());
        let port = authority.port_u16();
        let known = self.is_provider(&host);
        let denied = |detail: String| Box::new(Problem::new(Code::Denied, detail));
        let malformed = |detail: &str| Box::new(Problem::new(Code::MalformedRequest, detail));
        match port {
            _ if authority.as_str().contains('@') => Err(malformed("the authority carries user information")),
            None => Err(malformed("CONNECT needs a port")),
            Some(443) if known => Ok(Route::Gateway(host)),
            Some(port) if known => {
                let detail =
                    format!("{host} belongs to a provider, and port {port} of it leads past the gateway");
                Err(Problem::new(Code::Denied, detail).hint(format!("use https://{host}/")).into())
            }
            Some(_) if !self.egress.allows(&host) => {
                let detail =
                    format!("{host} belongs to no provider, and is not among the hosts of this session");
                Err(Problem::new(Code::Denied, detail).hint(Egress::HINT).into())
            }
            Some(port @ (443 | 80)) => Ok(Route::Tunnel(host, port)),
            Some(port) => {
                let detail = format!("port {port} is not carried: only 443 and 80 are");
                Err(denied(detail))
            }
        }
    }
}

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Clients that read proxy variables: `CONNECT`, with the session's secret.
    Proxy,
    /// The same for a confined command. Only that can reach it, so that a `CONNECT` without any secret goes through as it
    /// would at `Tls`: there are clients that drop the user information of a proxy.
    ProxyInside,
    /// Clients that do not, and took a provider's name for this address: TLS from the first byte. Only a confined
    /// command can reach it, so that it asks for no secret.
    Tls,
}

/// Takes connections until the proxy is closed, and then waits for those that are open. Aborting the task closes them.
pub(super) async fn accept(listener: TcpListener, door: Door, proxy: Arc<Proxy>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = proxy.closed() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely: they come back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = proxy.room.clone().try_acquire_owned() else { continue };
        let proxy = proxy.clone();
        connections.spawn(async move {
            match door {
                Door::Proxy | Door::ProxyInside => serve(stream, door, proxy).await,
                Door::Tls => transparent::serve(stream, proxy).await,
            }
            drop(place);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, door: Door, proxy: Arc<Proxy>) {
    let _ = stream.set_nodelay(true);
    let (hand_over, handed_over) = oneshot::channel();
    let hand_over = Mutex::new(Some(hand_over));
    let service = service_fn(|request| {
        let proxy = proxy.clone();
        let hand_over = &hand_over;
        async move { Ok::<_, Infallible>(answer(request, door, &proxy, hand_over).await) }
    });
    {
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        // A connection that breaks is the command's to notice.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = proxy.closed() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
    // The connection keeps its place in the room until what it was handed over to has ended.
    drop(hand_over);
    if let Ok(mut tunnel) = handed_over.await {
        let _: Result<(), tokio::task::JoinError> = (&mut tunnel.0).await;
    }
}

type HandOver = Mutex<Option<oneshot::Sender<Tunnel>>>;

/// What goes on in a connection after `CONNECT`: ends when the connection's own task does.
struct Tunnel(JoinHandle<()>);

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer(
    mut request: Request<Incoming>,
    door: Door,
    proxy: &Arc<Proxy>,
    hand_over: &HandOver,
) -> Response<Body> {
    if is_readiness(&request) {
        return readiness(proxy);
    }
    let Some(speaker) = proxy.speaker(&request, door) else { return ask_for_secret() };
    if let Speaker::Session(session) = &speaker
        && within::is_asked(&request)
    {
        return match within::open(request, session, proxy).await {
            Ok((response, work)) => {
                give(hand_over, work);
                response
            }
            Err(problem) => refuse(&problem, false),
        };
    }
    if request.method() != Method::CONNECT {
        return refuse(&not_a_tunnel(&request), false);
    }
    let Some(authority) = request.uri().authority() else {
        return refuse(&Problem::new(Code::MalformedRequest, "CONNECT needs host and port"), false);
    };
    let work = match proxy.route(authority) {
        Err(problem) => return refuse(&problem, false),
        Ok(Route::Gateway(host)) => {
            let upgrade = hyper::upgrade::on(&mut request);
            let proxy = proxy.clone();
            tokio::spawn(async move {
                if let Ok(stream) = upgrade.await {
                    intercept::serve(TokioIo::new(stream), host, speaker, proxy).await;
                }
            })
        }
        Ok(Route::Tunnel(host, port)) => match tunnel::connect(&host, port).await {
            Err(error) => {
                let problem =
                    Problem::new(Code::UpstreamFailed, format!("{host} cannot be reached: {error}"));
                return refuse(&problem, false);
            }
            Ok(upstream) => {
                let upgrade = hyper::upgrade::on(&mut request);
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = upgrade.await {
                        tunnel::carry(stream, upstream, |name| proxy.may_tunnel(name)).await;
                    }
                })
            }
        },
    };
    give(hand_over, work);
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::OK;
    response
}

/// `GET /ready`, which asks for no secret and tells nothing else.
fn is_readiness(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && request.uri().authority().is_none() && request.uri().path() == READY
}

fn readiness(proxy: &Proxy) -> Response<Body> {
    let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
    let (status, text) = match (is(&proxy.announced), is(&proxy.over)) {
        (true, false) => (StatusCode::OK, "ready\n"),
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "its session has ended\n"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "it does not serve yet\n"),
    };
    let mut response = Response::new(full(text.into()));
    *response.status_mut() = status;
    response
}

fn give(hand_over: &HandOver, work: JoinHandle<()>) {
    if let Some(sender) = hand_over.lock().ok().and_then(|mut place| place.take()) {
        // The receiver outlives the connection.
        let _ = sender.send(Tunnel(work));
    }
}

/// Plain `http` through the proxy would be read and written by anybody on the way, placeholders included.
fn not_a_tunnel(request: &Request<Incoming>) -> Problem {
    match request.uri().authority() {
        Some(authority) => {
            let detail = format!("plain http to {} is not carried", authority.host());
            Problem::new(Code::Denied, detail).hint("use https")
        }
        None => Problem::new(Code::MalformedRequest, "this is a proxy: it serves nothing of its own"),
    }
}

/// Lower case, without the dot of a fully qualified name.
pub(super) fn canonical_host(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0u8; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
