use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::clock::{Clock, NoRandomness};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// The CA of one session, in memory only: no file and no other process ever sees its key.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca: CertificateDer<'static>,
    ca_pem: String,
    /// One key for all leaves: a leaf proves nothing beyond this process.
    leaf_key: KeyPair,
    validity: Validity,
    clock: Clock,
    provider: Arc<rustls::crypto::CryptoProvider>,
    /// By host.
    configs: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

/// Hosts whose certificates are kept.
const MOST_HOSTS: usize = 1024;

#[derive(Clone, Copy)]
struct Validity {
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

impl Authority {
    /// Valid from a day before now, for clocks that differ, to a day after the session's end.
    pub(super) fn new(session: &str, session_end: DateTime<Utc>, clock: &Clock) -> Result<Self, Error> {
        let now = clock.now();
        let day = chrono::TimeDelta::days(1);
        let validity = Validity { not_before: now - day, not_after: session_end.max(now) + day };
        let ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(Vec::new(), &format!("Stint session {session}"), validity, clock)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&ca_key)?;
        Ok(Authority {
            ca: certificate.der().clone(),
            ca_pem: certificate.pem(),
            issuer: Issuer::new(params, ca_key),
            leaf_key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            validity,
            clock: clock.clone(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            configs: Mutex::new(HashMap::new()),
        })
    }

    pub(super) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// TLS for one host, which the caller has found among the hosts of the session.
    pub(super) fn server_config(&self, host: &str) -> Result<Arc<ServerConfig>, Error> {
        if let Some(config) = self.configs.lock().ok().and_then(|configs| configs.get(host).cloned()) {
            return Ok(config);
        }
        let config = Arc::new(self.make(host)?);
        if let Ok(mut configs) = self.configs.lock() {
            // The names that patterns allow have no end; what is forgotten is made again.
            if configs.len() >= MOST_HOSTS {
                configs.clear();
            }
            configs.insert(host.to_owned(), config.clone());
        }
        Ok(config)
    }

    fn make(&self, host: &str) -> Result<ServerConfig, Error> {
        let mut params = params(vec![host.to_owned()], host, self.validity, &self.clock)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&self.leaf_key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone(), self.ca.clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// `not_before` and `not_after` are `validity`; the serial number is random. Left to itself it follows from the key, which
/// all leaves share, and some clients refuse two hosts of one issuer and serial.
fn params(
    names: Vec<String>,
    common_name: &str,
    validity: Validity,
    clock: &Clock,
) -> Result<CertificateParams, Error> {
    let moment = |at: DateTime<Utc>| {
        let month = u8::try_from(at.month()).unwrap_or(1);
        let day = u8::try_from(at.day()).unwrap_or(1);
        rcgen::date_time_ymd(at.year(), month, day)
            + Duration::from_secs(at.num_seconds_from_midnight().into())
    };
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = moment(validity.not_before);
    params.not_after = moment(validity.not_after);
    params.serial_number = Some(SerialNumber::from_slice(&clock.random::<16>()?));
    Ok(params)
}
