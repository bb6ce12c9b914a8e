//! Bodies that are content: they stream to the provider, and are searched on the way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stint_standin::Echo;
use stint_tests::wire::{self, Answer};

use super::ground::{CREDENTIAL, Call, Ground};

const ASSETS: &str = "/repos/atlas/sandbox/releases/1/assets?name=image.bin";
const MIB: usize = 1 << 20;

/// The head of an upload, with its connection.
fn begin(ground: &Ground<Echo>, lines: &[&str]) -> TcpStream {
    let mut head = format!(
        "POST /gateway/{CREDENTIAL}{ASSETS} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
        ground.addr()
    );
    let credentials = ground.credentials("POST", ASSETS);
    let own = ["stint-host: uploads.github.com", "content-type: application/octet-stream"];
    for line in credentials.iter().map(String::as_str).chain(own).chain(lines.iter().copied()) {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(ground.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn end(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    wire::parse(&bytes).unwrap_or_else(|| panic!("no answer in {}", bytes.escape_ascii()))
}

fn upload(ground: &Ground<Echo>, body: &[u8]) -> Answer {
    let mut stream = begin(ground, &[&format!("content-length: {}", body.len())]);
    // A refusal may come before everything is written.
    let _ = stream.write_all(body);
    end(stream)
}

/// Noise that is no text, and the same each time.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 | 0x80
    };
    (0..size).map(|_| next()).collect()
}

fn key() -> String {
    format!("ghp_{}", "Zq7".repeat(12))
}

#[test]
fn an_asset_arrives_whole_with_its_length() {
    let ground = Ground::lay(Echo);
    let answer = upload(&ground, &noise(5 * MIB + 17));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["length"], 5 * MIB + 17);
    let entry = ground.standin.log().last().unwrap();
    assert_eq!(entry.host, "uploads.github.com");
    assert_eq!(entry.header("content-length"), Some((5 * MIB + 17).to_string().as_str()));
    let page = ground.audit("?kind=request_decided&limit=1");
    assert_eq!(page["records"][0]["body"]["facts"]["streamed"], true, "{page}");
    // In pieces of no declared length, too.
    let mut stream = begin(&ground, &["transfer-encoding: chunked"]);
    let piece = noise(3 * MIB / 2);
    for _ in 0..2 {
        write!(stream, "{:x}\r\n", piece.len()).unwrap();
        stream.write_all(&piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(end(stream).json()["length"], 3 * MIB);
}

#[test]
fn the_provider_reads_while_the_client_still_writes() {
    let ground = Ground::lay(Echo);
    let body = noise(48 * MIB);
    let (first, rest) = body.split_at(2 * MIB);
    let mut stream = begin(&ground, &[&format!("content-length: {}", body.len())]);
    stream.write_all(first).unwrap();
    let waited = Instant::now();
    while ground.standin.log().is_empty() {
        assert!(waited.elapsed() < Duration::from_secs(30), "nothing reached the provider");
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = ground.broker.peak_memory();
    stream.write_all(rest).unwrap();
    assert_eq!(end(stream).json()["length"], body.len());
    let grown = ground.broker.peak_memory().saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "the broker grew by {grown} bytes");
}

#[test]
fn a_key_in_the_middle_of_a_file_is_found_and_goes_nowhere() {
    let ground = Ground::lay(Echo);
    let key = key();
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("token: {key} and more of it"));
    for (what, text) in [("plain", key.clone()), ("base64", encoded)] {
        // Wherever the pieces happen to be cut.
        for at in [MIB + 5, 2 * MIB - 20, 2 * MIB + 65_536 - 7, 3 * MIB - 200] {
            let mut body = noise(3 * MIB);
            let text = format!(" {text} ");
            body[at..at + text.len()].copy_from_slice(text.as_bytes());
            let answer = upload(&ground, &body);
            assert_eq!(answer.json()["code"], "foreign_credential", "{what} at {at}: {}", answer.text());
            assert!(!answer.text().contains(&key));
        }
    }
    assert!(!ground.standin.log().holds(&key));
    // The intent is on record, and that it came to nothing.
    let page = ground.audit("?kind=request_closed&limit=1");
    assert_eq!(page["records"][0]["body"]["facts"]["code"], "foreign_credential", "{page}");
}

#[test]
fn only_content_streams() {
    let ground = Ground::lay(Echo);
    // Members decide: a title could stand at the end.
    let issue = format!("{{\"pad\":\"{}\",\"title\":\"x\"}}", "a".repeat(2 * MIB));
    ground.refused(&Call::new("POST", "/repos/atlas/sandbox/issues").json(issue), "body_too_large");
    // A form could carry `_method` where nobody looks.
    let call = Call::new("POST", ASSETS)
        .line("stint-host: uploads.github.com")
        .line("content-type: application/x-www-form-urlencoded")
        .body(format!("a={}&_method=DELETE", "a".repeat(2 * MIB)));
    ground.refused(&call, "body_too_large");
}

#[test]
fn an_upload_has_a_limit_too() {
    let mut options = stint_tests::Options::default();
    options.variables.push(("STINT_BROKER_LIMITS_UPLOAD".to_owned(), (4 * MIB).to_string()));
    let ground = Ground::lay_with(Echo, options);
    let declared = upload(&ground, &noise(4 * MIB + 1));
    assert_eq!((declared.status, &declared.json()["code"]), (413, &"body_too_large".into()));
    assert!(ground.standin.log().is_empty(), "what says its length is refused before anything is sent");
    let mut stream = begin(&ground, &["transfer-encoding: chunked"]);
    let piece = noise(5 * MIB);
    let _ = write!(stream, "{:x}\r\n", piece.len());
    let _ = stream.write_all(&piece);
    let _ = stream.write_all(b"\r\n0\r\n\r\n");
    assert_eq!(end(stream).json()["code"], "body_too_large");
    assert_eq!(upload(&ground, &noise(4 * MIB)).json()["length"], 4 * MIB);
}

#[test]
fn a_client_that_stops_in_the_middle_leaves_no_whole_request() {
    let ground = Ground::lay(Echo);
    let mut stream = begin(&ground, &[&format!("content-length: {}", 3 * MIB)]);
    stream.write_all(&noise(2 * MIB)).unwrap();
    let waited = Instant::now();
    while ground.standin.log().is_empty() && waited.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(stream);
    let waited = Instant::now();
    while ground.recorded("request_closed") == 0 {
        assert!(waited.elapsed() < Duration::from_secs(30), "the outcome is not on record");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ground.standin.log().len(), 1);
    assert_eq!(upload(&ground, &noise(2 * MIB)).json()["length"], 2 * MIB);
}
