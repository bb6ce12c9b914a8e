//! The only reader of time and of randomness. Everything else takes them as arguments.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom, SystemRandom};

/// Time and randomness.
#[derive(Clone)]
pub struct Clock(Arc<SystemRandom>);

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system has no randomness")]
pub struct NoRandomness;

impl Clock {
    pub fn system() -> Self {
        Clock(Arc::new(SystemRandom::new()))
    }

    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    /// Seconds since the epoch.
    pub fn unix(&self) -> i64 {
        self.now().timestamp()
    }

    pub fn rng(&self) -> &dyn SecureRandom {
        self.0.as_ref()
    }

    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0u8; N];
        self.0.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    /// An identifier that nobody can guess: 128 random bits in base64url.
    pub fn unguessable(&self) -> Result<String, NoRandomness> {
        Ok(URL_SAFE_NO_PAD.encode(self.random::<16>()?))
    }

    /// A number in `0.0..1.0` for jitter; 0 when there is no randomness, which jitter can live with.
    pub fn jitter(&self) -> f64 {
        self.random::<2>().map_or(0.0, |bytes| f64::from(u16::from_be_bytes(bytes)) / 65536.0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
