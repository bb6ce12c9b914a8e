use ciborium::Value;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::{Refused, Result, data};

/// A credential's public key (s5.8.5): the three algorithms that are offered, and no other (RFC 9053, RFC 8230).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// -7: the uncompressed point.
    Es256(Vec<u8>),
    /// -8, with Ed25519 only.
    EdDsa(Vec<u8>),
    /// -257
    Rs256 { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    /// From a COSE_Key (RFC 9052 s7). Labels: 1 `kty`, 3 `alg`, -1 `crv` or `n`, -2 `x` or `e`, -3 `y`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let wrong = Refused("the public key is of no kind that is offered");
        let (value, rest) = data::cbor(bytes)?;
        if !rest.is_empty() {
            return Err(Refused("something follows the public key"));
        }
        let members = data::map(value)?;
        let number = |label: i64| match data::member(&members, &Value::from(label)) {
            Some(Value::Integer(number)) => i64::try_from(*number).ok(),
            _ => None,
        };
        let bytes = |label: i64| match data::member(&members, &Value::from(label)) {
            Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
            _ => Err(Refused("the public key lacks a part")),
        };
        match (number(1), number(3)) {
            (Some(2), Some(-7)) if number(-1) == Some(1) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(wrong);
                }
                Ok(PublicKey::Es256([&[4][..], &x, &y].concat()))
            }
            (Some(1), Some(-8)) if number(-1) == Some(6) => {
                let x = bytes(-2)?;
                if x.len() == 32 { Ok(PublicKey::EdDsa(x)) } else { Err(wrong) }
            }
            (Some(3), Some(-257)) => {
                let (n, e) = (bytes(-1)?, bytes(-2)?);
                if !(256..=1024).contains(&n.len()) || e.is_empty() || e.len() > 8 {
                    return Err(wrong);
                }
                Ok(PublicKey::Rs256 { n, e })
            }
            _ => Err(wrong),
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let verified = match self {
            PublicKey::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            PublicKey::EdDsa(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            PublicKey::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| Refused("the signature is not of this passkey"))
    }
}
