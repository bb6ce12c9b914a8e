use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::known::Known;
use super::needles::Needles;

/// What stands where the secret stood.
pub const REDACTED: &str = "[stint:redacted]";

/// Looks for the injected secret, and for every other that the vault holds, in what the provider answers, and takes them out
/// (THREATS K1, K2, K4).
///
/// It sees bytes: the caller asks the provider for `identity` coding or decodes first (K3), and drops `Content-Length`
/// where [`Screen::found`] could become true. A secret of 6 or 7 bytes is looked for as it is and in base64 only, a shorter
/// one not at all: it would be found in innocent text. In base64 the one or two characters at an end that the secret
/// shares with its neighbours stay.
///
/// Time is linear in the bytes pushed, plus for each push at most a few times the longest needle; only a secret that repeats
/// itself (`aaaa…`) costs up to its length for each byte.
#[must_use = "an answer that is not screened may carry the secret"]
pub struct Screen {
    sought: Sought,
    /// The end of what was pushed, where it could be the beginning of a needle. Shorter than the longest needle.
    held: Vec<u8>,
    found: bool,
}

impl Screen {
    pub(in crate::vault) fn new(secret: &[u8], known: Option<Arc<Known>>) -> Self {
        Screen { sought: Sought { needles: Needles::new(secret), known }, held: Vec::new(), found: false }
    }

    /// Whether a secret has been seen so far, in headers or body.
    pub fn found(&self) -> bool {
        self.found
    }

    /// Redact header (or trailer) values. A header whose *name* holds the secret is removed.
    pub fn headers(&mut self, headers: &mut HeaderMap) {
        let sought = &self.sought;
        let mut named: Vec<HeaderName> = Vec::new();
        for (name, value) in headers.iter_mut() {
            if let Some(clean) = redact(sought, value.as_bytes()) {
                self.found = true;
                // Redaction puts visible ASCII in: a value that was one stays one.
                *value = HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static(REDACTED));
            }
            if sought.find(name.as_str().as_bytes(), 0).is_some() {
                named.push(name.clone());
            }
        }
        for name in named {
            self.found = true;
            headers.remove(name);
        }
    }

    /// The next bytes of the body; gives back those that are safe to release.
    ///
    /// Holds bytes back only while they could be the beginning of the secret, so that a stream of events keeps flowing.
    /// A chunk without anything suspicious is handed on without a copy.
    #[must_use = "these bytes of the answer would be lost"]
    pub fn push(&mut self, mut chunk: Bytes) -> Bytes {
        if self.held.is_empty() && self.sought.find(&chunk, 0).is_none() {
            if let Some(at) = self.sought.unfinished(&chunk, 0) {
                self.held.extend_from_slice(&chunk.split_off(at));
            }
            return chunk;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(&chunk);
        self.release(text, false)
    }

    /// The end of the body: what was held back, and is the secret or is not.
    #[must_use = "these bytes of the answer would be lost"]
    pub fn finish(&mut self) -> Bytes {
        let text = std::mem::take(&mut self.held);
        self.release(text, true)
    }

    fn release(&mut self, text: Vec<u8>, last: bool) -> Bytes {
        let sought = &self.sought;
        let mut out = Vec::with_capacity(text.len());
        let mut ahead = Ahead::default();
        let mut from = 0;
        let end = loop {
            let unfinished = if last { None } else { sought.unfinished(&text, from) };
            let whole = sought.next(&text, from, &mut ahead);
            match (whole, unfinished) {
                // What begins first wins: a needle that is over must not be cut out of a longer one that may still come.
                (Some(whole), doubt) if doubt.is_none_or(|doubt| whole.start < doubt) => {
                    self.found = true;
                    out.extend_from_slice(text.get(from..whole.start).unwrap_or_default());
                    out.extend_from_slice(REDACTED.as_bytes());
                    from = whole.end;
                }
                (_, Some(doubt)) => break doubt,
                (_, None) => break text.len(),
            }
        };
        out.extend_from_slice(text.get(from..end).unwrap_or_default());
        self.held.extend_from_slice(text.get(end..).unwrap_or_default());
        out.into()
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("found", &self.found).finish_non_exhaustive()
    }
}

/// The injected secret in every spelling, and what else the vault holds.
struct Sought {
    needles: Option<Needles>,
    known: Option<Arc<Known>>,
}

/// What each of the two finds next, so that neither searches the same stretch again for what the other found before it.
#[derive(Default)]
struct Ahead([Option<Option<Range<usize>>>; 2]);

impl Sought {
    fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        self.next(text, from, &mut Ahead::default())
    }

    /// What begins first; of two that begin together, the longer one.
    fn next(&self, text: &[u8], from: usize, ahead: &mut Ahead) -> Option<Range<usize>> {
        let Ahead([injected, other]) = ahead;
        let needles = || self.needles.as_ref()?.find(text, from);
        let known = || self.known.as_ref()?.find(text, from);
        let found = [still(injected, from, needles), still(other, from, known)];
        found.into_iter().flatten().min_by_key(|found| (found.start, std::cmp::Reverse(found.end)))
    }

    fn unfinished(&self, text: &[u8], from: usize) -> Option<usize> {
        let injected = self.needles.as_ref().and_then(|needles| needles.unfinished(text, from));
        let other = self.known.as_ref().and_then(|known| known.unfinished(text, from));
        injected.into_iter().chain(other).min()
    }
}

/// What was found ahead, where it is still ahead.
fn still(
    slot: &mut Option<Option<Range<usize>>>,
    from: usize,
    find: impl FnOnce() -> Option<Range<usize>>,
) -> Option<Range<usize>> {
    match slot {
        Some(None) => None,
        Some(Some(found)) if found.start >= from => Some(found.clone()),
        _ => slot.insert(find()).clone(),
    }
}

/// `None` where there is nothing to redact.
fn redact(sought: &Sought, text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut from = 0;
    let mut ahead = Ahead::default();
    while let Some(found) = sought.next(text, from, &mut ahead) {
        out.extend_from_slice(text.get(from..found.start)?);
        out.extend_from_slice(REDACTED.as_bytes());
        from = found.end;
    }
    (from > 0).then(|| {
        out.extend_from_slice(text.get(from..).unwrap_or_default());
        out
    })
}

#[cfg(test)]
mod tests;
