use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ring::hmac;
use zeroize::Zeroizing;

use super::needles::{base64_core, hex, url_safe};
use crate::model::CredentialId;
use crate::secret::Secret;

/// Bytes that a needle is first looked for by.
const HEAD: usize = 8;
/// A shorter secret is not looked for: it would be found in innocent text. The injected one is looked for by its own [`Needles`].
///
/// [`Needles`]: super::needles::Needles
const SHORTEST: usize = 12;
/// Secrets that are looked for; of more, the newest. Each takes up to a kilobyte.
pub(in crate::vault) const MOST: usize = 10_000;
const TAG: usize = 16;

/// Every secret that the vault holds, as what can be recognised and not read: no byte of any of them is kept.
///
/// Of each secret, in each common encoding, stay keyed digests of its first eight bytes, of eight in its middle, of its last
/// eight and of the whole; the keys come from the KEK. Looked for are the secret as it is, percent-encoded and escaped for JSON, in base64
/// and base64url at each alignment, and in hex of either case.
///
/// Time is linear in the bytes searched: one multiplication and one look into a small table for each, and a MAC only where
/// three digests fit. Where a text is held back, it is only for as long as it could become a secret; no secret holds a
/// control character, so that nothing is held beyond the end of a line.
pub struct Known {
    keys: Keys,
    /// What was made of each version, for the next set that holds it too.
    each: HashMap<(CredentialId, i64), Arc<[Needle]>>,
    by_head: HashMap<u32, Vec<OfLength>>,
    /// The first bytes of needles, for texts that end within them: how many, and their digest.
    starts: HashSet<(u8, u32)>,
    /// One bit for each head, by the top bits of its product.
    filter: Vec<u64>,
    shift: u32,
    longest: usize,
}

#[derive(Clone)]
struct Keys {
    factor: u64,
    mac: hmac::Key,
}

/// One encoding of one secret.
struct Needle {
    length: usize,
    head: u32,
    place: u64,
    starts: [u32; HEAD - 1],
    middle: u32,
    end: u32,
    tag: [u8; TAG],
}

/// The needles of one head and one length, by their middle.
struct OfLength {
    length: usize,
    by_middle: HashMap<u32, Vec<(u32, [u8; TAG])>>,
}

impl Known {
    /// Nothing is known, and nothing is found. `factor` and `mac` are keys that no one else has.
    pub fn none(factor: [u8; 8], mac: hmac::Key) -> Self {
        let keys = Keys { factor: u64::from_le_bytes(factor) | 1, mac };
        Known::of(keys, HashMap::new())
    }

    /// Whether these versions, and no others, are known.
    pub fn is_of<'a>(&self, versions: impl Iterator<Item = &'a (CredentialId, i64)>) -> bool {
        let mut count = 0;
        versions.take(MOST).inspect(|_| count += 1).all(|version| self.each.contains_key(version))
            && count == self.each.len()
    }

    /// The same keys with other secrets. `open` is asked only for versions that are new; the plaintext is wiped at once.
    pub fn with<'a, E>(
        &self,
        versions: impl Iterator<Item = &'a (CredentialId, i64)>,
        mut open: impl FnMut(&(CredentialId, i64)) -> Result<Secret, E>,
        mut failed: impl FnMut(&(CredentialId, i64), E),
    ) -> Self {
        let mut each = HashMap::new();
        for version in versions.take(MOST) {
            let needles = match self.each.get(version) {
                Some(needles) => Arc::clone(needles),
                None => match open(version) {
                    Ok(secret) => self.keys.needles(secret.expose()),
                    Err(error) => {
                        failed(version, error);
                        continue;
                    }
                },
            };
            each.insert(version.clone(), needles);
        }
        Known::of(self.keys.clone(), each)
    }

    fn of(keys: Keys, each: HashMap<(CredentialId, i64), Arc<[Needle]>>) -> Self {
        let count: usize = each.values().map(|needles| needles.len()).sum();
        // Sixteen places for each, so that one byte in sixteen at most is looked at twice.
        let bits = (count * 16).next_power_of_two().trailing_zeros().clamp(10, 22);
        let mut known = Known {
            keys,
            by_head: HashMap::new(),
            starts: HashSet::new(),
            filter: vec![0; 1 << (bits - 6)],
            shift: 64 - bits,
            longest: 0,
            each: HashMap::new(),
        };
        for needle in each.values().flat_map(|needles| needles.iter()) {
            known.add(needle);
        }
        known.each = each;
        known
    }

    fn add(&mut self, needle: &Needle) {
        self.longest = self.longest.max(needle.length);
        let place = needle.place >> self.shift;
        if let Some(word) = usize::try_from(place >> 6).ok().and_then(|at| self.filter.get_mut(at)) {
            *word |= 1 << (place & 63);
        }
        self.starts.extend((1u8..).zip(needle.starts));
        let lengths = self.by_head.entry(needle.head).or_default();
        let at = match lengths.iter().position(|of| of.length == needle.length) {
            Some(at) => at,
            None => {
                lengths.push(OfLength { length: needle.length, by_middle: HashMap::new() });
                // The longest first: what is found is as long as it can be.
                lengths.sort_by_key(|of| std::cmp::Reverse(of.length));
                lengths.iter().position(|of| of.length == needle.length).unwrap_or_default()
            }
        };
        if let Some(of) = lengths.get_mut(at) {
            of.by_middle.entry(needle.middle).or_default().push((needle.end, needle.tag));
        }
    }

    /// The first secret in `text` from `from` on; the longest of those that begin there.
    pub fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let rest = text.get(from..)?;
        for (at, window) in rest.windows(HEAD).enumerate() {
            let Some(lengths) = self.at(window) else { continue };
            let here = rest.get(at..)?;
            let found = lengths.iter().find(|of| self.is_one(here, of));
            if let Some(of) = found {
                return Some(from + at..from + at + of.length);
            }
        }
        None
    }

    /// Where the end of `text` (from `from` on) could be the beginning of a secret that is not over yet.
    pub fn unfinished(&self, text: &[u8], from: usize) -> Option<usize> {
        if self.longest == 0 {
            return None;
        }
        // No secret goes on behind a control character.
        let line = text.iter().rposition(u8::is_ascii_control).map_or(0, |at| at + 1);
        let window = from.max(line).max((text.len() + 1).saturating_sub(self.longest));
        (window..text.len()).find(|at| {
            let here = text.get(*at..).unwrap_or_default();
            match here.get(..HEAD) {
                None => u8::try_from(here.len())
                    .is_ok_and(|many| self.starts.contains(&(many, self.keys.short(here)))),
                Some(window) => self.at(window).is_some_and(|lengths| {
                    let goes_on = |of: &OfLength| {
                        let middle = here.get(middle(of.length)).map(|middle| self.keys.digest(middle));
                        here.len() < of.length
                            && middle.is_none_or(|middle| of.by_middle.contains_key(&middle))
                    };
                    lengths.iter().any(goes_on)
                }),
            }
        })
    }

    fn at(&self, window: &[u8]) -> Option<&Vec<OfLength>> {
        let product = self.keys.product(window);
        let place = product >> self.shift;
        let word = self.filter.get(usize::try_from(place >> 6).ok()?)?;
        if word >> (place & 63) & 1 == 0 {
            return None;
        }
        self.by_head.get(&folded(product))
    }

    fn is_one(&self, here: &[u8], of: &OfLength) -> bool {
        let Some(whole) = here.get(..of.length) else { return false };
        let digest = |part: Range<usize>| whole.get(part).map(|part| self.keys.digest(part));
        let Some(candidates) = digest(middle(of.length)).and_then(|middle| of.by_middle.get(&middle)) else {
            return false;
        };
        let end = digest(of.length - HEAD..of.length);
        let mut tag = None;
        candidates.iter().any(|(own, wanted)| {
            Some(*own) == end && *wanted == *tag.get_or_insert_with(|| self.keys.tag(whole))
        })
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("secrets", &self.each.len()).finish_non_exhaustive()
    }
}

// === impl Keys ===

impl Keys {
    fn needles(&self, secret: &[u8]) -> Arc<[Needle]> {
        let mut seen = HashSet::new();
        encodings(secret)
            .iter()
            .filter_map(|text| self.needle(text))
            .filter(|needle| seen.insert(needle.tag))
            .collect()
    }

    fn needle(&self, text: &[u8]) -> Option<Needle> {
        let (length, first) = (text.len(), text.get(..HEAD)?);
        if length < SHORTEST {
            return None;
        }
        let place = self.product(first);
        let mut starts = [0; HEAD - 1];
        for (many, start) in (1..).zip(&mut starts) {
            *start = self.short(first.get(..many)?);
        }
        Some(Needle {
            length,
            head: folded(place),
            place,
            starts,
            middle: self.digest(text.get(middle(length))?),
            end: self.digest(text.get(length - HEAD..)?),
            tag: self.tag(text),
        })
    }

    /// Of eight bytes.
    fn product(&self, window: &[u8]) -> u64 {
        window.first_chunk::<HEAD>().map_or(0, |bytes| u64::from_le_bytes(*bytes)).wrapping_mul(self.factor)
    }

    fn digest(&self, window: &[u8]) -> u32 {
        folded(self.product(window))
    }

    /// Of fewer than eight.
    fn short(&self, text: &[u8]) -> u32 {
        let mut padded = [0; HEAD];
        padded.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
        self.digest(&padded)
    }

    fn tag(&self, text: &[u8]) -> [u8; TAG] {
        let tag = hmac::sign(&self.mac, text);
        tag.as_ref().first_chunk::<TAG>().copied().unwrap_or_default()
    }
}

/// The half of a product that says the least of what was multiplied. Many windows have the same.
fn folded(product: u64) -> u32 {
    u32::try_from(product >> 32).unwrap_or_default()
}

/// Where the middle of a text of this length is looked at.
fn middle(length: usize) -> Range<usize> {
    let start = (length / 2).min(length.saturating_sub(HEAD));
    start..start + HEAD
}

/// With room at once, so that no buffer grows and leaves a copy behind.
fn encodings(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut all = vec![Zeroizing::new(secret.to_vec())];
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        all.push(hex(secret, digits));
        all.push(escaped(secret, |byte, out| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                return out.push(byte);
            }
            let digit = |half: u8| digits.get(usize::from(half)).copied().unwrap_or_default();
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }));
    }
    for special in [&b"\"\\"[..], b"\"\\/"] {
        all.push(escaped(secret, |byte, out| {
            if special.contains(&byte) {
                out.push(b'\\');
            }
            out.push(byte);
        }));
    }
    for before in 0..3 {
        let core = base64_core(secret, before);
        all.push(Zeroizing::new(core.iter().map(|byte| url_safe(*byte)).collect()));
        all.push(core);
    }
    all
}

fn escaped(secret: &[u8], write: impl Fn(u8, &mut Vec<u8>)) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() * 3));
    secret.iter().for_each(|byte| write(*byte, &mut text));
    text
}

#[cfg(test)]
mod tests;
