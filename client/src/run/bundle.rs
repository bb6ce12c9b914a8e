use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The system's roots and the session's CA in one PEM file: most variables that name such a file replace all others.
pub fn bundle(ca_pem: &str) -> String {
    let mut pem = ca_pem.trim_end().to_owned();
    pem.push('\n');
    // A system without roots of its own still has the session's.
    for certificate in rustls_native_certs::load_native_certs().certs {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in STANDARD.encode(&certificate).as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::bundle;

    #[test]
    fn the_bundle_holds_the_session_ca_and_every_root_of_the_system() {
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::new(vec!["ca".into()]).unwrap().self_signed(&key).unwrap();
        let read: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(bundle(&ca.pem()).as_bytes())
            .map(|certificate| certificate.unwrap())
            .collect();
        let mut expected = vec![ca.der().clone()];
        expected.extend(rustls_native_certs::load_native_certs().certs);
        assert_eq!(read, expected);
    }
}
