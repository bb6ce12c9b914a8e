use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// A server's TLS settings from PEM text: the chain, leaf first, and its private key. TLS 1.2 and 1.3, no client
/// certificates, HTTP/2 and HTTP/1.1 by ALPN.
pub fn tls_config(cert: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(cert)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError("the certificate file is not PEM".into()))?;
    if chain.is_empty() {
        return Err(TlsError("the certificate file holds no certificate".into()));
    }
    // The parser's own message is not passed on: this is a file of key material.
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| TlsError("the key file holds no private key".into()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| TlsError(format!("certificate and key cannot be used together: {error}")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
