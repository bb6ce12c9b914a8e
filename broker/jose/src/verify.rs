//! The one strict verification that every kind of token goes through.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Header, Jwk, base64url, provider, strict_json};

/// Longest token that is looked at, in bytes (RFC 8725 s3.13).
pub const MAX_TOKEN: usize = 8 * 1024;
/// Seconds by which another machine's clock may be ahead.
pub const LEEWAY: i64 = 5;

/// What a token must be. Each kind of token has its own, and none accepts another kind (RFC 8725 s3.11, s3.12).
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    pub typ: Typ<'a>,
    /// Whether the header may bring its public key (`jwk`), as only a DPoP proof does.
    pub embedded_key: bool,
    pub issuer: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub audience: Audience<'a>,
    pub lifetime: Lifetime,
    /// Seconds since the epoch.
    pub now: i64,
}

/// Media types in lower case, without `application/`.
#[derive(Debug, Clone, Copy)]
pub enum Typ<'a> {
    Exactly(&'a str),
    AbsentOr(&'a [&'a str]),
}

#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// One string, equal to this one byte for byte.
    Exactly(&'a str),
    /// The same, or an array of that one string: client assertions (RFC 7519 s4.1.3).
    ExactlyOrAlone(&'a str),
    /// This one, alone or among others: identity tokens, where `azp` says whom of several it was made for (OpenID Connect
    /// Core 1.0 s3.1.3.7).
    Includes(&'a str),
    /// Not asked for: the token says by other claims where it is good.
    Unasked,
}

/// The rule about time. `nbf`, where present, is honoured under each.
#[derive(Debug, Clone, Copy)]
pub enum Lifetime {
    /// `exp` is required, no more than `max` seconds after `iat` and after now; it has passed `leeway` seconds later.
    Ends { max: i64, leeway: i64 },
    /// `iat` is required, between `past` seconds ago and `ahead` seconds from now; otherwise `Error::Stale`.
    Issued { past: i64, ahead: i64 },
}

/// A token whose signature and claims were found good.
#[derive(Debug, Clone)]
pub struct Verified {
    header: Header,
    claims: Map<String, Value>,
}

/// Check `token` against `expect`, with the key that `keys` chooses by the header.
///
/// The chooser gets a header that is not verified yet: it compares `kid` with the keys it has, and fetches nothing. The
/// header's `alg` must then be the key's own.
pub fn verify(
    token: &str,
    expect: &Expect<'_>,
    keys: &dyn Fn(&Header) -> Option<Jwk>,
) -> Result<Verified, Error> {
    verify_within(MAX_TOKEN, token, expect, keys)
}

/// The same for tokens of up to `max` bytes.
pub(crate) fn verify_within(
    max: usize,
    token: &str,
    expect: &Expect<'_>,
    keys: &dyn Fn(&Header) -> Option<Jwk>,
) -> Result<Verified, Error> {
    let parts = Parts::split(token, max)?;
    let header = Header::parse(&parts.header()?, expect.embedded_key)?;
    expect.typ.check(header.typ.as_deref())?;
    let key = keys(&header).ok_or(Error::Key("no key for this token"))?;
    if header.algorithm != key.algorithm() {
        return Err(Error::Header("alg is not the key's"));
    }
    parts.check_signature(&key)?;
    let claims = parts.claims()?;
    expect.check_claims(&claims)?;
    Ok(Verified { header, claims })
}

/// The claims of a token that nobody has checked: only to find out whose key to check it with.
pub(crate) fn unverified_claims(token: &str) -> Result<Map<String, Value>, Error> {
    Parts::split(token, MAX_TOKEN)?.claims()
}

impl Verified {
    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// A claim that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// A claim that is an integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.claims.get(name).and_then(Value::as_i64)
    }

    /// The claims as a type of the caller's.
    pub fn into_claims<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_value(Value::Object(self.claims))
            .map_err(|_| Error::Claim("not of the expected shape"))
    }
}

/// A compact JWS, not yet decoded.
struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// What was signed: `header.claims`.
    message: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str, max: usize) -> Result<Self, Error> {
        if token.len() > max {
            return Err(Error::Malformed(if max > MAX_TOKEN {
                "longer than 32 KiB"
            } else {
                "longer than 8 KiB"
            }));
        }
        let wrong = Error::Malformed("not three parts of base64url");
        let (message, signature) = token.rsplit_once('.').ok_or(wrong)?;
        let (header, claims) = message.split_once('.').ok_or(wrong)?;
        if header.is_empty() || claims.is_empty() || signature.is_empty() || claims.contains('.') {
            return Err(wrong);
        }
        Ok(Parts { header, claims, signature, message })
    }

    fn header(&self) -> Result<Vec<u8>, Error> {
        base64url::decode(self.header).ok_or(Error::Malformed("the header is not base64url"))
    }

    fn claims(&self) -> Result<Map<String, Value>, Error> {
        let json = base64url::decode(self.claims).ok_or(Error::Malformed("the claims are not base64url"))?;
        match strict_json::parse(&json, strict_json::MAX_DEPTH) {
            Ok(Value::Object(claims)) => Ok(claims),
            Ok(_) => Err(Error::Malformed("the claims are not an object")),
            Err(_) => Err(Error::Malformed("the claims are not strict JSON")),
        }
    }

    fn check_signature(&self, key: &Jwk) -> Result<(), Error> {
        provider::install();
        let algorithm = key.algorithm().in_library();
        let matches = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            &key.decoding_key(),
            algorithm,
        );
        // An error is a signature that is not base64url, which is no match either.
        if matches.unwrap_or(false) { Ok(()) } else { Err(Error::Signature) }
    }
}

impl Typ<'_> {
    fn check(self, typ: Option<&str>) -> Result<(), Error> {
        let accepted = match (self, typ) {
            (Typ::Exactly(wanted), Some(typ)) => typ == wanted,
            (Typ::Exactly(_), None) => false,
            (Typ::AbsentOr(wanted), Some(typ)) => wanted.contains(&typ),
            (Typ::AbsentOr(_), None) => true,
        };
        if accepted { Ok(()) } else { Err(Error::Header("typ is of another kind of token")) }
    }
}

impl Expect<'_> {
    fn check_claims(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let issuer = text(claims, "iss")?;
        if self.issuer.is_some_and(|wanted| issuer != Some(wanted)) {
            return Err(Error::Claim("iss is not the issuer asked for"));
        }
        let subject = text(claims, "sub")?;
        if self.subject.is_some_and(|wanted| subject != Some(wanted)) {
            return Err(Error::Claim("sub is not the subject asked for"));
        }
        if text(claims, "jti")?.is_some_and(|jti| jti.len() > 128) {
            return Err(Error::Claim("jti is longer than 128 characters"));
        }
        self.audience.check(claims)?;
        self.check_times(claims)
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let now = self.now;
        let (iat, exp, nbf) = (time(claims, "iat")?, time(claims, "exp")?, time(claims, "nbf")?);
        let ahead = match self.lifetime {
            Lifetime::Issued { ahead, .. } => ahead.max(LEEWAY),
            Lifetime::Ends { .. } => LEEWAY,
        };
        if nbf.is_some_and(|nbf| nbf > now.saturating_add(ahead)) {
            return Err(Error::Claim("nbf is in the future"));
        }
        match self.lifetime {
            Lifetime::Ends { max, leeway } => {
                let exp = exp.ok_or(Error::Claim("exp is missing"))?;
                if iat.is_some_and(|iat| iat > now.saturating_add(LEEWAY)) {
                    return Err(Error::Claim("iat is in the future"));
                }
                // Against our clock with leeway, since the clock that wrote it may be ahead; against its own without.
                let too_late = exp > now.saturating_add(max).saturating_add(LEEWAY);
                if too_late || iat.is_some_and(|iat| exp > iat.saturating_add(max)) {
                    return Err(Error::Claim("lives longer than is allowed"));
                }
                if now >= exp.saturating_add(leeway) { Err(Error::Expired) } else { Ok(()) }
            }
            Lifetime::Issued { past, ahead } => {
                let iat = iat.ok_or(Error::Claim("iat is missing"))?;
                if exp.is_some_and(|exp| now >= exp) {
                    return Err(Error::Expired);
                }
                let window = now.saturating_sub(past)..=now.saturating_add(ahead);
                if window.contains(&iat) { Ok(()) } else { Err(Error::Stale) }
            }
        }
    }
}

impl Audience<'_> {
    fn check(self, claims: &Map<String, Value>) -> Result<(), Error> {
        let same = match (self, claims.get("aud")) {
            (Audience::Unasked, _) => true,
            (Audience::Exactly(wanted), Some(Value::String(aud))) => aud == wanted,
            (Audience::ExactlyOrAlone(wanted), Some(Value::String(aud))) => aud == wanted,
            (Audience::ExactlyOrAlone(wanted), Some(Value::Array(list))) => {
                matches!(list.as_slice(), [Value::String(aud)] if aud == wanted)
            }
            (Audience::Includes(wanted), Some(Value::String(aud))) => aud == wanted,
            (Audience::Includes(wanted), Some(Value::Array(list))) => {
                list.iter().all(Value::is_string) && list.iter().any(|aud| aud.as_str() == Some(wanted))
            }
            _ => false,
        };
        if same { Ok(()) } else { Err(Error::Claim("aud is not the audience asked for")) }
    }
}

/// A claim that, where present, is a non-empty string of at most 512 bytes without control characters.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let plain = |text: &&str| !text.is_empty() && text.len() <= 512 && !text.contains(char::is_control);
    value.as_str().filter(plain).map(Some).ok_or(Error::Claim("iss, sub or jti is not a plain string"))
}

/// A claim that, where present, is a whole number of seconds and not negative.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Error> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_i64().filter(|seconds| *seconds >= 0).map(Some).ok_or(Error::Claim("a time is not an integer"))
}
