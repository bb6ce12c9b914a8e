use serde::Serialize;
use serde_json::Value;

use crate::{Error, SigningKey, base64url};

/// A compact JWS (RFC 7515 s7.1) over `claims`, which must serialise to a JSON object.
///
/// `typ` is written as given (`at+jwt`). The key was parsed before, so this costs one Ed25519 signature.
pub fn sign(
    key: &SigningKey,
    typ: &str,
    kid: Option<&str>,
    claims: &impl Serialize,
) -> Result<String, Error> {
    sign_with(key, &Fields { typ, alg: key.public().algorithm().name(), kid, jwk: None }, claims)
}

/// The same with the public key in the header, as a DPoP proof has it.
pub(crate) fn sign_embedding_key(
    key: &SigningKey,
    typ: &str,
    claims: &impl Serialize,
) -> Result<String, Error> {
    let jwk = Some(key.public().to_value());
    sign_with(key, &Fields { typ, alg: key.public().algorithm().name(), kid: None, jwk }, claims)
}

#[derive(Serialize)]
struct Fields<'a> {
    typ: &'a str,
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<Value>,
}

fn sign_with(key: &SigningKey, header: &Fields<'_>, claims: &impl Serialize) -> Result<String, Error> {
    let json = |_| Error::Malformed("claims do not serialise");
    let claims = serde_json::to_vec(claims).map_err(json)?;
    if claims.first() != Some(&b'{') {
        return Err(Error::Malformed("claims are an object"));
    }
    let mut token = base64url::encode(serde_json::to_vec(header).map_err(json)?);
    token.push('.');
    token.push_str(&base64url::encode(claims));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&base64url::encode(signature));
    Ok(token)
}
