use std::borrow::Cow;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use super::MOST;
use super::keys::{Keys, Shape};

/// The longest text that a shape is held against: what is longer is no key of one line.
const WINDOW: usize = 512;

/// A run of base64 shorter than this holds no key.
const RUN: usize = 24;

/// How often escapes or base64 are undone, one in the other.
const LAYERS: usize = 2;

/// No shape and no random value is shorter.
const SHORTEST: usize = 14;

/// Digits of a line of base64, from which on the next line goes on with it.
const LINE: usize = 60;

/// As they stand, and in JSON.
const LINE_ENDS: [&[u8]; 4] = [b"\r\n", b"\n", b"\\r\\n", b"\\n"];

/// As forgiving as a decoder may be: what a provider might read counts, not what is well written.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many starts the packed search takes at once.
const TOGETHER: usize = 64;

/// Finds the places where a key could start. Linear, and as fast as memory: packed search, 64 starts a pass.
pub(super) struct Finder {
    passes: Vec<Pass>,
}

struct Pass {
    search: Search,
    /// For each start: the shapes that may begin there.
    shapes: Vec<Vec<usize>>,
}

enum Search {
    Packed(packed::Searcher),
    /// Where the processor has no packed search.
    Plain(AhoCorasick),
}

impl Finder {
    pub fn new(shapes: &[Shape]) -> Result<Self, String> {
        // No start is the beginning of another one, so that the shortest is always found.
        let mut all: Vec<&str> =
            shapes.iter().flat_map(|shape| shape.starts.iter().map(String::as_str)).collect();
        all.sort_unstable();
        let mut starts: Vec<&str> = Vec::new();
        for start in all {
            if !starts.last().is_some_and(|last| start.starts_with(last)) {
                starts.push(start);
            }
        }
        let passes = starts.chunks(TOGETHER).map(|starts| Pass::new(starts, shapes));
        Ok(Finder { passes: passes.collect::<Result<_, _>>()? })
    }
}

impl Pass {
    fn new(starts: &[&str], shapes: &[Shape]) -> Result<Self, String> {
        let begins = |start: &str, shape: &Shape| shape.starts.iter().any(|own| own.starts_with(start));
        let of = |start: &&str| {
            let those = shapes.iter().enumerate().filter(|(_, shape)| begins(start, shape));
            those.map(|(index, _)| index).collect()
        };
        let search = match packed::Config::new().builder().extend(starts).build() {
            Some(packed) => Search::Packed(packed),
            None => {
                let plain = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(starts);
                Search::Plain(plain.map_err(|error| error.to_string())?)
            }
        };
        Ok(Pass { search, shapes: starts.iter().map(of).collect() })
    }

    /// Position and shapes of the first start at or after `from`.
    fn next(&self, text: &[u8], from: usize) -> Option<(usize, &[usize])> {
        let span = Span::from(from..text.len());
        let found = match &self.search {
            Search::Packed(packed) => packed.find_in(text, span),
            Search::Plain(plain) => plain.find(Input::new(text).span(span)),
        }?;
        Some((found.start(), self.shapes.get(found.pattern().as_usize()).map_or(&[], Vec::as_slice)))
    }
}

impl Keys {
    /// Names of shapes and the texts that have them: as they stand, and with escapes or base64 undone, one in the other.
    pub(super) fn search(&self, text: &[u8]) -> Vec<(&str, Vec<u8>)> {
        let mut found = Vec::new();
        self.layer(text, LAYERS, &mut found);
        found
    }

    fn layer<'a>(&'a self, text: &[u8], deeper: usize, found: &mut Vec<(&'a str, Vec<u8>)>) {
        if text.len() < SHORTEST || found.len() >= MOST {
            return;
        }
        self.plain(text, found);
        let named = self.context.find(text).take(MOST);
        found.extend(named.map(|value| (self.whole(value).unwrap_or("credential"), value.to_vec())));
        let Some(deeper) = deeper.checked_sub(1) else { return };
        if memchr::memchr(b'%', text).is_some() {
            let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode(text).into();
            if let Cow::Owned(decoded) = decoded {
                self.layer(&decoded, deeper, found);
            }
        }
        if memchr::memmem::find(text, b"\\u00").is_some() {
            self.layer(&unescaped(text), deeper, found);
        }
        self.runs(text, deeper, found);
        if let Some(joined) = joined(text) {
            self.runs(&joined, deeper, found);
        }
    }

    fn plain<'a>(&'a self, text: &[u8], found: &mut Vec<(&'a str, Vec<u8>)>) {
        for pass in &self.finder.passes {
            let mut from = 0;
            while let Some((at, shapes)) = pass.next(text, from) {
                from = at + 1;
                if found.len() >= MOST {
                    return;
                }
                found.extend(self.at(text, at, shapes));
            }
        }
    }

    /// The first of these shapes that a text has at a place.
    fn at(&self, text: &[u8], at: usize, shapes: &[usize]) -> Option<(&str, Vec<u8>)> {
        // A key stands by itself: the end of a longer word is none.
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        if before.is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let rest = text.get(at..)?;
        let window = rest.get(..WINDOW).unwrap_or(rest);
        let shapes = shapes.iter().filter_map(|index| self.shapes.get(*index));
        shapes
            .filter_map(|shape| Some((shape.name(), shape.pattern.find(window)?.as_bytes().to_vec())))
            .next()
    }

    /// Every run of base64 digits, decoded.
    fn runs<'a>(&'a self, text: &[u8], deeper: usize, found: &mut Vec<(&'a str, Vec<u8>)>) {
        let mut before = 0;
        for run in text.split(|byte| !base64_digit(*byte)) {
            if run.len() >= RUN {
                self.base64(run, deeper, found);
                // In JSON a line's first letter may be that of an escape before it: `\nZ2hw...`.
                if before == b'\\' {
                    self.base64(run.get(1..).unwrap_or_default(), deeper, found);
                }
            }
            let end = run.as_ptr_range().end as usize - text.as_ptr() as usize;
            before = text.get(end).copied().unwrap_or_default();
        }
    }

    fn base64<'a>(&'a self, run: &[u8], deeper: usize, found: &mut Vec<(&'a str, Vec<u8>)>) {
        let whole = run.len() - usize::from(run.len() % 4 == 1);
        let digits = run.iter().take(whole).map(|digit| match digit {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        });
        if let Ok(bytes) = BASE64.decode(digits.collect::<Vec<u8>>()) {
            self.layer(&bytes, deeper, found);
        }
    }
}

/// Base64 that is broken into lines, whole again: a key may be broken anywhere. `None` where there is none.
fn joined(text: &[u8]) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let (mut run, mut from, mut at) = (0, 0, 0);
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let end = LINE_ENDS.iter().find(|end| run >= LINE && rest.starts_with(end));
        match end {
            Some(end) => {
                out.extend_from_slice(text.get(from..at).unwrap_or_default());
                at += end.len();
                (from, run) = (at, 0);
                continue;
            }
            None if base64_digit(*byte) => run += 1,
            None => run = 0,
        }
        at += 1;
    }
    (from > 0).then(|| {
        out.extend_from_slice(text.get(from..).unwrap_or_default());
        out
    })
}

fn base64_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// JSON's `\u00XX` undone; everything else as it stands.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let hex = rest.strip_prefix(b"\\u00").and_then(<[u8]>::first_chunk::<2>);
        let escaped = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(escaped) => {
                out.push(escaped);
                rest = rest.get(6..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}
