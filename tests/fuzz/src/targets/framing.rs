//! The listener: bytes of a connection, over a socket.
//!
//! What reaches the service is counted: no connection may have more requests served than it has answers, whatever lies
//! in the bodies, and none that the bytes have not.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use stint_broker::listen;

use super::{Target, texts};

pub(super) const FRAMING: Target = Target {
    name: "framing",
    seeds: || {
        texts(&[
            "GET /a HTTP/1.1\r\nhost: a\r\n\r\n",
            "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
            "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nt: v\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
            "POST /a HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}\u{0}\u{0}\u{4}\u{0}\u{0}\u{0}\u{0}\u{0}",
        ])
    },
    words: &[
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "content-length: 3\r\n",
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "chunked, identity",
        "0\r\n\r\n",
        "GET /b HTTP/1.1\r\nhost: a\r\n\r\n",
        "HTTP/1.0",
        "HTTP/0.9",
        "connection: keep-alive\r\n",
        "host: b\r\n",
        "0x3",
        "+3",
        "3, 3",
        "upgrade: h2c\r\n",
        ";",
        "\0",
    ],
    run: |input| {
        let Some(addr) = *SERVER else { return Err("the listener did not start".to_owned()) };
        let answer = talk(addr, input).unwrap_or_default();
        let text = String::from_utf8_lossy(&answer);
        let count = |what: &str| text.matches(what).count();
        let (served, good) = (count("read-in-full "), count("HTTP/1.1 200 ") + count("HTTP/1.0 200 "));
        if served > good {
            return Err(format!("{served} requests were served in {good} answers"));
        }
        if served > count_of(input, b"HTTP/1.") {
            return Err(format!("{served} requests were served where the bytes have fewer"));
        }
        let code = |line: &str| line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut codes: Vec<String> =
            text.lines().filter(|line| line.starts_with("HTTP/1.")).map(code).collect();
        codes.truncate(6);
        let reason =
            text.split("\"detail\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        Ok(format!("{} {reason}", codes.join(",")))
    },
};

static SERVER: LazyLock<Option<SocketAddr>> = LazyLock::new(|| {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await else { return };
            let _ = tell.send(listener.local_addr());
            let limits = listen::Limits {
                head_time: Duration::from_millis(300),
                stall_time: Duration::from_millis(300),
                ..listen::Limits::default()
            };
            listen::serve(listener, None, tower::service_fn(served), limits, std::future::pending()).await;
        });
    });
    told.recv_timeout(Duration::from_secs(10)).ok()?.ok()
});

async fn served(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Some(refused) = request.extensions().get::<listen::Refused>() {
        let mut response = Response::new(Full::from(format!("{{\"detail\":\"{}\"}}", refused.detail)));
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        return Ok(response);
    }
    let read = request.into_body().collect().await.map(|body| body.to_bytes().len());
    Ok(Response::new(Full::from(format!("read-in-full {}", read.unwrap_or_default()))))
}

fn talk(addr: SocketAddr, input: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect_timeout(&addr, Duration::from_secs(2))?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    socket.write_all(input)?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    // A connection that is cut off has said what it said.
    let _ = socket.read_to_end(&mut answer);
    Ok(answer)
}

fn count_of(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}
