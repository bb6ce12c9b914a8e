//! A client that does what curl does: one connection, one request over HTTP/1.1, one answer.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use stint_api::Problem;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Largest answer that is read, in bytes.
const LARGEST: usize = 4 << 20;

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) host: &'static str,
    /// Path and query.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Id of the audit record, where the gateway gave one.
    pub(super) record: Option<String>,
    pub(super) body: String,
}

/// Where connections go, and whom they trust there.
#[derive(Debug)]
pub(super) struct Client {
    to: SocketAddr,
    /// `Proxy-Authorization`, where `to` is a proxy.
    proxy: Option<String>,
    trust: Arc<ClientConfig>,
}

impl Client {
    /// To `to` whatever the host's name resolves to, as `curl --connect-to` does.
    pub(super) fn straight(to: SocketAddr, ca_pem: &str) -> Result<Self, String> {
        Ok(Client { to, proxy: None, trust: trust(ca_pem)? })
    }

    /// Through the proxy that a session's variables name: `http://user:password@127.0.0.1:PORT`.
    pub(super) fn through(proxy_url: &str, ca_pem: &str) -> Result<Self, String> {
        let wrong = || "the proxy's URL is not of the form http://user:password@address".to_owned();
        let (who, to) =
            proxy_url.strip_prefix("http://").and_then(|rest| rest.split_once('@')).ok_or_else(wrong)?;
        let to = to.parse().map_err(|_| wrong())?;
        Ok(Client { to, proxy: Some(format!("Basic {}", STANDARD.encode(who))), trust: trust(ca_pem)? })
    }

    pub(super) async fn send(&self, request: &Request) -> Result<Answer, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", request.host);
        let stream = TcpStream::connect(self.to).await.map_err(|error| failed(&error))?;
        match &self.proxy {
            None => self.speak(stream, request).await,
            Some(authorization) => {
                let tunnel = connect(stream, request.host, authorization).await?;
                self.speak(tunnel, request).await
            }
        }
    }

    async fn speak<S>(&self, stream: S, request: &Request) -> Result<Answer, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", request.host);
        let name = ServerName::try_from(request.host).map_err(|error| failed(&error))?;
        let connector = TlsConnector::from(Arc::clone(&self.trust));
        let stream = connector.connect(name, stream).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        let carried = tokio::spawn(connection);
        let mut outgoing = http::Request::builder()
            .method(&request.method)
            .uri(&request.path)
            .header(header::HOST, request.host)
            .header(header::USER_AGENT, "curl/8.14.1")
            .header(header::ACCEPT, "*/*");
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value);
        }
        let outgoing =
            outgoing.body(Full::new(Bytes::from(request.body.clone()))).map_err(|error| failed(&error))?;
        let answer = sender.send_request(outgoing).await.map_err(|error| failed(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| failed(&error))?;
        carried.abort();
        let record = head.headers.get(stint_api::HEADER_RECORD).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: head.status.as_u16(),
            record: record.map(str::to_owned),
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    }
}

impl Answer {
    pub(super) fn problem(&self) -> Option<Problem> {
        serde_json::from_str(&self.body).ok()
    }

    /// `data` of a GraphQL answer that has no errors.
    pub(super) fn data(&self) -> Option<Value> {
        let value: Value = serde_json::from_str(&self.body).ok()?;
        value.get("data").filter(|data| !data.is_null() && value.get("errors").is_none()).cloned()
    }
}

/// RFC 9110 s9.3.6.
async fn connect(
    stream: TcpStream,
    host: &str,
    authorization: &str,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the proxy: {error}");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection.with_upgrades());
    let request = http::Request::connect(format!("{host}:443"))
        .header(header::HOST, format!("{host}:443"))
        .header(header::PROXY_AUTHORIZATION, authorization)
        .body(Full::<Bytes>::default())
        .map_err(|error| failed(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if !answer.status().is_success() {
        return Err(failed(&answer.status()));
    }
    let tunnel = hyper::upgrade::on(answer).await.map_err(|error| failed(&error))?;
    Ok(TokioIo::new(tunnel))
}

fn trust(ca_pem: &str) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("a CA: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a CA: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
