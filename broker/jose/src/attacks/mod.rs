//! The attacks of groups A (tokens) and B (proofs), against the verification that every token goes through.
//!
//! Each case is a good token with one thing changed and, where the attacker could have it, a good signature over the
//! change: so that what refuses it is the check that is named, and not the signature.

mod claims;
mod forgery;
mod header;
mod proof;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::{Audience, Error, Expect, Jwk, Lifetime, SigningKey, Typ, Verified, base64url, verify};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://broker.example";
const AUDIENCE: &str = "https://broker.example/gateway";

/// The issuer's key, `k1`.
fn issuer_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

fn attacker_key() -> SigningKey {
    SigningKey::from_seed(&[66; 32]).unwrap()
}

fn header() -> Value {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": "k1"})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "agent:ci", "aud": AUDIENCE, "client_id": "cli_1", "jti": "t-1",
        "iat": NOW, "exp": NOW + 600,
    })
}

/// `value` with one member set; `Value::Null` takes it away.
fn with(mut value: Value, name: &str, member: Value) -> Value {
    let members = value.as_object_mut().unwrap();
    match member {
        Value::Null => members.remove(name),
        member => members.insert(name.to_owned(), member),
    };
    value
}

/// Signed by the issuer, whatever it says.
fn signed(header: impl ToString, claims: impl ToString) -> String {
    signed_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

fn signed_bytes(header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = issuer_key().sign(message.as_bytes());
    format!("{message}.{}", base64url::encode(signature))
}

fn check(token: &str) -> Result<Verified, Error> {
    check_with(token, &issuer_key().public().clone())
}

/// As an access token, with the one key that is called `k1`.
fn check_with(token: &str, key: &Jwk) -> Result<Verified, Error> {
    let expect = Expect {
        typ: Typ::Exactly("at+jwt"),
        embedded_key: false,
        issuer: Some(ISSUER),
        subject: None,
        audience: Audience::Exactly(AUDIENCE),
        lifetime: Lifetime::Ends { max: 3600, leeway: 0 },
        now: NOW,
    };
    verify(token, &expect, &|header| (header.kid.as_deref() == Some("k1")).then(|| key.clone()))
}

/// What refuses a token whose header has one member set.
fn header_with(name: &str, member: Value) -> Error {
    check(&signed(with(header(), name, member), claims())).unwrap_err()
}

/// What refuses a token whose claims have one member set.
fn claims_with(name: &str, member: Value) -> Error {
    check(&signed(header(), with(claims(), name, member))).unwrap_err()
}

fn p256_key() -> (EcdsaKeyPair, Jwk) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "x": base64url::encode(&point[1..33]), "y": base64url::encode(&point[33..]),
    });
    (pair, Jwk::from_value(&jwk).unwrap())
}

#[test]
fn what_the_issuer_signs_is_accepted() {
    let verified = check(&signed(header(), claims())).unwrap();
    assert_eq!(verified.text("sub"), Some("agent:ci"));
    assert_eq!(verified.integer("exp"), Some(NOW + 600));
    let made = crate::sign(&issuer_key(), "at+jwt", Some("k1"), &claims()).unwrap();
    assert_eq!(check(&made).unwrap().claims(), claims().as_object().unwrap());
}
