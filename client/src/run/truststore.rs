use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Its name, beside the PEM file.
pub const FILE: &str = "ca.jks";
/// What every key store of Java has for a password: it guards nothing.
const PASSWORD: &str = "changeit";
const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const TRUSTED: u32 = 2;

/// The certificates of a PEM file as a key store of Java (JKS, version 2), which reads no PEM.
///
/// The digest at its end is part of the format and protects nothing: whoever can write the file can make another.
pub fn truststore(pem: &str) -> Vec<u8> {
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect();
    let mut store = Vec::new();
    number(&mut store, MAGIC);
    number(&mut store, VERSION);
    number(&mut store, u32::try_from(certificates.len()).unwrap_or(0));
    for (index, certificate) in certificates.iter().enumerate() {
        number(&mut store, TRUSTED);
        text(&mut store, &format!("root-{index}"));
        // When it was added: nobody asks.
        store.extend([0; 8]);
        text(&mut store, "X.509");
        number(&mut store, u32::try_from(certificate.len()).unwrap_or(0));
        store.extend_from_slice(certificate);
    }
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(&PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    digest.update(b"Mighty Aphrodite");
    digest.update(&store);
    store.extend_from_slice(digest.finish().as_ref());
    store
}

fn number(store: &mut Vec<u8>, number: u32) {
    store.extend(number.to_be_bytes());
}

/// Its length in two bytes, and ASCII, which is itself in Java's UTF-8.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    store.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::truststore;

    #[test]
    fn a_store_holds_each_certificate_under_a_name_of_its_own() {
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::new(vec!["ca".into()]).unwrap().self_signed(&key).unwrap();
        let store = truststore(&format!("{}{}", ca.pem(), ca.pem()));
        assert_eq!(store[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]);
        let found = |needle: &[u8]| store.windows(needle.len()).filter(|window| *window == needle).count();
        assert_eq!((found(ca.der()), found(b"\x00\x06root-0"), found(b"\x00\x06root-1")), (2, 1, 1));
        let entry = 4 + 8 + 8 + 7 + 4 + ca.der().len();
        assert_eq!(store.len(), 12 + 2 * entry + 20);
        // None is a store too.
        assert_eq!(truststore("").len(), 32);
    }
}
