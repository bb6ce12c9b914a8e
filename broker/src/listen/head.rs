//! The rules for one HTTP/1 request head, on its raw bytes (RFC 9112 s2-s6, read strictly).
//!
//! INVARIANT: what passes here has one reading. The server behind parses the same bytes again and is more lenient, so
//! everything that it would repair, merge or ignore is refused.

use super::Refused;

/// How the body after a head is delimited (RFC 9112 s6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// A head from its first byte to its empty line included; lines are known to end in CRLF.
pub(super) fn judge(head: &[u8], max_headers: usize) -> Result<Framing, Refused> {
    let mut lines = Lines(head);
    let line = lines.next().ok_or(malformed("no request line"))?;
    let request = RequestLine::parse(line)?;
    let mut facts = Facts::default();
    let mut count = 0usize;
    for line in lines {
        if line.is_empty() {
            break;
        }
        count += 1;
        if count > max_headers {
            return Err(too_large("too many headers"));
        }
        facts.take(line)?;
    }
    facts.conclude(&request)
}

pub(super) fn malformed(detail: &'static str) -> Refused {
    Refused { code: "malformed_request", status: 400, detail }
}

pub(super) fn too_large(detail: &'static str) -> Refused {
    Refused { code: "headers_too_large", status: 431, detail }
}

fn ambiguous(detail: &'static str) -> Refused {
    Refused { code: "ambiguous_request", status: 400, detail }
}

fn upgrade(detail: &'static str) -> Refused {
    Refused { code: "upgrade_refused", status: 400, detail }
}

/// Lines of a head, without their CRLF.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at_checked(end + 1)?;
        self.0 = rest;
        line.strip_suffix(b"\r\n")
    }
}

struct RequestLine<'a> {
    method: &'a [u8],
    /// HTTP/1.0.
    old: bool,
}

impl<'a> RequestLine<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Refused> {
        let mut parts = line.split(|&b| b == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("the request line is not METHOD TARGET VERSION with single spaces"));
        };
        if method.is_empty()
            || method.len() > 20
            || !method.iter().all(|b| b.is_ascii_uppercase() || *b == b'-')
        {
            return Err(malformed("the method is not in upper case"));
        }
        if method == b"CONNECT" {
            return Err(upgrade("CONNECT is not served here"));
        }
        // The server behind drops a fragment before anyone can judge it.
        let visible = |b: &u8| (0x21..=0x7e).contains(b) && *b != b'#';
        if target.first() != Some(&b'/') || !target.iter().all(visible) {
            return Err(malformed("the target is not a path in visible ASCII"));
        }
        let old = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(malformed("the version is not HTTP/1.1")),
        };
        Ok(RequestLine { method, old })
    }
}

/// What the header lines say about framing.
#[derive(Default)]
struct Facts {
    host: bool,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
    keep_alive: bool,
}

impl Facts {
    fn take(&mut self, line: &[u8]) -> Result<(), Refused> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(malformed("a header is folded over several lines"));
        }
        let colon = memchr::memchr(b':', line).ok_or(malformed("a header line has no colon"))?;
        let (name, rest) = line.split_at_checked(colon).unwrap_or_default();
        let value = rest.get(1..).unwrap_or_default();
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(malformed("a header name is not a token right before its colon"));
        }
        if !value.iter().all(|b| matches!(b, b'\t' | 0x20..=0x7e)) {
            return Err(malformed("a header value is not printable ASCII"));
        }
        // At most one space before a value that delimits the message, and none after it.
        let exact = value.strip_prefix(b" ").unwrap_or(value);
        if name.eq_ignore_ascii_case(b"host") {
            if std::mem::replace(&mut self.host, true) {
                return Err(ambiguous("there is more than one Host"));
            }
            if !is_authority(value.trim_ascii()) {
                return Err(malformed("Host is not a host and an optional port"));
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.is_some() {
                return Err(ambiguous("there is more than one Content-Length"));
            }
            self.length = Some(parse_length(exact).ok_or(malformed("Content-Length is not a plain number"))?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if std::mem::replace(&mut self.chunked, true) {
                return Err(ambiguous("there is more than one Transfer-Encoding"));
            }
            if exact != b"chunked" {
                return Err(ambiguous("Transfer-Encoding is not exactly 'chunked'"));
            }
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrade |= value.to_ascii_lowercase().windows(3).any(|w| w == b"h2c");
        } else if name.eq_ignore_ascii_case(b"http2-settings") {
            self.upgrade = true;
        } else if name.eq_ignore_ascii_case(b"expect") {
            if !value.trim_ascii().eq_ignore_ascii_case(b"100-continue") {
                return Err(Refused { status: 417, ..malformed("the expectation is not 100-continue") });
            }
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.keep_alive |=
                value.split(|b| *b == b',').any(|v| v.trim_ascii().eq_ignore_ascii_case(b"keep-alive"));
        }
        Ok(())
    }

    fn conclude(&self, request: &RequestLine<'_>) -> Result<Framing, Refused> {
        if !self.host {
            return Err(malformed("there is no Host"));
        }
        if self.upgrade {
            return Err(upgrade("an upgrade to HTTP/2 is not served here"));
        }
        if self.chunked && self.length.is_some() {
            return Err(ambiguous("there are both Content-Length and Transfer-Encoding"));
        }
        if request.old && self.chunked {
            return Err(ambiguous("HTTP/1.0 has no Transfer-Encoding"));
        }
        if request.old && self.keep_alive {
            return Err(malformed("HTTP/1.0 connections are not kept alive"));
        }
        let framing = if self.chunked { Framing::Chunked } else { Framing::Length(self.length.unwrap_or(0)) };
        // A server on the way that ignores the body of such a request reads it as the next request.
        if matches!(request.method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE") && framing != Framing::Length(0)
        {
            return Err(ambiguous("a body on a method that has none"));
        }
        Ok(framing)
    }
}

/// RFC 9110 s5.6.2.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// Digits without sign, separators or leading zeros.
fn parse_length(value: &[u8]) -> Option<u64> {
    let plain = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
    if !plain || (value.len() > 1 && value.first() == Some(&b'0')) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// `name`, `name:port`, `[v6]`, `[v6]:port` (RFC 9112 s3.2), without userinfo.
pub(super) fn is_authority(value: &[u8]) -> bool {
    let (host, port) = if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', rest) else { return false };
        let (inside, after) = rest.split_at_checked(end).unwrap_or_default();
        if !inside.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
            return false;
        }
        (inside, after.get(1..).unwrap_or_default())
    } else {
        let end = memchr::memchr(b':', value).unwrap_or(value.len());
        let (host, port) = value.split_at_checked(end).unwrap_or_default();
        if !host.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
            return false;
        }
        (host, port)
    };
    let port_is_good = match port.strip_prefix(b":") {
        Some(digits) => !digits.is_empty() && digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        None => port.is_empty(),
    };
    !host.is_empty() && port_is_good
}
