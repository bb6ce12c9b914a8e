use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Version};

/// Entries kept; the oldest give way.
const KEPT: usize = 4096;

/// One request as it arrived.
#[derive(Clone)]
pub struct Entry {
    pub method: String,
    /// Path and query, byte for byte.
    pub path: String,
    /// `Host` or `:authority`.
    pub host: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What the request names: GraphQL root fields of every operation, or `METHOD template` for REST.
    pub operations: Vec<String>,
}

/// Every request that arrived, oldest first. Cheap to clone; all clones see the same log.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<VecDeque<Entry>>>);

impl Log {
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().iter().cloned().collect()
    }

    pub fn last(&self) -> Option<Entry> {
        self.lock().back().cloned()
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many requests named `operation` (`volumeDelete`, `DELETE /repos/{owner}/{repo}`).
    pub fn reached(&self, operation: &str) -> usize {
        self.lock().iter().filter(|entry| entry.operations.iter().any(|name| name == operation)).count()
    }

    /// Whether `needle` arrived anywhere: in a path, a header or a body.
    pub fn holds(&self, needle: &str) -> bool {
        self.lock().iter().any(|entry| entry.holds(needle.as_bytes()))
    }

    pub(crate) fn push(&self, entry: Entry) {
        let mut entries = self.lock();
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The value of a header, where it is there once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn holds(&self, needle: &[u8]) -> bool {
        contains(self.path.as_bytes(), needle)
            || contains(&self.body, needle)
            || self.headers.values().any(|value| contains(value.as_bytes(), needle))
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|window| window == needle)
}

impl fmt::Debug for Entry {
    /// Headers and bodies carry credentials: they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("operations", &self.operations)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}
