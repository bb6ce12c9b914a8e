use std::fmt::Write as _;
use std::ops::Range;

use aho_corasick::{AhoCorasick, Span, packed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// Bytes of each needle that the searcher is given. It cannot be wiped, so it gets the beginnings only; the rest is
/// compared here, against memory that is wiped.
const HEAD: usize = 6;
/// A shorter secret is looked for as it is and in base64 only: its other forms would be found in innocent text.
const FULL_WIDTH: usize = 8;
/// A secret shorter than this is not looked for at all.
const SHORTEST: usize = 6;

/// A secret in every common encoding: as it is; base64 and base64url, padded or not, at each of its three alignments;
/// and, from 8 bytes up, hex, percent-encoding, `\u`, `\x`, JSON and HTML escapes.
///
/// Not looked for: the secret reversed, hashed, in mixed case, compressed, encoded twice, or broken over lines (THREATS K4:
/// what a provider may be asked at all is the real control).
pub(in crate::vault) struct Needles {
    all: Vec<Zeroizing<Vec<u8>>>,
    finder: Finder,
    longest: usize,
    /// Which bytes a needle begins with.
    begins: [bool; 256],
}

enum Finder {
    /// SIMD over the beginnings: 10 times as fast as an automaton where the machine has it.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Needles {
    /// `None` for a secret too short to be looked for.
    pub(in crate::vault) fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < SHORTEST {
            return None;
        }
        let all = encodings(secret);
        let mut heads: Vec<&[u8]> = all.iter().map(|needle| needle.get(..HEAD).unwrap_or(needle)).collect();
        heads.sort_unstable();
        heads.dedup();
        let finder = match packed::Searcher::new(&heads) {
            Some(searcher) => Finder::Packed(searcher),
            None => Finder::Automaton(AhoCorasick::new(&heads).ok()?),
        };
        let mut begins = [false; 256];
        for first in all.iter().filter_map(|needle| needle.first()) {
            if let Some(slot) = begins.get_mut(usize::from(*first)) {
                *slot = true;
            }
        }
        let longest = all.iter().map(|needle| needle.len()).max().unwrap_or_default();
        Some(Needles { all, finder, longest, begins })
    }

    /// The first whole needle in `text` from `from` on; the longest of those that begin there.
    pub(in crate::vault) fn find(&self, text: &[u8], mut from: usize) -> Option<Range<usize>> {
        loop {
            let start = match &self.finder {
                Finder::Packed(searcher) => searcher.find_in(text, Span::from(from..text.len()))?.start(),
                Finder::Automaton(automaton) => {
                    automaton.find(aho_corasick::Input::new(text).span(from..text.len()))?.start()
                }
            };
            let rest = text.get(start..)?;
            let length = self.all.iter().filter(|n| rest.starts_with(n)).map(|n| n.len()).max();
            if let Some(length) = length {
                return Some(start..start + length);
            }
            from = start + 1;
        }
    }

    /// Where the end of `text` (from `from` on) could be the beginning of a needle that is not over yet.
    ///
    /// The work is bounded: a text made to look like many beginnings is held back from the first doubtful place on,
    /// which is safe, and never longer than the longest needle.
    pub(in crate::vault) fn unfinished(&self, text: &[u8], from: usize) -> Option<usize> {
        let window = from.max((text.len() + 1).saturating_sub(self.longest));
        let mut budget = 16 * self.longest;
        for (offset, byte) in text.get(window..)?.iter().enumerate() {
            if !self.begins.get(usize::from(*byte)).copied().unwrap_or_default() {
                continue;
            }
            let tail = text.get(window + offset..)?;
            for needle in self.all.iter().filter(|needle| needle.len() > tail.len()) {
                if needle.get(..8) == tail.get(..8) || tail.len() < 8 {
                    if needle.starts_with(tail) {
                        return Some(window + offset);
                    }
                    match budget.checked_sub(tail.len()) {
                        Some(rest) => budget = rest,
                        None => return Some(window + offset),
                    }
                }
            }
        }
        None
    }
}

/// Every form once, none shorter than [`SHORTEST`].
fn encodings(secret: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut all = vec![Zeroizing::new(secret.to_vec())];
    for before in 0..3 {
        let core = base64_core(secret, before);
        let url = core.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        all.push(Zeroizing::new(url.collect()));
        all.push(core);
    }
    if secret.len() >= FULL_WIDTH {
        let every = |_: u8| true;
        all.push(spell(secret, every, |out, b| write!(out, "{b:02x}")));
        all.push(spell(secret, every, |out, b| write!(out, "{b:02X}")));
        all.push(spell(secret, every, |out, b| write!(out, "\\x{b:02x}")));
        all.push(spell(secret, every, |out, b| write!(out, "\\x{b:02X}")));
        // Escaping all, or only what a usual encoder escapes: RFC 3986's unreserved kept, or also JavaScript's `!*'()`.
        let reserved = |b: u8| !(b.is_ascii_alphanumeric() || b"-_.~".contains(&b));
        let component = |b: u8| reserved(b) && !b"!*'()".contains(&b);
        let percent: [fn(&mut String, u8) -> std::fmt::Result; 2] =
            [|out, b| write!(out, "%{b:02X}"), |out, b| write!(out, "%{b:02x}")];
        for write in percent {
            all.push(spell(secret, every, write));
            all.push(spell(secret, reserved, write));
            all.push(spell(secret, component, write));
            all.push(spell(
                secret,
                reserved,
                |out, b| if b == b' ' { out.write_char('+') } else { write(out, b) },
            ));
        }
        // JSON: everything as \u; or only the quote and backslash, with the slash, with HTML's characters, or all that .NET escapes.
        let escape: [fn(&mut String, u8) -> std::fmt::Result; 2] =
            [|out, b| write!(out, "\\u{b:04x}"), |out, b| write!(out, "\\u{b:04X}")];
        for write in escape {
            all.push(spell(secret, every, write));
            for set in [&b"<>&"[..], b"<>&'", b"<>&'+`\"", b"<>&'+`\"/="] {
                all.push(spell(
                    secret,
                    |b| b == b'\\' || b == b'"' || set.contains(&b),
                    |out, b| match b {
                        b if set.contains(&b) => write(out, b),
                        b => write!(out, "\\{}", char::from(b)),
                    },
                ));
            }
        }
        for set in [&b"\"\\"[..], b"\"\\/"] {
            all.push(spell(secret, |b| set.contains(&b), |out, b| write!(out, "\\{}", char::from(b))));
        }
        for quote in ["&#39;", "&#x27;"] {
            all.push(spell(
                secret,
                |b| b"<>&\"'".contains(&b),
                |out, b| {
                    out.write_str(match b {
                        b'<' => "&lt;",
                        b'>' => "&gt;",
                        b'&' => "&amp;",
                        b'"' => "&quot;",
                        _ => quote,
                    })
                },
            ));
        }
    }
    all.retain(|needle| needle.len() >= SHORTEST);
    all.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
    all.dedup_by(|a, b| a.as_slice() == b.as_slice());
    all
}

/// The base64 characters that the secret alone decides, where `before` bytes of something else come before it.
fn base64_core(secret: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0u8; before]);
    padded.reserve_exact(secret.len());
    padded.extend_from_slice(secret);
    let text = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    Zeroizing::new(text.as_bytes().get(first..last).unwrap_or_default().to_vec())
}

/// The secret with the bytes of a set written in another way.
fn spell(
    secret: &[u8],
    set: impl Fn(u8) -> bool,
    write: impl Fn(&mut String, u8) -> std::fmt::Result,
) -> Zeroizing<Vec<u8>> {
    // Room for the longest escape of every byte, so that the text never moves and leaves a copy behind.
    let mut text = String::with_capacity(secret.len() * 6);
    for byte in secret {
        // Writing to a string does not fail. Secrets are ASCII (`check_secret`); another byte would not be found in these forms.
        let _ = if set(*byte) { write(&mut text, *byte) } else { text.write_char(char::from(*byte)) };
    }
    Zeroizing::new(text.into_bytes())
}
