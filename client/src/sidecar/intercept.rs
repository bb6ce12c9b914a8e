use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::server::Acceptor;
use stint_api::{Code, Problem};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;

use super::forward;
use super::listen::{HEAD, LARGEST_HEAD, Proxy, Speaker};
use super::refusal::refuse;

const HANDSHAKE: Duration = Duration::from_secs(10);
const MOST_STREAMS: u32 = 128;

/// TLS and HTTP for one connection to a provider's host. `host` is canonical and one of the session's.
///
/// INVARIANT: one connection speaks for one host. The name in the TLS greeting, and the authority of each request, must
/// be the host that `CONNECT` named or the greeting was first read for; otherwise a request could be judged for one host
/// and meant for another.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: String,
    speaker: Speaker,
    proxy: Arc<Proxy>,
) {
    let greeting = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let Ok(Ok(greeting)) = tokio::time::timeout(HANDSHAKE, greeting).await else { return };
    let same = greeting.client_hello().server_name().is_some_and(|name| name.eq_ignore_ascii_case(&host));
    if !same {
        return;
    }
    let Ok(config) = proxy.authority.server_config(&host) else { return };
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, greeting.into_stream(config)).await else { return };
    let host: Arc<str> = host.into();
    let shared = proxy.clone();
    let service = service_fn(move |request| {
        let (host, proxy, speaker) = (host.clone(), proxy.clone(), speaker.clone());
        async move {
            let graphql = is_graphql(&request);
            Ok::<_, Infallible>(match belongs(&request, &host) {
                Ok(()) => {
                    let session = match speaker {
                        Speaker::Session(session) => Some(session),
                        Speaker::Unnamed => proxy.session_of(request.headers(), &host),
                    };
                    forward::forward(request, &host, session.as_ref(), &proxy.session, graphql).await
                }
                Err(problem) => refuse(&problem, graphql),
            })
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let largest_head = u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(largest_head)
        .max_concurrent_streams(MOST_STREAMS)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    // A connection that breaks is the command's to notice.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = shared.closed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Whether a request is for the host of its tunnel, and one that is carried at all.
fn belongs(request: &Request<Incoming>, host: &str) -> Result<(), Box<Problem>> {
    let malformed = |detail: &str| Box::new(Problem::new(Code::MalformedRequest, detail));
    let mut named = request.headers().get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return Err(malformed("the request has several Host headers"));
    }
    let header = first.map(|value| value.to_str().unwrap_or_default());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    if header.is_none() && authority.is_none() && request.version() != Version::HTTP_10 {
        return Err(malformed("the request names no host"));
    }
    if [header, authority].into_iter().flatten().any(|name| !is_host(name, host)) {
        let detail =
            format!("the request names another host than {host}, which its connection was opened for");
        return Err(Problem::new(Code::AmbiguousRequest, detail).into());
    }
    if request.headers().get("upgrade").is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"h2c")) {
        return Err(Problem::new(Code::UpgradeRefused, "the request asks for another protocol").into());
    }
    match request.uri().path_and_query() {
        Some(path) if path.as_str().starts_with('/') => Ok(()),
        _ => Err(malformed("the request names no path")),
    }
}

fn is_host(name: &str, host: &str) -> bool {
    name.strip_suffix(":443").unwrap_or(name).eq_ignore_ascii_case(host)
}

fn is_graphql(request: &Request<Incoming>) -> bool {
    request.uri().path().split('/').any(|segment| segment.eq_ignore_ascii_case("graphql"))
}
