//! The listener: TLS, HTTP/1.1 and HTTP/2, the log, and the faults around a site's answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::body::Body;
use crate::fault::{self, Fault, Faults};
use crate::log::{Entry, Log};
use crate::tls::{Material, Tls};

/// Starts stand-ins.
#[derive(Debug)]
pub struct Standin;

/// A running stand-in; it stops when this is dropped.
#[derive(Debug)]
pub struct Handle<S> {
    pub addr: SocketAddr,
    /// The provider's own side: its world.
    pub site: S,
    pub log: Log,
    pub faults: Faults,
    ca_pem: Option<String>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// A request as it arrived. `stream` is there, and `body` empty, where the site reads the body itself.
#[derive(Debug)]
pub struct Inbound {
    pub parts: Parts,
    pub body: Bytes,
    pub stream: Option<Incoming>,
}

/// A provider: answers requests out of its world.
pub trait Site: Clone + Send + Sync + 'static {
    /// Names for the log of what the request asks for.
    fn operations(&self, request: &Inbound) -> Vec<String>;

    /// Whether the site reads the body itself, as it comes.
    fn streams(&self, _parts: &Parts) -> bool {
        false
    }

    /// `faults` are those that only the site can show.
    fn answer(&self, request: Inbound, faults: &[Fault]) -> impl Future<Output = Response<Body>> + Send;
}

struct Shared<S> {
    site: S,
    log: Log,
    faults: Faults,
}

impl Standin {
    /// Listen on `addr` (`127.0.0.1:0` for any free port) and answer for `site`.
    pub async fn start<S: Site>(site: S, tls: Tls, addr: SocketAddr) -> io::Result<Handle<S>> {
        let material = tls.material()?;
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let (log, faults) = (Log::default(), Faults::default());
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared { site: site.clone(), log: log.clone(), faults: faults.clone() });
        let (acceptor, ca_pem) = match material {
            Some(Material { config, ca_pem }) => (Some(TlsAcceptor::from(config)), Some(ca_pem)),
            None => (None, None),
        };
        let task = tokio::spawn(accept(listener, acceptor, shared, stopped));
        Ok(Handle { addr, site, log, faults, ca_pem, stop, task })
    }

    /// On any free port of the loopback interface, with TLS.
    pub async fn loopback<S: Site>(site: S) -> io::Result<Handle<S>> {
        Self::start(site, Tls::loopback(), SocketAddr::from(([127, 0, 0, 1], 0))).await
    }
}

impl<S> Handle<S> {
    /// `https://127.0.0.1:PORT`, no slash at its end.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// The CA to trust, where there is TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Stop listening and drop all connections.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.task).await;
    }
}

impl<S> Drop for Handle<S> {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

async fn accept<S: Site>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared<S>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let stream = tokio::select! {
            () = told(&mut stopped) => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or the peer has gone already: the next one may do.
                Err(_) => { tokio::task::yield_now().await; continue }
            },
        };
        let (tls, shared, mut stopped) = (tls.clone(), Arc::clone(&shared), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = told(&mut stopped) => {}
                () = connection(stream, tls, shared) => {}
            }
        });
    }
}

async fn told(stopped: &mut watch::Receiver<bool>) {
    // An error means that the handle is gone, which says the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn connection<S: Site>(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared<S>>) {
    let _ = stream.set_nodelay(true);
    // A connection that fails is the client's news, not ours: a cut on purpose ends here too.
    match tls {
        None => serve(TokioIo::new(stream), shared).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(TokioIo::new(stream), shared).await;
            }
        }
    }
}

async fn serve<S: Site, I>(io: I, shared: Arc<Shared<S>>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { respond(&shared, request).await }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let _ = builder.serve_connection(io, service).await;
}

async fn respond<S: Site>(shared: &Shared<S>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, incoming) = request.into_parts();
    let inbound = if shared.site.streams(&parts) {
        Inbound { parts, body: Bytes::new(), stream: Some(incoming) }
    } else {
        let body = incoming.collect().await.map_err(io::Error::other)?.to_bytes();
        Inbound { parts, body, stream: None }
    };
    let entry = entry(&inbound, shared.site.operations(&inbound));
    shared.log.push(entry.clone());
    let faults = shared.faults.take(&entry);
    for fault in &faults {
        if let Fault::Delay(time) = fault {
            tokio::time::sleep(*time).await;
        }
    }
    if let Some(answer) = fault::instead(&faults, &entry) {
        return Ok(answer);
    }
    let answer = shared.site.answer(inbound, &faults).await;
    if !faults.contains(&Fault::Stall) && !faults.contains(&Fault::Cut) {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await?.to_bytes();
    Ok(fault::spoil(&faults, parts.status, parts.headers, bytes))
}

fn entry(inbound: &Inbound, operations: Vec<String>) -> Entry {
    let uri = &inbound.parts.uri;
    let host = inbound.parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    Entry {
        method: inbound.parts.method.to_string(),
        path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        host: host.or(uri.authority().map(|authority| authority.as_str())).unwrap_or_default().to_owned(),
        version: inbound.parts.version,
        headers: inbound.parts.headers.clone(),
        body: inbound.body.clone(),
        operations,
    }
}
