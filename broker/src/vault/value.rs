use super::Error;
use crate::secret::Secret;

/// Longest secret that can be stored, in bytes.
pub const MAX_SECRET: usize = 16 * 1024;

/// The door for secrets that come in: what it returns can stand in a header as it is (THREATS H7).
///
/// One trailing line end (`\n` or `\r\n`) is trimmed, because that is what `echo` and editors add. Refused are an empty
/// secret, more than [`MAX_SECRET`] bytes, control characters, non-ASCII bytes, and a space at either end (a header's
/// value would lose it, RFC 9110 s5.5).
pub fn check_secret(secret: Secret) -> Result<Secret, Error> {
    let bytes = secret.expose();
    let text = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    if text.is_empty() {
        return Err(Error::Secret("it is empty"));
    }
    if text.len() > MAX_SECRET {
        return Err(Error::Secret("it is longer than 16 KiB"));
    }
    if text.iter().any(u8::is_ascii_control) {
        return Err(Error::Secret("it holds a line break or another control character"));
    }
    if !text.is_ascii() {
        return Err(Error::Secret("it holds a character outside ASCII"));
    }
    if text.first() == Some(&b' ') || text.last() == Some(&b' ') {
        return Err(Error::Secret("it begins or ends with a space"));
    }
    if text.len() == bytes.len() {
        return Ok(secret);
    }
    Ok(Secret::new(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) -> Result<Vec<u8>, Error> {
        check_secret(Secret::new(bytes.to_vec())).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn h7_control_characters_are_refused_at_store_time() {
        for bad in [
            &b"a\r\nX-Evil: 1"[..],
            b"a\nb",
            b"a\rb",
            b"a\0b",
            b"a\tb",
            b"a\x7fb",
            b"a\x1b[2J",
            b"a\n\n",
            b"\na",
        ] {
            assert!(matches!(check(bad), Err(Error::Secret(_))), "{bad:?}");
        }
    }

    #[test]
    fn h7_non_ascii_empty_padded_and_oversize_secrets_are_refused() {
        for bad in
            ["schlüssel".as_bytes(), b"\xff\xfe", b"", b"\n", b"\r\n", b" a", b"a ", &[b'a'; MAX_SECRET + 1]]
        {
            assert!(matches!(check(bad), Err(Error::Secret(_))), "{} bytes", bad.len());
        }
    }

    #[test]
    fn one_trailing_line_end_is_trimmed_and_the_rest_kept() {
        assert_eq!(check(b"tok en~!\n").unwrap(), b"tok en~!");
        assert_eq!(check(b"token\r\n").unwrap(), b"token");
        assert_eq!(check(&[b'a'; MAX_SECRET]).unwrap().len(), MAX_SECRET);
    }

    #[test]
    fn k9_the_refusal_holds_nothing_of_the_secret() {
        let error = check_secret(Secret::new(b"canary-7f3a\n\n".to_vec())).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
