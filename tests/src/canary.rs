use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};

/// A word that is in every secret of one test and must be nowhere else, in no common encoding.
#[derive(Debug, Clone)]
pub struct Canary {
    word: String,
    needles: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut random = [0u8; 8];
        SystemRandom::new().fill(&mut random).expect("the system has randomness");
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Canary::of(format!("canary{:02}{random}", COUNT.fetch_add(1, Ordering::Relaxed) % 100))
    }

    fn of(word: String) -> Self {
        let mut needles = vec![("raw", word.clone().into_bytes())];
        let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
        needles.push(("upper hex", hex.to_uppercase().into_bytes()));
        needles.push(("hex", hex.into_bytes()));
        needles.push(("reversed", word.bytes().rev().collect()));
        for shift in 0..3 {
            needles.push(("base64", inner_base64(&word, shift, false)));
            needles.push(("base64url", inner_base64(&word, shift, true)));
        }
        Canary { word, needles }
    }

    /// A secret for a test: `railway-canary…-1f`.
    pub fn secret(&self, label: &str) -> String {
        format!("{label}-{}-1f", self.word)
    }

    /// The word itself.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// In which encoding the word is in `bytes`, if it is.
    pub fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        self.needles
            .iter()
            .find(|(_, needle)| bytes.windows(needle.len()).any(|window| window == needle.as_slice()))
            .map(|(encoding, _)| *encoding)
    }

    /// Files under `folder` that hold the word, with the encoding.
    pub fn found_under(&self, folder: &Path) -> Vec<(PathBuf, &'static str)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                found.extend(self.found_under(&path));
            } else if kind.is_file()
                && let Some(encoding) = fs::read(&path).ok().and_then(|bytes| self.found_in(&bytes))
            {
                found.push((path, encoding));
            }
        }
        found
    }
}

impl Default for Canary {
    fn default() -> Self {
        Canary::new()
    }
}

/// What any base64 text of bytes with the word in them contains, for one of the three ways it can be aligned.
fn inner_base64(word: &str, shift: usize, url: bool) -> Vec<u8> {
    let padded = [vec![0u8; shift], word.as_bytes().to_vec()].concat();
    let text = if url { URL_SAFE_NO_PAD.encode(&padded) } else { STANDARD_NO_PAD.encode(&padded) };
    // The first letters mix with what stands before the word, the last ones with what follows.
    let from = (shift * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    text.as_bytes().get(from..to).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_word_is_found_in_every_encoding_and_alignment() {
        let canary = Canary::new();
        let secret = canary.secret("railway");
        for before in ["", "a", "ab", "abc", "Bearer "] {
            let text = format!("{before}{secret} and more");
            assert_eq!(canary.found_in(text.as_bytes()), Some("raw"));
            assert_eq!(canary.found_in(STANDARD.encode(&text).as_bytes()), Some("base64"), "{before}");
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(canary.found_in(hex.as_bytes()), Some("hex"));
        }
    }

    #[test]
    fn another_tests_word_is_not_found() {
        assert_eq!(Canary::new().found_in(Canary::new().secret("railway").as_bytes()), None);
    }

    #[test]
    fn a_file_that_holds_the_word_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let canary = Canary::new();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/leak"), canary.secret("x")).unwrap();
        fs::write(folder.path().join("clean"), "nothing").unwrap();
        assert_eq!(canary.found_under(folder.path()), vec![(folder.path().join("inner/leak"), "raw")]);
    }
}
