use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::Error;

/// The proofs that this process has seen and that are not stale yet (RFC 9449 s11.1).
///
/// Bounded: when a shard is full the proof is refused, for one that cannot be remembered could be used twice. Other
/// replicas and restarts are not its business: the store and `Nonces` are there for these.
#[derive(Debug)]
pub struct ReplayMemory {
    shards: Vec<Mutex<Shard>>,
    /// Chooses the shard by a secret hash, since whoever makes a proof chooses its `jti`, and might crowd one shard.
    hasher: RandomState,
    /// Entries of one shard.
    room: usize,
}

#[derive(Debug, Default)]
struct Shard {
    /// Replay key, and the second from which it is stale.
    seen: HashMap<[u8; 32], i64>,
    /// Second from which stale ones are looked for again.
    sweep_at: i64,
}

const SHARDS: usize = 64;
/// Seconds between looks for stale entries: each costs a walk of the shard, a hundredth of a millisecond a thousand.
const SWEEP: i64 = 8;

impl ReplayMemory {
    /// Room for about `capacity` proofs, up to a hundred bytes each.
    pub fn new(capacity: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        ReplayMemory { shards, hasher: RandomState::new(), room: capacity.div_ceil(SHARDS).max(1) }
    }

    /// Remember a proof until it is stale (`ProvenKey::replay_key`, `ProvenKey::remember_until`).
    ///
    /// `Error::Replayed` when it is there already, `Error::Full` when it cannot be remembered.
    pub fn check_and_insert(&self, key: [u8; 32], until: i64, now: i64) -> Result<(), Error> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        let shard = self.shards.get(at).ok_or(Error::Full)?;
        shard.lock().unwrap_or_else(PoisonError::into_inner).check_and_insert(key, until, now, self.room)
    }

    /// Proofs held, stale ones not yet swept included.
    pub fn len(&self) -> usize {
        let held = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).seen.len();
        self.shards.iter().map(held).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shard {
    fn check_and_insert(&mut self, key: [u8; 32], until: i64, now: i64, room: usize) -> Result<(), Error> {
        // A full shard is swept at most once a second, so that a flood does not pay for a walk with each proof.
        let full = self.seen.len() >= room;
        if now >= self.sweep_at || (full && now > self.sweep_at - SWEEP) {
            self.seen.retain(|_, until| *until > now);
            self.sweep_at = now.saturating_add(SWEEP);
        }
        if self.seen.get(&key).is_some_and(|until| *until > now) {
            return Err(Error::Replayed);
        }
        if self.seen.len() >= room {
            return Err(Error::Full);
        }
        self.seen.insert(key, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ring::digest::{SHA256, digest};

    use super::{Error, ReplayMemory};

    fn key(n: usize) -> [u8; 32] {
        digest(&SHA256, &n.to_le_bytes()).as_ref().try_into().unwrap()
    }

    #[test]
    fn b06_a_proof_is_taken_once_until_it_is_stale() {
        let memory = ReplayMemory::new(1000);
        assert_eq!(memory.check_and_insert(key(1), 161, 100), Ok(()));
        assert_eq!(memory.check_and_insert(key(1), 161, 100), Err(Error::Replayed));
        assert_eq!(memory.check_and_insert(key(1), 161, 160), Err(Error::Replayed));
        assert_eq!(memory.check_and_insert(key(2), 161, 160), Ok(()));
        assert_eq!(memory.check_and_insert(key(1), 222, 161), Ok(()));
    }

    #[test]
    fn b06_of_many_at_once_one_is_taken() {
        let memory = ReplayMemory::new(1000);
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for n in 0..100 {
                        if memory.check_and_insert(key(n), 160, 100).is_ok() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 100);
    }

    #[test]
    fn b13_a_flood_is_bounded_refused_and_passes() {
        let memory = ReplayMemory::new(64_000);
        let refused =
            (0..200_000).filter(|n| memory.check_and_insert(key(*n), 160, 100) == Err(Error::Full)).count();
        assert!(memory.len() <= 64_000, "{}", memory.len());
        assert_eq!(refused, 200_000 - memory.len());
        // What was remembered is still refused while it is full.
        assert_eq!(memory.check_and_insert(key(0), 160, 101), Err(Error::Replayed));
        // And once the flood is stale there is room again.
        assert_eq!(memory.check_and_insert(key(300_000), 221, 160), Ok(()));
        for n in 400_000..410_000 {
            assert_eq!(memory.check_and_insert(key(n), 229, 168), Ok(()));
        }
        assert!(memory.len() <= 10_001 + 64, "{}", memory.len());
    }
}
