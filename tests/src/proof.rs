use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use stint_jose::{ClientAssertion, NewAssertion, NewProof, Proof, SigningKey, SystemRandom, fresh_id};

/// The two header lines of one request with the token that `stint token --json` gave.
pub fn signed(token: &Value, method: &str, url: &str) -> [String; 2] {
    let access = token["access_token"].as_str().expect("an access token");
    [
        format!("Authorization: DPoP {access}"),
        format!("DPoP: {}", proof(&key_of(token), Some(access), method, url)),
    ]
}

/// The same with a nonce that the broker asked for (RFC 9449 s9).
pub fn signed_with_nonce(token: &Value, method: &str, url: &str, nonce: &str) -> [String; 2] {
    let access = token["access_token"].as_str().expect("an access token");
    let jti = unique();
    let new = NewProof {
        htm: method,
        htu: url,
        access_token: Some(access),
        nonce: Some(nonce),
        jti: &jti,
        iat: now(),
    };
    let proof = Proof::make(&key_of(token), &new).expect("a proof");
    [format!("Authorization: DPoP {access}"), format!("DPoP: {proof}")]
}

/// The session's key in what `stint token --json` gave.
pub fn key_of(token: &Value) -> SigningKey {
    let seed = URL_SAFE_NO_PAD.decode(token["key"]["d"].as_str().expect("a private key")).expect("base64url");
    SigningKey::from_seed(&seed).expect("a seed")
}

pub fn new_key() -> SigningKey {
    SigningKey::generate(&SystemRandom::new()).expect("a key")
}

/// A DPoP proof of now.
pub fn proof(key: &SigningKey, token: Option<&str>, method: &str, url: &str) -> String {
    let jti = unique();
    let new = NewProof { htm: method, htu: url, access_token: token, nonce: None, jti: &jti, iat: now() };
    Proof::make(key, &new).expect("a proof")
}

/// A client assertion of now.
pub fn assertion(key: &SigningKey, client_id: &str, audience: &str) -> String {
    let new = NewAssertion { client_id, audience, jti: &unique(), iat: now() };
    ClientAssertion::make(key, None, &new).expect("an assertion")
}

pub fn unique() -> String {
    fresh_id(&SystemRandom::new()).expect("randomness")
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "the programs under test read the same clock")]
pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
