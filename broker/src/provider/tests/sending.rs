use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty, Full};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Body, Options, Times, UpstreamError, UpstreamFailure, Upstreams};
use crate::model::{CredentialId, Upstream};

fn upstreams() -> Upstreams {
    upstreams_within(Times {
        connect: Duration::from_millis(500),
        handshake: Duration::from_millis(800),
        head: Duration::from_millis(400),
        idle: Duration::from_millis(300),
    })
}

fn upstreams_within(times: Times) -> Upstreams {
    Upstreams::new(Options { allow_private: vec!["127.0.0.0/8".parse().unwrap()], own: vec![], times })
}

fn credential(n: u128) -> CredentialId {
    CredentialId::from_uuid(uuid::Uuid::from_u128(n))
}

fn request(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::new(Empty::new().map_err(|never| match never {}))).unwrap()
}

/// A server that says the same to each connection, and counts connections and requests.
struct Canned {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Canned {
    async fn start(answer: &'static [u8], close: bool) -> Canned {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let canned = Canned {
            addr: listener.local_addr().unwrap(),
            connections: Arc::default(),
            heads: Arc::default(),
        };
        let (connections, heads) = (Arc::clone(&canned.connections), Arc::clone(&canned.heads));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let heads = Arc::clone(&heads);
                tokio::spawn(async move {
                    while let Some(head) = read_head(&mut stream).await {
                        heads.lock().unwrap().push(head);
                        stream.write_all(answer).await.unwrap();
                        if close {
                            return;
                        }
                    }
                });
            }
        });
        canned
    }

    fn upstream(&self) -> Upstream {
        Upstream { url: Some(format!("http://{}", self.addr)), ca: None }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn text(answer: http::Response<super::super::IdleBody>) -> Result<String, UpstreamError> {
    Ok(String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec()).unwrap())
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[tokio::test]
async fn h9_the_host_is_the_policys_whatever_address_is_connected_to() {
    let (canned, upstreams) = (Canned::start(OK, false).await, upstreams());
    let mut asked = request("https://api.example.com/a/b?c=d");
    asked.headers_mut().insert("host", "evil.example".parse().unwrap());
    let answer = upstreams.send(&credential(1), &canned.upstream(), asked).await.unwrap();
    assert_eq!(text(answer).await.unwrap(), "hi");
    let heads = canned.heads.lock().unwrap();
    assert!(heads[0].starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{heads:?}");
    assert_eq!(heads[0].matches("host: api.example.com\r\n").count(), 1, "{heads:?}");
    assert!(!heads[0].contains("evil"), "{heads:?}");
}

#[tokio::test]
async fn k13_connections_are_reused_by_one_credential_and_never_by_two() {
    let (canned, upstreams) = (Canned::start(OK, false).await, upstreams());
    for (n, connections) in [(1, 1), (1, 1), (2, 2), (1, 2), (2, 2)] {
        let answer =
            upstreams.send(&credential(n), &canned.upstream(), request("https://h.example/")).await.unwrap();
        text(answer).await.unwrap();
        assert_eq!(canned.connections(), connections);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn j1_j3_private_names_and_literals_are_refused_without_a_connection() {
    let canned = Canned::start(OK, false).await;
    let port = canned.addr.port();
    let closed = Upstreams::new(Options::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0.0.0.0",
    ] {
        for scheme in ["http", "https"] {
            let upstream = Upstream { url: Some(format!("{scheme}://{host}:{port}")), ca: None };
            let error =
                closed.send(&credential(1), &upstream, request("https://h.example/")).await.unwrap_err();
            assert_eq!(error.kind, UpstreamFailure::Refused, "{scheme} {host}: {error}");
        }
    }
    for host in ["127.0.0.1", "localhost", "169.254.169.254"] {
        let error =
            closed.send(&credential(1), &Upstream::default(), request(&format!("https://{host}/"))).await;
        assert_eq!(error.unwrap_err().kind, UpstreamFailure::Refused, "{host}");
    }
    assert_eq!(canned.connections(), 0);
}

#[tokio::test]
async fn j9_the_brokers_own_address_is_refused_even_where_its_range_is_allowed() {
    let canned = Canned::start(OK, false).await;
    let upstreams = Upstreams::new(Options {
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        own: vec![canned.addr],
        times: Times::default(),
    });
    let error =
        upstreams.send(&credential(1), &canned.upstream(), request("https://h.example/")).await.unwrap_err();
    assert_eq!(error.kind, UpstreamFailure::Refused);
    assert_eq!(canned.connections(), 0);
}

#[tokio::test]
async fn j5_redirects_are_handed_back_and_not_followed() {
    let elsewhere = Canned::start(OK, false).await;
    let redirect =
        format!("HTTP/1.1 307 x\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.addr);
    let canned = Canned::start(redirect.leak().as_bytes(), false).await;
    let answer =
        upstreams().send(&credential(1), &canned.upstream(), request("https://h.example/")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!((canned.connections(), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn j14_requests_that_do_not_name_a_plain_host_are_refused() {
    let (canned, upstreams) = (Canned::start(OK, false).await, upstreams());
    for uri in ["https://a@h.example/", "https://h.example:8443/", "/only/path"] {
        let error = upstreams.send(&credential(1), &canned.upstream(), request(uri)).await.unwrap_err();
        assert_eq!(error.kind, UpstreamFailure::Refused, "{uri}");
    }
    let mut upgrade = request("https://h.example/");
    upgrade.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    assert!(upstreams.send(&credential(1), &canned.upstream(), upgrade).await.is_err());
    assert_eq!(canned.connections(), 0);
}

#[tokio::test]
async fn f16_answers_with_two_readings_are_refused_and_their_connection_is_not_used_again() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        b"garbage\r\n\r\n",
    ] {
        let (canned, upstreams) = (Canned::start(answer, false).await, upstreams());
        for n in 1..=2 {
            let error =
                upstreams.send(&credential(1), &canned.upstream(), request("https://h.example/")).await;
            let error = error.map(|answer| answer.headers().clone()).unwrap_err();
            assert_eq!(error.kind, UpstreamFailure::Protocol, "{}", answer.escape_ascii());
            assert_eq!(canned.connections(), n, "{}", answer.escape_ascii());
        }
    }
}

#[tokio::test]
async fn f16_an_extra_answer_is_not_taken_for_the_next_one() {
    let two =
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let (canned, upstreams) = (Canned::start(two, false).await, upstreams());
    for n in 0..5 {
        let answer = upstreams.send(&credential(1), &canned.upstream(), request("https://h.example/")).await;
        match answer {
            Ok(answer) => assert_eq!(text(answer).await.unwrap(), "hi"),
            Err(error) => assert_ne!(n, 0, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn f16_a_head_beyond_64_kib_is_refused() {
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "a".repeat(70 << 10));
    let canned = Canned::start(head.leak().as_bytes(), false).await;
    let answer = upstreams().send(&credential(1), &canned.upstream(), request("https://h.example/")).await;
    assert_eq!(answer.map(|_| ()).unwrap_err().kind, UpstreamFailure::Protocol);
}

#[tokio::test]
async fn r12_stalls_end_in_time() {
    for (what, answer) in [
        ("no head", &b""[..]),
        ("half a head", b"HTTP/1.1 200 OK\r\nX: "),
        ("informational answers only", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let canned = Canned::start(answer, false).await;
        let error = upstreams().send(&credential(1), &canned.upstream(), request("https://h.example/")).await;
        assert_eq!(error.unwrap_err().kind, UpstreamFailure::Timeout, "{what}");
    }
    let canned = Canned::start(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", false).await;
    let answer =
        upstreams().send(&credential(1), &canned.upstream(), request("https://h.example/")).await.unwrap();
    assert_eq!(text(answer).await.unwrap_err().kind, UpstreamFailure::Timeout);
    let canned = Canned::start(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", true).await;
    let answer =
        upstreams().send(&credential(1), &canned.upstream(), request("https://h.example/")).await.unwrap();
    assert_eq!(text(answer).await.unwrap_err().kind, UpstreamFailure::Protocol);
}

#[tokio::test]
async fn r12_a_slow_upload_is_not_a_slow_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Upstream { url: Some(format!("http://{}", listener.local_addr().unwrap())), ca: None };
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"0\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(OK).await.unwrap();
    });
    // Eight pieces, 100 ms apart: twice as long as an answer's head may take.
    let pieces = futures_util::stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (n < 8).then(|| {
            (Ok::<_, super::super::BoxError>(http_body::Frame::data(Bytes::from_static(b"x"))), n + 1)
        })
    });
    let body = Body::new(http_body_util::StreamBody::new(pieces));
    let request = Request::post("https://h.example/").body(body).unwrap();
    assert_eq!(
        text(upstreams().send(&credential(1), &upstream, request).await.unwrap()).await.unwrap(),
        "hi"
    );
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Upstream { url: Some(format!("http://{}", listener.local_addr().unwrap())), ca: None };
    drop(listener);
    let error = upstreams()
        .send(&credential(1), &upstream, request("https://h.example/?q=secret"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, UpstreamFailure::Connect);
    assert!(!format!("{error:?}").contains("secret"));
}

struct Secure {
    addr: SocketAddr,
    ca: String,
}

/// A TLS server with a certificate for `names`, which answers with the version and the host that it saw.
async fn secure(names: &[&str], alpn: &[&[u8]]) -> Secure {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let mut config = Arc::unwrap_or_clone(
        crate::listen::tls_config(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap(),
    );
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = tower::service_fn(|request: Request<hyper::body::Incoming>| async move {
        let host = request.uri().authority().map(ToString::to_string);
        let host = host.or(request.headers().get("host").map(|h| h.to_str().unwrap().to_owned()));
        let body = format!("{:?} {}", request.version(), host.unwrap_or_default());
        let mut trailers = HeaderMap::new();
        trailers.insert("x-secret", "t".parse().unwrap());
        let body = Full::new(Bytes::from(body)).with_trailers(async move { Some(Ok(trailers)) });
        Ok::<_, std::convert::Infallible>(http::Response::new(body))
    });
    let limits = crate::listen::Limits::default();
    tokio::spawn(crate::listen::serve(
        listener,
        Some(Arc::new(config)),
        service,
        limits,
        std::future::pending(),
    ));
    Secure { addr, ca: issuer.pem() }
}

#[tokio::test]
async fn both_versions_are_spoken_over_tls_and_trailers_are_dropped() {
    for (alpn, version) in
        [(&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2), (&[&b"http/1.1"[..]][..], Version::HTTP_11)]
    {
        let server = secure(&["localhost"], alpn).await;
        let url = Some(format!("https://localhost:{}", server.addr.port()));
        let rules = Options {
            allow_private: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..Options::default()
        };
        let answer = Upstreams::new(rules)
            .send(
                &credential(1),
                &Upstream { url, ca: Some(server.ca) },
                request("https://api.example.com/x"),
            )
            .await
            .unwrap();
        assert_eq!(answer.version(), version);
        let collected = answer.into_body().collect().await.unwrap();
        assert!(collected.trailers().is_none());
        let text = String::from_utf8(collected.to_bytes().to_vec()).unwrap();
        assert_eq!(text, format!("{version:?} api.example.com"));
    }
}

#[tokio::test]
async fn j7_untrusted_and_wrongly_named_certificates_are_refused() {
    let server = secure(&["other.example"], &[b"h2"]).await;
    let url = Some(format!("https://127.0.0.1:{}", server.addr.port()));
    for ca in [Some(server.ca.clone()), Some(secure(&["127.0.0.1"], &[]).await.ca)] {
        let upstream = Upstream { url: url.clone(), ca };
        let error =
            upstreams().send(&credential(1), &upstream, request("https://other.example/")).await.unwrap_err();
        assert_eq!(error.kind, UpstreamFailure::Tls, "{error}");
    }
    for ca in ["", "not pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let upstream = Upstream { url: url.clone(), ca: Some(ca.into()) };
        assert_eq!(upstreams().check(&upstream).unwrap_err().kind, UpstreamFailure::Tls, "{ca}");
    }
}

#[tokio::test]
async fn j7_a_server_that_speaks_no_tls_or_stalls_in_it_is_refused() {
    let canned = Canned::start(OK, true).await;
    let upstream =
        Upstream { url: Some(format!("https://{}", canned.addr)), ca: Some(secure(&["x"], &[]).await.ca) };
    let error = upstreams().send(&credential(1), &upstream, request("https://h.example/")).await.unwrap_err();
    assert!(matches!(error.kind, UpstreamFailure::Tls | UpstreamFailure::Timeout), "{error:?}");
}
