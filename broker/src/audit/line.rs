//! The lines of an export. Strict: a line is read only in the one form in which it is written, so that a changed byte
//! can never hide in another spelling of the same thing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::checkpoint::{hash_hex, signature_base64, time};
use super::{Checkpoint, Head};
use crate::model::digest_hex;

pub const FORMAT: &str = "stint-audit-v1";

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// Position of the first record that follows.
    pub first: i64,
    /// Hash of the record before it.
    #[serde(with = "hash_hex")]
    pub prev: [u8; 32],
    /// Id of the key that signed.
    pub key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointLine {
    pub checkpoint: Checkpoint,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FooterLine {
    pub footer: Footer,
}

/// The last line: the signed extent of the export, so that a cut is found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    /// Number of records.
    pub count: i64,
    pub seq: i64,
    #[serde(with = "hash_hex")]
    pub hash: [u8; 32],
    pub at: DateTime<Utc>,
    #[serde(with = "signature_base64")]
    pub signature: Vec<u8>,
}

impl Footer {
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// What is signed: a label of its own, then header and footer, in fields of fixed length.
    pub fn message(header: &Header, count: i64, head: &Head, at: DateTime<Utc>) -> Vec<u8> {
        let mut message = b"stint audit export v1".to_vec();
        message.extend(header.first.to_be_bytes());
        message.extend(header.prev);
        message.extend(count.to_be_bytes());
        message.extend(head.seq.to_be_bytes());
        message.extend(head.hash);
        message.extend(time(at));
        message
    }
}

/// One record as its line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub seq: i64,
    pub hash: [u8; 32],
    pub body: &'a [u8],
}

const BEFORE_SEQ: &[u8] = br#"{"seq":"#;
const BEFORE_HASH: &[u8] = br#","hash":""#;
const BEFORE_BODY: &[u8] = br#"","body":""#;
const AFTER_BODY: &[u8] = br#""}"#;

/// `{"seq":7,"hash":"…","body":"…"}` and a line end; the body is the record's exact bytes as a JSON string.
pub fn write_record(out: &mut Vec<u8>, record: &Record<'_>) {
    out.extend_from_slice(BEFORE_SEQ);
    out.extend_from_slice(record.seq.to_string().as_bytes());
    out.extend_from_slice(BEFORE_HASH);
    out.extend_from_slice(digest_hex(record.hash).as_bytes());
    out.extend_from_slice(BEFORE_BODY);
    // Bodies that we wrote are UTF-8. One that is not was changed, and is found as that where the export is verified.
    for byte in String::from_utf8_lossy(record.body).bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.extend_from_slice(AFTER_BODY);
    out.push(b'\n');
}

pub fn is_record(line: &[u8]) -> bool {
    line.starts_with(BEFORE_SEQ)
}

/// `None` for a line that [`write_record`] would not have written. `scratch` is memory to use again.
pub fn read_record<'a>(line: &[u8], scratch: &'a mut Vec<u8>) -> Option<Record<'a>> {
    let rest = line.strip_prefix(BEFORE_SEQ)?;
    let (seq, rest) = number(rest)?;
    let (digits, rest) = rest.strip_prefix(BEFORE_HASH)?.split_at_checked(64)?;
    let text = rest.strip_prefix(BEFORE_BODY)?.strip_suffix(AFTER_BODY)?;
    Some(Record { seq, hash: hash(digits)?, body: unescape(text, scratch)? })
}

/// 64 lower-case hex digits.
pub fn hash(digits: &[u8]) -> Option<[u8; 32]> {
    let mut hash = [0u8; 32];
    if digits.len() != 64 {
        return None;
    }
    // Judged once at the end: 64 branches would cost as much as reading the rest of the line.
    let mut seen = 0;
    for (slot, pair) in hash.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| NIBBLES.get(usize::from(digit)).copied().unwrap_or(u8::MAX));
        seen |= high | low;
        *slot = high << 4 | low & 15;
    }
    (seen < 16).then_some(hash)
}

fn nibble(digit: u8) -> Option<u8> {
    NIBBLES.get(usize::from(digit)).copied().filter(|value| *value < 16)
}

/// Values of lower-case hex digits, 255 for any other byte.
const NIBBLES: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[b"0123456789abcdef"[value as usize] as usize] = value;
        }
        value += 1;
    }
    table
};

/// A positive number without sign or leading zero.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length)?;
    if digits.first().is_none_or(|first| *first == b'0') {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0i64, |value, digit| value.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
    Some((value, rest))
}

/// Eight bytes at a time: bodies are full of quotes, and a call for each would cost more than the hash does.
fn unescape<'a>(text: &[u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    if scratch.len() < text.len() + 8 {
        scratch.resize(text.len() + 8, 0);
    }
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        let rest = text.get(from..)?;
        let plain = match rest.first_chunk::<8>() {
            Some(chunk) => {
                scratch.get_mut(to..to + 8)?.copy_from_slice(chunk);
                plain_bytes(u64::from_le_bytes(*chunk))
            }
            None => {
                scratch.get_mut(to..to + rest.len())?.copy_from_slice(rest);
                rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count()
            }
        };
        from += plain;
        to += plain;
        if plain == rest.len().min(8) {
            continue;
        }
        let byte = match rest.get(plain..)? {
            [b'\\', byte @ (b'"' | b'\\'), ..] => {
                from += 2;
                *byte
            }
            [b'\\', b'u', b'0', b'0', high, low, ..] => {
                from += 6;
                Some(nibble(*high)? << 4 | nibble(*low)?).filter(|byte| *byte < 0x20)?
            }
            // A bare quote, or an escape that we do not write.
            _ => return None,
        };
        *scratch.get_mut(to)? = byte;
        to += 1;
    }
    scratch.get(..to)
}

/// How many of these bytes, from the lowest, are neither quote nor backslash.
fn plain_bytes(chunk: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // The lowest top bit that is set marks the lowest byte that is zero; those above it may be wrong and are not looked at.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let special = zero(chunk ^ (ONES * u64::from(b'"'))) | zero(chunk ^ (ONES * u64::from(b'\\')));
    special.trailing_zeros() as usize / 8
}

/// Read a line that is not a record; `None` unless it is written exactly as we would write it.
pub fn read<'a, T: Serialize + Deserialize<'a>>(line: &'a [u8]) -> Option<T> {
    let value = serde_json::from_slice(line).ok()?;
    (write(&value)? == line).then_some(value)
}

pub fn write<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    serde_json::to_vec(value).ok()
}
