use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::listen::canonical_host;

const CONNECT: Duration = Duration::from_secs(10);
/// Time for a client to say its next word of greeting.
const GREETING: Duration = Duration::from_secs(5);
/// Largest greeting, in bytes: several records of TLS with long lists of keys.
const LARGEST_GREETING: usize = 64 << 10;
/// First byte of a TLS handshake (RFC 8446 s5.1).
const TLS_HANDSHAKE: u8 = 22;

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

/// Carries bytes both ways, unread but for the greeting, until both sides have ended.
///
/// A `CONNECT` to an address by number says nothing of its host; the name in the TLS greeting does, and a tunnel to one
/// that may not be reached so is closed before the greeting is handed on.
pub(super) async fn carry(
    downstream: hyper::upgrade::Upgraded,
    mut upstream: TcpStream,
    may_tunnel: impl Fn(&str) -> bool,
) {
    let mut downstream = TokioIo::new(downstream);
    let Ok(greeting) = read_greeting(&mut downstream).await else { return };
    if greeting.name.is_some_and(|name| !may_tunnel(&canonical_host(&name))) {
        return;
    }
    if upstream.write_all(&greeting.bytes).await.is_err() {
        return;
    }
    // A tunnel that breaks is seen by both of its ends; there is nobody else to tell.
    let _ = tokio::io::copy_bidirectional(&mut downstream, &mut upstream).await;
}

/// What a client said first, and the server name in it if it was TLS.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    pub(super) bytes: Vec<u8>,
    pub(super) name: Option<String>,
}

pub(super) async fn read_greeting(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Greeting> {
    let mut greeting = Greeting::default();
    let mut acceptor = Acceptor::default();
    let mut piece = [0u8; 4096];
    while greeting.bytes.len() < LARGEST_GREETING {
        let read = match tokio::time::timeout(GREETING, stream.read(&mut piece)).await {
            // In some protocols the server speaks first.
            Err(_) if greeting.bytes.is_empty() => return Ok(greeting),
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(read) => read?,
        };
        let mut new = piece.get(..read).unwrap_or_default();
        greeting.bytes.extend_from_slice(new);
        let is_tls = greeting.bytes.first() == Some(&TLS_HANDSHAKE);
        if read == 0 || !is_tls {
            return Ok(greeting);
        }
        while !new.is_empty() {
            acceptor.read_tls(&mut new)?;
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    greeting.name = accepted.client_hello().server_name().map(str::to_owned);
                    return Ok(greeting);
                }
                // Not TLS after all, or none that we could judge: a provider's server would not take it either.
                Err(_) => return Ok(greeting),
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
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

    #[tokio::test]
    async fn a_greeting_is_read_for_its_name_and_kept_whole() {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = "Backboard.Railway.app".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();

        // In pieces, as a network may deliver it.
        let (mut near, mut far) = tokio::io::duplex(64);
        let sent = hello.clone();
        tokio::spawn(async move { near.write_all(&sent).await });
        let greeting = read_greeting(&mut far).await.unwrap();
        assert!(greeting.name.unwrap().eq_ignore_ascii_case("backboard.railway.app"));
        assert!(hello.starts_with(&greeting.bytes));

        let mut other: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
        let greeting = read_greeting(&mut other).await.unwrap();
        assert_eq!((greeting.name, greeting.bytes.as_slice()), (None, b"GET / HTTP/1.1\r\n\r\n".as_slice()));
    }
}
