//! Documents that were understood before: programs send the same text over and over, with other variables.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{Context, SHA256};

use super::document::{Chosen, choose};
use crate::catalog::Refusal;

/// By the SHA-256 of the text and the operation's name: equal input has one reading, so each is read once. What is refused
/// is not kept.
///
/// Bounded by two generations, in documents and in bytes: what was not sent again while a whole one filled up goes.
#[derive(Default)]
pub(super) struct Documents(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Key, Arc<Chosen>>,
    old: HashMap<Key, Arc<Chosen>>,
    /// Bytes of the texts in `young`.
    bytes: usize,
}

type Key = [u8; 32];

/// Documents of a generation.
const ROOM: usize = 512;
/// Bytes of their texts; read, a document takes some ten times as much.
const BYTES: usize = 512 << 10;
/// A longer text is read each time.
const LONGEST: usize = 32 << 10;

impl Documents {
    /// The same as [`choose`], with the work done once for each text and name.
    pub fn choose(&self, text: &str, name: Option<&str>) -> Result<Arc<Chosen>, Refusal> {
        if text.len() > LONGEST {
            return choose(text, name).map(Arc::new);
        }
        let key = key(text, name);
        if let Some(chosen) = self.held().find(&key) {
            return Ok(chosen);
        }
        let chosen = Arc::new(choose(text, name)?);
        self.held().keep(key, Arc::clone(&chosen), text.len());
        Ok(chosen)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(&mut self, key: &Key) -> Option<Arc<Chosen>> {
        if let Some(chosen) = self.young.get(key) {
            return Some(Arc::clone(chosen));
        }
        let chosen = self.old.remove(key)?;
        let bytes = chosen.text.len();
        self.keep(*key, Arc::clone(&chosen), bytes);
        Some(chosen)
    }

    fn keep(&mut self, key: Key, chosen: Arc<Chosen>, bytes: usize) {
        if self.young.len() >= ROOM || self.bytes + bytes > BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.young.insert(key, chosen);
    }
}

fn key(text: &str, name: Option<&str>) -> Key {
    let mut context = Context::new(&SHA256);
    // The length stands before the text, and what has no name is told from what has an empty one.
    context.update(&(text.len() as u64).to_be_bytes());
    context.update(text.as_bytes());
    if let Some(name) = name {
        context.update(b"\n");
        context.update(name.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Documents")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_and_its_name_counts() {
        let documents = Documents::default();
        let text = "query A { me { id } } query B { me { name } }";
        let a = documents.choose(text, Some("A")).unwrap();
        assert!(Arc::ptr_eq(&a, &documents.choose(text, Some("A")).unwrap()));
        let b = documents.choose(text, Some("B")).unwrap();
        assert_eq!((a.name().as_deref(), b.name().as_deref()), (Some("A"), Some("B")));
        for _ in 0..2 {
            assert!(documents.choose(text, None).is_err(), "and one of two is not chosen without a name");
            assert!(documents.choose(text, Some("")).is_err());
        }
        assert_ne!(key("{ me { id } }\n", Some("A")), key("{ me { id } }", Some("\nA")));
        assert_ne!(key("{ me { id } }", None), key("{ me { id } }", Some("")));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let documents = Documents::default();
        let sent = |n: usize, pad: usize| format!("{{ me {{ id }} }} # {n}{}", "x".repeat(pad));
        for n in 0..3 * ROOM {
            documents.choose(&sent(n, 0), None).unwrap();
            documents.choose(&sent(0, 0), None).unwrap();
        }
        let (young, old) = {
            let held = documents.held();
            (held.young.len(), held.old.len())
        };
        assert!(young <= ROOM && old <= ROOM, "{young} {old}");
        assert!(documents.held().find(&key(&sent(0, 0), None)).is_some(), "sent all the time, and kept");
        for n in 0..200 {
            documents.choose(&sent(n, 20_000), None).unwrap();
        }
        assert!(documents.held().young.len() <= BYTES / 20_000);
        documents.choose(&sent(1, LONGEST), None).unwrap();
        assert!(documents.held().find(&key(&sent(1, LONGEST), None)).is_none());
    }
}
