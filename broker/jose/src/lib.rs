//! Signed tokens on ring: keys, JWK thumbprints, one strict verification, DPoP proofs, client assertions.
//!
//! Both sides link it: the broker verifies what it did not make, the client proves that it holds a key. It knows
//! compact JWS (RFC 7515), public keys as JWK (RFC 7517, 7638, 8037), DPoP (RFC 9449) and `private_key_jwt`
//! (RFC 7523), and the identity tokens of OpenID Connect. It must not know what a session, an agent or an environment is, it does no I/O, and time and
//! randomness are arguments.
//!
//! `jsonwebtoken` checks the signature, through the provider in `provider.rs`; everything that it leaves to its caller
//! (`typ`, `crit`, one algorithm per key, types of claims, one encoding per token) is checked in `verify.rs`.

mod assertion;
mod base64url;
mod dpop;
mod ed25519;
mod error;
mod header;
mod htu;
mod id_token;
mod jwk;
mod key;
mod provider;
mod sign;
pub mod strict_json;
mod verify;

#[cfg(test)]
mod attacks;

pub use assertion::{ASSERTION_LIFETIME, ASSERTION_MAX_AHEAD, ClientAssertion, NewAssertion};
pub use dpop::{
    NewProof, PROOF_MAX_AGE, PROOF_MAX_AHEAD, Proof, ProofExpect, access_token_hash, verify_proof,
};
pub use error::Error;
pub use header::{Algorithm, Header};
pub use htu::normalise as normalise_htu;
pub use id_token::{IdTokenExpect, KeySet, MAX_ID_TOKEN, verify_id_token};
pub use jwk::Jwk;
pub use key::{SigningKey, fresh_id};
pub use provider::install;
pub use ring::rand::{SecureRandom, SystemRandom};
pub use sign::sign;
pub use verify::{Audience, Expect, LEEWAY, Lifetime, MAX_TOKEN, Typ, Verified, verify};
