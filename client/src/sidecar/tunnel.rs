use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const CONNECT: Duration = Duration::from_secs(10);

/// Connects to a host that no provider owns: every address is checked, and the checked address is the one connected to.
pub(super) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = tokio::time::timeout(CONNECT, tokio::net::lookup_host((host, port))).await??;
    let mut last = io::Error::new(io::ErrorKind::PermissionDenied, "the host is this machine");
    for address in addresses.filter(|address| !is_this_machine(address)) {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Carries bytes both ways, unread, until both sides have ended.
pub(super) async fn carry(downstream: hyper::upgrade::Upgraded, mut upstream: TcpStream) {
    let mut downstream = TokioIo::new(downstream);
    // A tunnel that breaks is seen by both of its ends; there is nobody else to tell.
    let _ = tokio::io::copy_bidirectional(&mut downstream, &mut upstream).await;
}

/// Loopback, link-local (metadata services of clouds live there), unspecified, multicast and broadcast addresses.
fn is_this_machine(address: &SocketAddr) -> bool {
    let ip = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        ip @ IpAddr::V4(_) => ip,
    };
    let common = ip.is_loopback() || ip.is_unspecified() || ip.is_multicast();
    common
        || match ip {
            IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.octets().first() == Some(&0),
            IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.to_ipv4().is_some_and(|ip| ip.is_loopback()),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_does_not_lead_back_to_this_machine_or_to_metadata() {
        for address in [
            "127.0.0.1:443",
            "127.9.9.9:443",
            "[::1]:443",
            "[::ffff:127.0.0.1]:443",
            "[::127.0.0.1]:443",
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[fe80::1]:443",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "255.255.255.255:80",
            "[::]:80",
            "224.0.0.1:80",
        ] {
            assert!(is_this_machine(&address.parse().unwrap()), "{address}");
        }
        for address in ["93.184.216.34:443", "10.1.2.3:443", "[2606:2800::1]:443"] {
            assert!(!is_this_machine(&address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused_before_a_connection_is_made() {
        let error = connect("localhost", 443).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
