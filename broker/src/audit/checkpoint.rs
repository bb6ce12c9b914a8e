use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{Error, Head};
use crate::model::digest_hex;
use crate::secret::Secret;

const KEY_FILE: &str = "stint-audit-key-v1";

/// Whoever holds this can verify a chain or an export, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
    id: String,
}

/// The broker's key for signing heads (Ed25519).
pub struct AuditKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// A signed head of the chain: nothing up to it can be rewritten afterwards by anybody without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub seq: i64,
    #[serde(with = "hash_hex")]
    pub hash: [u8; 32],
    pub at: DateTime<Utc>,
    /// Id of the key.
    pub key: String,
    #[serde(with = "signature_base64")]
    pub signature: Vec<u8>,
}

// === impl PublicKey ===

impl PublicKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let id = digest_hex(digest(&SHA256, &bytes).as_ref().get(..8).unwrap_or_default());
        PublicKey { bytes, id }
    }

    /// `stint-audit-key-v1 <base64>` and one line end.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let code =
            text.strip_prefix(KEY_FILE).and_then(|rest| rest.strip_prefix(' ')).ok_or(Error::KeyForm)?;
        let bytes = STANDARD.decode(code).map_err(|_| Error::KeyForm)?;
        Ok(PublicKey::from_bytes(bytes.try_into().map_err(|_| Error::KeyForm)?))
    }

    pub fn encode(&self) -> String {
        format!("{KEY_FILE} {}\n", STANDARD.encode(self.bytes))
    }

    /// 16 hex digits: the beginning of the key's SHA-256.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(in crate::audit) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }
}

// === impl AuditKey ===

impl AuditKey {
    /// From the 32-byte seed that the vault keeps sealed.
    pub fn from_seed(seed: &Secret) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::Seed)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| Error::Seed)?;
        Ok(AuditKey { pair, public: PublicKey::from_bytes(bytes) })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(in crate::audit) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({})", self.public.id)
    }
}

// === impl Checkpoint ===

impl Checkpoint {
    pub fn sign(head: &Head, at: DateTime<Utc>, key: &AuditKey) -> Self {
        let signature = key.sign(&message(head, at));
        Checkpoint { seq: head.seq, hash: head.hash, at, key: key.public.id.clone(), signature }
    }

    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Whether this key signed it. Says nothing about the chain: compare `head` with it.
    pub fn verify(&self, key: &PublicKey) -> bool {
        self.key == key.id && key.verify(&message(&self.head(), self.at), &self.signature)
    }
}

/// A label of its own, then fields of fixed length.
fn message(head: &Head, at: DateTime<Utc>) -> Vec<u8> {
    let mut message = b"stint audit checkpoint v1".to_vec();
    message.extend(head.seq.to_be_bytes());
    message.extend(head.hash);
    message.extend(time(at));
    message
}

/// Seconds and nanoseconds, 12 bytes.
pub(in crate::audit) fn time(at: DateTime<Utc>) -> impl Iterator<Item = u8> {
    at.timestamp().to_be_bytes().into_iter().chain(at.timestamp_subsec_nanos().to_be_bytes())
}

/// 64 lower-case hex digits.
pub(in crate::audit) mod hash_hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::audit::line;
    use crate::model::digest_hex;

    pub fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&digest_hex(hash))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        line::hash(text.as_bytes()).ok_or_else(|| D::Error::custom("not 64 lower-case hex digits"))
    }
}

pub(in crate::audit) mod signature_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(signature: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(signature))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> AuditKey {
        AuditKey::from_seed(&Secret::new(vec![byte; 32])).unwrap()
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 123_456_789).unwrap()
    }

    #[test]
    fn a_checkpoint_verifies_with_its_key_alone() {
        let signed = Checkpoint::sign(&Head { seq: 9, hash: [3; 32] }, at(), &key(1));
        assert!(signed.verify(key(1).public()));
        assert!(!signed.verify(key(2).public()));
        let relabelled = Checkpoint { key: key(2).public().id().to_owned(), ..signed };
        assert!(!relabelled.verify(key(1).public()) && !relabelled.verify(key(2).public()));
    }

    #[test]
    fn m2_a_checkpoint_with_any_field_changed_does_not_verify() {
        let signed = Checkpoint::sign(&Head { seq: 9, hash: [3; 32] }, at(), &key(1));
        let later = at() + chrono::TimeDelta::nanoseconds(1);
        let mut signature = signed.signature.clone();
        signature[0] ^= 1;
        for changed in [
            Checkpoint { seq: 10, ..signed.clone() },
            Checkpoint { hash: [4; 32], ..signed.clone() },
            Checkpoint { at: later, ..signed.clone() },
            Checkpoint { signature, ..signed.clone() },
            Checkpoint { signature: Vec::new(), ..signed },
        ] {
            assert!(!changed.verify(key(1).public()), "{changed:?}");
        }
    }

    #[test]
    fn a_checkpoint_survives_json() {
        let signed = Checkpoint::sign(&Head { seq: 9, hash: [3; 32] }, at(), &key(1));
        let text = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<Checkpoint>(&text).unwrap(), signed);
        assert!(serde_json::from_str::<Checkpoint>(&text.replace("0303", "030G")).is_err());
    }

    #[test]
    fn the_public_key_file_reads_back_and_is_strict() {
        let public = key(1).public().clone();
        assert_eq!(PublicKey::parse(&public.encode()).unwrap(), public);
        assert_eq!(PublicKey::parse(public.encode().trim_end()).unwrap(), public);
        let good = public.encode();
        for bad in [
            "",
            "stint-audit-key-v1 ",
            "stint-audit-key-v1 AAAA",
            &good.replace("v1", "v2"),
            &format!("{good}\n"),
        ] {
            assert_eq!(PublicKey::parse(bad).unwrap_err(), Error::KeyForm, "{bad:?}");
        }
    }

    #[test]
    fn a_seed_of_another_length_is_refused_and_debug_shows_only_the_id() {
        assert_eq!(AuditKey::from_seed(&Secret::new(vec![1; 31])).unwrap_err(), Error::Seed);
        assert_eq!(format!("{:?}", key(1)), format!("AuditKey({})", key(1).public().id()));
    }
}
