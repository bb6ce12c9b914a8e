use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::{AhoCorasick, Input, Span, packed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::spelling::{self, Escapes, Match};

/// Bytes of a needle that the searcher is given. Its memory cannot be wiped, so it gets beginnings only; the rest is
/// compared here, with memory that is wiped.
const HEAD: usize = 6;
/// Ways to write a beginning, beyond which a shorter one is taken.
const MAX_HEADS: usize = 9;
const ENTITY: &[u8] = b"&#";
/// Bytes searched, from which on a searcher is worth its making.
const SMALL: usize = 4096;
/// A shorter secret is looked for as it is and in base64 only: its other forms would be found in innocent text.
const FULL_WIDTH: usize = 8;
/// A secret shorter than this is not looked for at all.
const SHORTEST: usize = 6;

/// A secret in every common encoding: as it is, UTF-16 of either order, base64 and base64url at each of their three alignments,
/// hex; and what is text escaped in the ways of `spelling`.
///
/// Not looked for: the secret reversed, hashed, compressed, encoded twice, broken over lines, in hex of mixed case, or, in a
/// long answer, with some of its first letters escaped and some not (THREATS K4: what a provider may be asked is the real control).
pub struct Needles {
    all: Vec<Needle>,
    longest: usize,
    /// Which needles begin with a byte, in any spelling: one bit each.
    begins: [u16; 256],
    /// Made when there is enough to search: it costs as much as reading a few kilobytes without it.
    finder: OnceLock<Finder>,
    /// Bytes searched without it.
    searched: AtomicUsize,
}

struct Needle {
    text: Zeroizing<Vec<u8>>,
    escapes: Escapes,
}

enum Finder {
    /// SIMD over the beginnings: 10 times as fast as an automaton, where the machine has it.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
    /// Byte by byte.
    Plain,
}

impl Needles {
    /// `None` for a secret too short to be looked for.
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < SHORTEST {
            return None;
        }
        let all = encodings(secret);
        let mut begins = [0u16; 256];
        for (bit, needle) in all.iter().enumerate() {
            for first in needle.first_bytes() {
                if let Some(slot) = begins.get_mut(usize::from(first)) {
                    *slot |= 1 << bit;
                }
            }
        }
        let longest = all.iter().map(Needle::longest).max().unwrap_or_default();
        Some(Needles { all, longest, begins, finder: OnceLock::new(), searched: AtomicUsize::new(0) })
    }

    /// Most bytes that a needle takes: the bound of what is held back.
    #[cfg(test)]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The first whole needle in `text` from `from` on; the longest of those that begin there.
    pub fn find(&self, text: &[u8], mut from: usize) -> Option<Range<usize>> {
        let finder = match self.finder.get() {
            None if self.searched.fetch_add(text.len(), Ordering::Relaxed) + text.len() < SMALL => {
                &Finder::Plain
            }
            _ => self.finder.get_or_init(|| Finder::new(&self.all)),
        };
        loop {
            let start = match finder {
                Finder::Packed(searcher) => searcher.find_in(text, Span::from(from..text.len()))?.start(),
                Finder::Automaton(automaton) => {
                    automaton.find(Input::new(text).span(from..text.len()))?.start()
                }
                Finder::Plain => {
                    from + text.get(from..)?.iter().position(|byte| self.candidates(*byte) != 0)?
                }
            };
            let rest = text.get(start..)?;
            let whole = self.beginning_with(*rest.first()?).filter_map(|needle| needle.begins(rest).whole);
            if let Some(length) = whole.max() {
                return Some(start..start + length);
            }
            from = start + 1;
        }
    }

    /// Where the end of `text` (from `from` on) could be the beginning of a needle that is not over yet.
    ///
    /// The work is bounded: a text made to look like many beginnings is held back from the first doubtful place on,
    /// which is safe, and never longer than the longest needle.
    pub fn unfinished(&self, text: &[u8], from: usize) -> Option<usize> {
        let window = from.max((text.len() + 1).saturating_sub(self.longest));
        let mut budget = 16 * self.longest;
        for (at, byte) in text.iter().enumerate().skip(window) {
            if self.candidates(*byte) == 0 {
                continue;
            }
            let rest = text.get(at..)?;
            for needle in self.beginning_with(*byte) {
                // Most places differ at once; only a long way together costs.
                let short = rest.get(..24).unwrap_or(rest);
                if !needle.begins(short).open {
                    continue;
                }
                if short.len() == rest.len() || budget < rest.len() || needle.begins(rest).open {
                    return Some(at);
                }
                budget -= rest.len();
            }
        }
        None
    }

    fn candidates(&self, first: u8) -> u16 {
        self.begins.get(usize::from(first)).copied().unwrap_or_default()
    }

    fn beginning_with(&self, first: u8) -> impl Iterator<Item = &Needle> {
        let candidates = self.candidates(first);
        self.all
            .iter()
            .enumerate()
            .filter(move |(bit, _)| candidates >> bit & 1 == 1)
            .map(|(_, needle)| needle)
    }
}

impl Finder {
    fn new(all: &[Needle]) -> Self {
        let mut heads: Vec<Vec<u8>> = all.iter().flat_map(Needle::heads).collect();
        heads.sort_unstable();
        heads.dedup();
        match packed::Searcher::new(&heads) {
            Some(searcher) => Finder::Packed(searcher),
            None => AhoCorasick::new(&heads).map_or(Finder::Plain, Finder::Automaton),
        }
    }
}

// === impl Needle ===

impl Needle {
    fn begins(&self, text: &[u8]) -> Match {
        spelling::begins(text, &self.text, self.escapes)
    }

    fn longest(&self) -> usize {
        self.text.iter().map(|byte| spelling::widest(*byte, self.escapes)).sum()
    }

    /// Every byte that a spelling of it can begin with.
    fn first_bytes(&self) -> impl Iterator<Item = u8> {
        let first = self.text.first().copied();
        let escapes = first.filter(|byte| self.escapes.allows(*byte));
        let also = escapes.map_or(&[][..], |byte| match byte {
            b' ' => b"%\\&+",
            byte if byte.is_ascii_alphanumeric() => b"%\\",
            _ => b"%\\&",
        });
        first.into_iter().chain(also.iter().copied())
    }

    /// What the searcher looks for: the beginning as it is and, where it holds other than letters and digits, in their spellings;
    /// and, if all may be escaped, with the first two bytes escaped.
    fn heads(&self) -> Vec<Vec<u8>> {
        let mut heads = vec![Vec::new()];
        for byte in self.text.iter().take(HEAD) {
            let spellings = if self.escapes.allows(*byte) { spellings(*byte) } else { vec![vec![*byte]] };
            if heads.len() > 1 && heads.len() * spellings.len() > MAX_HEADS {
                break;
            }
            heads = heads.iter().flat_map(|head| extended(head, &spellings)).collect();
        }
        if let (Escapes::All, [first, second, ..]) = (self.escapes, self.text.as_slice()) {
            heads.push(format!("%{first:02x}%{second:02x}").into());
            heads.push(format!("%{first:02X}%{second:02X}").into());
            heads.push(format!("\\u{first:04x}\\").into());
            heads.push(format!("\\u{first:04X}\\").into());
            heads.push(format!("\\x{first:02x}\\x{second:02x}").into());
            heads.push(format!("\\x{first:02X}\\x{second:02X}").into());
        }
        heads
    }
}

/// A beginning with one byte more, in each of its spellings. Behind `&#` the digits may be written in several ways: it ends there.
fn extended(head: &[u8], spellings: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if head.ends_with(ENTITY) {
        return vec![head.to_vec()];
    }
    spellings.iter().map(|more| [head, more].concat()).collect()
}

/// How an encoder could write this byte; entities by their first two characters, which all of them share.
fn spellings(byte: u8) -> Vec<Vec<u8>> {
    let mut all = vec![vec![byte]];
    if byte.is_ascii_alphanumeric() {
        return all;
    }
    all.extend([format!("%{byte:02X}").into(), format!("%{byte:02x}").into()]);
    all.extend([format!("\\u{byte:04x}").into(), format!("\\u{byte:04X}").into(), vec![b'\\', byte]]);
    all.push(ENTITY.to_vec());
    all.extend(match byte {
        b' ' => Some(b"+".to_vec()),
        b'<' => Some(b"&lt;".to_vec()),
        b'>' => Some(b"&gt;".to_vec()),
        b'&' => Some(b"&amp;".to_vec()),
        b'"' => Some(b"&quot;".to_vec()),
        b'\'' => Some(b"&apos;".to_vec()),
        _ => None,
    });
    all
}

fn encodings(secret: &[u8]) -> Vec<Needle> {
    let wide = secret.len() >= FULL_WIDTH;
    let raw = if wide { Escapes::All } else { Escapes::None };
    let mut all = vec![Needle { text: Zeroizing::new(secret.to_vec()), escapes: raw }];
    for before in 0..3 {
        let core = base64_core(secret, before);
        let url: Zeroizing<Vec<u8>> = Zeroizing::new(core.iter().map(|byte| url_safe(*byte)).collect());
        if *url != *core {
            all.push(Needle { text: url, escapes: Escapes::None });
        }
        all.push(Needle { text: core, escapes: Escapes::Special });
    }
    if wide {
        for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
            all.push(Needle { text: hex(secret, digits), escapes: Escapes::None });
        }
        all.push(Needle { text: utf16(secret), escapes: Escapes::None });
    }
    all
}

/// With room at once, so that no buffer grows and leaves a copy behind.
pub(super) fn hex(secret: &[u8], digits: &[u8; 16]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() * 2));
    let nibbles = secret.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(nibbles.filter_map(|nibble| digits.get(usize::from(nibble))));
    text
}

/// What both byte orders have in common: a zero between two characters.
fn utf16(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() * 2));
    text.extend(secret.iter().flat_map(|byte| [*byte, 0]));
    text.pop();
    text
}

pub(super) fn url_safe(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}

/// The base64 characters that the secret alone decides, where `before` bytes of something else come before it.
pub(super) fn base64_core(secret: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(before + secret.len()));
    padded.extend_from_slice([0u8; 3].get(..before).unwrap_or_default());
    padded.extend_from_slice(secret);
    let text = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    Zeroizing::new(text.as_bytes().get(first..last).unwrap_or_default().to_vec())
}
