//! Raw bytes in, through the real server, with a service that notes what reached it.

mod framing;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Limits, Peer, Refused, serve};

struct Server {
    addr: SocketAddr,
    /// Requests that were read whole: method, target, body.
    seen: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let service =
            tower::service_fn(move |request: Request<Incoming>| answer(request, Arc::clone(&noted)));
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let ended = tokio::spawn(serve(listener, None, service, limits, shutdown));
        Server { addr, seen, stop: Some(stop), ended }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Sends all of it and reads until the server closes or is quiet; whether it closed.
    async fn say(&self, bytes: &[u8]) -> (String, bool) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let closed = timeout(Duration::from_millis(1500), stream.read_to_end(&mut answer)).await;
        (String::from_utf8_lossy(&answer).into_owned(), matches!(closed, Ok(Ok(_))))
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<String>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let peer = request.extensions().get::<Peer>().copied().unwrap();
    assert!(peer.addr.ip().is_loopback() && !peer.tls);
    let refused = request.extensions().get::<Refused>().copied();
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/slow" {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let body = body.collect().await;
    let (status, text) = match (refused, body) {
        (Some(refused), _) => (refused.status, format!("refused: {} {}", refused.code, refused.detail)),
        (None, Err(_)) => (400, "broken body".to_owned()),
        (None, Ok(body)) => {
            let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            seen.lock().unwrap().push(format!("{} {} {body}", parts.method, parts.uri));
            (200, "fine".to_owned())
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

fn quick() -> Limits {
    Limits {
        head_time: Duration::from_millis(150),
        stall_time: Duration::from_millis(150),
        idle_time: Duration::from_millis(400),
        drain_time: Duration::from_millis(600),
        ..Limits::default()
    }
}

#[tokio::test]
async fn ordinary_requests_pass_however_they_are_cut() {
    let server = Server::start(Limits::default()).await;
    let all = b"POST /a?b=c HTTP/1.1\r\nHost: h:80\r\nContent-Length: 5\r\n\r\nhello\
        POST /b HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n\
        GET /c HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-Empty:\r\n\r\n\
        DELETE /d HTTP/1.1\r\nhost: h\r\nConnection: close\r\n\r\n";
    for cut in [1, 2, 3, 7, 50, 1000] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        for piece in all.chunks(cut) {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 4, "{answer}");
        let seen = std::mem::take(&mut *server.seen.lock().unwrap());
        assert_eq!(
            seen,
            ["POST /a?b=c hello", "POST /b abc0123456789", "GET /c ", "DELETE /d "],
            "pieces of {cut}"
        );
    }
}

#[tokio::test]
async fn a_good_request_before_a_bad_one_is_answered_as_itself() {
    let server = Server::start(Limits::default()).await;
    let (answer, closed) =
        server.say(b"GET /good HTTP/1.1\r\nHost: h\r\n\r\nGET /bad HTTP/1.1\r\n\r\nGET /after HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("HTTP/1.1 400 ") && closed, "{answer}");
    assert_eq!(server.seen(), ["GET /good "]);
}

#[tokio::test]
async fn a_large_body_passes_whole() {
    let server = Server::start(Limits::default()).await;
    let body = "x".repeat(3 << 20);
    let head = format!(
        "PUT /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (answer, _) = server.say([head.as_bytes(), body.as_bytes()].concat().as_slice()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(server.seen()[0].len(), "PUT /big ".len() + body.len());
}

#[tokio::test]
async fn f18_slow_heads_and_bodies_end_and_others_go_on() {
    let server = Server::start(quick()).await;
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    let mut preface = TcpStream::connect(server.addr).await.unwrap();
    preface.write_all(b"PRI * HT").await.unwrap();
    let mut body = TcpStream::connect(server.addr).await.unwrap();
    body.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nA").await.unwrap();
    let mut head = TcpStream::connect(server.addr).await.unwrap();
    let drip = tokio::spawn(async move {
        head.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        for n in 0..100 {
            if head.write_all(b"X: y\r\n").await.is_err() || head.try_read(&mut [0; 9]).is_ok() {
                return n;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        100
    });
    assert!(server.say(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.0.starts_with("HTTP/1.1 200 "));
    for stream in [&mut silent, &mut preface, &mut body] {
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(2), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{}", rest.escape_ascii());
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", rest.escape_ascii());
    }
    assert!(drip.await.unwrap() < 50, "a head has its time from its first byte on");
}

#[tokio::test]
async fn f18_an_idle_connection_ends_and_a_slow_service_does_not() {
    let server = Server::start(quick()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn r16_requests_under_way_end_and_new_ones_are_not_taken() {
    let mut server = Server::start(Limits::default()).await;
    let addr = server.addr;
    let under_way = tokio::spawn(async move {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(server.stop.take());
    let answer = under_way.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    timeout(Duration::from_secs(2), server.ended).await.unwrap().unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let server = Server::start(Limits { connections: 1, ..quick() }).await;
    let mut held = TcpStream::connect(server.addr).await.unwrap();
    held.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut waiting = TcpStream::connect(server.addr).await.unwrap();
    waiting.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(timeout(Duration::from_millis(80), waiting.read_u8()).await.is_err());
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
