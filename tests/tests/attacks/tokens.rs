//! Group A at the gateway, at `/v1` and at the token endpoint: tokens that are almost ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use stint_standin::Github;

use super::client::new_key;
use super::forge::{decode, encode, jws, taken_apart, with};
use super::ground::{Call, Ground, door};
use super::issuer::Issuer;

pub(super) const TARGET: &str = "/repos/atlas/sandbox";

/// Presents a token with a good proof for it.
pub(super) fn presented(ground: &Ground<Github>, token: &str) -> Vec<u8> {
    let proof = ground.session.proof("GET", &door(TARGET), Some(token), None);
    ground.bytes_with(&Call::get(TARGET), &[format!("authorization: DPoP {token}"), format!("dpop: {proof}")])
}

pub(super) fn refused(ground: &Ground<Github>, what: &str, token: &str) {
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
        json!("none"),
        json!("None"),
        json!("nOnE"),
        json!("NONE"),
        json!(""),
        Value::Null,
        json!(["EdDSA"]),
        json!({}),
        json!(0),
        json!("EdDSA "),
        json!("eddsa"),
        json!("Ed25519"),
        json!("HS256"),
        json!("ES256"),
        json!("RS256"),
        json!("PS256"),
        json!("ES256K"),
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
    let secrets = [
        raw,
        der,
        pem.clone().into_bytes(),
        format!("{pem}\n").into_bytes(),
        jwk.to_string().into_bytes(),
        vec![],
    ];
    for secret in secrets {
        for (alg, kid) in [("HS256", json!(issuer.kid)), ("HS256", Value::Null), ("EdDSA", json!(issuer.kid))]
        {
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
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
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
    refused(
        &ground,
        "another's key",
        &jws(&new_key(), taken_apart(&ground.token).0, taken_apart(&ground.token).1),
    );
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
        json!("../../../../dev/null"),
        json!("/dev/null"),
        json!("' OR 1=1--"),
        json!("*)(uid=*"),
        json!("a".repeat(5000)),
        json!("\u{0}\u{1}"),
        json!(""),
        Value::Null,
        json!([issuer.kid]),
        json!({"kid": issuer.kid}),
        json!(1),
        json!(format!("{} ", issuer.kid)),
        json!(issuer.kid.to_uppercase()),
        json!("audit"),
        json!(lure),
    ] {
        let header = with(&header, "kid", kid.clone());
        refused(&ground, &format!("kid {kid}"), &issuer.sign(&header, &claims));
        refused(&ground, &format!("kid {kid}, own key"), &jws(&own, &header, &claims));
    }
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!("x")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("p2c", json!(1_000_000_000)),
    ] {
        refused(
            &ground,
            &format!("{name} {value}"),
            &issuer.sign(&with(&header, name, value.clone()), &claims),
        );
    }
    let b64 = with(&with(&header, "b64", json!(false)), "crit", json!(["b64"]));
    refused(&ground, "b64 and crit", &issuer.sign(&b64, &claims));
    for typ in [
        json!("JWT"),
        json!("dpop+jwt"),
        json!("txntoken+jwt"),
        json!("oauth-id-jag+jwt"),
        json!("client-authentication+jwt"),
        json!("secevent+jwt"),
        json!(""),
        Value::Null,
        json!(["at+jwt"]),
        json!("at+jwt;x=1"),
        json!(" at+jwt"),
        json!("text/at+jwt"),
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
fn a22_a30_a_token_ends_with_its_time_and_its_session() {
    let ground = Ground::lay_with(Github::seeded(), stint_tests::Options::default());
    let ended =
        ground.person.call("POST", &format!("/v1/sessions/{}/end", ground.session.id), Some(&json!({})));
    assert_eq!(ended.status, 200, "{}", ended.text());
    ground.refused_bytes("ended", &presented(&ground, &ground.token), "session_ended");
    // Nor does it get another one.
    let assertion = ground.session.assertion();
    let proof = ground.session.proof("POST", "/oauth/token", None, None);
    let answer = ground.session.ask_token(&ground.session.form(&assertion), &[&proof]);
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (401, &json!("invalid_client")),
        "{}",
        answer.text()
    );
}
