//! The named framing attacks (F1-F18, H12): what the server behind would repair or ignore is refused.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Limits, Server};

/// Each must be answered with this status and code, close the connection, and let nothing through.
async fn refused(server: &Server, status: u16, code: &str, requests: &[&[u8]]) {
    for request in requests {
        let shown: String = request.escape_ascii().to_string().chars().take(200).collect();
        // A second request after it must not be read either.
        let smuggled = [request, &b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"[..]].concat();
        let (answer, closed) = server.say(&smuggled).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}\n{answer}");
        assert!(answer.contains(&format!("refused: {code} ")), "{shown}\n{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{shown}\n{answer}");
        assert_eq!(answer.matches("content-length:").count(), 1, "{shown}\n{answer}");
        assert!(closed, "{shown}\n{answer}");
        assert_eq!(server.seen(), Vec::<String>::new(), "{shown}");
    }
}

#[tokio::test]
async fn f1_f2_two_framings_are_refused() {
    let server = Server::start(Limits::default()).await;
    refused(&server, 400, "ambiguous_request", &[
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
    .await;
}

#[tokio::test]
async fn f3_f5_f6_transfer_encoding_is_chunked_once_or_refused() {
    let server = Server::start(Limits::default()).await;
    for value in [
        " xchunked",
        " chunked, identity",
        " identity, chunked",
        " , chunked",
        " chunked,",
        " Chunked",
        " CHUNKED",
        "  chunked",
        " chunked ",
        "\tchunked",
        " chunked\t",
        " \"chunked\"",
        " chunked;x=y",
        " gzip",
        " gzip, chunked",
        " identity",
        "",
        " ",
        " chunk",
        " chunkedchunked",
        " 'chunked'",
        " chunked chunked",
        ": chunked",
        " cow",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:{value}\r\n\r\n0\r\n\r\n");
        refused(&server, 400, "ambiguous_request", &[request.as_bytes()]).await;
    }
    for value in
        ["\u{b}chunked", " chunked\u{b}", " chun\0ked", "\u{c}chunked", " chunked\0", " chunk\u{e9}d"]
    {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:{value}\r\n\r\n0\r\n\r\n");
        refused(&server, 400, "malformed_request", &[request.as_bytes()]).await;
    }
    refused(&server, 400, "ambiguous_request", &[
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ])
    .await;
    refused(
        &server,
        400,
        "malformed_request",
        &[
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.0\r\nHost: h\r\nConnection: x, Keep-Alive\r\n\r\n",
        ],
    )
    .await;
}

#[tokio::test]
async fn f4_a_length_is_one_plain_number() {
    let server = Server::start(Limits::default()).await;
    for value in [
        " 1, 1",
        " +1",
        " 0x1",
        "  1",
        " 1_0",
        " -1",
        " 18446744073709551616",
        " 1 ",
        " 01",
        "",
        " ",
        " 1.0",
        " 1e1",
        "\t1",
        " ١",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:{value}\r\n\r\nA");
        refused(&server, 400, "malformed_request", &[request.as_bytes()]).await;
    }
    refused(
        &server,
        400,
        "ambiguous_request",
        &[
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nA",
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\nA",
        ],
    )
    .await;
}

#[tokio::test]
async fn f7_lines_end_in_crlf() {
    let server = Server::start(Limits::default()).await;
    refused(
        &server,
        400,
        "malformed_request",
        &[
            b"GET / HTTP/1.1\nHost: h\n\n",
            b"GET / HTTP/1.1\r\nHost: h\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\n\n",
            b"GET / HTTP/1.1\rHost: h\r\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
            b"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
            b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        ],
    )
    .await;
}

#[tokio::test]
async fn f7_f8_odd_chunks_and_trailers_break_the_body_and_the_connection() {
    let server = Server::start(Limits::default()).await;
    for body in [
        "0x1\r\nA\r\n0\r\n\r\n",
        "+1\r\nA\r\n0\r\n\r\n",
        "1 ;\r\nA\r\n0\r\n\r\n",
        "1;a=b\r\nA\r\n0\r\n\r\n",
        "1\nA\n0\n\n",
        "1;\n\r\nA\r\n0\r\n\r\n",
        "1\r\nAA\r\n0\r\n\r\n",
        "1\r\nA0\r\n\r\n",
        "ffffffffffffffff1\r\nA\r\n",
        "1\r\nA\r\n0\r\nAuthorization: x\r\n\r\n",
        "0\r\nHost: evil\r\n\r\n",
        "0\r\nContent-Length: 5\r\n\r\n",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
        );
        let (answer, closed) = server.say(request.as_bytes()).await;
        assert!(closed, "{body:?} {answer}");
        assert!(!answer.contains(" 200 "), "{body:?} {answer}");
        assert_eq!(server.seen(), Vec::<String>::new(), "{body:?}");
    }
}

#[tokio::test]
async fn f9_header_names_are_tokens_and_values_printable() {
    let server = Server::start(Limits::default()).await;
    for line in [
        "X : y",
        "X\t: y",
        ": y",
        "X\0: y",
        "X: a\0b",
        "X\u{e9}: y",
        "X: \u{e9}",
        "X",
        "X(y): z",
        "X y: z",
        "\"X\": y",
        " folded: x",
        "\tfolded: x",
        "X: a\r\n b",
        "X: \u{1}",
        "X: \u{7f}",
        "X[]: y",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n");
        refused(&server, 400, "malformed_request", &[request.as_bytes()]).await;
    }
}

#[tokio::test]
async fn f10_there_is_one_host_and_a_path() {
    let server = Server::start(Limits::default()).await;
    refused(&server, 400, "malformed_request", &[b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"]).await;
    refused(
        &server,
        400,
        "ambiguous_request",
        &[
            b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nhost: evil\r\n\r\n",
        ],
    )
    .await;
    for host in [
        "", "a, b", "a b", "user@h", "h/path", "h:", "h:x", "h:123456", "h?x", "h#x", "[::1", "[zz]", "h\\x",
        "http://h", "h%00",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        refused(&server, 400, "malformed_request", &[request.as_bytes()]).await;
    }
    for target in [
        "http://h/",
        "https://evil/x",
        "h:443",
        "*",
        "",
        "x",
        "/a#b",
        "/\u{e9}",
        "/a\tb",
        "/a\u{1}",
        "/a\u{7f}",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        refused(&server, 400, "malformed_request", &[request.as_bytes()]).await;
    }
}

#[tokio::test]
async fn f11_a_body_on_a_method_without_one_is_refused() {
    let server = Server::start(Limits::default()).await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        let hidden = "GET /admin HTTP/1.1\r\nHost: h\r\n\r\n";
        let length =
            format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len());
        let chunked =
            format!("{method} / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        for request in [length, chunked] {
            let (answer, closed) = server.say(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400 ") && closed, "{request:?}\n{answer}");
        }
    }
    let hidden = "GET /admin HTTP/1.1\r\nHost: h\r\n\r\n";
    let delete = format!("DELETE /x HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len());
    server.say(delete.as_bytes()).await;
    assert_eq!(server.seen(), [format!("DELETE /x {hidden}")], "a body stays a body");
}

#[tokio::test]
async fn f12_an_unknown_expectation_is_refused_and_the_known_one_works() {
    let server = Server::start(Limits::default()).await;
    refused(
        &server,
        417,
        "malformed_request",
        &[
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nA",
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, x\r\nContent-Length: 1\r\n\r\nA",
        ],
    )
    .await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0u8; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"A").await.unwrap();
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn f13_upgrades_to_http2_and_tunnels_are_refused() {
    let server = Server::start(Limits::default()).await;
    refused(&server, 400, "upgrade_refused", &[
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket, H2C\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
        b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    ])
    .await;
}

#[tokio::test]
async fn f17_other_versions_and_methods_are_refused() {
    let server = Server::start(Limits::default()).await;
    refused(
        &server,
        400,
        "malformed_request",
        &[
            b"GET /\r\n\r\n",
            b"GET / HTTP/0.9\r\nHost: h\r\n\r\n",
            b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
            b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
            b"GET / HTTP/11\r\nHost: h\r\n\r\n",
            b"GET / http/1.1\r\nHost: h\r\n\r\n",
            b"get / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GeT / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET X / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
            b" GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        ],
    )
    .await;
}

#[tokio::test]
async fn h12_heads_that_are_too_large_are_refused() {
    let server = Server::start(Limits::default()).await;
    let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(100));
    let one = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "a".repeat(70 << 10));
    let endless = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", "a".repeat(1 << 20));
    let target = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(70 << 10));
    refused(
        &server,
        431,
        "headers_too_large",
        &[many.as_bytes(), one.as_bytes(), endless.as_bytes(), target.as_bytes()],
    )
    .await;
    let fits = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(99));
    assert!(server.say(fits.as_bytes()).await.0.starts_with("HTTP/1.1 200 "));
}

/// One request by HTTP/2 without TLS; the status and text of its answer, if there is one.
async fn by_http2(server: &Server, request: http::request::Builder) -> Option<(u16, String)> {
    let stream = hyper_util::rt::TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request.body(Full::new(Bytes::new())).unwrap()).await.ok()?;
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await.ok()?.to_bytes();
    Some((status, String::from_utf8_lossy(&text).into_owned()))
}

#[tokio::test]
async fn f14_http2_requests_have_one_reading_too() {
    let server = Server::start(Limits::default()).await;
    let good = || Request::get("http://h.example/x");
    assert_eq!(by_http2(&server, good()).await.unwrap().0, 200);
    assert_eq!(by_http2(&server, good().header("host", "h.example")).await.unwrap().0, 200);
    server.seen.lock().unwrap().clear();
    for (what, request) in [
        ("another host", good().header("host", "evil")),
        ("two hosts", good().header("host", "h.example").header("host", "evil")),
        ("userinfo", Request::get("http://a@h.example/x")),
        ("a lower-case method", Request::builder().method("get").uri("http://h.example/x")),
        ("a tunnel", Request::connect("h.example:443")),
    ] {
        let answer = by_http2(&server, request).await;
        assert!(answer.is_none_or(|(status, _)| status == 400), "{what}");
        assert_eq!(server.seen(), Vec::<String>::new(), "{what}");
    }
    let many = (0..150).fold(good(), |request, n| request.header(format!("x-{n}"), "y"));
    assert_eq!(by_http2(&server, many).await.unwrap().0, 431);
    let large = good().header("x", "a".repeat(100 << 10));
    assert!(by_http2(&server, large).await.is_none_or(|(status, _)| status == 431));
    assert_eq!(server.seen(), Vec::<String>::new());
}
