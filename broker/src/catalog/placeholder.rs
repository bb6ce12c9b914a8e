//! What stands where a provider's key would be, in the shape that the provider's own tools check.

use serde::Deserialize;

const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// RFC 4648 s6.
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";
const DIGITS: &str = "0123456789";
/// Two of a session, or one of it and a real key, are never alike: about 2^77 at least.
const LEAST_BITS: f64 = 77.0;

/// How a placeholder is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Said")]
pub struct PlaceholderShape {
    parts: Vec<Part>,
}

/// As a pack says it: `form`, or else `alphabet` with what goes with it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Said {
    /// `ghp_`.
    #[serde(default)]
    prefix: String,
    alphabet: Option<Alphabet>,
    /// Characters after the prefix; ignored for `uuid`.
    #[serde(default)]
    length: usize,
    /// Texts as they are, and in braces what is drawn: `xoxb-{digits:12}-{base62:24}`, `ghp_{base62:30}{crc32}`. Alphabets are
    /// `base62`, `base32`, `hex` and `digits`; `{uuid}` is a UUID version 4, `{crc32}` the checksum of what was drawn just
    /// before (ISO-HDLC), as six digits to the base of 62.
    form: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Alphabet {
    /// A UUID version 4 in hyphenated form.
    Uuid,
    /// `0-9a-zA-Z`.
    Base62,
    /// `0-9a-f`.
    Hex,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Drawn(&'static str, usize),
    Uuid,
    Crc32,
}

impl TryFrom<Said> for PlaceholderShape {
    type Error = String;

    fn try_from(said: Said) -> Result<Self, String> {
        let Said { prefix, alphabet, length, form } = said;
        let parts = match (form, alphabet) {
            (Some(form), None) if prefix.is_empty() && length == 0 => parse(&form)?,
            (None, Some(alphabet)) => {
                let drawn = match alphabet {
                    Alphabet::Uuid => Part::Uuid,
                    Alphabet::Base62 => Part::Drawn(BASE62, length),
                    Alphabet::Hex => Part::Drawn(HEX, length),
                };
                vec![Part::Text(prefix), drawn]
            }
            _ => {
                return Err("a placeholder has a form, or else an alphabet with prefix and length".to_owned());
            }
        };
        match parts.iter().map(Part::bits).sum::<f64>() >= LEAST_BITS {
            true => Ok(PlaceholderShape { parts }),
            false => Err("a placeholder of so few characters could be guessed: draw more".to_owned()),
        }
    }
}

impl PlaceholderShape {
    /// One placeholder. `draw` gives as many characters of an alphabet as it is asked for, each as likely as any other.
    pub fn make<E>(&self, mut draw: impl FnMut(&[u8], usize) -> Result<String, E>) -> Result<String, E> {
        let mut made = String::new();
        let mut drawn = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => made.push_str(text),
                Part::Drawn(letters, length) => {
                    drawn = draw(letters.as_bytes(), *length)?;
                    made.push_str(&drawn);
                }
                Part::Uuid => made.push_str(&uuid(&draw(HEX.as_bytes(), 30)?, &draw(b"89ab", 1)?)),
                Part::Crc32 => made.push_str(&base62(crc32(drawn.as_bytes()))),
            }
        }
        Ok(made)
    }
}

impl Part {
    /// How much of it is chance.
    fn bits(&self) -> f64 {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        match self {
            Part::Text(_) | Part::Crc32 => 0.0,
            Part::Uuid => 122.0,
            Part::Drawn(letters, length) => count(letters.len()).log2() * count(*length),
        }
    }
}

fn parse(form: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = form;
    while let Some((text, after)) = rest.split_once('{') {
        let (named, after) = after.split_once('}').ok_or("a brace of the placeholder is not closed")?;
        parts.push(Part::Text(text.to_owned()));
        let drawn = |letters, length: &str| match length.parse() {
            Ok(length @ 1..=500) => Ok(Part::Drawn(letters, length)),
            _ => Err(format!("'{length}' is no length: 1 to 500")),
        };
        parts.push(match named.split_once(':') {
            Some(("base62", length)) => drawn(BASE62, length)?,
            Some(("base32", length)) => drawn(BASE32, length)?,
            Some(("hex", length)) => drawn(HEX, length)?,
            Some(("digits", length)) => drawn(DIGITS, length)?,
            None if named == "uuid" => Part::Uuid,
            None if named == "crc32" => Part::Crc32,
            _ => return Err(format!("'{{{named}}}' is none of base62, base32, hex, digits, uuid, crc32")),
        });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

/// RFC 9562 s5.4, of thirty hexadecimal digits and the one of the variant.
fn uuid(digits: &str, variant: &str) -> String {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-{variant}{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

/// CRC-32/ISO-HDLC, bit by bit: a few characters, once a session.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    })
}

/// Six digits; 62^6 is more than 2^32.
fn base62(mut number: u32) -> String {
    let mut digits = Vec::new();
    for _ in 0..6 {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        digits.push(BASE62.as_bytes().get(digit).copied().unwrap_or(b'0'));
        number /= 62;
    }
    digits.into_iter().rev().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::super::BUILTIN;
    use super::*;

    fn shape(text: &str) -> Result<PlaceholderShape, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Draws that repeat only after a long while, and reach each letter.
    fn draws() -> impl FnMut(&[u8], usize) -> Result<String, String> {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        move |letters, length| {
            let mut letter = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                char::from(letters[usize::try_from(state >> 33).unwrap() % letters.len()])
            };
            Ok((0..length).map(|_| letter()).collect())
        }
    }

    #[test]
    fn a_checksum_is_the_one_that_github_prints() {
        // The token in GitHub's own description of its format.
        assert_eq!(base62(crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")), "0mLq17");
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    /// What the tools of each provider check of its keys, by pack and kind; every kind where none is named.
    const CHECKED: &[(&str, &str, &str)] = &[
        ("anthropic", "key", "sk-ant-api03-[0-9A-Za-z]{93}AA"),
        ("anthropic", "oauth", "sk-ant-oat01-[0-9A-Za-z]{93}AA"),
        ("anthropic", "admin", "sk-ant-admin01-[0-9A-Za-z]{93}AA"),
        ("cloudflare", "token", "[0-9A-Za-z]{40}"),
        ("digitalocean", "token", "dop_v1_[0-9a-f]{64}"),
        ("fly", "token", "fo1_[0-9A-Za-z]{43}"),
        ("fly", "macaroon", "fm2_[0-9A-Za-z]{120}"),
        ("gcp", "token", r"ya29\.[0-9A-Za-z]{160}"),
        ("github", "token", "ghp_[0-9A-Za-z]{36}"),
        ("gitlab", "token", "glpat-[0-9A-Za-z]{20}"),
        ("kubernetes", "token", "k8s-[0-9A-Za-z]{60}"),
        ("openai", "key", "sk-proj-[0-9A-Za-z]{74}T3BlbkFJ[0-9A-Za-z]{74}"),
        ("openai", "admin", "sk-admin-[0-9A-Za-z]{74}T3BlbkFJ[0-9A-Za-z]{74}"),
        ("railway", "", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("render", "key", "rnd_[0-9A-Za-z]{28}"),
        ("slack", "bot", "xoxb-[0-9]{12}-[0-9]{13}-[0-9A-Za-z]{24}"),
        ("slack", "user", "xoxp-[0-9]{12}-[0-9]{13}-[0-9]{13}-[0-9a-f]{32}"),
        ("slack", "app", "xapp-1-A[0-9A-Z]{10}-[0-9]{13}-[0-9a-f]{64}"),
        ("stripe", "key", "sk_test_[0-9A-Za-z]{99}"),
        ("supabase", "token", "sbp_[0-9a-f]{40}"),
        ("vercel", "token", "[0-9A-Za-z]{24}"),
    ];

    /// Each is what the provider's tools take, what our own search for keys takes for one, and no other's.
    #[test]
    fn each_pack_makes_placeholders_that_its_tools_take() {
        let mut draw = draws();
        for pack in BUILTIN.packs() {
            let patterns: Vec<Regex> = pack.manifest.key.iter().map(|key| whole(&key.pattern)).collect();
            for kind in &pack.manifest.credential {
                let name = format!("{} {}", pack.name(), kind.name);
                let made: Vec<String> = (0..50).map(|_| kind.placeholder.make(&mut draw).unwrap()).collect();
                assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len(), "{name}");
                let listed = CHECKED.iter().find(|(pack_name, kind_name, _)| {
                    *pack_name == pack.name() && (kind_name.is_empty() || *kind_name == kind.name)
                });
                if let Some((_, _, checked)) = listed {
                    let checked = whole(checked);
                    assert!(made.iter().all(|made| checked.is_match(made)), "{name}: {}", made[0]);
                }
                let is_key = |made: &String| patterns.iter().any(|pattern| pattern.is_match(made));
                // A cluster's token has no shape of its own.
                assert!(pack.name() == "kubernetes" || made.iter().all(is_key), "{name}: {}", made[0]);
            }
        }
        for (pack, kind, _) in CHECKED {
            let pack = BUILTIN.pack(pack).unwrap_or_else(|| panic!("no pack {pack}"));
            assert!(kind.is_empty() || pack.manifest.kind(Some(kind)).is_some(), "{} {kind}", pack.name());
        }
        let made =
            BUILTIN.pack("github").unwrap().manifest.kind(None).unwrap().placeholder.make(&mut draw).unwrap();
        let (drawn, checksum) = made.strip_prefix("ghp_").unwrap().split_at(30);
        assert_eq!(base62(crc32(drawn.as_bytes())), checksum);
    }

    fn whole(pattern: &str) -> Regex {
        Regex::new(&format!("^(?:{pattern})$")).unwrap()
    }

    #[test]
    fn a_form_that_says_nothing_or_too_little_is_refused() {
        for (text, why) in [
            ("form = \"abc\"", "could be guessed"),
            ("form = \"abc{base62:4}\"", "could be guessed"),
            ("prefix = \"x\"\nalphabet = \"hex\"\nlength = 4", "could be guessed"),
            ("form = \"{base62:30\"", "not closed"),
            ("form = \"{base63:30}\"", "is none of"),
            ("form = \"{base62:x}\"", "no length"),
            ("form = \"{uuid}\"\nprefix = \"x\"", "has a form, or else"),
            ("form = \"{uuid}\"\nalphabet = \"uuid\"", "has a form, or else"),
            ("prefix = \"x\"", "has a form, or else"),
        ] {
            let error = shape(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert_eq!(shape("form = \"{uuid}\"").unwrap().make(&mut draws()).unwrap().len(), 36);
    }
}
