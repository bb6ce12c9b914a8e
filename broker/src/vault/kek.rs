use std::fmt;

use ring::{digest, hkdf, hmac};
use zeroize::Zeroizing;

use super::Error;
use crate::clock::Clock;
use crate::model::digest_hex;
use crate::secret::Secret;

/// The key-encryption key: 256 bits, wiped on drop, no `Clone`, no `Serialize`.
pub struct Kek {
    bytes: Zeroizing<[u8; 32]>,
    id: String,
}

impl Kek {
    pub fn generate(clock: &Clock) -> Result<Self, Error> {
        Ok(Kek::from_bytes(Zeroizing::new(clock.random().ok_or(Error::Failed)?)))
    }

    /// 16 hex digits that name this key and tell nothing of it: SHA-256 over an HMAC that the key makes of a label.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(in crate::vault) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*bytes), b"stint kek id v1");
        let digest = digest::digest(&digest::SHA256, tag.as_ref());
        Kek { bytes, id: digest_hex(digest.as_ref().get(..8).unwrap_or_default()) }
    }

    pub(in crate::vault) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A key of its own for each use, so that no two uses ever share one.
    pub(in crate::vault) fn mac_key(&self, label: &[u8]) -> Result<hmac::Key, Error> {
        let mut key = Zeroizing::new([0u8; 32]);
        derive(&self.bytes, &[label], &mut *key)?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &*key))
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({})", self.id)
    }
}

/// 12 hex digits by which people tell two secrets apart: HMAC-SHA-256 under a key derived from the KEK, cut to 48 bits.
///
/// Keyed, so that a stolen database does not let anybody test guesses of a weak secret.
pub fn fingerprint(kek: &Kek, secret: &Secret) -> Result<String, Error> {
    let tag = hmac::sign(&kek.mac_key(b"stint fingerprint v1")?, secret.expose());
    Ok(digest_hex(tag.as_ref().get(..6).ok_or(Error::Failed)?))
}

/// HKDF-SHA-256 (RFC 5869) from a uniform 256-bit key. `info` is a label of fixed length, then fields of fixed length.
pub(in crate::vault) fn derive(key: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"stint vault v1").extract(key);
    prk.expand(info, Length(out.len()))?.fill(out)?;
    Ok(())
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kek(byte: u8) -> Kek {
        Kek::from_bytes(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn debug_shows_the_id_and_nothing_of_the_key() {
        let kek = Kek::from_bytes(Zeroizing::new(*b"canary-canary-canary-canary-kek!"));
        let shown = format!("{kek:?} {kek:#?}");
        assert_eq!(shown, format!("Kek({0}) Kek({0})", kek.id()));
        assert!(!shown.contains("canary") && !shown.contains(&digest_hex(b"canary")));
    }

    #[test]
    fn ids_are_stable_and_differ_between_keys() {
        assert_eq!(kek(1).id(), kek(1).id());
        assert_ne!(kek(1).id(), kek(2).id());
        assert!(kek(1).id().len() == 16 && kek(1).id().chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn fingerprints_depend_on_the_secret_and_on_the_key() {
        let print = |key: u8, secret: &str| fingerprint(&kek(key), &Secret::from(secret.to_owned())).unwrap();
        assert_eq!(print(1, "tok"), print(1, "tok"));
        assert_ne!(print(1, "tok"), print(1, "tol"));
        assert_ne!(print(1, "tok"), print(2, "tok"));
        assert_eq!(print(1, "tok").len(), 12);
    }

    #[test]
    fn every_label_derives_another_key() {
        let sign = |label: &[u8]| hmac::sign(&kek(1).mac_key(label).unwrap(), b"x").as_ref().to_vec();
        assert_ne!(sign(b"stint fingerprint v1"), sign(b"stint kek check v1"));
    }
}
