//! Identity tokens (OpenID Connect Core 1.0 s2, s3.1.3.7), and the key sets that they are checked with.

use serde_json::Value;

use crate::verify::{Audience, Expect, Lifetime, Typ, Verified, verify_within};
use crate::{Error, Header, Jwk, strict_json};

/// Longest identity token that is looked at, in bytes: groups make them long.
pub const MAX_ID_TOKEN: usize = 32 * 1024;
/// Seconds since it was made, at most: it comes straight from the issuer.
const PAST: i64 = 600;
/// Seconds by which the issuer's clock may be ahead.
const AHEAD: i64 = 60;
/// Keys of one set that are looked at.
const MAX_KEYS: usize = 64;

/// The public keys of an issuer (RFC 7517 s5).
#[derive(Debug, Clone)]
pub struct KeySet(Vec<(Option<String>, Jwk)>);

/// What an identity token must say.
#[derive(Debug, Clone, Copy)]
pub struct IdTokenExpect<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    /// Seconds since the epoch.
    pub now: i64,
}

impl KeySet {
    /// From the text of a JWK set. Keys of kinds, uses and algorithms that are not taken are left out, as RFC 7517 s5 says;
    /// a set without one that is taken is an error.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let set = strict_json::parse(json, strict_json::MAX_DEPTH)
            .map_err(|_| Error::Key("the set is not strict JSON"))?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(Error::Key("the set has no keys"))?;
        let kid = |key: &Value| key.get("kid").and_then(Value::as_str).map(str::to_owned);
        let taken = keys.iter().take(MAX_KEYS);
        let taken: Vec<_> =
            taken.filter_map(|key| Jwk::from_value(key).ok().map(|jwk| (kid(key), jwk))).collect();
        if taken.is_empty() {
            return Err(Error::Key("the set has no key for RS256, PS256, ES256 or EdDSA"));
        }
        Ok(KeySet(taken))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one key that the header can mean: by its name, and its algorithm where there is no name. Where several fit,
    /// none does.
    fn of(&self, header: &Header) -> Option<Jwk> {
        let fits = |(kid, jwk): &&(Option<String>, Jwk)| {
            jwk.algorithm() == header.algorithm && (header.kid.is_none() || *kid == header.kid)
        };
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some((_, jwk)), None) => Some(jwk.clone()),
            _ => None,
        }
    }
}

/// Check an identity token that came from the token endpoint (s3.1.3.7).
///
/// `Error::Key` where no key of the set fits: the issuer may have changed its keys.
pub fn verify_id_token(token: &str, expect: &IdTokenExpect<'_>, keys: &KeySet) -> Result<Verified, Error> {
    let rules = Expect {
        typ: Typ::AbsentOr(&["jwt"]),
        embedded_key: false,
        issuer: Some(expect.issuer),
        subject: None,
        audience: Audience::Includes(expect.client_id),
        lifetime: Lifetime::Issued { past: PAST, ahead: AHEAD },
        now: expect.now,
    };
    let verified = verify_within(MAX_ID_TOKEN, token, &rules, &|header| keys.of(header))?;
    if verified.integer("exp").is_none() {
        return Err(Error::Claim("exp is missing"));
    }
    if verified.text("sub").is_none_or(|subject| subject.len() > 255) {
        return Err(Error::Claim("sub is missing or longer than 255 characters"));
    }
    if verified.text("nonce") != Some(expect.nonce) {
        return Err(Error::Claim("nonce is not the one that was sent"));
    }
    let several = verified.claims().get("aud").and_then(Value::as_array).is_some_and(|list| list.len() > 1);
    match verified.claims().get("azp") {
        None if several => Err(Error::Claim("azp is missing beside several audiences")),
        None => Ok(verified),
        Some(azp) if azp.as_str() == Some(expect.client_id) => Ok(verified),
        Some(_) => Err(Error::Claim("azp is another client")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{SigningKey, sign};

    const NOW: i64 = 1_800_000_000;

    fn expect() -> IdTokenExpect<'static> {
        IdTokenExpect { issuer: "https://id.example", client_id: "stint", nonce: "n-1", now: NOW }
    }

    fn key() -> SigningKey {
        SigningKey::from_seed(&[9; 32]).unwrap()
    }

    fn set(entries: &[Value]) -> Result<KeySet, Error> {
        KeySet::parse(json!({ "keys": entries }).to_string().as_bytes())
    }

    fn entry(kid: &str) -> Value {
        let mut value = key().public().to_value();
        value["kid"] = json!(kid);
        value
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example", "sub": "u1", "aud": "stint", "nonce": "n-1", "iat": NOW, "exp": NOW + 300 })
    }

    fn with(name: &str, value: Value) -> Result<Verified, Error> {
        let mut claims = claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        let token = sign(&key(), "JWT", Some("k1"), &claims).unwrap();
        verify_id_token(&token, &expect(), &set(&[entry("k1")]).unwrap())
    }

    #[test]
    fn what_the_issuer_says_to_this_client_is_taken() {
        assert_eq!(with("extra", json!(1)).unwrap().text("sub"), Some("u1"));
        assert!(with("aud", json!(["stint"])).is_ok());
        assert!(with("iat", json!(NOW + 50)).is_ok());
        assert!(with("nbf", json!(NOW + 50)).is_ok());
        assert!(with("azp", json!("stint")).is_ok());
    }

    #[test]
    fn every_claim_is_held_to_what_was_asked_for() {
        for (name, value) in [
            ("iss", json!("https://id.example/")),
            ("iss", Value::Null),
            ("sub", Value::Null),
            ("sub", json!("x".repeat(256))),
            ("aud", json!("other")),
            ("aud", json!(["other"])),
            ("aud", json!(["stint", 1])),
            ("aud", json!(["stint", "other"])),
            ("azp", json!("other")),
            ("azp", json!(1)),
            ("nonce", json!("n-2")),
            ("nonce", Value::Null),
            ("exp", Value::Null),
            ("exp", json!(NOW)),
            ("iat", Value::Null),
            ("iat", json!(NOW - 601)),
            ("iat", json!(NOW + 61)),
            ("nbf", json!(NOW + 61)),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn keys_that_are_not_taken_are_left_out_and_one_that_fits_twice_is_none() {
        let odd = json!({ "kty": "oct", "k": "AAAA" });
        let encryption = json!({ "kty": "OKP", "crv": "Ed25519", "use": "enc", "kid": "e", "x": key().public().to_value()["x"] });
        assert!(set(&[odd.clone(), encryption.clone()]).is_err());
        assert_eq!(set(&[odd, encryption, entry("k1")]).unwrap().len(), 1);
        let token = sign(&key(), "JWT", Some("k1"), &claims()).unwrap();
        let nameless = sign(&key(), "JWT", None, &claims()).unwrap();
        let check = |token: &str, entries: &[Value]| {
            verify_id_token(token, &expect(), &set(entries).unwrap()).map(|_| ())
        };
        let none = Err(Error::Key("no key for this token"));
        assert_eq!(check(&nameless, &[entry("k1")]), Ok(()));
        assert_eq!(check(&nameless, &[entry("k1"), entry("k2")]), none);
        assert_eq!(check(&token, &[entry("k2")]), none);
        assert_eq!(check(&token, &[entry("k1"), entry("k1")]), none);
    }
}
