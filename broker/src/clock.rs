//! The only reader of time and of randomness. Everything else takes them as arguments.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::{SecureRandom, SystemRandom};

/// Time and unique ids, real or set by a test.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    random: SystemRandom,
    /// Milliseconds added to the system's clock; moved by tests only.
    offset: AtomicI64,
}

impl Clock {
    pub fn system() -> Self {
        Clock(Arc::new(Inner { random: SystemRandom::new(), offset: AtomicI64::new(0) }))
    }

    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.0.offset.load(Ordering::Relaxed))
    }

    /// Seconds since the epoch.
    pub fn unix(&self) -> i64 {
        self.now().timestamp()
    }

    /// Move time for a test: nothing in production calls it.
    pub fn advance(&self, by: TimeDelta) {
        self.0.offset.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }

    /// A UUID version 7 (RFC 9562 s5.7): time-ordered, 74 random bits. `None` when the system has no randomness.
    pub fn uuid(&self) -> Option<uuid::Uuid> {
        let mut random = [0u8; 10];
        self.0.random.fill(&mut random).ok()?;
        let millis = u64::try_from(self.now().timestamp_millis()).ok()?;
        Some(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// `N` random bytes, or `None` when the system has no randomness.
    pub fn random<const N: usize>(&self) -> Option<[u8; N]> {
        let mut bytes = [0u8; N];
        self.0.random.fill(&mut bytes).ok()?;
        Some(bytes)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
