use std::fmt;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use stint_jose::{Jwk, Proof, ProofExpect, verify_proof};

use super::{Error, Verified};

/// A proof as it came, and the request it came with.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The one value of the one `DPoP` header.
    pub proof: &'a str,
    /// Method of the request.
    pub htm: &'a str,
    /// URL of the request, on the configured origin: never from its `Host` header. Query and fragment do not count.
    pub htu: &'a str,
    /// Whether the nonce (first) of a proof made at `iat` (second) is good: `Nonces::accepts`.
    pub nonce: &'a dyn Fn(Option<&str>, i64) -> bool,
    /// Seconds since the epoch.
    pub now: i64,
}

/// A token presented by the holder of its key, for this request.
///
/// INVARIANT: only `prove` makes one. It has been used before unless `ReplayMemory` and the store say otherwise.
#[derive(Debug)]
pub struct Proven {
    verified: Arc<Verified>,
    proof: ProvenKey,
}

/// A key whose holder made a proof for this request.
#[derive(Debug)]
pub struct ProvenKey(Proof);

/// Bind a proof to a token (RFC 9449 s4.3 and s7.1): same key, same token, same request.
///
/// `Error::UseNonce` when the proof is too old, too new or without a good nonce; otherwise `Error::Proof`.
pub fn prove(verified: Arc<Verified>, shown: &Shown<'_>) -> Result<Proven, Error> {
    let proof = check(shown, Some(verified.ath()))?;
    if proof.jkt() != verified.jkt() {
        return Err(Error::Proof(stint_jose::Error::Key("the proof is of another key than the token")));
    }
    Ok(Proven { verified, proof })
}

/// Check a proof that comes without a token, at the token endpoint (RFC 9449 s5): the key is what a token is bound to.
pub fn prove_key(shown: &Shown<'_>) -> Result<ProvenKey, Error> {
    check(shown, None)
}

fn check(shown: &Shown<'_>, ath: Option<&str>) -> Result<ProvenKey, Error> {
    let Shown { proof, htm, htu, nonce, now } = *shown;
    let proof =
        verify_proof(proof, &ProofExpect { htm, htu, ath, now, nonce }).map_err(|error| match error {
            stint_jose::Error::Stale | stint_jose::Error::Nonce => Error::UseNonce,
            error => Error::Proof(error),
        })?;
    Ok(ProvenKey(proof))
}

impl Proven {
    pub fn verified(&self) -> &Arc<Verified> {
        &self.verified
    }

    pub fn key(&self) -> &ProvenKey {
        &self.proof
    }
}

impl ProvenKey {
    pub fn jwk(&self) -> &Jwk {
        &self.0.jwk
    }

    /// RFC 7638 thumbprint.
    pub fn jkt(&self) -> &str {
        &self.0.jkt
    }

    pub fn jti(&self) -> &str {
        &self.0.jti
    }

    /// Seconds since the epoch.
    pub fn iat(&self) -> i64 {
        self.0.iat
    }

    /// What a replay of the proof would have in common with it: SHA-256 of thumbprint and `jti`.
    pub fn replay_key(&self) -> [u8; 32] {
        // A thumbprint has no dot and one length, so the pair reads one way only.
        let mut hash = Context::new(&SHA256);
        for part in [self.jkt(), ".", self.jti()] {
            hash.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(hash.finish().as_ref());
        key
    }

    /// Seconds since the epoch from which the proof is stale, so that its replay key can be forgotten.
    pub fn remember_until(&self) -> i64 {
        self.0.remember_until()
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { htm, htu, now, .. } = self;
        f.debug_struct("Shown").field("htm", htm).field("htu", htu).field("now", now).finish_non_exhaustive()
    }
}
