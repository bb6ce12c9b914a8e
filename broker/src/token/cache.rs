use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};

use super::Verified;

/// Tokens that were verified, by the SHA-256 of the token, so that the signature of each is checked once.
///
/// Bounded by two generations of each shard: what was not asked for while a whole generation filled up is forgotten, and
/// would only be verified again. Holds no token and reads no clock: whoever asks checks the end.
#[derive(Debug)]
pub(super) struct TokenCache {
    shards: Vec<Mutex<Generations>>,
    /// Entries of one generation of one shard.
    room: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<[u8; 32], Arc<Verified>>,
    old: HashMap<[u8; 32], Arc<Verified>>,
}

/// Locks are held for a map operation, so a few are enough.
const SHARDS: usize = 16;
/// 16 shards of two generations of 1024: at most 32,768 tokens, about 20 MiB.
const ROOM: usize = 1024;

impl Default for TokenCache {
    fn default() -> Self {
        TokenCache::with_room(ROOM)
    }
}

impl TokenCache {
    fn with_room(room: usize) -> Self {
        TokenCache { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), room }
    }

    pub(super) fn key(token: &str) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        key
    }

    pub(super) fn find(&self, key: &[u8; 32]) -> Option<Arc<Verified>> {
        let mut shard = self.shard(key)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.young.get(key) {
            return Some(Arc::clone(found));
        }
        let found = shard.old.remove(key)?;
        shard.insert(*key, Arc::clone(&found), self.room);
        Some(found)
    }

    pub(super) fn insert(&self, key: [u8; 32], verified: Arc<Verified>) {
        if let Some(shard) = self.shard(&key) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).insert(key, verified, self.room);
        }
    }

    // Only tokens with our signature get in, so nobody chooses the first byte of the hash to crowd a shard.
    fn shard(&self, key: &[u8; 32]) -> Option<&Mutex<Generations>> {
        self.shards.get(usize::from(key[0]) % SHARDS)
    }
}

impl Generations {
    fn insert(&mut self, key: [u8; 32], verified: Arc<Verified>, room: usize) {
        if self.young.len() >= room {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::TokenCache;
    use crate::token::tests::{NOW, broker, gateway_mint};
    use crate::token::{Audience, Verified};
    use std::sync::Arc;

    fn verified() -> Arc<Verified> {
        let tokens = broker();
        let minted = tokens.mint(gateway_mint()).unwrap();
        Arc::new(tokens.verify(&minted.token, Audience::Gateway, NOW).unwrap())
    }

    #[test]
    fn stays_within_two_generations_and_keeps_what_is_asked_for() {
        let cache = TokenCache::with_room(4);
        let value = verified();
        let key = |n: u8| {
            let mut key = [0; 32];
            key[1] = n;
            key
        };
        cache.insert(key(0), Arc::clone(&value));
        for n in 1..=200 {
            cache.insert(key(n), Arc::clone(&value));
            assert!(cache.find(&key(0)).is_some(), "asked for each time, forgotten at {n}");
        }
        let held = (0..=200).filter(|n| cache.find(&key(*n)).is_some()).count();
        assert!(held <= 8, "{held} held");
        // One in the test's hand, and no more than the two generations can hold.
        assert!(Arc::strong_count(&value) <= 9);
    }
}
