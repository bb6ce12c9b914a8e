//! How a connection to a provider is made: which name and port, which addresses, in which time.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{error, fmt, vec};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tower::Service;

use super::address::AddressRules;
use super::upstream::{UpstreamError, UpstreamFailure};

type BoxError = Box<dyn error::Error + Send + Sync>;
type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Where the requests of one credential go instead of the host that they name: `https://host[:port]`, no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    uri: Uri,
    plain: bool,
}

impl Destination {
    /// Takes only what has one reading: no userinfo, path, query, fragment or odd characters. `http` is accepted here and
    /// held to allowed private addresses when the connection is made.
    pub fn parse(text: &str) -> Result<Self, UpstreamError> {
        let wrong =
            |why: &str| UpstreamError::new(UpstreamFailure::Refused, format!("the upstream's URL {why}"));
        if !text.chars().all(|c| c.is_ascii_graphic() && !"\\#?@%\"<>^`{|}".contains(c)) {
            return Err(wrong("has characters that it cannot have"));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
        let plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => return Err(wrong("is neither https nor http")),
        };
        if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") {
            return Err(wrong("is not just a scheme, a host and a port"));
        }
        // A port that does not parse would silently become the scheme's own.
        let written = uri.authority().map(Authority::as_str) != uri.host();
        if written && uri.port_u16().is_none_or(|port| port == 0) {
            return Err(wrong("has no valid port"));
        }
        if is_number_in_disguise(bare(&uri)) {
            return Err(wrong("has an address that is not written as one"));
        }
        Ok(Destination { uri, plain })
    }

    /// The address that the URL names, where it names one and not a host: with its port, or the scheme's own.
    pub fn literal(&self) -> Option<SocketAddr> {
        let ip = bare(&self.uri).parse().ok()?;
        let default = if self.plain { 80 } else { 443 };
        Some(SocketAddr::new(ip, self.uri.port_u16().unwrap_or(default)))
    }

    pub fn is_plain(&self) -> bool {
        self.plain
    }
}

/// `127.1`, `2130706433`, `0x7f000001`, `0177.0.0.1`: resolvers take these for addresses, and no name ends in a number.
fn is_number_in_disguise(host: &str) -> bool {
    if host.parse::<IpAddr>().is_ok() {
        return false;
    }
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The name that the server must prove: an address, or a DNS name (`127.1` is neither).
fn server_name(uri: &Uri) -> Result<ServerName<'static>, UpstreamError> {
    let host = bare(uri);
    ServerName::try_from(host.to_owned()).map_err(|_| {
        UpstreamError::new(UpstreamFailure::Refused, "the host is neither a name nor an address")
    })
}

/// The host without the brackets of an IPv6 address.
fn bare(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The URI under which a request goes out: the policy's host, whatever address it is sent to.
pub(super) fn request_uri(host: Authority, target: PathAndQuery, plain: bool) -> Result<Uri, http::Error> {
    let scheme = if plain { Scheme::HTTP } else { Scheme::HTTPS };
    Uri::builder().scheme(scheme).authority(host).path_and_query(target).build()
}

/// Makes connections for one client.
#[derive(Clone)]
pub(super) struct Door {
    inner: HttpsConnector<Checked>,
    fixed: Option<Uri>,
    time: Duration,
}

impl Door {
    pub(super) fn new(
        rules: Arc<AddressRules>,
        tls: Arc<rustls::ClientConfig>,
        fixed: Option<Destination>,
        connect: Duration,
        whole: Duration,
    ) -> Self {
        let plain = fixed.as_ref().is_some_and(Destination::is_plain);
        let mut tcp = HttpConnector::new_with_resolver(Resolve { rules: Arc::clone(&rules), plain });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let checked = Checked { tcp, rules, plain };
        // The server's name for TLS is the host that is connected to.
        let inner = HttpsConnector::new(checked, tls, false, Arc::new(server_name));
        Door { inner, fixed: fixed.map(|destination| destination.uri), time: whole }
    }
}

impl Service<Uri> for Door {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = UpstreamError;
    type Future = Pending<Self::Response, UpstreamError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        self.inner.poll_ready(cx).map_err(|error| classify(&*error))
    }

    fn call(&mut self, named: Uri) -> Self::Future {
        let connecting = self.inner.call(self.fixed.clone().unwrap_or(named));
        let time = self.time;
        Box::pin(async move {
            match tokio::time::timeout(time, connecting).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(classify(&*error)),
                Err(_) => Err(UpstreamError::new(UpstreamFailure::Timeout, "no connection in time")),
            }
        })
    }
}

/// TCP connections whose address was judged before and after they were made.
#[derive(Clone)]
pub(super) struct Checked {
    tcp: HttpConnector<Resolve>,
    rules: Arc<AddressRules>,
    plain: bool,
}

impl Service<Uri> for Checked {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pending<Self::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // A literal address never reaches the resolver.
        let port = uri.port_u16().unwrap_or(if self.plain { 80 } else { 443 });
        if let Ok(ip) = bare(&uri).parse()
            && let Err(why) = self.rules.check(SocketAddr::new(ip, port), self.plain)
        {
            return Box::pin(async move { Err(refused(why).into()) });
        }
        let connecting = self.tcp.call(uri);
        let (rules, plain) = (Arc::clone(&self.rules), self.plain);
        Box::pin(async move {
            let stream = connecting.await?;
            let (local, peer) = (stream.inner().local_addr()?, stream.inner().peer_addr()?);
            rules.check_made(local, peer, plain).map_err(refused)?;
            Ok(stream)
        })
    }
}

/// Resolves names, and gives either addresses that may all be used or none.
#[derive(Clone)]
pub(super) struct Resolve {
    rules: Arc<AddressRules>,
    plain: bool,
}

impl Service<Name> for Resolve {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pending<Self::Response, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (rules, plain) = (Arc::clone(&self.rules), self.plain);
        Box::pin(async move {
            // The port is set when connecting; the broker's own ports are judged there.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses = judge(&rules, found, plain)?;
            Ok(addresses.into_iter())
        })
    }
}

/// One address out of bounds makes the whole answer suspect: a name that is public and private at once is an attack or
/// a mistake, and either way not the provider.
fn judge(
    rules: &AddressRules,
    found: impl Iterator<Item = SocketAddr>,
    plain: bool,
) -> Result<Vec<SocketAddr>, UpstreamError> {
    let addresses: Vec<_> = found.take(64).collect();
    for address in &addresses {
        rules.check(*address, plain).map_err(refused)?;
    }
    if addresses.is_empty() {
        return Err(UpstreamError::new(UpstreamFailure::Connect, "the name has no address"));
    }
    Ok(addresses)
}

fn refused(why: super::address::Forbidden) -> UpstreamError {
    UpstreamError::new(UpstreamFailure::Refused, why.to_string())
}

/// Finds what went wrong in a chain of errors. Only fixed words are taken over: messages may quote what was sent.
pub(super) fn classify(error: &(dyn error::Error + 'static)) -> UpstreamError {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<UpstreamError>() {
            return ours.clone();
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return UpstreamError::new(UpstreamFailure::Tls, format!("TLS failed: {}", tls_word(tls)));
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            // An error inside an I/O error is not its source: it has to be taken out.
            if let Some(inner) = io.get_ref() {
                next = Some(inner);
                continue;
            }
            let kind = match io.kind() {
                std::io::ErrorKind::TimedOut => UpstreamFailure::Timeout,
                _ => UpstreamFailure::Connect,
            };
            return UpstreamError::new(kind, io.kind().to_string());
        }
        next = error.source();
    }
    UpstreamError::new(UpstreamFailure::Connect, "the connection failed")
}

fn tls_word(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            let why = format!("{why:?}");
            let word = why.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            format!("the certificate is not valid ({word})")
        }
        rustls::Error::AlertReceived(alert) => format!("the provider sent an alert ({alert:?})"),
        _ => "the handshake was not completed".to_owned(),
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("fixed", &self.fixed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j14_a_url_with_more_than_one_reading_is_refused() {
        for text in [
            "https://api.github.com@evil.example",
            "https://user:pw@host",
            "https://host/path",
            "https://host?x",
            "https://host/#f",
            "https://host\\@evil",
            "https://ho st",
            "https://",
            "https://host:",
            "https://host:0",
            "https://host:65536",
            "https://host:x",
            "ftp://host",
            "host",
            "//host",
            "/path",
            "",
            "https://①②⑦.0.0.1",
            "https://%31%32%37.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001:8443",
            "https://0177.0.0.1",
            "https://127.0.0.1.",
        ] {
            assert!(Destination::parse(text).is_err(), "{text}");
        }
        assert!(!Destination::parse("https://127.0.0.1:8443").unwrap().is_plain());
        assert!(Destination::parse("http://[::1]:80/").unwrap().is_plain());
        let literal =
            |text: &str| Destination::parse(text).unwrap().literal().map(|address| address.to_string());
        assert_eq!(literal("https://10.0.0.1").as_deref(), Some("10.0.0.1:443"));
        assert_eq!(literal("http://[::1]:8080/").as_deref(), Some("[::1]:8080"));
        assert_eq!(literal("https://api.github.com"), None);
    }

    #[test]
    fn j4_one_private_address_among_public_ones_refuses_all() {
        let rules = AddressRules::default();
        let both = ["1.1.1.1:0".parse().unwrap(), "10.0.0.1:0".parse().unwrap()];
        assert_eq!(judge(&rules, both.into_iter(), false).unwrap_err().kind, UpstreamFailure::Refused);
        assert!(judge(&rules, both.into_iter().take(1), false).is_ok());
    }
}
