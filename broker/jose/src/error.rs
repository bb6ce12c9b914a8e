use thiserror::Error;

/// Why a token, a proof or a key was refused.
///
/// The texts are fixed: nothing of the token, which may be an attacker's, is repeated in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// Not one compact JWS of strict base64url and strict JSON.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    #[error("header: {0}")]
    Header(&'static str),
    /// No key for this header, or a key that is not one.
    #[error("key: {0}")]
    Key(&'static str),
    #[error("signature does not match")]
    Signature,
    #[error("claim: {0}")]
    Claim(&'static str),
    /// `exp` has passed: its holder asks for a new one.
    #[error("expired")]
    Expired,
    /// `iat` of a proof is outside the window: answer `use_dpop_nonce` (RFC 9449 s8).
    #[error("iat is outside the window")]
    Stale,
    /// The proof's nonce is missing or not accepted: answer `use_dpop_nonce` (RFC 9449 s8).
    #[error("nonce is missing or not accepted")]
    Nonce,
    /// The system has no randomness.
    #[error("no randomness")]
    Randomness,
}
