use std::borrow::Cow;
use std::collections::HashSet;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::super::refusal::{Refusal, code};

/// Path and query together.
const LIMIT: usize = 8 * 1024;

/// Splits a raw target into a canonical path and a canonical query, or says why it is not canonical. A slash at the end of
/// a path is canonical where `slash_at_end` says so.
pub(super) fn split(target: &str, slash_at_end: bool) -> Result<(&str, Option<&str>), Refusal> {
    if target.len() > LIMIT {
        return Err(Refusal::new(
            code::TARGET_TOO_LONG,
            format!("path and query are longer than {LIMIT} bytes"),
        ));
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let judged = path.strip_suffix('/').filter(|rest| slash_at_end && rest.len() > 1);
    self::path(judged.unwrap_or(path))?;
    if let Some(query) = query {
        self::query(query)?;
    }
    Ok((path, query))
}

/// Bytes for the escapes of a text that `split` accepted. A lone `%` stays as it is.
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode_str(text).into()
}

fn path(path: &str) -> Result<(), Refusal> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(Refusal::new(code::MALFORMED_TARGET, "the target does not start with '/'"));
    };
    for byte in path.bytes() {
        match byte {
            b'/' | b'%' => {}
            b';' => return Err(Refusal::new(code::PATH_PARAMETER, "there is a ';' in the path")),
            b'\\' => return Err(Refusal::new(code::MALFORMED_TARGET, "there is a backslash in the path")),
            _ if plain(byte) => {}
            _ => return Err(stray(byte)),
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    for segment in rest.split('/') {
        self::segment(segment)?;
    }
    Ok(())
}

fn segment(segment: &str) -> Result<(), Refusal> {
    if segment.is_empty() {
        return Err(Refusal::new(code::EMPTY_SEGMENT, "the path has an empty segment"));
    }
    escapes(segment, |byte| match byte {
        // A slash may be part of a name; where it may, a pack says. See `rest`.
        b'\\' | b';' | b'?' | b'#' => Err(Refusal::new(
            code::ENCODED_DELIMITER,
            format!("'{}' is escaped in the path", char::from(byte)),
        )),
        _ if unreserved(byte) => Err(needless(byte)),
        _ => Ok(()),
    })?;
    let decoded = decode(segment);
    // An escaped slash must not hide what a plain one may not make.
    let mut parts = decoded.split(|byte| *byte == b'/');
    if parts.clone().any(|part| matches!(part, b"." | b"..")) {
        return Err(Refusal::new(code::DOT_SEGMENT, "the path has a '.' or '..' segment"));
    }
    if parts.any(<[u8]>::is_empty) {
        return Err(Refusal::new(code::EMPTY_SEGMENT, "an escaped slash makes an empty segment"));
    }
    look_alike(&decoded)
}

/// Full-width and other letters that compatibility normalisation turns into '.', '/', '\' or '%' (G13).
fn look_alike(decoded: &[u8]) -> Result<(), Refusal> {
    let text = std::str::from_utf8(decoded).map_err(|_| not_utf8())?;
    let odd = |c: char| {
        matches!(
            c,
            '\u{FF0E}' | '\u{FF0F}' | '\u{FF3C}' | '\u{FF05}' | '\u{2024}'
                ..='\u{2026}' | '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{FE52}' | '\u{FE68}' | '\u{FE6A}'
        )
    };
    if text.contains(odd) {
        return Err(Refusal::new(
            code::ENCODED_DELIMITER,
            "the path holds a letter that reads as '.', '/', '\\' or '%'",
        ));
    }
    if text.contains(|c: char| matches!(c, '\u{80}'..='\u{9F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')) {
        return Err(Refusal::new(code::ENCODED_CONTROL, "the path holds an invisible character"));
    }
    Ok(())
}

fn query(query: &str) -> Result<(), Refusal> {
    for byte in query.bytes() {
        match byte {
            b'/' | b'?' | b'%' => {}
            // Clients that name members of members (`created[gte]`) do not agree about escaping them. In keys alone: below.
            b'[' | b']' => {}
            b';' => return Err(Refusal::new(code::PATH_PARAMETER, "there is a ';' in the query")),
            _ if plain(byte) => {}
            _ => return Err(stray(byte)),
        }
    }
    let mut seen = HashSet::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some(byte) = value.bytes().find(|byte| matches!(byte, b'[' | b']')) {
            return Err(stray(byte));
        }
        escapes(key, |byte| if unreserved(byte) { Err(needless(byte)) } else { Ok(()) })?;
        // Encoders differ about '-', '.', '_' and '~' in values, and no value decides what a request means.
        escapes(value, |byte| if byte.is_ascii_alphanumeric() { Err(needless(byte)) } else { Ok(()) })?;
        std::str::from_utf8(&decode(value)).map_err(|_| not_utf8())?;
        let name = key_name(key)?;
        if name == "_method" {
            return Err(Refusal::new(code::METHOD_OVERRIDE, "the query has the key '_method'"));
        }
        if !seen.insert(name) {
            return Err(Refusal::new(code::REPEATED_QUERY_KEY, "a query key appears twice"));
        }
    }
    Ok(())
}

/// A key as the most forgiving reader sees it: `a[]`, `A` and `a` are one key.
fn key_name(key: &str) -> Result<String, Refusal> {
    let spaced = key.replace('+', " ");
    let decoded = decode(&spaced);
    let text = std::str::from_utf8(&decoded).map_err(|_| not_utf8())?;
    let name = text.trim().to_lowercase();
    Ok(name.strip_suffix("[]").unwrap_or(&name).to_owned())
}

/// A form that names another method is read by some frameworks as that method (H3).
pub(super) fn refuse_form_override(headers: &HeaderMap, body: &[u8], partial: bool) -> Result<(), Refusal> {
    let form = headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.starts_with(b"application/x-www-form-urlencoded") || value.starts_with(b"multipart/")
    });
    if !form {
        return Ok(());
    }
    if partial {
        return Err(Refusal::new(code::BODY_TOO_LARGE, "a form of this size cannot be read whole"));
    }
    let named = form_urlencoded::parse(body).any(|(key, _)| key.trim().eq_ignore_ascii_case("_method"));
    if named || memchr::memmem::find(body, b"name=\"_method\"").is_some() {
        return Err(Refusal::new(code::METHOD_OVERRIDE, "the body has the field '_method'"));
    }
    Ok(())
}

/// Checks every escape of a text, then what it decodes to.
fn escapes(text: &str, judge: impl Fn(u8) -> Result<(), Refusal>) -> Result<(), Refusal> {
    for part in text.split('%').skip(1) {
        let byte = escaped(part)?;
        if byte < 0x20 || byte == 0x7F {
            return Err(Refusal::new(code::ENCODED_CONTROL, "a control character is escaped"));
        }
        if byte == b'%' && doubled(part) {
            return Err(Refusal::new(code::DOUBLE_ENCODING, "an escape decodes to another escape"));
        }
        judge(byte)?;
    }
    Ok(())
}

/// The byte of an escape: two upper-case hexadecimal digits at the start of `part`.
fn escaped(part: &str) -> Result<u8, Refusal> {
    let bad = || Refusal::new(code::BAD_ESCAPE, "escapes are '%' and two upper-case hexadecimal digits");
    let digits = part.as_bytes().first_chunk::<2>().ok_or_else(bad)?;
    let upper = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let text = std::str::from_utf8(digits).map_err(|_| bad())?;
    if !digits.iter().all(upper) {
        return Err(bad());
    }
    u8::from_str_radix(text, 16).map_err(|_| bad())
}

/// Whether `25` is followed by what makes it another escape: `%252e`. Escaped digits (`%25%32e`) are needless escapes.
fn doubled(part: &str) -> bool {
    part.as_bytes().get(2..4).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// `pchar` of RFC 3986 without `%` and `;`.
fn plain(byte: u8) -> bool {
    unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

/// RFC 3986 s2.3.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn needless(byte: u8) -> Refusal {
    // A letter may be escaped to hide a word, and '.' to hide a dot segment.
    if byte == b'.' {
        return Refusal::new(code::DOT_SEGMENT, "a '.' is escaped");
    }
    Refusal::new(code::NEEDLESS_ESCAPE, format!("'{}' is escaped and needs no escape", char::from(byte)))
}

fn stray(byte: u8) -> Refusal {
    let detail = match byte {
        b'#' => "there is a fragment".to_owned(),
        0x21..=0x7E => format!("'{}' has to be escaped", char::from(byte)),
        _ => format!("the byte {byte:#04x} has to be escaped"),
    };
    Refusal::new(code::MALFORMED_TARGET, detail)
}

fn not_utf8() -> Refusal {
    Refusal::new(code::NOT_UTF8, "escapes do not decode to UTF-8")
}
