//! Our tokens: minted, verified, bound to the key that a session holds.
//!
//! Knows the profile of our access tokens (RFC 9068 with RFC 9396 and RFC 9449), DPoP at the broker, client
//! assertions, and what must be remembered so that a proof works once. It is the only room of the broker that speaks
//! JOSE. It must not know of HTTP, SQL or policy, nor whether a session still lives: that is asked of the store at each
//! request. Pure: time and randomness are arguments; what it keeps in memory is bounded and may be lost.
//!
//! Order at the gateway: `Tokens::verify_cached` -> `Verified`, `prove` -> `Proven`, `ReplayMemory::check_and_insert`.

mod cache;
mod claims;
mod client;
mod keys;
mod mint;
mod nonce;
mod proof;
mod replay;
mod verify;

#[cfg(test)]
mod tests;

pub use claims::Audience;
pub use client::{claimed_client, verify_client};
pub use keys::{TokenKey, Tokens};
pub use mint::{MAX_TTL, Mint, Minted};
pub use nonce::Nonces;
pub use proof::{Proven, ProvenKey, Shown, prove, prove_key};
pub use replay::ReplayMemory;
pub use stint_jose::{ClientAssertion, Jwk, SigningKey};
pub use verify::Verified;

use thiserror::Error;

/// Why a token or a proof is refused. Nothing of the token is repeated in the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The broker's own keys or issuer are wrong: it does not start.
    #[error("token keys: {0}")]
    Setup(&'static str),
    /// A token that must not be minted.
    #[error("token not minted: {0}")]
    Mint(&'static str),
    /// 401 `invalid_token`.
    #[error("invalid token: {0}")]
    Token(stint_jose::Error),
    /// 401 `invalid_token`; a new one can be asked for.
    #[error("the token has expired")]
    Expired,
    /// `invalid_dpop_proof`.
    #[error("invalid DPoP proof: {0}")]
    Proof(stint_jose::Error),
    /// `use_dpop_nonce`, with a fresh nonce in `DPoP-Nonce`.
    #[error("the proof needs a nonce of this broker")]
    UseNonce,
    /// The proof was seen before: `invalid_dpop_proof`.
    #[error("the proof was used before")]
    Replayed,
    /// More proofs than can be remembered: 503, since what cannot be remembered cannot be refused the second time.
    #[error("too many proofs at once")]
    Full,
    /// `invalid_client`.
    #[error("invalid client assertion: {0}")]
    Client(stint_jose::Error),
}
