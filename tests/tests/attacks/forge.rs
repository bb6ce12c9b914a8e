//! Tokens by hand: with what a library would not write.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use stint_jose::SigningKey;

use super::client::{fresh, now};

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Compact JWS over these two texts, signed with Ed25519 whatever the header says.
pub(super) fn jws(key: &SigningKey, header: impl ToString, claims: impl ToString) -> String {
    jws_bytes(key, header.to_string().as_bytes(), claims.to_string().as_bytes())
}

pub(super) fn jws_bytes(key: &SigningKey, header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", encode(signature))
}

/// Header and claims of a compact token.
pub(super) fn taken_apart(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| serde_json::from_slice(&decode(part)).unwrap_or_default());
    (parts.next().unwrap(), parts.next().unwrap())
}

/// `value` with one member set; `Value::Null` takes it away.
pub(super) fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut value = value.clone();
    let members = value.as_object_mut().unwrap();
    match member {
        Value::Null => members.remove(name),
        member => members.insert(name.to_owned(), member),
    };
    value
}

pub(super) fn proof_header(key: &SigningKey) -> Value {
    json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": key.public().to_value() })
}

pub(super) fn proof_claims(htm: &str, htu: &str, token: Option<&str>) -> Value {
    let mut claims = json!({ "jti": fresh(), "htm": htm, "htu": htu, "iat": now() });
    if let Some(token) = token {
        claims["ath"] = encode(digest(&SHA256, token.as_bytes())).into();
    }
    claims
}
