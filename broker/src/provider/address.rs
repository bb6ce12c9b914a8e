//! Which addresses a request may be sent to. Judged on what a name resolved to, never on how it was written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// The addresses that are allowed beyond public ones, and those that never are.
#[derive(Debug, Clone, Default)]
pub struct AddressRules {
    /// Private ranges that an operator opened by name.
    pub allow_private: Vec<IpNet>,
    /// Where the broker itself listens: never an upstream, whatever is opened.
    pub own: Vec<SocketAddr>,
}

/// Why an address was refused. Says nothing of the address: that is the caller's to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("the address is not a public one, and no allowed private range holds it")]
    Private,
    #[error("a connection without TLS is only made to an allowed private range")]
    Plain,
    #[error("the address is the broker's own")]
    Own,
}

impl AddressRules {
    /// Judges one address. `plain` is a connection without TLS.
    pub fn check(&self, address: SocketAddr, plain: bool) -> Result<(), Forbidden> {
        let ip = address.ip().to_canonical();
        let own = |own: &SocketAddr| {
            own.port() == address.port()
                && (own.ip().to_canonical() == ip || (own.ip().is_unspecified() && ip.is_loopback()))
        };
        if self.own.iter().any(own) {
            return Err(Forbidden::Own);
        }
        if self.opened(ip) {
            return Ok(());
        }
        if plain {
            return Err(Forbidden::Plain);
        }
        if is_public(ip) { Ok(()) } else { Err(Forbidden::Private) }
    }

    /// Judges a connection that was made: an address of this machine with a port of the broker's is the broker.
    pub fn check_made(&self, local: SocketAddr, peer: SocketAddr, plain: bool) -> Result<(), Forbidden> {
        if local.ip() == peer.ip()
            && self.own.iter().any(|own| own.ip().is_unspecified() && own.port() == peer.port())
        {
            return Err(Forbidden::Own);
        }
        self.check(peer, plain)
    }

    fn opened(&self, ip: IpAddr) -> bool {
        // Nothing opens these: a connection to them reaches whoever happens to answer.
        let nobody = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
        !nobody && self.allow_private.iter().any(|net| net.contains(&ip))
    }
}

/// A globally reachable unicast address that is no metadata service, and embeds no other kind of IPv4 address.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The IANA special-purpose registry for IPv4, with what clouds added to it.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 88, 99)
            | (192, 168, _)
            | (192, 175, 48)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    );
    // A public address that a cloud answers with metadata on from inside.
    !special && ip != Ipv4Addr::new(168, 63, 129, 16)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    match (a, b) {
        // NAT64 (RFC 6052): a public IPv4 address behind a network's own translator.
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => {
            let [g1, g2] = g.to_be_bytes();
            let [h1, h2] = h.to_be_bytes();
            is_public_v4(Ipv4Addr::new(g1, g2, h1, h2))
        }
        // Protocol assignments with Teredo, documentation, 6to4, and the newer documentation range.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff) => false,
        // All that is assigned for global unicast.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn j1_j2_j3_addresses_that_are_not_public_are_refused() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "192.88.99.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.1.2.3",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(ip(text)), "{text}");
            let refused = AddressRules::default().check(SocketAddr::new(ip(text), 443), false);
            assert_eq!(refused, Err(Forbidden::Private), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_allowed_and_only_with_tls() {
        for text in
            ["1.1.1.1", "140.82.112.3", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            let address = SocketAddr::new(ip(text), 443);
            assert_eq!(AddressRules::default().check(address, false), Ok(()), "{text}");
            assert_eq!(AddressRules::default().check(address, true), Err(Forbidden::Plain), "{text}");
        }
    }

    #[test]
    fn an_opened_range_is_allowed_also_as_a_mapped_address_and_nothing_beside_it() {
        let rules = AddressRules { allow_private: vec!["127.0.0.0/8".parse().unwrap()], own: vec![] };
        for text in ["127.0.0.1", "::ffff:127.0.0.1"] {
            assert_eq!(rules.check(SocketAddr::new(ip(text), 80), true), Ok(()), "{text}");
        }
        assert_eq!(rules.check(SocketAddr::new(ip("10.0.0.1"), 443), false), Err(Forbidden::Private));
        let all = AddressRules { allow_private: vec!["0.0.0.0/0".parse().unwrap()], own: vec![] };
        for text in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            assert_eq!(all.check(SocketAddr::new(ip(text), 443), false), Err(Forbidden::Private), "{text}");
        }
    }

    #[test]
    fn j9_the_broker_is_never_its_own_upstream() {
        let rules = AddressRules {
            allow_private: vec!["0.0.0.0/0".parse().unwrap()],
            own: vec!["127.0.0.1:7380".parse().unwrap(), "0.0.0.0:9000".parse().unwrap()],
        };
        for text in ["127.0.0.1:7380", "[::ffff:127.0.0.1]:7380", "127.0.0.1:9000", "127.0.0.9:9000"] {
            assert_eq!(rules.check(text.parse().unwrap(), false), Err(Forbidden::Own), "{text}");
        }
        let here = "192.168.0.7:41000".parse().unwrap();
        assert_eq!(rules.check_made(here, "192.168.0.7:9000".parse().unwrap(), false), Err(Forbidden::Own));
        assert_eq!(rules.check_made(here, "192.168.0.7:9001".parse().unwrap(), false), Ok(()));
    }
}
