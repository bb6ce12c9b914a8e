//! What this client says to the broker: the transport, the holder of a key, and typed calls.
//!
//! Knows HTTP, the token endpoint (RFC 6749 with `private_key_jwt`, RFC 7523) and DPoP (RFC 9449), and the paths of
//! `/v1`. The only room that knows JOSE. Must not know files, the terminal or the process environment: keys, base URLs
//! and trusted certificates are arguments.

mod agent;
mod broker;
mod device;
mod holder;
mod people;
mod transport;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stint_api::Problem;
use zeroize::Zeroizing;

use crate::clock::Clock;

pub use agent::{AgentKey, begin};
pub use broker::{Broker, setup};
pub use device::{Decision, Device};
pub use holder::{Holder, Identity, Token};
pub use stint_jose::SigningKey;
pub use transport::{Body, Tls, Transport, empty, full};

/// Why a call to the broker failed. Cheap to clone: several waiters may share one failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No answer: nothing listens, the connection broke, or time ran out.
    #[error("the broker at {url} cannot be reached: {why}")]
    Unreachable { url: String, why: String },
    /// The broker answered with a problem document.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// The token endpoint refused (RFC 6749 s5.2).
    #[error("no token: {error}")]
    OAuth { error: String, description: Option<String> },
    /// The answer was not what the contract says, or the base URL is none.
    #[error("{0}")]
    Protocol(Arc<str>),
}

impl Error {
    fn protocol(text: impl Into<String>) -> Self {
        Error::Protocol(text.into().into())
    }

    /// Whether the same call may succeed a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Problem(problem) => matches!(problem.status, 429 | 502..=504),
            Error::OAuth { error, .. } => {
                matches!(error.as_str(), "temporarily_unavailable" | "server_error")
            }
            Error::Protocol(_) => false,
        }
    }

    /// Whether the broker no longer takes this key or token.
    pub fn is_refused(&self) -> bool {
        match self {
            Error::Problem(problem) => problem.status == 401,
            Error::OAuth { .. } => !self.is_passing(),
            Error::Unreachable { .. } | Error::Protocol(_) => false,
        }
    }
}

/// A key as text for a private file: its seed in base64url.
pub fn key_to_text(key: &SigningKey) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(key.seed()))
}

pub fn key_from_text(text: &str) -> Result<SigningKey, Error> {
    let seed = URL_SAFE_NO_PAD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| Error::protocol("the key is not base64url"))?;
    SigningKey::from_seed(&seed).map_err(|error| Error::protocol(format!("the key: {error}")))
}

pub fn new_key(clock: &Clock) -> Result<SigningKey, Error> {
    SigningKey::generate(clock.rng())
        .map_err(|error| Error::protocol(format!("no key could be made: {error}")))
}
