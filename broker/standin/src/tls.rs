use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;

/// How a stand-in speaks.
#[derive(Debug, Clone)]
pub enum Tls {
    /// HTTP/1.1, and HTTP/2 by prior knowledge.
    Plain,
    /// A leaf for these names and addresses, signed by a CA that is made at the start; HTTP/2 and HTTP/1.1 by ALPN.
    SelfSigned { names: Vec<String> },
}

pub(crate) struct Material {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) ca_pem: String,
}

impl Tls {
    /// For `127.0.0.1` and `localhost`.
    pub fn loopback() -> Self {
        Tls::SelfSigned { names: vec!["127.0.0.1".to_owned(), "localhost".to_owned()] }
    }

    pub(crate) fn material(&self) -> io::Result<Option<Material>> {
        match self {
            Tls::Plain => Ok(None),
            Tls::SelfSigned { names } => make(names).map(Some),
        }
    }
}

/// Certificate verifiers refuse a CA's own certificate as a server's: the leaf is another one, and says that it is no CA.
fn make(names: &[String]) -> io::Result<Material> {
    let mut ca = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
    ca.distinguished_name.push(DnType::CommonName, "stint stand-in CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().map_err(io::Error::other)?;
    let ca_pem = ca.self_signed(&ca_key).map_err(io::Error::other)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let mut leaf = CertificateParams::new(names.to_vec()).map_err(io::Error::other)?;
    leaf.distinguished_name.push(DnType::CommonName, "stint stand-in");
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = leaf.signed_by(&key, &issuer).map_err(io::Error::other)?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Material { config: Arc::new(config), ca_pem })
}
