//! `private_key_jwt`: how a client says who it is (RFC 7523 s2.2 and s3, with the audience rule of its revision).

use serde::Serialize;

use crate::verify::{Audience, Expect, Lifetime, Typ, unverified_claims, verify};
use crate::{Error, Header, Jwk, SigningKey, sign};

/// Seconds that an assertion of ours is good.
pub const ASSERTION_LIFETIME: i64 = 60;
/// Seconds ahead that the `exp` of anybody's may be.
pub const ASSERTION_MAX_AHEAD: i64 = 300;

const TYP: &str = "client-authentication+jwt";

/// An assertion to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewAssertion<'a> {
    pub client_id: &'a str,
    /// The issuer, exactly: not the token endpoint.
    pub audience: &'a str,
    /// Unique to the assertion: `fresh_id`.
    pub jti: &'a str,
    /// Seconds since the epoch.
    pub iat: i64,
}

/// An assertion that was found good. It is used once: `jti` is for the caller to remember until `expires_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAssertion {
    pub client_id: String,
    pub jti: String,
    /// Seconds since the epoch, from when the assertion is refused as expired: leeway included.
    pub expires_at: i64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
}

impl ClientAssertion {
    /// The value of `client_assertion`.
    pub fn make(key: &SigningKey, kid: Option<&str>, new: &NewAssertion<'_>) -> Result<String, Error> {
        let claims = Claims {
            iss: new.client_id,
            sub: new.client_id,
            aud: new.audience,
            jti: new.jti,
            iat: new.iat,
            exp: new.iat.saturating_add(ASSERTION_LIFETIME),
        };
        sign(key, TYP, kid, &claims)
    }

    /// Who the assertion says its maker is. Nobody has checked it: good only for finding the keys to check it with.
    pub fn claimed_client(assertion: &str) -> Result<String, Error> {
        let claims = unverified_claims(assertion)?;
        let subject =
            claims.get("sub").and_then(|sub| sub.as_str()).filter(|sub| (1..=128).contains(&sub.len()));
        subject.map(str::to_owned).ok_or(Error::Claim("sub is missing"))
    }

    /// Check an assertion of `client_id` for `issuer`, with one of that client's keys (RFC 7523 s3).
    pub fn verify(
        assertion: &str,
        client_id: &str,
        issuer: &str,
        now: i64,
        keys: &dyn Fn(&Header) -> Option<Jwk>,
    ) -> Result<Self, Error> {
        let leeway = crate::LEEWAY;
        let rules = Expect {
            typ: Typ::AbsentOr(&["jwt", TYP]),
            embedded_key: false,
            issuer: Some(client_id),
            subject: Some(client_id),
            audience: Audience::ExactlyOrAlone(issuer),
            lifetime: Lifetime::Ends { max: ASSERTION_MAX_AHEAD, leeway },
            now,
        };
        let verified = verify(assertion, &rules, keys)?;
        let jti = verified.text("jti").ok_or(Error::Claim("jti is missing"))?.to_owned();
        let exp = verified.integer("exp").ok_or(Error::Claim("exp is missing"))?;
        Ok(ClientAssertion { client_id: client_id.to_owned(), jti, expires_at: exp.saturating_add(leeway) })
    }
}
