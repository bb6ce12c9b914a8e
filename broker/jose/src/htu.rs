//! `htu` of a proof: two URIs are the same after the syntax and scheme normalisation of RFC 3986 s6.2.2 and s6.2.3,
//! without query and fragment (RFC 9449 s4.3).

use crate::Error;

const NOT_A_URI: Error = Error::Claim("htu is not an http or https URI");

/// The one spelling of an `http` or `https` URI, without query and fragment.
///
/// `Error::Claim` for anything that is not such a URI, for user information, and for a host that is not plain ASCII: what
/// two parsers could read differently is not compared.
pub fn normalise(uri: &str) -> Result<String, Error> {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = uri.split_once("://").ok_or(NOT_A_URI)?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return Err(NOT_A_URI),
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    let (host, port) = split_port(authority)?;
    let mut out = format!("{scheme}://{}", host.to_ascii_lowercase());
    if let Some(port) = port.filter(|port| *port != default_port) {
        out.push_str(&format!(":{port}"));
    }
    push_path(&mut out, &unescape_unreserved(path)?);
    Ok(out)
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Error> {
    let host_end = authority.rfind(']').map_or(0, |at| at + 1);
    let (bracketed, rest) = authority.split_at_checked(host_end).ok_or(NOT_A_URI)?;
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let host = if bracketed.is_empty() {
        host
    } else if host.is_empty() {
        bracketed
    } else {
        return Err(NOT_A_URI);
    };
    let plain = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b))
        }
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    };
    if !plain {
        return Err(NOT_A_URI);
    }
    match port {
        None | Some("") => Ok((host, None)),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((host, Some(digits.parse().map_err(|_| NOT_A_URI)?)))
        }
        Some(_) => Err(NOT_A_URI),
    }
}

/// RFC 3986 s6.2.2.1 and s6.2.2.2: escapes of unreserved characters are undone, the others written in upper case.
fn unescape_unreserved(path: &str) -> Result<String, Error> {
    let mut out = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let byte = hex(bytes.next())? << 4 | hex(bytes.next())?;
                if is_unreserved(byte) {
                    out.push(char::from(byte));
                } else {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
            byte if is_unreserved(byte) || b"/:@!$&'()*+,;=".contains(&byte) => out.push(char::from(byte)),
            _ => return Err(NOT_A_URI),
        }
    }
    Ok(out)
}

fn hex(digit: Option<u8>) -> Result<u8, Error> {
    let digit = digit.and_then(|digit| char::from(digit).to_digit(16)).ok_or(NOT_A_URI)?;
    u8::try_from(digit).map_err(|_| NOT_A_URI)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986 s5.2.4, of a path whose first slash has been taken off; an empty path becomes `/` (s6.2.3).
fn push_path(out: &mut String, path: &str) {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn b04_equal_after_rfc_3986_normalisation() {
        for (one, other) in [
            ("https://API.example.com/a", "https://api.example.com/a"),
            ("HTTPS://api.example.com/a", "https://api.example.com/a"),
            ("https://api.example.com:443/a", "https://api.example.com/a"),
            ("https://api.example.com:/a", "https://api.example.com/a"),
            ("http://api.example.com:80", "http://api.example.com/"),
            ("http://127.0.0.1:7380/a?", "http://127.0.0.1:7380/a"),
            ("https://h/a?b=c#d", "https://h/a"),
            ("https://h/a#?", "https://h/a"),
            ("https://h/%7Euser/%41", "https://h/~user/A"),
            ("https://h/a%2fb", "https://h/a%2Fb"),
            ("https://h/a/./b/../c", "https://h/a/c"),
            ("https://h/a/b/..", "https://h/a/"),
            ("https://h/a/%2e%2e/b", "https://h/b"),
            ("https://h/../../b", "https://h/b"),
            ("https://h/.", "https://h/"),
            ("https://[::A]:443/", "https://[::a]"),
        ] {
            assert_eq!(normalise(one).unwrap(), normalise(other).unwrap(), "{one}");
        }
    }

    #[test]
    fn b03_b04_what_differs_stays_different() {
        for (one, other) in [
            ("https://h/a", "http://h/a"),
            ("https://h/a", "https://h/A"),
            ("https://h/a", "https://h/a/"),
            ("https://h/a", "https://h//a"),
            ("https://h/a/b", "https://h/a%2Fb"),
            ("https://h:8443/a", "https://h/a"),
            ("http://h:443/a", "http://h/a"),
            ("https://h/a", "https://h./a"),
            ("https://h/a;b", "https://h/a"),
            ("https://h/a%00", "https://h/a"),
            ("https://h.evil/a", "https://h/a"),
        ] {
            assert_ne!(normalise(one).unwrap(), normalise(other).unwrap(), "{one}");
        }
    }

    #[test]
    fn b05_what_is_no_plain_uri_is_refused() {
        for uri in [
            "",
            "/a",
            "h/a",
            "https:/h/a",
            "https:///a",
            "ftp://h/a",
            "https://u@h/a",
            "https://h:x/a",
            "https://h:-1/",
            "https://h:65536/",
            "https://h:44 3/",
            "https://h/%",
            "https://h/%4",
            "https://h/%zz",
            "https://h/a b",
            "https://h/\\a",
            "https://h\\a/",
            "https://hé/",
            "https://h/é",
            "https://%68/",
            "https://[::1/",
            "https://[]/",
            "https://x[::1]/",
            "https://[::1]x/",
            "https://h/a\n",
            " https://h/a",
            "https://h/{a}",
            "https://h:1:2/",
            "javascript://h/a",
            "https://[::1]:1:2/",
            "https://[[::1]]/",
        ] {
            assert!(normalise(uri).is_err(), "{uri:?}");
        }
    }
}
