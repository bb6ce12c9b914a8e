//! Groups A, B and F where one request shows nothing: what many of them come to, and how long they take.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use stint_standin::Github;
use stint_tests::wire;

use super::client::{new_key, now, proof_of};
use super::forge::{decode, encode, jws, taken_apart};
use super::ground::{Call, Ground, door};

const TARGET: &str = "/repos/atlas/sandbox";
const ISSUES: &str = "/repos/atlas/sandbox/issues";

fn lines(token: &str, proof: &str) -> [String; 2] {
    [format!("authorization: DPoP {token}"), format!("dpop: {proof}")]
}

/// Names of keys cannot collide, and no key can be taken for an HMAC secret: what the broker publishes, and still does with
/// another signing key beside the first.
#[test]
fn a11_published_keys_have_names_of_their_own_and_none_is_symmetric() {
    let ground = Ground::lay(Github::seeded());
    let answer = wire::get(ground.addr(), "/oauth/jwks").unwrap();
    assert_eq!(answer.status, 200);
    let set = answer.json();
    let keys = set["keys"].as_array().unwrap();
    let mut names: Vec<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert!(!keys.is_empty() && names.len() == keys.len(), "{set}");
    for key in keys {
        assert!(matches!(key["kty"].as_str(), Some("OKP" | "EC" | "RSA")), "{key}");
        assert!(key.get("k").is_none() && key.get("d").is_none(), "{key}");
    }
    // A client's key that is symmetric, private, or named like ours gives nobody a second key of that name.
    let own = new_key().public().to_value();
    for (what, key) in [
        ("symmetric", json!({ "kty": "oct", "k": encode("secret") })),
        ("private", json!({ "kty": own["kty"], "crv": own["crv"], "x": own["x"], "d": encode([7; 32]) })),
        ("two", json!([own, own])),
    ] {
        let start = json!({ "environment": "staging", "agent": "coder", "key": key });
        let answer = ground.person.call("POST", "/v1/sessions", Some(&start));
        assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    }
}

/// How long a refusal takes says nothing of how much of a signature was right.
#[test]
fn a31_a_signature_that_is_almost_right_takes_as_long_as_any() {
    let ground = Ground::lay(Github::seeded());
    let (body, signature) = ground.token.rsplit_once('.').unwrap();
    let right = decode(signature);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = right.clone();
        change(&mut bytes);
        format!("{body}.{}", encode(&bytes))
    };
    // The last byte stays: a scalar out of its range is refused before anything is computed, whoever made it.
    let near = with(&|bytes| bytes[62] ^= 1);
    let half = with(&|bytes| bytes[32..63].reverse());
    let far = with(&|bytes| bytes[..63].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(7) ^ 0x5a));
    let took = |token: &str| {
        let proof = ground.session.proof("GET", &door(TARGET), Some(token), None);
        let bytes = ground.bytes_with(&Call::get(TARGET), &lines(token, &proof));
        let began = Instant::now();
        let answer = wire::parse(&wire::send(ground.addr(), &bytes).unwrap()).unwrap();
        assert_eq!(answer.status, 401, "{}", answer.text());
        began.elapsed()
    };
    // Side by side and in turn, so that what else the machine does falls on both alike: of pairs that differ in nothing,
    // half are won by either, give or take 6 deviations.
    for (what, other) in [("all but a bit is right", &near), ("its first half is right", &half)] {
        let pairs = 240;
        let slower = (0..pairs)
            .filter(|turn| {
                if turn % 2 == 0 {
                    took(other) > took(&far)
                } else {
                    let far = took(&far);
                    took(other) > far
                }
            })
            .count();
        assert!((74..=166).contains(&slower), "{what}: slower in {slower} of {pairs} pairs");
    }
}

/// The room of one process for proofs is tested beside it (`token::replay`); here, that every one of many is remembered, and
/// that they cost what they should.
#[test]
fn b13_a_flood_of_proofs_is_remembered_and_costs_little() {
    let ground = Ground::lay(Github::seeded());
    let url = format!("{}{}", ground.session.issuer, door(TARGET));
    let proofs: Vec<String> = (0..1500)
        .map(|_| proof_of(&ground.session.key, "GET", &url, Some(&ground.token), None, now()))
        .collect();
    let before = ground.broker.peak_memory();
    let send = |proof: &str| {
        let bytes = ground.bytes_with(&Call::get(TARGET), &lines(&ground.token, proof));
        wire::parse(&wire::send(ground.addr(), &bytes).unwrap()).unwrap()
    };
    std::thread::scope(|scope| {
        for part in proofs.chunks(375) {
            scope.spawn(move || part.iter().for_each(|proof| assert_eq!(send(proof).status, 200)));
        }
    });
    for proof in proofs.iter().step_by(50) {
        assert_eq!(send(proof).json()["code"], "invalid_dpop_proof");
    }
    let grown = ground.broker.peak_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
}

/// A proof is of one request, whatever its body: no second one rides on it.
#[test]
fn b14_a_proof_does_not_carry_another_body() {
    let ground = Ground::lay(Github::seeded());
    let proof = ground.session.proof("POST", &door(ISSUES), Some(&ground.token), None);
    let post = |title: &str| {
        let call = Call::new("POST", ISSUES).json(json!({ "title": title }).to_string());
        ground.bytes_with(&call, &lines(&ground.token, &proof))
    };
    let answer = ground.answer("first", &post("one"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    for title in ["two", "one"] {
        ground.refused_bytes(title, &post(title), "invalid_dpop_proof");
    }
    // Nor does one that was used up by a body which is refused.
    let held = ground.session.proof("POST", &door(ISSUES), Some(&ground.token), None);
    let broken = Call::new("POST", ISSUES).json("{\"title\":\"a\",\"title\":\"b\"}");
    ground.refused_bytes(
        "broken",
        &ground.bytes_with(&broken, &lines(&ground.token, &held)),
        "malformed_request",
    );
    let good = Call::new("POST", ISSUES).json("{\"title\":\"a\"}");
    ground.refused_bytes(
        "after it",
        &ground.bytes_with(&good, &lines(&ground.token, &held)),
        "invalid_dpop_proof",
    );
}

/// Whoever needs a nonce is asked for one, however many ask at once and whatever else is served meanwhile.
#[test]
fn b15_a_nonce_is_asked_for_under_load_too() {
    let ground = Ground::lay(Github::seeded());
    let url = format!("{}{}", ground.session.issuer, door(TARGET));
    let make = |iat: i64| proof_of(&ground.session.key, "GET", &url, Some(&ground.token), None, now() + iat);
    let send = |proof: &str| {
        let bytes = ground.bytes_with(&Call::get(TARGET), &lines(&ground.token, proof));
        wire::parse(&wire::send(ground.addr(), &bytes).unwrap()).unwrap()
    };
    ground.standin.log().clear();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (make, send) = (&make, &send);
            scope.spawn(move || {
                for _ in 0..40 {
                    if worker % 2 == 0 {
                        assert_eq!(send(&make(0)).status, 200);
                    } else {
                        let answer = send(&make(-90));
                        assert_eq!(
                            (answer.status, answer.json()["code"].as_str()),
                            (401, Some("use_dpop_nonce"))
                        );
                        assert!(answer.header("dpop-nonce").is_some());
                    }
                }
            });
        }
    });
    assert_eq!(ground.standin.log().len(), 160, "only what had a good proof reached the provider");
}

/// A frame of HTTP/2 (RFC 9113 s4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET /healthz`, in the static table of HPACK where it has it.
fn head() -> Vec<u8> {
    b"\x82\x86\x04\x08/healthz\x01\x09localhost".to_vec()
}

/// Writes until all is written or the other side has had enough, and says whether it ended the connection.
fn flood(ground: &Ground<Github>, frames: &mut dyn FnMut(u32) -> Vec<u8>, rounds: u32) -> bool {
    let mut stream = TcpStream::connect(ground.addr()).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat();
    for round in 0..rounds {
        bytes.extend(frames(round));
        if bytes.len() > 16 << 10 {
            match stream.write_all(&bytes) {
                Ok(()) => bytes.clear(),
                // It does not read any more, or has closed.
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    }
    let _ = stream.write_all(&bytes);
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn f15_floods_of_http2_frames_end_their_connection_and_nobody_elses() {
    let mut ground = Ground::lay(Github::seeded());
    let before = ground.broker.peak_memory();
    let odd = |round: u32| round * 2 + 1;
    let large = [b"\x40\x01x\x7f\xa1\x1e".as_slice(), &[b'a'; 4000]].concat();
    type Frames<'a> = Box<dyn FnMut(u32) -> Vec<u8> + 'a>;
    let floods: Vec<(&str, u32, bool, Frames)> = vec![
        (
            "streams opened and reset",
            20_000,
            true,
            Box::new(|round| {
                let open = frame(HEADERS, END_STREAM | END_HEADERS, odd(round), &head());
                [open, frame(RESET, 0, odd(round), &8u32.to_be_bytes())].concat()
            }),
        ),
        (
            "a head without an end",
            20_000,
            true,
            Box::new(|round| match round {
                0 => frame(HEADERS, END_STREAM, 1, &head()),
                _ => frame(CONTINUATION, 0, 1, &[b"\x00\x03x-a\x40".as_slice(), &[b'a'; 64]].concat()),
            }),
        ),
        (
            "empty pieces of a head",
            50_000,
            true,
            Box::new(|round| match round {
                0 => frame(HEADERS, END_STREAM, 1, &head()),
                _ => frame(CONTINUATION, 0, 1, &[]),
            }),
        ),
        (
            "one large header many times",
            400,
            false,
            Box::new(|round| {
                let block = [head(), large.clone(), vec![0xbe; 10_000]].concat();
                frame(HEADERS, END_STREAM | END_HEADERS, odd(round), &block)
            }),
        ),
        ("settings", 100_000, false, Box::new(|_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]))),
        ("pings", 100_000, false, Box::new(|_| frame(PING, 0, 0, &[0; 8]))),
        (
            "windows of one byte",
            100,
            false,
            Box::new(|round| match round {
                0 => frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]),
                _ => frame(HEADERS, END_STREAM | END_HEADERS, odd(round), &head()),
            }),
        ),
        (
            "a window beyond its largest",
            2,
            true,
            Box::new(|_| frame(WINDOW, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ),
    ];
    for (what, rounds, ends, mut frames) in floods {
        let ended = flood(&ground, &mut frames, rounds);
        assert!(ended || !ends, "{what}: the connection goes on");
        // Everybody else is served, and by the same process.
        let began = Instant::now();
        let answer = ground.send(&Call::get(TARGET));
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
        assert!(ground.broker.is_running(), "{what}");
        let grown = ground.broker.peak_memory().saturating_sub(before);
        assert!(grown < 96 << 20, "{what}: {grown} bytes more");
    }
}

/// Names of policies are names: nothing in them leads elsewhere, at the API or in the folder of an export.
#[test]
fn g24_a_policys_name_is_no_path() {
    let ground = Ground::lay(Github::seeded());
    let names = [
        "..",
        "../guardrails/destroy",
        "..%2Fguardrails%2Fdestroy",
        "%2e%2e%2fdestroy",
        "a%2Fb",
        "a/../b",
        "a%5Cb",
        "a%00b",
        ".hidden",
        "A",
        "%C3%A9",
        "a%20b",
        "-",
        "",
    ];
    let body = json!({ "text": "permit (principal, action, resource);", "tests": "", "note": "", "base": 0 });
    let known = ground.person.call("GET", "/v1/policies", None).json();
    for name in names {
        for (method, path) in [
            ("POST", format!("/v1/policies/{name}")),
            ("GET", format!("/v1/policies/{name}")),
            ("POST", format!("/v1/policies/{name}/confirm")),
        ] {
            if name.is_empty() && method == "GET" {
                continue;
            }
            let body = (method != "GET").then_some(&body);
            let answer = ground.person.call(method, &path, body);
            assert!(
                (400..500).contains(&answer.status),
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    assert_eq!(ground.person.call("GET", "/v1/policies", None).json(), known, "something was saved");
}

/// That the forged tokens of this file are refused for what they are.
#[test]
fn a31_the_same_token_with_its_own_signature_is_taken() {
    let ground = Ground::lay(Github::seeded());
    let (header, claims) = taken_apart(&ground.token);
    let other = jws(&new_key(), header, claims);
    let proof = ground.session.proof("GET", &door(TARGET), Some(&other), None);
    ground.refused_bytes(
        "another key",
        &ground.bytes_with(&Call::get(TARGET), &lines(&other, &proof)),
        "invalid_token",
    );
    assert_eq!(ground.send(&Call::get(TARGET)).status, 200);
}
