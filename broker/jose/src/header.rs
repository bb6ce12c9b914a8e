use serde_json::{Map, Value};

use crate::{Error, Jwk, strict_json};

/// The algorithms that there are (RFC 7518 s3.1, RFC 8037 s3.1). `none` and HMAC cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    EdDsa,
    Es256,
    Rs256,
    /// RSASSA-PSS: only identity tokens of others are signed by it.
    Ps256,
}

/// The header of a token, strictly read: before the signature is checked, so nothing in it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub algorithm: Algorithm,
    /// Media type in lower case and without `application/` (RFC 7515 s4.1.9).
    pub typ: Option<String>,
    /// 1 to 128 printable characters.
    pub kid: Option<String>,
    /// Public key in the header: only where `Expect::embedded_key` allows it.
    pub jwk: Option<Jwk>,
}

/// Parameters that fetch or bring keys, change how the token is read, or belong to encryption (RFC 7515 s4.1, RFC 7516
/// s4.1, RFC 7797). Any `crit` is refused, since there is no extension that we understand.
const REFUSED: [&str; 12] =
    ["crit", "b64", "jku", "x5u", "x5c", "zip", "enc", "epk", "p2c", "p2s", "apu", "apv"];
/// The header is a flat object, but for a `jwk`.
const DEPTH: usize = 4;

impl Header {
    pub(crate) fn parse(json: &[u8], embedded_key: bool) -> Result<Self, Error> {
        let value =
            strict_json::parse(json, DEPTH).map_err(|_| Error::Malformed("the header is not strict JSON"))?;
        let members = value.as_object().ok_or(Error::Malformed("the header is not an object"))?;
        if REFUSED.iter().any(|name| members.contains_key(*name)) {
            return Err(Error::Header("a parameter that is not accepted"));
        }
        let jwk = match members.get("jwk") {
            Some(_) if !embedded_key => return Err(Error::Header("a key of its own is not accepted")),
            jwk => jwk.map(Jwk::from_value).transpose()?,
        };
        let algorithm = text(members, "alg")?.and_then(Algorithm::from_name);
        Ok(Header {
            algorithm: algorithm.ok_or(Error::Header("alg is not one of EdDSA, ES256, RS256, PS256"))?,
            typ: text(members, "typ")?.map(media_type),
            kid: text(members, "kid")?.map(key_id).transpose()?,
            jwk,
        })
    }
}

impl Algorithm {
    /// As `alg` says it; names compare by case (RFC 7515 s4.1.1).
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
            Algorithm::Ps256 => "PS256",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    pub(crate) fn in_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    members
        .get(name)
        .map(|value| value.as_str().ok_or(Error::Header("a parameter that is not a string")))
        .transpose()
}

fn media_type(typ: &str) -> String {
    let mut typ = typ.to_ascii_lowercase();
    if let Some(short) = typ.strip_prefix("application/") {
        typ = short.to_owned();
    }
    typ
}

// A key is looked up by equality among the keys that are there; the bound keeps junk out of maps and logs.
fn key_id(kid: &str) -> Result<String, Error> {
    if (1..=128).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(kid.to_owned())
    } else {
        Err(Error::Header("kid is not 1 to 128 printable characters"))
    }
}
