use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::Error;

/// Body of a request or answer that is handed on in pieces.
pub type Body = BoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

/// Largest answer of the control plane that is read, in bytes.
const LARGEST_ANSWER: usize = 16 << 20;
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(30);

/// Pooled connections to the broker. Cheap to clone. Obeys no proxy variable: what goes to the broker goes straight.
#[derive(Debug, Clone)]
pub struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

/// Whom to trust as the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain `http` only: no certificates are loaded, and `https` fails.
    None,
    /// The system's roots.
    System,
    /// These certificates alone, in PEM.
    Pem(String),
}

impl Tls {
    /// What a base URL needs: nothing for `http`, and for `https` the given certificates or else the system's.
    pub fn for_url(url: &str, ca: Option<&str>) -> Self {
        match ca {
            _ if !url.starts_with("https://") => Tls::None,
            Some(pem) => Tls::Pem(pem.to_owned()),
            None => Tls::System,
        }
    }
}

impl Transport {
    pub fn new(tls: &Tls) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::protocol(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots(tls)?)
            .with_no_client_auth();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .build(connector);
        Ok(Transport { client })
    }

    /// Sends one request and gives the answer as soon as its head is there. Waits as long as the broker does.
    pub async fn stream(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.client.request(request).await
    }

    /// Sends one request and reads the whole answer, within `extra` plus 30 seconds.
    pub async fn exchange(&self, request: Request<Bytes>, extra: Duration) -> Result<Response<Bytes>, Error> {
        let url = origin(request.uri());
        let unreachable = |why: String| Error::Unreachable { url: url.clone(), why };
        let request = request.map(full);
        let work = async {
            let answer = self.client.request(request).await.map_err(|error| unreachable(reason(&error)))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await;
            let body = body.map_err(|error| unreachable(format!("the answer broke off: {error}")))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        match tokio::time::timeout(ANSWER + extra, work).await {
            Ok(answer) => answer,
            Err(_) => Err(unreachable("no answer in time".to_owned())),
        }
    }
}

/// A body of bytes at hand.
pub fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

pub fn empty() -> Body {
    full(Bytes::new())
}

fn roots(tls: &Tls) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    match tls {
        Tls::None => {}
        Tls::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Tls::Pem(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let bad = |why: String| Error::protocol(format!("the broker's CA file: {why}"));
                let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                store.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
            if store.is_empty() {
                return Err(Error::protocol("the broker's CA file holds no certificate"));
            }
        }
    }
    Ok(store)
}

/// Scheme and authority: what may be shown of a URL.
fn origin(uri: &http::Uri) -> String {
    format!(
        "{}://{}",
        uri.scheme_str().unwrap_or("http"),
        uri.authority().map_or("", |authority| authority.as_str())
    )
}

/// The innermost cause: `Connection refused` and not `client error (Connect)`.
fn reason(error: &dyn StdError) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use hyper_util::server::conn::auto;
    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A broker behind a certificate of its own: its URL, and the CA in PEM.
    async fn serve() -> (String, String) {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(empty())) });
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    server.serve_connection(TokioIo::new(stream), service).await
                });
            }
        });
        (url, ca_pem)
    }

    #[tokio::test]
    async fn a_broker_is_trusted_by_the_given_certificates_alone() {
        let (url, ca) = serve().await;
        let ask = async |tls: Tls| {
            let request = Request::get(&url).body(Bytes::new()).unwrap();
            Transport::new(&tls).unwrap().exchange(request, Duration::ZERO).await
        };
        assert_eq!(ask(Tls::for_url(&url, Some(&ca))).await.unwrap().status(), 200);
        for tls in [Tls::for_url(&url, None), Tls::None] {
            assert!(matches!(ask(tls).await, Err(Error::Unreachable { .. })));
        }
        assert!(Transport::new(&Tls::Pem("none".to_owned())).is_err());
    }
}
