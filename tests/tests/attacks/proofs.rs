//! Group B: proofs that are almost for this request.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use stint_standin::Github;
use stint_tests::wire;

use super::client::{fresh, new_key, now, proof_of};
use super::forge::{encode, jws, proof_claims, proof_header, with};
use super::ground::{Call, Ground, door};

const TARGET: &str = "/repos/atlas/sandbox";

fn lines(ground: &Ground<Github>, proofs: &[&str]) -> Vec<String> {
    let mut lines = vec![format!("authorization: DPoP {}", ground.token)];
    lines.extend(proofs.iter().map(|proof| format!("dpop: {proof}")));
    lines
}

fn refused(ground: &Ground<Github>, what: &str, proof: &str) {
    let bytes = ground.bytes_with(&Call::get(TARGET), &lines(ground, &[proof]));
    let answer = ground.refused_bytes(what, &bytes, "invalid_dpop_proof");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("DPoP error=\""), "{what}: {challenge}");
}

fn accepted(ground: &Ground<Github>, what: &str, proof: &str) {
    let answer = ground.answer(what, &ground.bytes_with(&Call::get(TARGET), &lines(ground, &[proof])));
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
}

#[test]
fn b1_a_token_without_its_proof_is_worth_nothing() {
    let ground = Ground::lay(Github::seeded());
    let token = &ground.token;
    let proof = || ground.session.proof("GET", &door(TARGET), Some(token), None);
    for (what, lines, code) in [
        ("nothing", vec![], "not_authenticated"),
        ("a proof alone", vec![format!("dpop: {}", proof())], "not_authenticated"),
        ("no proof", vec![format!("authorization: DPoP {token}")], "invalid_dpop_proof"),
        ("an empty proof", vec![format!("authorization: DPoP {token}"), "dpop: ".to_owned()], "invalid_dpop_proof"),
        ("Bearer", vec![format!("authorization: Bearer {token}"), format!("dpop: {}", proof())], "invalid_token"),
        ("Bearer alone", vec![format!("authorization: Bearer {token}")], "invalid_token"),
        ("bearer", vec![format!("authorization: bearer {token}")], "invalid_token"),
        ("no scheme", vec![format!("authorization: {token}"), format!("dpop: {}", proof())], "invalid_token"),
        ("Basic", vec![format!("authorization: Basic {}", encode(token)), format!("dpop: {}", proof())], "invalid_token"),
        ("a tab", vec![format!("authorization: DPoP\t{token}"), format!("dpop: {}", proof())], "invalid_token"),
        ("two spaces", vec![format!("authorization: DPoP  {token}"), format!("dpop: {}", proof())], "invalid_token"),
        ("two schemes", vec![format!("authorization: DPoP {token}, Bearer {token}"), format!("dpop: {}", proof())], "invalid_token"),
        ("two headers", vec![format!("authorization: DPoP {token}"), format!("authorization: DPoP {token}"), format!("dpop: {}", proof())], "ambiguous_request"),
        ("an empty one first", vec!["authorization: ".to_owned(), format!("authorization: DPoP {token}"), format!("dpop: {}", proof())], "ambiguous_request"),
    ] {
        ground.refused_bytes(what, &ground.bytes_with(&Call::get(TARGET), &lines), code);
    }
    // The scheme has no case (RFC 9110 s11.1).
    let lines = [format!("authorization: dpop {token}"), format!("dpop: {}", proof())];
    assert_eq!(ground.answer("dpop", &ground.bytes_with(&Call::get(TARGET), &lines)).status, 200);
}

#[test]
fn b1_a_token_in_query_or_body_is_no_token_and_is_not_logged() {
    let ground = Ground::lay(Github::seeded());
    let token = &ground.token;
    let proof = ground.session.proof("GET", &door(TARGET), Some(token), None);
    for target in [format!("{TARGET}?access_token={token}"), format!("{TARGET}?token=DPoP%20{token}")] {
        let bytes = ground.bytes_with(&Call::get(&target), &[format!("dpop: {proof}")]);
        ground.refused_bytes("query", &bytes, "not_authenticated");
    }
    let post = Call::new("POST", "/repos/atlas/sandbox/issues").line("content-type: application/x-www-form-urlencoded");
    let proof = ground.session.proof("POST", &door("/repos/atlas/sandbox/issues"), Some(token), None);
    let bytes = ground.bytes_with(&post.body(format!("access_token={token}")), &[format!("dpop: {proof}")]);
    ground.refused_bytes("body", &bytes, "not_authenticated");
    assert!(!ground.broker.logs().contains(token.as_str()), "the token is in the log");
    assert!(!ground.audit("?limit=100").to_string().contains(token.as_str()), "the token is on record");
}

#[test]
fn b2_two_proofs_are_refused() {
    let ground = Ground::lay(Github::seeded());
    let proof = || ground.session.proof("GET", &door(TARGET), Some(&ground.token), None);
    let (one, two) = (proof(), proof());
    for proofs in [
        vec![one.as_str(), two.as_str()],
        vec![one.as_str(), one.as_str()],
        vec![one.as_str(), ""],
        vec!["", one.as_str()],
        vec![one.as_str(), "x"],
    ] {
        let bytes = ground.bytes_with(&Call::get(TARGET), &lines(&ground, &proofs));
        ground.refused_bytes("two headers", &bytes, "invalid_dpop_proof");
    }
    refused(&ground, "joined", &format!("{one}, {two}"));
    refused(&ground, "joined tightly", &format!("{one},{two}"));
    // None of these used a proof up.
    accepted(&ground, "one", &one);
}

#[test]
fn b3_b4_b5_a_proof_is_for_one_method_and_one_url() {
    let ground = Ground::lay(Github::seeded());
    let key = &ground.session.key;
    let token = Some(ground.token.as_str());
    let issuer = ground.session.issuer.clone();
    let url = format!("{issuer}{}", door(TARGET));
    let port = ground.addr().port();
    let for_url = |htm: &str, htu: &str| proof_of(key, htm, htu, token, None, now());
    for htm in ["POST", "get", "Get", "GET ", "", "HEAD", "*"] {
        refused(&ground, &format!("htm {htm}"), &for_url(htm, &url));
    }
    for htu in [
        format!("{issuer}/gateway/main/repos/atlas/api"),
        format!("{issuer}/gateway/other{TARGET}"),
        format!("{url}/issues"),
        format!("{url}/"),
        issuer.clone(),
        format!("{issuer}/v1/sessions"),
        url.replace("http://", "https://"),
        url.replace("http://", "HTTPS://"),
        url.replace("127.0.0.1", "localhost"),
        url.replace("127.0.0.1", "evil.test"),
        url.replace("127.0.0.1", "127.1"),
        url.replace("127.0.0.1", "2130706433"),
        url.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
        url.replace("127.0.0.1", "127.0.0.1."),
        url.replace(&port.to_string(), "80"),
        url.replace(&format!(":{port}"), ""),
        url.replace("http://", "http://user@"),
        url.replace("http://", "http://evil.test@"),
        url.replace("http://", "//"),
        door(TARGET),
        url.replace("/repos", "/Repos"),
        url.replace("/repos", "//repos"),
        url.replace("/gateway", "/gateway%2F"),
        url.replace("sandbox", "sand%62ox%00"),
        url.replace("sandbox", "sandbox%2F"),
        String::new(),
        "http://".to_owned(),
    ] {
        refused(&ground, &format!("htu {htu}"), &for_url("GET", &htu));
    }
    // The same URL by RFC 3986 s6.2.2 and s6.2.3, without query and fragment.
    for htu in [
        url.clone(),
        url.replace("http://", "HTTP://"),
        url.replace("sandbox", "%73andbox"),
        url.replace("sandbox", "sandbo%78"),
        url.replace("/repos", "/x/../repos"),
        url.replace("/repos", "/./repos"),
        format!("{url}?state=open"),
        format!("{url}#fragment"),
        format!("{url}?"),
    ] {
        accepted(&ground, &htu, &for_url("GET", &htu));
    }
    // What the request says of its host is not what a proof is held against.
    let bytes = ground.bytes_with(&Call::get(TARGET), &lines(&ground, &[&for_url("GET", &url.replace("127.0.0.1", "evil.test"))]));
    let poisoned = String::from_utf8(bytes).unwrap().replace(&format!("host: {}", ground.addr()), &format!("host: evil.test:{port}"));
    ground.refused_bytes("poisoned host", poisoned.as_bytes(), "invalid_dpop_proof");
    let forwarded = Call::get(TARGET).line("x-forwarded-host: evil.test").line("forwarded: host=evil.test;proto=http");
    let proof = for_url("GET", &format!("http://evil.test{}", door(TARGET)));
    ground.refused_bytes("forwarded host", &ground.bytes_with(&forwarded, &lines(&ground, &[&proof])), "invalid_dpop_proof");
}

#[test]
fn b6_b7_a_proof_works_once_and_for_a_minute() {
    let mut ground = Ground::lay(Github::seeded());
    let url = format!("{}{}", ground.session.issuer, door(TARGET));
    let proof = ground.session.proof("GET", &door(TARGET), Some(&ground.token), None);
    accepted(&ground, "first", &proof);
    refused(&ground, "replay", &proof);
    // The same `jti` under another signature of the same claims.
    let (header, mut claims) = super::forge::taken_apart(&proof);
    claims["htu"] = json!(format!("{url}?x"));
    refused(&ground, "the same jti", &jws(&ground.session.key, header, claims));
    // Kept back from a request that was refused: used up all the same.
    let held = ground.session.proof("GET", &door("/repos/atlas/api"), Some(&ground.token), None);
    let call = Call::get("/repos/atlas/api");
    ground.refused_bytes("refused", &ground.bytes_with(&call, &lines(&ground, &[&held])), "denied");
    ground.refused_bytes("replayed", &ground.bytes_with(&call, &lines(&ground, &[&held])), "invalid_dpop_proof");
    for (what, iat) in [("stale", -61), ("an hour old", -3600), ("in the future", 30), ("made for tomorrow", 86400)] {
        let proof = proof_of(&ground.session.key, "GET", &url, Some(&ground.token), None, now() + iat);
        let bytes = ground.bytes_with(&Call::get(TARGET), &lines(&ground, &[&proof]));
        let answer = ground.refused_bytes(what, &bytes, "use_dpop_nonce");
        assert!(answer.header("www-authenticate").unwrap().contains("use_dpop_nonce"), "{what}");
        assert!(answer.header("dpop-nonce").is_some(), "{what}");
    }
    for nonce in ["x", "", &"A".repeat(54), "AAAAAGk-nonce"] {
        let proof = ground.session.proof("GET", &door(TARGET), Some(&ground.token), Some(nonce));
        let bytes = ground.bytes_with(&Call::get(TARGET), &lines(&ground, &[&proof]));
        ground.refused_bytes(&format!("nonce {nonce}"), &bytes, "use_dpop_nonce");
    }
    let unused = ground.session.proof("GET", &door(TARGET), Some(&ground.token), None);
    let proof = ground.session.proof("GET", &door(TARGET), Some(&ground.token), None);
    accepted(&ground, "before the restart", &proof);
    ground.broker.restart();
    refused(&ground, "after a restart", &proof);
    accepted(&ground, "one that was not used", &unused);
}

#[test]
fn b8_a_proof_is_for_one_token() {
    let ground = Ground::lay(Github::seeded());
    let key = &ground.session.key;
    let url = format!("{}{}", ground.session.issuer, door(TARGET));
    let other = ground.session.token();
    assert_ne!(other, ground.token);
    for (what, token) in [
        ("no ath", None),
        ("of another token", Some(other.clone())),
        ("of the token and a space", Some(format!("{} ", ground.token))),
        ("of nothing", Some(String::new())),
        ("of the scheme too", Some(format!("DPoP {}", ground.token))),
    ] {
        refused(&ground, what, &proof_of(key, "GET", &url, token.as_deref(), None, now()));
    }
    let claims = proof_claims("GET", &url, Some(&ground.token));
    let ath = claims["ath"].as_str().unwrap().to_owned();
    for value in [json!(format!("{ath}=")), json!([ath]), json!(ath.to_lowercase()), json!(7)] {
        refused(&ground, &format!("ath {value}"), &jws(key, proof_header(key), with(&claims, "ath", value.clone())));
    }
}

#[test]
fn b9_b10_b11_the_key_of_the_proof_is_the_key_of_the_token() {
    let ground = Ground::lay(Github::seeded());
    let key = &ground.session.key;
    let url = format!("{}{}", ground.session.issuer, door(TARGET));
    let claims = || proof_claims("GET", &url, Some(&ground.token));
    let own = new_key();
    let header = proof_header(key);
    accepted(&ground, "control", &jws(key, &header, claims()));
    refused(&ground, "another key", &jws(&own, proof_header(&own), claims()));
    refused(&ground, "the right key in the header, signed by another", &jws(&own, &header, claims()));
    let jwk = key.public().to_value();
    let seed = encode(key.seed().as_slice());
    let small = |x: [u8; 32]| json!({"kty": "OKP", "crv": "Ed25519", "x": encode(x)});
    let mut identity = [0; 32];
    identity[0] = 1;
    for (what, jwk) in [
        ("a private key", with(&jwk, "d", json!(seed))),
        ("a symmetric key", json!({"kty": "oct", "k": "AAAA"})),
        ("no key", Value::Null),
        ("a list", json!([jwk])),
        ("another curve", with(&jwk, "crv", json!("Ed448"))),
        ("X25519", with(&jwk, "crv", json!("X25519"))),
        ("EC", json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["x"]})),
        ("P-384", json!({"kty": "EC", "crv": "P-384", "x": jwk["x"], "y": jwk["x"]})),
        ("zero", small([0; 32])),
        ("the identity", small(identity)),
        ("all ones", small([0xff; 32])),
        ("a padded x", with(&jwk, "x", json!(format!("{}=", jwk["x"].as_str().unwrap())))),
        ("a point at infinity", json!({"kty": "EC", "crv": "P-256", "x": encode([0; 32]), "y": encode([0; 32])})),
    ] {
        refused(&ground, what, &jws(key, with(&header, "jwk", jwk), claims()));
    }
    for (name, value) in [
        ("alg", json!("none")), ("alg", json!("HS256")), ("alg", json!("ES256")), ("alg", Value::Null), ("typ", json!("JWT")), ("typ", Value::Null),
        ("typ", json!("at+jwt")), ("crit", json!(["x"])), ("jku", json!("http://127.0.0.1:1")), ("x5c", json!(["AA"])), ("b64", json!(false)),
    ] {
        refused(&ground, &format!("{name} {value}"), &jws(key, with(&header, name, value), claims()));
    }
    for (name, value) in [
        ("jti", Value::Null), ("jti", json!("")), ("jti", json!(7)), ("iat", Value::Null), ("iat", json!("now")), ("iat", json!(1e300)),
        ("htm", Value::Null), ("htm", json!(["GET"])), ("htu", Value::Null), ("htu", json!([url])), ("exp", json!(now() - 10)), ("nbf", json!(now() + 100)),
    ] {
        refused(&ground, &format!("{name} {value}"), &jws(key, &header, with(&claims(), name, value)));
    }
    let twice = claims().to_string().replacen('{', "{\"htm\":\"DELETE\",", 1);
    refused(&ground, "a claim twice", &jws(key, &header, twice));
    // A P-256 key of a good signature, that is not the session's: the same x with the other y is another key too.
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])}});
    let message = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
    let signature = pair.sign(&random, message.as_bytes()).unwrap();
    refused(&ground, "P-256", &format!("{message}.{}", encode(signature.as_ref())));
    refused(&ground, "psychic", &format!("{message}.{}", encode([0; 64])));
}

#[test]
fn b12_a_session_gets_no_token_for_another_key() {
    let ground = Ground::lay(Github::seeded());
    let session = &ground.session;
    let url = format!("{}/oauth/token", session.issuer);
    let own = new_key();
    let other_url = format!("{}/v1/sessions", session.issuer);
    let good = || session.proof("POST", "/oauth/token", None, None);
    let replayed = good();
    let ask = |proofs: &[&str]| session.ask_token(&session.form(&session.assertion()), proofs);
    assert_eq!(ask(&[&replayed]).status, 200);
    let before = ground.recorded("token_refused");
    let mut count = 0;
    for (what, proofs) in [
        ("another key", vec![proof_of(&own, "POST", &url, None, None, now())]),
        ("another URL", vec![proof_of(&session.key, "POST", &other_url, None, None, now())]),
        ("another method", vec![proof_of(&session.key, "GET", &url, None, None, now())]),
        ("with an ath", vec![proof_of(&session.key, "POST", &url, Some(&ground.token), None, now())]),
        ("none", vec![]),
        ("two", vec![good(), good()]),
        ("a replay", vec![replayed.clone()]),
        ("no proof", vec![session.assertion()]),
    ] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let answer = ask(&proofs);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_dpop_proof")), "{what}: {}", answer.text());
        count += 1;
    }
    for iat in [-120, 60] {
        let stale = proof_of(&session.key, "POST", &url, None, None, now() + iat);
        let answer = ask(&[&stale]);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("use_dpop_nonce")), "{}", answer.text());
    }
    assert_eq!(ground.recorded("token_refused"), before + count);
    // An assertion works once, with however good a proof.
    let assertion = session.assertion();
    assert_eq!(session.ask_token(&session.form(&assertion), &[&good()]).status, 200);
    let again = session.ask_token(&session.form(&assertion), &[&good()]);
    assert_eq!((again.status, &again.json()["error"]), (401, &json!("invalid_client")), "{}", again.text());
}

/// The control plane holds the same rules; a person's reads too.
#[test]
fn b1_b3_b6_proofs_at_the_control_plane() {
    let mut ground = Ground::lay(Github::seeded());
    let token = ground.person.token();
    let path = "/v1/agents";
    let ask = |ground: &Ground<Github>, lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(ground.addr(), "GET", path, &lines, b"").unwrap()
    };
    let nonce = |ground: &Ground<Github>| {
        let stale = proof_of(&ground.person.key, "GET", &format!("{}{path}", ground.person.issuer), Some(&token), None, 1);
        let answer = ask(ground, &[format!("authorization: DPoP {token}"), format!("dpop: {stale}")]);
        answer.header("dpop-nonce").expect("a nonce").to_owned()
    };
    let proof = ground.person.proof("GET", path, Some(&token), Some(&nonce(&ground)));
    let lines = [format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
    assert_eq!(ask(&ground, &lines).status, 200);
    let replay = ask(&ground, &lines);
    assert_eq!((replay.status, &replay.json()["code"]), (401, &json!("invalid_dpop_proof")));
    ground.broker.restart();
    let replay = ask(&ground, &lines);
    assert_eq!((replay.status, &replay.json()["code"]), (401, &json!("use_dpop_nonce")), "after a restart");
    for (what, lines, code) in [
        ("nothing", vec![], "not_authenticated"),
        ("Bearer", vec![format!("authorization: Bearer {token}")], "invalid_token"),
        ("no proof", vec![format!("authorization: DPoP {token}")], "invalid_dpop_proof"),
        ("for another path", vec![format!("authorization: DPoP {token}"), format!("dpop: {}", ground.person.proof("GET", "/v1/people", Some(&token), Some(&nonce(&ground))))], "invalid_dpop_proof"),
        ("for another method", vec![format!("authorization: DPoP {token}"), format!("dpop: {}", ground.person.proof("POST", path, Some(&token), Some(&nonce(&ground))))], "invalid_dpop_proof"),
        ("by another key", vec![format!("authorization: DPoP {token}"), format!("dpop: {}", ground.session.proof("GET", path, Some(&token), Some(&nonce(&ground))))], "invalid_dpop_proof"),
        ("two proofs", vec![format!("authorization: DPoP {token}"), format!("dpop: {}", fresh()), format!("dpop: {}", fresh())], "invalid_dpop_proof"),
        ("two tokens", vec![format!("authorization: DPoP {token}"), format!("authorization: DPoP {token}"), format!("dpop: {}", fresh())], "ambiguous_request"),
    ] {
        let before = ground.recorded("request_refused");
        let answer = ask(&ground, &lines);
        assert_eq!(answer.json()["code"], code, "{what}: {}", answer.text());
        assert!(matches!(answer.status, 400 | 401), "{what}");
        assert!(answer.status != 401 || answer.header("www-authenticate").is_some(), "{what}");
        assert_eq!(ground.recorded("request_refused"), before + 1, "{what}: not on record");
    }
}
