//! Group F: one connection, two readers. Bytes on the socket of the running broker.

use super::ground::{Call, Ground, door};
use stint_standin::Echo;
use stint_tests::wire;

const ISSUES: &str = "/repos/atlas/sandbox/issues";
const BODY: &str = "{\"title\":\"x\"}";

/// A POST with these framing lines and this rest; token and proof are good.
fn post(ground: &Ground<Echo>, lines: &[&str], rest: &[u8]) -> Vec<u8> {
    request(ground, &format!("POST {} HTTP/1.1", door(ISSUES)), &format!("host: {}", ground.addr()), lines, rest)
}

fn request(ground: &Ground<Echo>, line: &str, host: &str, lines: &[&str], rest: &[u8]) -> Vec<u8> {
    let mut head = format!("{line}\r\n");
    if !host.is_empty() {
        head.push_str(&format!("{host}\r\n"));
    }
    let method = line.split(' ').next().unwrap_or_default();
    for credential in ground.credentials(method, ISSUES) {
        head.push_str(&format!("{credential}\r\n"));
    }
    head.push_str("content-type: application/json\r\n");
    let mut bytes = head.into_bytes();
    for line in lines {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(rest);
    bytes
}

/// One refusal with this status and code, the connection closed, nothing sent, one record.
fn refused(ground: &Ground<Echo>, what: &str, bytes: &[u8], status: u16, codes: &[&str]) {
    let before = ground.recorded("request_refused");
    let raw = wire::send(ground.addr(), bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    ground.is_clean(what, &raw);
    let answer = wire::parse(&raw).unwrap_or_else(|| panic!("{what}: no answer in {}", raw.escape_ascii()));
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert!(codes.contains(&code.as_str()), "{what}: {code}");
    assert_eq!(answer.header("connection"), Some("close"), "{what}");
    assert_eq!(raw.windows(9).filter(|window| window == b"HTTP/1.1 ").count(), 1, "{what}: more than one answer");
    assert!(ground.standin.log().is_empty(), "{what}: {:?}", ground.standin.log());
    assert_eq!(ground.recorded("request_refused"), before + 1, "{what}");
}

const BAD: &[&str] = &["malformed_request", "ambiguous_request", "upgrade_refused"];

/// What every table of this file departs from.
fn works(ground: &Ground<Echo>) {
    let length = format!("content-length: {}", BODY.len());
    for bytes in [
        post(ground, &[&length, "connection: close"], BODY.as_bytes()),
        post(ground, &["transfer-encoding: chunked", "connection: close"], format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len()).as_bytes()),
    ] {
        let answer = ground.answer("good", &bytes);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["body"], BODY);
    }
    ground.standin.log().clear();
}

#[test]
fn f1_f2_f5_f6_two_framings_are_refused() {
    let ground = Ground::lay(Echo);
    works(&ground);
    let chunked = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
    let smuggled = format!("0\r\n\r\nDELETE {} HTTP/1.1\r\nhost: x\r\n\r\n", door("/repos/atlas/api"));
    let length = format!("content-length: {}", chunked.len());
    for (what, lines, rest) in [
        ("CL.TE", vec![length.as_str(), "transfer-encoding: chunked"], chunked.as_str()),
        ("TE.CL", vec!["transfer-encoding: chunked", "content-length: 4"], smuggled.as_str()),
        ("CL 0 and TE", vec!["content-length: 0", "transfer-encoding: chunked"], smuggled.as_str()),
        ("TE twice", vec!["transfer-encoding: chunked", "transfer-encoding: chunked"], chunked.as_str()),
        ("TE twice, one odd", vec!["transfer-encoding: chunked", "transfer-encoding: identity"], chunked.as_str()),
        ("CL twice", vec!["content-length: 13", "content-length: 13"], BODY),
        ("CL twice, two", vec!["content-length: 13", "content-length: 14"], BODY),
    ] {
        refused(&ground, what, &post(&ground, &lines, rest.as_bytes()), 400, BAD);
    }
    for (version, lines) in [
        ("HTTP/1.0", vec!["transfer-encoding: chunked"]),
        ("HTTP/1.0", vec!["connection: keep-alive", "content-length: 13"]),
    ] {
        let line = format!("POST {} {version}", door(ISSUES));
        let host = format!("host: {}", ground.addr());
        refused(&ground, &format!("{version} {lines:?}"), &request(&ground, &line, &host, &lines, BODY.as_bytes()), 400, BAD);
    }
}

#[test]
fn f3_transfer_encodings_that_read_two_ways_are_refused() {
    let ground = Ground::lay(Echo);
    let chunked = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
    for value in [
        ": xchunked", ": chunked, identity", ": identity, chunked", ": , chunked", ": chunked,", ":  chunked",
        ":\tchunked", ": chunked ", ": chunked\t", ": \"chunked\"", ": 'chunked'", ": Chunked", ": CHUNKED", ": chunKed",
        ": gzip, chunked", ": chunked, chunked", ": chunked;q=1", ": chunked; x", ": ch\u{212A}unked", ": identity", ":",
        ": cow", ": x chunked", ": chunked x", ": \u{b}chunked", ": chunked\u{b}", ": \u{c}chunked", ": chunk", ": 0chunked",
        ": deflate", ": chunked\0", ": \0chunked", " : chunked", "\t: chunked", ":\r\n chunked", ": \r\n\tchunked", ": foo\r\n chunked",
        ": chunked\r\nx-y: 1\r\ntransfer-encoding: chunked", ": chunked\r\n content-length: 5", ": {chunked}",
    ] {
        let line = format!("transfer-encoding{value}");
        refused(&ground, &line.escape_debug().to_string(), &post(&ground, &[&line], chunked.as_bytes()), 400, BAD);
    }
    // A name that a careless reader takes for it is not one of ours to judge: it is dropped, and the body has no length.
    for line in ["transfer_encoding: chunked", "transfer-encodin\u{67}x: chunked"] {
        let answer = ground.answer(line, &post(&ground, &[line, "content-length: 13", "connection: close"], BODY.as_bytes()));
        assert_eq!(answer.status, 200, "{line}");
        assert!(!ground.standin.log().last().unwrap().headers.contains_key("transfer_encoding"));
        ground.standin.log().clear();
    }
}

#[test]
fn f4_odd_lengths_are_refused() {
    let ground = Ground::lay(Echo);
    for value in [
        " 13, 13", " +13", " -13", " 0x0d", "  13", " 13 ", "\t13", " 1_3", " 013", " 13.0", " 1e1", " \"13\"",
        " 18446744073709551616", " 99999999999999999999", " ", "", " 13;", " 13\0", " thirteen", " \u{661}\u{663}",
    ] {
        let line = format!("content-length:{value}");
        refused(&ground, &line.escape_debug().to_string(), &post(&ground, &[&line], BODY.as_bytes()), 400, BAD);
    }
}

#[test]
fn f7_f8_odd_chunks_and_trailers_send_nothing() {
    let ground = Ground::lay(Echo);
    let n = BODY.len();
    for rest in [
        format!("0x{n:x}\r\n{BODY}\r\n0\r\n\r\n"),
        format!("+{n:x}\r\n{BODY}\r\n0\r\n\r\n"),
        format!("{n:x} \r\n{BODY}\r\n0\r\n\r\n"),
        format!("{n:x} ;x\r\n{BODY}\r\n0\r\n\r\n"),
        format!("{n:x};x=y\r\n{BODY}\r\n0\r\n\r\n"),
        format!("{n:x};\nx\r\n{BODY}\r\n0\r\n\r\n"),
        format!("{n:x}\n{BODY}\n0\n\n"),
        format!("{n:x}\r{BODY}\r0\r\r"),
        format!("{n:x}\r\n{BODY}0\r\n\r\n"),
        format!("{n:x}\r\n{BODY}XX0\r\n\r\n"),
        format!("ffffffffffffffff1\r\n{BODY}\r\n0\r\n\r\n"),
        format!("-{n:x}\r\n{BODY}\r\n0\r\n\r\n"),
        format!("{n:x}\r\n{BODY}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
        format!("{n:x}\r\n{BODY}\r\n0\r\nHost: evil.test\r\n\r\n"),
        format!("{n:x}\r\n{BODY}\r\n0\r\nContent-Length: 3\r\n\r\n"),
        format!("{n:x}\r\n{BODY}\r\n0\r\n\n"),
    ] {
        let what = rest.escape_debug().to_string();
        let raw = wire::send(ground.addr(), &post(&ground, &["transfer-encoding: chunked"], rest.as_bytes()));
        if let Some(answer) = raw.ok().as_deref().and_then(wire::parse) {
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        }
        assert!(ground.standin.log().is_empty(), "{what}: {:?}", ground.standin.log());
    }
}

#[test]
fn f7_f9_f17_odd_lines_are_refused() {
    let ground = Ground::lay(Echo);
    let path = door(ISSUES);
    let good = String::from_utf8(post(&ground, &["content-length: 13"], BODY.as_bytes())).unwrap();
    for (what, bytes) in [
        ("bare LF everywhere", good.replace("\r\n", "\n")),
        ("bare LF once", good.replacen("application/json\r\n", "application/json\n", 1)),
        ("bare CR", good.replacen("application/json\r\n", "application/json\rx: y\r\n", 1)),
        ("space before the colon", good.replacen("content-type:", "content-type :", 1)),
        ("tab before the colon", good.replacen("content-type:", "content-type\t:", 1)),
        ("empty name", good.replacen("content-type:", ":", 1)),
        ("NUL in a name", good.replacen("content-type:", "content\0type:", 1)),
        ("NUL in a value", good.replacen("application/json", "application\0json", 1)),
        ("non-ASCII name", good.replacen("content-type:", "content-t\u{fd}pe:", 1)),
        ("non-ASCII value", good.replacen("application/json", "application/js\u{f6}n", 1)),
        ("folded", good.replacen("application/json", "application/\r\n json", 1)),
        ("no colon", good.replacen("content-type: application/json", "content-type", 1)),
        ("HTTP/1.2", good.replacen("HTTP/1.1", "HTTP/1.2", 1)),
        ("HTTP/2.0", good.replacen("HTTP/1.1", "HTTP/2.0", 1)),
        ("http/1.1", good.replacen("HTTP/1.1", "http/1.1", 1)),
        ("HTTP/0.9", format!("GET {path}\r\n\r\n")),
        ("lower-case method", good.replacen("POST", "post", 1)),
        ("mixed method", good.replacen("POST", "Post", 1)),
        ("space in method", good.replacen("POST ", "PO ST ", 1)),
        ("two spaces", good.replacen("POST ", "POST  ", 1)),
        ("tab", good.replacen("POST ", "POST\t", 1)),
        ("space in the target", good.replacen("/issues", "/iss ues", 1)),
        ("empty line first", format!("\r\n{good}")),
        ("absolute form", good.replacen(&path, &format!("http://{}{path}", ground.addr()), 1)),
        ("absolute form of another", good.replacen(&path, &format!("http://evil.test{path}"), 1)),
        ("authority form", good.replacen(&path, "evil.test:443", 1)),
        ("asterisk", good.replacen(&path, "*", 1)),
    ] {
        refused(&ground, what, bytes.as_bytes(), 400, BAD);
    }
}

#[test]
fn f10_there_is_one_host() {
    let ground = Ground::lay(Echo);
    let line = format!("GET {} HTTP/1.1", door(ISSUES));
    for hosts in [
        "", "host: a\r\nhost: a", "host: a\r\nhost: b", "host: a, b", "host: user@a", "host: a/b", "host: ", "host: a:x", "host: a b",
        "host: a\r\n b", "host: [::1", "host: a#", "host: a?b", "host: http://a",
    ] {
        refused(&ground, &format!("{hosts:?}"), &request(&ground, &line, hosts, &[], b""), 400, BAD);
    }
}

#[test]
fn f11_a_request_hidden_in_a_body_is_not_served() {
    let ground = Ground::lay(Echo);
    let hidden = format!("DELETE {} HTTP/1.1\r\nhost: x\r\n\r\n", door("/repos/atlas/api"));
    let host = format!("host: {}", ground.addr());
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        let line = format!("{method} {} HTTP/1.1", door(ISSUES));
        let length = format!("content-length: {}", hidden.len());
        for framing in [length.as_str(), "transfer-encoding: chunked"] {
            let bytes = request(&ground, &line, &host, &[framing], hidden.as_bytes());
            if method == "HEAD" {
                let raw = wire::send(ground.addr(), &bytes).unwrap();
                assert!(raw.starts_with(b"HTTP/1.1 400"), "{}", raw.escape_ascii());
                assert!(ground.standin.log().is_empty());
                continue;
            }
            refused(&ground, &format!("{method} {framing}"), &bytes, 400, BAD);
        }
    }
    // A pipelined request stands on its own feet: it has no token.
    let mut bytes = ground.bytes(&Call::get("/repos/atlas/sandbox"));
    let text = String::from_utf8(bytes).unwrap().replace("connection: close\r\n", "");
    bytes = text.into_bytes();
    bytes.extend_from_slice(hidden.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes());
    let raw = wire::send(ground.addr(), &bytes).unwrap();
    let text = String::from_utf8_lossy(&raw).into_owned();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("HTTP/1.1 401"), "{text}");
    let methods: Vec<String> = ground.standin.log().entries().into_iter().map(|entry| entry.method).collect();
    assert_eq!(methods, ["GET"]);
}

#[test]
fn f12_f13_expectations_upgrades_and_tunnels_are_refused() {
    let ground = Ground::lay(Echo);
    let host = format!("host: {}", ground.addr());
    refused(&ground, "Expect", &post(&ground, &["expect: 200-ok", "content-length: 13"], BODY.as_bytes()), 417, &["malformed_request"]);
    for lines in [
        vec!["connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA"],
        vec!["upgrade: H2C"],
        vec!["upgrade: websocket, h2c"],
        vec!["http2-settings: AAMAAABkAAQAoAAAAAIAAAAA"],
    ] {
        let line = format!("GET {} HTTP/1.1", door(ISSUES));
        refused(&ground, &format!("{lines:?}"), &request(&ground, &line, &host, &lines, b""), 400, BAD);
    }
    for target in ["evil.test:443", "api.github.com:443", "127.0.0.1:22", "/gateway/main/repos/atlas/sandbox"] {
        refused(&ground, target, &request(&ground, &format!("CONNECT {target} HTTP/1.1"), &host, &[], b""), 400, BAD);
    }
    let call = Call::get("/repos/atlas/sandbox")
        .line("upgrade: websocket")
        .line("connection: upgrade")
        .line("sec-websocket-version: 13")
        .line("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==");
    ground.refused(&call, "upgrade_refused");
}

#[test]
fn bodies_beyond_the_limit_are_refused_whole() {
    let ground = Ground::lay(Echo);
    // RIVALS: what is padded past an inspection limit is not read in part: it is not sent.
    let padded = format!("{{\"pad\":\"{}\",\"title\":\"x\"}}", "a".repeat(1 << 20));
    ground.refused(&Call::new("POST", ISSUES).json(padded.clone()), "body_too_large");
    let chunked = format!("{:x}\r\n{padded}\r\n0\r\n\r\n", padded.len());
    let bytes = post(&ground, &["transfer-encoding: chunked", "connection: close"], chunked.as_bytes());
    ground.refused_bytes("chunked", &bytes, "body_too_large");
    // A length that is not reached is no request.
    let short = post(&ground, &["content-length: 40"], BODY.as_bytes());
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(ground.addr()).unwrap();
    stream.write_all(&short).unwrap();
    drop(stream);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(ground.standin.log().is_empty());
}
