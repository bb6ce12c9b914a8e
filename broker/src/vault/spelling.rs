//! In which ways a text can be written inside another: percent-encoded, escaped for JSON, HTML or a C-like string.
//!
//! Encoders differ in what they escape, so each byte may stand in any of its spellings, whatever the others do.

/// Whether a text begins with a needle, in some spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// It does, with this many bytes.
    pub whole: Option<usize>,
    /// The text ends before everything is told: more could make it a match, or a longer one.
    pub open: bool,
}

/// Which bytes of a needle may be escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// None: hex digits.
    None,
    /// Those that are not letters or digits: `+/` of base64.
    Special,
    /// Any.
    All,
}

impl Escapes {
    pub fn allows(self, byte: u8) -> bool {
        match self {
            Escapes::None => false,
            Escapes::Special => !byte.is_ascii_alphanumeric(),
            Escapes::All => true,
        }
    }
}

/// Most bytes that this one takes in any spelling: `\u002b`, `&#x002b;`.
pub fn widest(byte: u8, escapes: Escapes) -> usize {
    match escapes.allows(byte) {
        false => 1,
        true if byte.is_ascii_alphanumeric() => 6,
        true => 8,
    }
}

pub fn begins(text: &[u8], needle: &[u8], escapes: Escapes) -> Match {
    // As long as text and needle are plain there is one way only to go on.
    let plain = text
        .iter()
        .zip(needle)
        .take_while(|(given, byte)| given == byte && !matches!(given, b'%' | b'\\' | b'&'));
    let same = plain.count();
    let (Some(rest), Some(needle)) = (text.get(same..), needle.get(same..)) else { return Match::NO };
    match rest.first() {
        _ if needle.is_empty() => Match { whole: Some(same), open: false },
        None => Match { whole: None, open: true },
        Some(b'%' | b'\\' | b'&' | b'+') => in_any_way(rest, needle, escapes).behind(same),
        Some(_) => Match::NO,
    }
}

fn in_any_way(text: &[u8], needle: &[u8], escapes: Escapes) -> Match {
    // Where the bytes so far can end. More than one place, because `%25` can stand for `%25` or for `%`.
    let mut ends = Places::default();
    ends.add(0);
    let mut open = false;
    for byte in needle {
        let mut next = Places::default();
        for end in ends.iter() {
            let rest = text.get(end..).unwrap_or_default();
            match rest.first() {
                None => open = true,
                Some(first) if first == byte => next.add(end + 1),
                Some(_) => {}
            }
            if escapes.allows(*byte) {
                match escaped(rest, *byte) {
                    Escape::Whole(length) => next.add(end + length),
                    Escape::Unfinished => open = true,
                    Escape::No => {}
                }
            }
        }
        ends = next;
        if ends.count == 0 {
            break;
        }
    }
    Match { whole: ends.iter().max(), open }
}

impl Match {
    const NO: Match = Match { whole: None, open: false };

    fn behind(self, length: usize) -> Match {
        Match { whole: self.whole.map(|more| length + more), open: self.open }
    }
}

/// A few offsets; ambiguity beyond that does not happen in what an encoder writes.
#[derive(Default)]
struct Places {
    at: [usize; 4],
    count: usize,
}

impl Places {
    fn add(&mut self, place: usize) {
        if self.iter().all(|known| known != place)
            && let Some(slot) = self.at.get_mut(self.count)
        {
            *slot = place;
            self.count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.at.iter().copied().take(self.count)
    }
}

/// Whether a text begins with an escape for one byte.
enum Escape {
    /// It does, with this many bytes.
    Whole(usize),
    /// It ends before that can be told.
    Unfinished,
    No,
}

/// Whether `text` begins with an escape for `byte`.
fn escaped(text: &[u8], byte: u8) -> Escape {
    let code = u32::from(byte);
    match text {
        [b'+', ..] if byte == b' ' => Escape::Whole(1),
        [b'%', digits @ ..] => fixed(digits, 2, code).after(1),
        [b'\\', b'u', digits @ ..] => fixed(digits, 4, code).after(2),
        [b'\\', b'x', digits @ ..] => fixed(digits, 2, code).after(2),
        [b'\\', quoted, ..] if *quoted == byte && byte.is_ascii_punctuation() => Escape::Whole(2),
        [b'\\'] => Escape::Unfinished,
        [b'&', rest @ ..] if !byte.is_ascii_alphanumeric() => entity(rest, byte).after(1),
        _ => Escape::No,
    }
}

impl Escape {
    fn after(self, length: usize) -> Escape {
        match self {
            Escape::Whole(more) => Escape::Whole(length + more),
            other => other,
        }
    }
}

/// `width` hex digits of either case that say `code`.
fn fixed(digits: &[u8], width: u32, code: u32) -> Escape {
    let mut given = digits.iter();
    for place in (0..width).rev() {
        match given.next() {
            None => return Escape::Unfinished,
            Some(digit) if char::from(*digit).to_digit(16) == Some(code >> (4 * place) & 15) => {}
            Some(_) => return Escape::No,
        }
    }
    Escape::Whole(width as usize)
}

/// What follows the `&` of an HTML entity: `lt;`, `#60;`, `#060;`, `#x3c;`.
fn entity(text: &[u8], byte: u8) -> Escape {
    let (radix, digits, before) = match text {
        [] | [b'#'] => return Escape::Unfinished,
        [b'#', b'x' | b'X', digits @ ..] => (16, digits, 2),
        [b'#', digits @ ..] => (10, digits, 1),
        named => return name(named, byte),
    };
    let mut code = 0;
    for (at, digit) in digits.iter().take(5).enumerate() {
        match char::from(*digit).to_digit(radix) {
            Some(value) => code = code * radix + value,
            None if *digit == b';' && code == u32::from(byte) => return Escape::Whole(before + at + 1),
            None => return Escape::No,
        }
    }
    if digits.len() < 5 { Escape::Unfinished } else { Escape::No }
}

fn name(text: &[u8], byte: u8) -> Escape {
    let name: &[u8] = match byte {
        b'<' => b"lt;",
        b'>' => b"gt;",
        b'&' => b"amp;",
        b'"' => b"quot;",
        b'\'' => b"apos;",
        _ => return Escape::No,
    };
    if text.starts_with(name) {
        Escape::Whole(name.len())
    } else if name.starts_with(text) {
        Escape::Unfinished
    } else {
        Escape::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: Match = Match::NO;
    const OPEN: Match = Match { whole: None, open: true };

    fn whole(text: &str, needle: &[u8]) -> Option<usize> {
        begins(text.as_bytes(), needle, Escapes::All).whole
    }

    #[test]
    fn each_byte_may_stand_in_any_spelling() {
        for text in
            ["a/b", "a%2fb", "a%2Fb", "a\\/b", "%61/%62", "\\u0061\\x2Fb", "a&#47;b", "a&#x2f;b", "a&#047;b"]
        {
            assert_eq!(whole(text, b"a/b"), Some(text.len()), "{text}");
        }
        for text in ["a%20b", "a+b", "a b"] {
            assert_eq!(whole(text, b"a b"), Some(text.len()), "{text}");
        }
        for text in ["&lt;&amp;&quot;", "<&\\\"", "&#60;%26&#x22;"] {
            assert_eq!(whole(text, b"<&\""), Some(text.len()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_it() {
        for text in ["b", "a%2gb", "a%3fb", "a\\b", "a&#48;b", "a&lt;b", "a&#0000047;b"] {
            assert_eq!(begins(text.as_bytes(), b"a/b", Escapes::All), NO, "{text}");
        }
        assert_eq!(begins(b"a%2fb", b"a/b", Escapes::None), NO);
        assert_eq!(begins(b"%61/b", b"a/b", Escapes::Special), NO);
    }

    #[test]
    fn every_beginning_of_a_spelling_is_unfinished() {
        for text in ["a/b<", "a%2Fb%3c", "\\u0061\\/b\\x3c", "a&#x2f;b&lt;", "a&#47;b&#060;"] {
            for end in 0..text.len() {
                assert_eq!(begins(&text.as_bytes()[..end], b"a/b<", Escapes::All), OPEN, "{text} {end}");
            }
        }
    }

    #[test]
    fn a_needle_that_holds_an_escape_is_found_as_it_is_and_escaped() {
        for text in ["%25a\"", "%25a\\\"", "%2525a%22"] {
            assert_eq!(whole(text, b"%25a\""), Some(text.len()), "{text}");
        }
    }
}
