use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt as _};

use super::guard::{Guard, Word};
use super::{Limits, Peer, Refused, head};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Serves connections until `shutdown` is ready, then lets requests under way end within `limits.drain_time`.
///
/// Speaks HTTP/1.1 and HTTP/2 (by ALPN, or by prior knowledge without TLS). Each request carries [`Peer`] and, where
/// its head was refused, [`Refused`] among its extensions. Errors of single connections end those connections only.
pub async fn serve<S, B>(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    service: S,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let server = Arc::new(server(&limits));
    let tls = tls.map(TlsAcceptor::from);
    let gate = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accept = async {
            let permit = Arc::clone(&gate).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, addr)| (permit, stream, addr))
        };
        let accepted = tokio::select! {
            accepted = accept => accepted,
            () = &mut shutdown => break,
        };
        while tasks.try_join_next().is_some() {}
        let (permit, stream, addr) = match accepted {
            Ok(accepted) => accepted,
            // A peer that gave up costs nothing; a lack of descriptors passes when connections end.
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
                {
                    tracing::warn!(error.message = %error, "cannot accept a connection");
                    sleep(Duration::from_millis(50)).await;
                }
                continue;
            }
        };
        let connection = Connection {
            server: Arc::clone(&server),
            watcher: graceful.watcher(),
            limits: limits.clone(),
            peer: Peer { addr, tls: tls.is_some() },
        };
        let (tls, service) = (tls.clone(), service.clone());
        tasks.spawn(async move {
            connection.accept(stream, tls, service).await;
            drop(permit);
        });
    }
    drop(listener);
    if timeout(limits.drain_time, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "requests did not end in time");
    }
    tasks.shutdown().await;
}

fn server(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // The guard times heads; this is what a connection may idle between two requests.
        .header_read_timeout(limits.idle_time)
        .max_headers(limits.headers)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.stall_time)
        .keep_alive_timeout(limits.head_time)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX));
    server
}

struct Connection {
    server: Arc<auto::Builder<TokioExecutor>>,
    watcher: Watcher,
    limits: Limits,
    peer: Peer,
}

impl Connection {
    async fn accept<S, B>(self, stream: TcpStream, tls: Option<TlsAcceptor>, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        // Without it small answers wait for the peer's delayed acknowledgements; failing to set it harms nothing else.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else { return self.run(stream, service).await };
        match timeout(self.limits.head_time, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.run(stream, service).await,
            Ok(Err(error)) => {
                tracing::debug!(peer.addr = %self.peer.addr, error.message = %error, "TLS handshake failed")
            }
            Err(_) => tracing::debug!(peer.addr = %self.peer.addr, "TLS handshake took too long"),
        }
    }

    async fn run<IO, S, B>(self, io: IO, service: S)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let Connection { server, watcher, limits, peer } = self;
        let word = Word::default();
        let guard = Guard::new(io, limits.clone(), Arc::clone(&word));
        let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let old = request.version() < Version::HTTP_2;
            let refused = prepare(&mut request, &word, limits.headers);
            request.extensions_mut().insert(peer);
            let service = service.clone();
            async move {
                let mut response = service.oneshot(request).await?;
                if refused && old {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let served = watcher.watch(server.serve_connection(TokioIo::new(guard), answer).into_owned()).await;
        if let Err(error) = served {
            tracing::debug!(peer.addr = %peer.addr, error.message = %error, "connection ended");
        }
    }
}

/// Gives a refused request its [`Refused`]; whether it is one.
fn prepare(request: &mut Request<Incoming>, word: &Word, max_headers: usize) -> bool {
    let refused = if request.version() == Version::HTTP_2 {
        judge_http2(request, max_headers)
    } else {
        word.get().copied().filter(|_| is_stand_in(request))
    };
    let Some(refused) = refused else { return false };
    *request.method_mut() = Method::GET;
    *request.uri_mut() = Uri::from_static("/refused");
    request.headers_mut().clear();
    request.extensions_mut().insert(refused);
    true
}

/// Requests that were read before the refused one are answered as what they are.
fn is_stand_in(request: &Request<Incoming>) -> bool {
    request.uri().path() == "/refused" && request.headers().get(HOST).is_some_and(|host| host == "refused")
}

/// The framing of HTTP/2 is its library's; these are the rules of a head that it leaves open (RFC 9113 s8.3.1).
fn judge_http2(request: &mut Request<Incoming>, max_headers: usize) -> Option<Refused> {
    if request.headers().len() > max_headers {
        return Some(head::too_large("too many headers"));
    }
    if request.method().as_str().bytes().any(|b| !b.is_ascii_uppercase() && b != b'-') {
        return Some(head::malformed("the method is not in upper case"));
    }
    if request.method() == Method::CONNECT {
        return Some(Refused { code: "upgrade_refused", status: 400, detail: "CONNECT is not served here" });
    }
    let Some(authority) = request.uri().authority().map(|a| a.as_str().to_owned()) else {
        return Some(head::malformed("there is no :authority"));
    };
    if !head::is_authority(authority.as_bytes()) {
        return Some(head::malformed(":authority is not a host and an optional port"));
    }
    let Ok(host) = HeaderValue::from_str(&authority) else {
        return Some(head::malformed(":authority is not a host and an optional port"));
    };
    if request.headers().get_all(HOST).iter().any(|value| value != host) {
        return Some(head::malformed("Host is not :authority"));
    }
    request.headers_mut().insert(HOST, host);
    None
}
