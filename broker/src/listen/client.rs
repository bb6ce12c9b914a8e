//! Whose request it is, where a proxy stands in front.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use crate::config::ProxyHeader;

/// Request extension: the address that a request counts as coming from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(pub IpAddr);

/// The address of the peer; where that is a proxy that is trusted, the one that it names, and so on to the left as long as
/// who names is trusted (RFC 7239 s7.1). What names no address ends the walk at who wrote it.
///
/// Only `header` is looked at: the other one any client can send through a proxy that does not know it.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], header: ProxyHeader) -> Client {
    let mut named = match header {
        _ if trusted.is_empty() => Vec::new(),
        ProxyHeader::XForwardedFor => x_forwarded_for(headers),
        ProxyHeader::Forwarded => forwarded(headers),
    };
    let mut current = peer.to_canonical();
    while trusted.iter().any(|net| net.contains(&current)) {
        match named.pop() {
            Some(Some(address)) => current = address,
            _ => break,
        }
    }
    Client(current)
}

/// Leftmost first; `None` for what is no address.
fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter().map(HeaderValue::to_str);
    let mut named = Vec::new();
    for line in lines {
        match line {
            Ok(line) => named.extend(line.split(',').map(|one| address(one.trim()))),
            Err(_) => named.push(None),
        }
    }
    named
}

/// RFC 7239 s4: elements by comma, pairs by semicolon, values that may be quoted.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(http::header::FORWARDED).iter().map(HeaderValue::to_str);
    let mut named = Vec::new();
    for line in lines {
        match line {
            Ok(line) => named.extend(split(line, ',').into_iter().map(element)),
            Err(_) => named.push(None),
        }
    }
    named
}

/// The one `for` of an element.
fn element(text: &str) -> Option<IpAddr> {
    let mut values = split(text, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    address(value)
}

/// Split at `mark` outside of quotes. An address has no backslash, so one within quotes only keeps a quote from ending.
fn split(text: &str, mark: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        let escape = quoted && c == '\\' && !escaped;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = escape;
        c == mark && !quoted
    })
    .collect()
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    alone.or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn of(peer: &str, header: ProxyHeader, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client(peer.parse().unwrap(), &headers, &trusted, header).0.to_string()
    }

    fn xff(peer: &str, value: &'static str) -> String {
        of(peer, ProxyHeader::XForwardedFor, &[("x-forwarded-for", value)])
    }

    fn rfc(value: &'static str) -> String {
        of(PROXY, ProxyHeader::Forwarded, &[("forwarded", value)])
    }

    #[test]
    fn only_who_is_trusted_is_believed_and_only_what_they_wrote_themselves() {
        assert_eq!(xff("192.0.2.9", "198.51.100.1"), "192.0.2.9");
        assert_eq!(xff(PROXY, "198.51.100.1"), "198.51.100.1");
        assert_eq!(xff("::ffff:10.0.0.1", "::ffff:198.51.100.1"), "198.51.100.1");
        // What stands to the left of an address that is not trusted is what that client says.
        assert_eq!(xff(PROXY, "203.0.113.7, 198.51.100.1"), "198.51.100.1");
        assert_eq!(xff(PROXY, "198.51.100.1, 10.0.0.2,10.0.0.3"), "198.51.100.1");
        assert_eq!(xff(PROXY, "10.0.0.2"), "10.0.0.2");
        for nothing in ["", "unknown", "198.51.100.1, unknown", "198.51.100.1,", "1.2.3", "a\tb"] {
            assert_eq!(xff(PROXY, nothing), PROXY, "{nothing:?}");
        }
        let twice = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(of(PROXY, ProxyHeader::XForwardedFor, &twice), "198.51.100.1");
    }

    #[test]
    fn the_other_header_is_not_looked_at() {
        let both = [("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(of(PROXY, ProxyHeader::XForwardedFor, &both), "198.51.100.1");
        assert_eq!(of(PROXY, ProxyHeader::Forwarded, &both), "203.0.113.7");
        assert_eq!(of(PROXY, ProxyHeader::XForwardedFor, &both[..1]), PROXY);
    }

    #[test]
    fn the_standard_header_is_read_as_the_standard_writes_it() {
        assert_eq!(rfc("for=198.51.100.1"), "198.51.100.1");
        assert_eq!(
            rfc("proto=https; For=\"[2001:db8:cafe::17]:4711\" ;by=203.0.113.43"),
            "2001:db8:cafe::17"
        );
        assert_eq!(rfc("for=203.0.113.7, for=\"198.51.100.1:80\";host=\"a,b;for=1.1.1.1\""), "198.51.100.1");
        assert_eq!(rfc("host=\"\\\"\";for=198.51.100.1"), "198.51.100.1");
        for nothing in [
            "for=unknown",
            "for=_hidden",
            "proto=http",
            "for=198.51.100.1;for=203.0.113.7",
            "for=\"198.51.100.1",
        ] {
            assert_eq!(rfc(nothing), PROXY, "{nothing}");
        }
    }
}
