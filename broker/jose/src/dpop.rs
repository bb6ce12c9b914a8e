//! DPoP proofs (RFC 9449 s4): made by the holder of a key, for one request.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::Value;

use crate::sign::sign_embedding_key;
use crate::verify::{Audience, Expect, Lifetime, Typ, verify};
use crate::{Error, Jwk, SigningKey, base64url, htu};

/// Seconds that a proof stays good after its `iat`.
pub const PROOF_MAX_AGE: i64 = 60;
/// Seconds that its maker's clock may be ahead.
pub const PROOF_MAX_AHEAD: i64 = 5;

const TYP: &str = "dpop+jwt";

/// A proof to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewProof<'a> {
    /// Method of the request, as sent.
    pub htm: &'a str,
    /// URL of the request; query and fragment are left out of the proof.
    pub htu: &'a str,
    /// Token that the request carries: its hash goes into the proof.
    pub access_token: Option<&'a str>,
    /// Last nonce that the server gave.
    pub nonce: Option<&'a str>,
    /// Unique to the proof: `fresh_id`.
    pub jti: &'a str,
    /// Seconds since the epoch.
    pub iat: i64,
}

/// What a proof must be good for.
#[derive(Clone, Copy)]
pub struct ProofExpect<'a> {
    /// Method of the request that came.
    pub htm: &'a str,
    /// URL of that request, built from the configured origin: never from its `Host` header.
    pub htu: &'a str,
    /// `access_token_hash` of the token that came with it; `None` at the token endpoint.
    pub ath: Option<&'a str>,
    /// Seconds since the epoch.
    pub now: i64,
    /// Whether the nonce (first) of a proof made at `iat` (second) is good; may accept that there is none.
    pub nonce: &'a dyn Fn(Option<&str>, i64) -> bool,
}

/// A proof that was found good. That it was not seen before is for the caller to check, by `jkt` and `jti`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub jwk: Jwk,
    /// RFC 7638 thumbprint of `jwk`.
    pub jkt: String,
    pub jti: String,
    /// Seconds since the epoch.
    pub iat: i64,
    pub nonce: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl Proof {
    /// The value of a `DPoP` header for one request (RFC 9449 s4.2).
    pub fn make(key: &SigningKey, new: &NewProof<'_>) -> Result<String, Error> {
        let claims = Claims {
            jti: new.jti,
            htm: new.htm,
            htu: &htu::normalise(new.htu)?,
            iat: new.iat,
            ath: new.access_token.map(access_token_hash),
            nonce: new.nonce,
        };
        sign_embedding_key(key, TYP, &claims)
    }

    /// Second from which the proof is refused as stale, so that its `jti` can be forgotten.
    pub fn remember_until(&self) -> i64 {
        self.iat.saturating_add(PROOF_MAX_AGE).saturating_add(1)
    }
}

/// Check a proof against the request it came with (RFC 9449 s4.3), all but its uniqueness.
///
/// `Error::Stale` and `Error::Nonce` are to be answered with `use_dpop_nonce`, the others with `invalid_dpop_proof`.
pub fn verify_proof(proof: &str, expect: &ProofExpect<'_>) -> Result<Proof, Error> {
    let rules = Expect {
        typ: Typ::Exactly(TYP),
        embedded_key: true,
        issuer: None,
        subject: None,
        audience: Audience::Unasked,
        lifetime: Lifetime::Issued { past: PROOF_MAX_AGE, ahead: PROOF_MAX_AHEAD },
        now: expect.now,
    };
    let verified = verify(proof, &rules, &|header| header.jwk.clone())?;
    let missing = Error::Claim("jti, htm, htu or iat is missing");
    let text = |name| verified.text(name).ok_or(missing);
    let (jti, iat) = (text("jti")?.to_owned(), verified.integer("iat").ok_or(missing)?);
    if text("htm")? != expect.htm {
        return Err(Error::Claim("htm is not the request's method"));
    }
    if htu::normalise(text("htu")?)? != htu::normalise(expect.htu)? {
        return Err(Error::Claim("htu is not the request's URL"));
    }
    let ath = verified.claims().get("ath");
    match expect.ath {
        Some(wanted) if ath.and_then(Value::as_str) != Some(wanted) => {
            return Err(Error::Claim("ath is not of the token"));
        }
        // A proof for a request with a token, presented without one.
        None if ath.is_some() => return Err(Error::Claim("ath without a token")),
        _ => {}
    }
    let nonce = match verified.claims().get("nonce") {
        None => None,
        Some(nonce) => Some(nonce.as_str().ok_or(Error::Claim("nonce is not a string"))?.to_owned()),
    };
    if !(expect.nonce)(nonce.as_deref(), iat) {
        return Err(Error::Nonce);
    }
    let jwk = verified.header().jwk.clone().ok_or(Error::Key("no key in the proof"))?;
    Ok(Proof { jkt: jwk.thumbprint(), jwk, jti, iat, nonce })
}

/// `ath`: base64url of the SHA-256 of the token's characters (RFC 9449 s4.2).
pub fn access_token_hash(token: &str) -> String {
    base64url::encode(digest(&SHA256, token.as_bytes()))
}

impl std::fmt::Debug for ProofExpect<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ProofExpect { htm, htu, now, .. } = self;
        f.debug_struct("ProofExpect")
            .field("htm", htm)
            .field("htu", htu)
            .field("now", now)
            .finish_non_exhaustive()
    }
}
