//! The lines of an export. Strict: a line is read only in the one form in which it is written, so that a changed byte
//! can never hide in another spelling of the same thing.

use chrono::{DateTime, Utc};
use memchr::memchr2;
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
pub fn read_record<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<Record<'a>> {
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
    for (slot, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(hash)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

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

fn unescape<'a>(text: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let Some(mut at) = memchr2(b'\\', b'"', text) else { return Some(text) };
    scratch.clear();
    let mut rest = text;
    loop {
        let (plain, from) = rest.split_at_checked(at)?;
        scratch.extend_from_slice(plain);
        rest = match from {
            [b'\\', byte @ (b'"' | b'\\'), rest @ ..] => {
                scratch.push(*byte);
                rest
            }
            [b'\\', b'u', b'0', b'0', high, low, rest @ ..] => {
                let byte = nibble(*high)? << 4 | nibble(*low)?;
                if byte >= 0x20 {
                    return None;
                }
                scratch.push(byte);
                rest
            }
            // A bare quote, or an escape that we do not write.
            _ => return None,
        };
        match memchr2(b'\\', b'"', rest) {
            Some(next) => at = next,
            None => {
                scratch.extend_from_slice(rest);
                return Some(scratch);
            }
        }
    }
}

/// Read a line that is not a record; `None` unless it is written exactly as we would write it.
pub fn read<'a, T: Serialize + Deserialize<'a>>(line: &'a [u8]) -> Option<T> {
    let value = serde_json::from_slice(line).ok()?;
    (write(&value)? == line).then_some(value)
}

pub fn write<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    serde_json::to_vec(value).ok()
}
