//! Group A at the gateway, at `/v1` and at the token endpoint: tokens that are almost ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use stint_standin::Github;

use super::client::{escaped, fresh, new_key, now};
use super::forge::{decode, encode, jws, jws_bytes, taken_apart, with};
use super::ground::{Call, Ground, door};
use super::issuer::Issuer;

const TARGET: &str = "/repos/atlas/sandbox";

/// Presents a token with a good proof for it.
fn presented(ground: &Ground<Github>, token: &str) -> Vec<u8> {
    let proof = ground.session.proof("GET", &door(TARGET), Some(token), None);
    ground.bytes_with(&Call::get(TARGET), &[format!("authorization: DPoP {token}"), format!("dpop: {proof}")])
}

fn refused(ground: &Ground<Github>, what: &str, token: &str) {
    let answer = ground.refused_bytes(what, &presented(ground, token), "invalid_token");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("DPoP error=\"invalid_token\""), "{what}: {challenge}");
    assert!(!answer.text().contains(token), "{what}: the token is in the answer");
}

fn accepted(ground: &Ground<Github>, what: &str, token: &str) {
    let answer = ground.answer(what, &presented(ground, token));
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
}

#[test]
fn a1_a2_a3_another_algorithm_is_refused() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (header, claims) = taken_apart(&ground.token);
    accepted(&ground, "control", &issuer.sign(&header, &claims));
    for alg in [
        json!("none"), json!("None"), json!("nOnE"), json!("NONE"), json!(""), Value::Null, json!(["EdDSA"]), json!({}), json!(0),
        json!("EdDSA "), json!("eddsa"), json!("Ed25519"), json!("HS256"), json!("ES256"), json!("RS256"), json!("PS256"), json!("ES256K"),
    ] {
        let header = with(&header, "alg", alg.clone());
        refused(&ground, &format!("alg {alg}"), &issuer.sign(&header, &claims));
        let unsigned = format!("{}.{}.", encode(header.to_string()), encode(claims.to_string()));
        refused(&ground, &format!("alg {alg}, no signature"), &unsigned);
        refused(&ground, &format!("alg {alg}, a dot less"), unsigned.trim_end_matches('.'));
    }
    // The public key is published; an HMAC key it is not.
    let jwks = stint_tests::wire::get(ground.addr(), "/oauth/jwks").unwrap().json();
    let jwk = &jwks["keys"][0];
    let raw = decode(jwk["x"].as_str().unwrap());
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&der));
    let secrets = [raw, der, pem.clone().into_bytes(), format!("{pem}\n").into_bytes(), jwk.to_string().into_bytes(), vec![]];
    for secret in secrets {
        for (alg, kid) in [("HS256", json!(issuer.kid)), ("HS256", Value::Null), ("EdDSA", json!(issuer.kid))] {
            let header = with(&with(&header, "alg", json!(alg)), "kid", kid);
            let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            refused(&ground, alg, &format!("{message}.{}", encode(tag.as_ref())));
        }
    }
}

#[test]
fn a4_a5_signatures_that_are_none_are_refused() {
    let ground = Ground::lay(Github::seeded());
    let (message, signature) = ground.token.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    let mut second = signature.clone();
    for (byte, add) in second[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + add;
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
    for (what, forged) in [
        ("zeros", vec![0; 64]),
        ("S + L", second),
        ("short", signature[..63].to_vec()),
        ("long", [&signature[..], &[0]].concat()),
        ("the identity", [&[1][..], &[0; 63]].concat()),
        ("one bit", signature.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 0)).collect()),
        ("one byte", vec![0]),
    ] {
        refused(&ground, what, &format!("{message}.{}", encode(forged)));
    }
    refused(&ground, "another's key", &jws(&new_key(), taken_apart(&ground.token).0, taken_apart(&ground.token).1));
}

#[test]
fn a6_to_a14_headers_that_bring_or_change_keys_are_refused() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (header, claims) = taken_apart(&ground.token);
    let own = new_key();
    // A server of the attacker's, which must not be asked.
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let lure = format!("http://{}/keys", trap.local_addr().unwrap());
    for (name, value) in [
        ("jwk", own.public().to_value()),
        ("jku", json!(lure)),
        ("x5u", json!(lure)),
        ("x5c", json!(["MIIBszCCAVmgAwIBAgIUe"])),
        ("x5t", json!("AAAA")),
    ] {
        // Signed by the attacker, and named so; and signed by the issuer with it beside.
        let header = with(&header, name, value);
        refused(&ground, &format!("{name}, own key"), &jws(&own, &header, &claims));
        if name != "x5t" {
            refused(&ground, &format!("{name}, issuer's key"), &issuer.sign(&header, &claims));
        }
    }
    for kid in [
        json!("../../../../dev/null"), json!("/dev/null"), json!("' OR 1=1--"), json!("*)(uid=*"), json!("a".repeat(5000)),
        json!("\u{0}\u{1}"), json!(""), Value::Null, json!([issuer.kid]), json!({"kid": issuer.kid}), json!(1),
        json!(format!("{} ", issuer.kid)), json!(issuer.kid.to_uppercase()), json!("audit"), json!(lure),
    ] {
        let header = with(&header, "kid", kid.clone());
        refused(&ground, &format!("kid {kid}"), &issuer.sign(&header, &claims));
        refused(&ground, &format!("kid {kid}, own key"), &jws(&own, &header, &claims));
    }
    for (name, value) in [
        ("crit", json!(["x"])), ("crit", json!([])), ("crit", json!(["exp"])), ("crit", json!(["b64"])), ("crit", json!("x")),
        ("b64", json!(false)), ("b64", json!(true)), ("zip", json!("DEF")), ("enc", json!("A256GCM")), ("p2c", json!(1_000_000_000)),
    ] {
        refused(&ground, &format!("{name} {value}"), &issuer.sign(&with(&header, name, value.clone()), &claims));
    }
    let b64 = with(&with(&header, "b64", json!(false)), "crit", json!(["b64"]));
    refused(&ground, "b64 and crit", &issuer.sign(&b64, &claims));
    for typ in [
        json!("JWT"), json!("dpop+jwt"), json!("txntoken+jwt"), json!("oauth-id-jag+jwt"), json!("client-authentication+jwt"),
        json!("secevent+jwt"), json!(""), Value::Null, json!(["at+jwt"]), json!("at+jwt;x=1"), json!(" at+jwt"), json!("text/at+jwt"),
    ] {
        refused(&ground, &format!("typ {typ}"), &issuer.sign(&with(&header, "typ", typ.clone()), &claims));
    }
    // A16: a media type has no case, and its full name is the same name.
    for typ in ["application/at+jwt", "AT+JWT"] {
        accepted(&ground, typ, &issuer.sign(&with(&header, "typ", json!(typ)), &claims));
    }
    assert!(trap.accept().is_err(), "the broker asked the attacker's server");
}

#[test]
fn a17_a18_a19_only_one_spelling_of_a_compact_token_is_read() {
    let ground = Ground::lay(Github::seeded());
    let parts: Vec<&str> = ground.token.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!() };
    let flattened = json!({"protected": head, "payload": body, "signature": signature}).to_string();
    let general = json!({"payload": body, "signatures": [{"protected": head, "signature": signature}, {"protected": head, "signature": signature}]});
    let jwe = json!({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 1_000_000_000, "p2s": "AA", "zip": "DEF"});
    let spare = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        format!("{rest}{}", char::from(last.as_bytes()[0] + 1))
    };
    for token in [
        flattened,
        general.to_string(),
        format!("{}.AA.AA.AA.AA", encode(jwe.to_string())),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}.{body}.{signature}."),
        format!(".{head}.{body}.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        "..".to_owned(),
        "x".to_owned(),
        format!("{head}=.{body}.{signature}"),
        format!("{head}.{body}.{signature}=="),
        format!("{head}.{body}.{signature}="),
        format!("{head}.{body}.{}", spare(signature)),
        format!("{head}.{body}.{}", signature.replace(['-', '_'], "+") + "+"),
        format!("{head}.{body} .{signature}"),
        format!(" {head}.{body}.{signature}"),
        format!("{head}.{body}.{signature},{head}.{body}.{signature}"),
        format!("{head}.{body}.{signature} x"),
    ] {
        refused(&ground, &token.chars().take(80).collect::<String>(), &token);
    }
}

#[test]
fn a20_a27_a28_json_that_reads_two_ways_is_refused() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (header, claims) = taken_apart(&ground.token);
    let (header, claims) = (header.to_string(), claims.to_string());
    let session = "\"https://stint.dev/session\":\"ses_00000000000000000000000000000000\"";
    let add = |text: &str, more: &str| format!("{{{more},{}", &text[1..]);
    let deep = format!("{}{}", "[".repeat(1500), "]".repeat(1500));
    for (what, header, claims) in [
        ("two algs", add(&header, "\"alg\":\"none\""), claims.clone()),
        ("two subs", header.clone(), add(&claims, "\"sub\":\"person:admin\"")),
        ("two auds", header.clone(), add(&claims, "\"aud\":\"x\"")),
        ("escaped aud", header.clone(), add(&claims, "\"\\u0061ud\":\"x\"")),
        ("two exps", header.clone(), add(&claims, "\"exp\":99999999999")),
        ("two sessions", header.clone(), add(&claims, session)),
        ("deep", header.clone(), add(&claims, &format!("\"x\":{deep}"))),
        ("deep header", add(&header, &format!("\"x\":{deep}")), claims.clone()),
        ("an unknown claim", header.clone(), add(&claims, "\"admin\":true")),
        ("a comment", header.clone(), format!("{claims}//x")),
        ("two objects", header.clone(), format!("{claims}{claims}")),
        ("an array", header.clone(), format!("[{claims}]")),
        ("a lone surrogate", header.clone(), add(&claims, "\"x\":\"\\ud800\"")),
        ("a trailing comma", header.clone(), claims.replace('}', ",}")),
    ] {
        refused(&ground, what, &jws(&issuer.key, header, claims));
    }
    let utf16: Vec<u8> = header.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (what, header, claims) in [
        ("BOM", [b"\xef\xbb\xbf", header.as_bytes()].concat(), claims.clone().into_bytes()),
        ("UTF-16", utf16, claims.clone().into_bytes()),
        ("not UTF-8", header.clone().into_bytes(), claims.replace("staging", "st\u{0}ging").replace('\0', "\u{fffd}").into_bytes()),
        ("invalid UTF-8", header.clone().into_bytes(), [&claims.as_bytes()[..claims.len() - 1], b",\"x\":\"\xff\"}"].concat()),
    ] {
        refused(&ground, what, &jws_bytes(&issuer.key, &header, &claims));
    }
    // Larger than a head: refused before anyone reads it as a token.
    let large = jws(&issuer.key, &header, add(&claims, &format!("\"x\":\"{}\"", "a".repeat(20_000))));
    refused(&ground, "20 KB", &large);
    let huge = format!("{}.{}.AA", encode(&header), "A".repeat(1_000_000));
    let bytes = ground.bytes_with(&Call::get(TARGET), &[format!("authorization: DPoP {huge}")]);
    assert_eq!(ground.answer("1 MB", &bytes).status, 431);
}

#[test]
fn a21_to_a26_claims_that_are_not_exactly_right_are_refused() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (header, claims) = taken_apart(&ground.token);
    let at = now();
    let origin = ground.session.issuer.clone();
    let (iss, aud) = (claims["iss"].as_str().unwrap(), claims["aud"].as_str().unwrap());
    let rows = [
        ("exp", vec![json!("9999999999"), Value::Null, json!(1e300), json!(at as f64 + 60.5), json!(-1), json!(0), json!([at + 60]), json!(true), json!(at), json!(at - 1), json!(at - 5), json!(at + 10 * 365 * 86400), json!(at + 3700)]),
        ("iat", vec![json!(at + 60), json!("x"), Value::Null, json!(at - 4000)]),
        ("nbf", vec![json!(at + 60), json!("0"), json!(1e300), json!([0])]),
        ("iss", vec![json!([iss]), json!([iss, "x"]), json!(format!("{iss}/")), json!(iss.to_uppercase()), json!("http://localhost"), json!(""), Value::Null, json!(format!("{iss}\u{0}")), json!(iss.replace("127", "\u{ff11}27"))]),
        ("aud", vec![json!([aud]), json!([aud, "x"]), json!(origin), json!(format!("{origin}/v1")), json!(format!("{aud}/")), json!(format!("{aud}/main")), json!(aud.to_uppercase()), json!(""), Value::Null, json!({ "aud": aud })]),
        ("sub", vec![json!(""), json!("person:"), json!("person:ad\u{0}min"), json!("person:\u{430}dmin"), json!("person:Admin"), json!("admin"), json!("root:admin"), Value::Null, json!(["person:admin"]), json!(7)]),
        ("jti", vec![Value::Null, json!(""), json!(7), json!("a".repeat(200))]),
        ("client_id", vec![Value::Null, json!(""), json!([1])]),
        ("cnf", vec![Value::Null, json!({}), json!({"jkt": ""}), json!({"jkt": ["x"]}), json!({"x5t#S256": "x"}), json!("x")]),
        ("act", vec![Value::Null, json!({}), json!({"sub": "person:admin"}), json!({"sub": "agent:coder", "act": {"sub": "person:admin"}})]),
        ("authorization_details", vec![Value::Null, json!([]), json!([{"type": "stint", "environment": "production"}]), json!([{"type": "other", "environment": "staging"}]), json!("x")]),
        ("https://stint.dev/session", vec![Value::Null, json!("ses_x"), json!(""), json!(["x"])]),
        ("https://stint.dev/environment", vec![Value::Null, json!("production"), json!("Staging"), json!("")]),
    ];
    for (name, values) in rows {
        for value in values {
            refused(&ground, &format!("{name} {value}"), &issuer.sign(&header, &with(&claims, name, value.clone())));
        }
    }
    // All of it consistent, and the session is in staging all the same.
    let details = json!([{ "type": "stint", "environment": "production" }]);
    let elsewhere = with(&with(&claims, "authorization_details", details), "https://stint.dev/environment", json!("production"));
    refused(&ground, "another environment throughout", &issuer.sign(&header, &elsewhere));
    // A session that never was is answered as one that is over.
    let unknown = with(&claims, "https://stint.dev/session", json!("ses_00000000000000000000000000000000"));
    let bytes = presented(&ground, &issuer.sign(&header, &unknown));
    ground.refused_bytes("no such session", &bytes, "session_ended");
}

#[test]
fn a22_a30_a_token_ends_with_its_time_and_its_session() {
    let ground = Ground::lay_with(Github::seeded(), stint_tests::Options::default());
    let ended = ground.person.call("POST", &format!("/v1/sessions/{}/end", ground.session.id), Some(&json!({})));
    assert_eq!(ended.status, 200, "{}", ended.text());
    ground.refused_bytes("ended", &presented(&ground, &ground.token), "session_ended");
    // Nor does it get another one.
    let assertion = ground.session.assertion();
    let proof = ground.session.proof("POST", "/oauth/token", None, None);
    let answer = ground.session.ask_token(&ground.session.form(&assertion), &[&proof]);
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")), "{}", answer.text());
}

#[test]
fn a24_a25_the_same_tokens_are_refused_at_the_control_plane() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let token = ground.person.token();
    let (header, claims) = taken_apart(&token);
    let path = "/v1/agents";
    let mut nonce = None;
    let mut ask = |token: &str| {
        for _ in 0..2 {
            let proof = ground.person.proof("GET", path, Some(token), nonce.as_deref());
            let lines = [format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let answer = stint_tests::wire::request(ground.addr(), "GET", path, &lines, b"").unwrap();
            match answer.header("dpop-nonce") {
                Some(asked) => nonce = Some(asked.to_owned()),
                None => return answer,
            }
        }
        panic!("a nonce is asked for twice")
    };
    assert_eq!(ask(&token).status, 200);
    assert_eq!(ask(&issuer.sign(&header, &claims)).status, 200, "control");
    let before = ground.recorded("request_refused");
    let changes = [
        ("aud", json!(format!("{}/gateway", ground.person.issuer))),
        ("aud", json!([claims["aud"]])),
        ("iss", json!(format!("{}/", ground.person.issuer))),
        ("exp", json!(now() - 1)),
        ("exp", json!(now() + 86400)),
        ("sub", json!("")),
        ("client_id", json!("cli_00000000000000000000000000000000")),
        ("client_id", json!(ground.session.id)),
        ("role", json!("owner")),
        ("cnf", json!({ "jkt": new_key().public().thumbprint() })),
    ];
    let count = changes.len();
    for (name, value) in changes {
        let answer = ask(&issuer.sign(&header, &with(&claims, name, value.clone())));
        let code = answer.json()["code"].clone();
        assert_eq!(answer.status, 401, "{name} {value}: {}", answer.text());
        assert!(code == "invalid_token" || (name == "cnf" && code == "invalid_dpop_proof"), "{name} {value}: {code}");
    }
    assert_eq!(ground.recorded("request_refused"), before + count, "each is on record");
}

/// C3-C7 as far as the token endpoint has them: a client is who its registered key says.
#[test]
fn a15_c3_c4_c6_c7_assertions_that_are_almost_right_get_no_token() {
    let ground = Ground::lay(Github::seeded());
    let client = &ground.session;
    let (header, claims) = taken_apart(&client.assertion());
    let other = new_key();
    let at = now();
    let fresh_claims = || with(&claims, "jti", json!(fresh()));
    let signed = |header: &Value, claims: &Value| jws(&client.key, header, claims);
    let mut forged = vec![
        ("another's key".to_owned(), jws(&other, &header, fresh_claims())),
        ("no signature".to_owned(), format!("{}.{}.", encode(header.to_string()), encode(claims.to_string()))),
    ];
    for (name, value) in [
        ("typ", json!("at+jwt")), ("typ", json!("dpop+jwt")), ("alg", json!("none")), ("alg", json!("HS256")), ("jwk", other.public().to_value()),
        ("jku", json!("http://127.0.0.1:1/")), ("crit", json!(["x"])),
    ] {
        forged.push((format!("{name} {value}"), signed(&with(&header, name, value), &fresh_claims())));
    }
    for (name, value) in [
        ("aud", json!("https://other.example")), ("aud", json!(format!("{}/oauth/token", client.issuer))), ("aud", json!([client.issuer, "https://other.example"])),
        ("aud", Value::Null), ("aud", json!([])), ("exp", json!(at + 86400)), ("exp", json!(at - 60)), ("exp", Value::Null), ("exp", json!("9999999999")),
        ("iss", json!("someone")), ("iss", Value::Null), ("sub", json!("cli_00000000000000000000000000000000")), ("sub", Value::Null),
        ("jti", Value::Null), ("jti", json!("")), ("jti", json!(7)), ("nbf", json!(at + 60)), ("iat", json!(at + 60)),
    ] {
        forged.push((format!("{name} {value}"), signed(&header, &with(&fresh_claims(), name, value))));
    }
    let before = ground.recorded("token_refused");
    let minted = ground.recorded("token_minted");
    let count = forged.len();
    for (what, assertion) in &forged {
        let proof = client.proof("POST", "/oauth/token", None, None);
        let answer = client.ask_token(&client.form(assertion), &[&proof]);
        assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")), "{what}: {}", answer.text());
        assert!(!answer.text().contains(assertion), "{what}");
    }
    // Each audit page needs a token of the person's, so what is counted is those of the session.
    assert_eq!(ground.recorded("token_refused"), before + count);
    let of_session = |ground: &Ground<Github>| {
        ground.audit(&format!("?kind=token_minted&session={}&limit=500", client.id))["records"].as_array().unwrap().len()
    };
    assert_eq!(of_session(&ground), 1, "{minted}");

    let good = client.assertion();
    let form = client.form(&good);
    let alter = |name: &str, value: &str| -> Vec<(String, String)> {
        let mut form: Vec<(String, String)> = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name.to_owned(), value.to_owned()));
        }
        form
    };
    for (what, form, error) in [
        ("another client_id", alter("client_id", &ground.person.id), "invalid_client"),
        ("a secret too", alter("client_secret", "x"), "invalid_client"),
        ("another type", alter("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), "invalid_client"),
        ("no type", alter("client_assertion_type", ""), "invalid_client"),
        ("no assertion", alter("client_assertion", ""), "invalid_client"),
        ("another grant", alter("grant_type", "password"), "unsupported_grant_type"),
        ("no grant", alter("grant_type", ""), "invalid_request"),
        ("a scope", alter("scope", "admin"), "invalid_scope"),
        ("another environment", alter("authorization_details", "[{\"type\":\"stint\",\"environment\":\"production\"}]"), "invalid_authorization_details"),
        ("another credential", alter("authorization_details", "[{\"type\":\"stint\",\"environment\":\"staging\",\"credentials\":[\"other\"]}]"), "invalid_authorization_details"),
        ("two details", alter("authorization_details", "[{\"type\":\"stint\",\"environment\":\"staging\"},{\"type\":\"stint\",\"environment\":\"staging\"}]"), "invalid_authorization_details"),
        ("twice a member", alter("authorization_details", "[{\"type\":\"stint\",\"environment\":\"production\",\"environment\":\"staging\"}]"), "invalid_authorization_details"),
    ] {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let assertion = client.assertion();
        let form: Vec<(&str, &str)> =
            form.into_iter().map(|(n, v)| (n, if n == "client_assertion" { assertion.as_str() } else { v })).collect();
        let proof = client.proof("POST", "/oauth/token", None, None);
        let answer = client.ask_token(&form, &[&proof]);
        assert!(matches!(answer.status, 400 | 401), "{what}: {}", answer.text());
        assert_eq!(answer.json()["error"], error, "{what}: {}", answer.text());
    }
    assert_eq!(of_session(&ground), 1);
}

#[test]
fn c1_c2_the_form_of_a_token_request_has_one_reading() {
    let ground = Ground::lay(Github::seeded());
    let client = &ground.session;
    let ask = |method: &str, path: &str, kind: &str, body: &str| {
        let proof = client.proof("POST", "/oauth/token", None, None);
        let lines = [format!("content-type: {kind}"), format!("dpop: {proof}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        stint_tests::wire::request(ground.addr(), method, path, &lines, body.as_bytes()).unwrap()
    };
    let form = "application/x-www-form-urlencoded";
    let body = |assertion: &str| {
        let pairs: Vec<String> = client.form(assertion).iter().map(|(n, v)| format!("{n}={}", escaped(v))).collect();
        pairs.join("&")
    };
    assert_eq!(ask("POST", "/oauth/token", form, &body(&client.assertion())).status, 200);
    let good = || body(&client.assertion());
    for (what, answer) in [
        ("grant twice", ask("POST", "/oauth/token", form, &format!("{}&grant_type=client_credentials", good()))),
        ("client twice", ask("POST", "/oauth/token", form, &format!("{}&client_id={}", good(), client.id))),
        ("escaped twice", ask("POST", "/oauth/token", form, &format!("{}&%67rant_type=password", good()))),
        ("scope twice", ask("POST", "/oauth/token", form, &format!("{}&scope=&scope=", good()))),
        ("JSON", ask("POST", "/oauth/token", "application/json", "{\"grant_type\":\"client_credentials\"}")),
        ("multipart", ask("POST", "/oauth/token", "multipart/form-data; boundary=x", &good())),
        ("in the query", ask("POST", &format!("/oauth/token?{}", good()), form, "grant_type=client_credentials")),
        ("64 KB", ask("POST", "/oauth/token", form, &format!("{}&x={}", good(), "a".repeat(70_000)))),
        ("not UTF-8", ask("POST", "/oauth/token", form, &format!("{}&scope=%FF%FE", good()))),
    ] {
        assert!(matches!(answer.status, 400 | 401), "{what}: {} {}", answer.status, answer.text());
    }
    let answer = ask("GET", &format!("/oauth/token?{}", good()), form, "");
    assert_eq!(answer.status, 405, "{}", answer.text());
    assert!(!ground.broker.logs().contains("client_assertion"), "the query is in the log");
}
