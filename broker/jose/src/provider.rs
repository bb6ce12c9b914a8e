//! The cryptography behind `jsonwebtoken`: ring, and of it only EdDSA (Ed25519), ES256 and, to verify, RS256 and PS256.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result, new_error};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// Make ring the provider of `jsonwebtoken` for this process. Any number of calls is one; without it the library panics
/// at its first signature, so everything in this crate that signs or verifies through it calls this first.
pub fn install() {
    // An error says that a provider is installed. Nothing else in the tree installs one, and the library is built
    // without the features that would bring one of its own.
    let _ = RING.install_default();
}

static RING: CryptoProvider = CryptoProvider {
    signer_factory,
    verifier_factory,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
        rsa_pub_components_from_public_key: |_| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
        ec_pub_components_from_private_key: p256_public,
        ed_pub_components_from_private_key: ed25519_public,
        compute_digest: hash,
    },
};

struct Ed25519Signer(Ed25519KeyPair);
struct Ed25519Verifier(DecodingKey);
struct Es256Signer(EcdsaKeyPair);
struct Es256Verifier(DecodingKey);
/// RS256 or PS256, as its parameters say.
struct RsaVerifier(DecodingKey, Algorithm, &'static RsaParameters);

fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let family = |family| same_family(key.family(), family);
    Ok(match algorithm {
        Algorithm::EdDSA => {
            family(AlgorithmFamily::Ed)?;
            Box::new(Ed25519Signer(ed25519_pair(key.as_bytes())?))
        }
        Algorithm::ES256 => {
            family(AlgorithmFamily::Ec)?;
            Box::new(Es256Signer(p256_pair(key.as_bytes())?))
        }
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    })
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let family = |family| same_family(key.family(), family);
    Ok(match algorithm {
        Algorithm::EdDSA => {
            family(AlgorithmFamily::Ed)?;
            Box::new(Ed25519Verifier(key.clone()))
        }
        Algorithm::ES256 => {
            family(AlgorithmFamily::Ec)?;
            Box::new(Es256Verifier(key.clone()))
        }
        Algorithm::RS256 => {
            family(AlgorithmFamily::Rsa)?;
            Box::new(RsaVerifier(key.clone(), *algorithm, &RSA_PKCS1_2048_8192_SHA256))
        }
        Algorithm::PS256 => {
            family(AlgorithmFamily::Rsa)?;
            Box::new(RsaVerifier(key.clone(), *algorithm, &RSA_PSS_2048_8192_SHA256))
        }
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    })
}

fn same_family(has: AlgorithmFamily, needs: AlgorithmFamily) -> Result<()> {
    if has == needs { Ok(()) } else { Err(new_error(ErrorKind::InvalidKeyFormat)) }
}

// The library hands out PKCS#8: version 1 without the public key as we write it, or version 2 as ring does.
fn ed25519_pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| new_error(ErrorKind::InvalidEddsaKey))
}

fn p256_pair(pkcs8: &[u8]) -> Result<EcdsaKeyPair> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
        .map_err(|_| new_error(ErrorKind::InvalidEcdsaKey))
}

fn ed25519_public(pkcs8: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>> {
    match curve {
        EllipticCurve::Ed25519 => Ok(ed25519_pair(pkcs8)?.public_key().as_ref().to_vec()),
        _ => Err(new_error(ErrorKind::InvalidEddsaKey)),
    }
}

fn p256_public(pkcs8: &[u8], algorithm: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>)> {
    let invalid = || new_error(ErrorKind::InvalidEcdsaKey);
    if algorithm != Algorithm::ES256 {
        return Err(invalid());
    }
    let pair = p256_pair(pkcs8)?;
    let point = pair.public_key().as_ref().strip_prefix(&[4]).ok_or_else(invalid)?;
    let (x, y) = point.split_at_checked(32).ok_or_else(invalid)?;
    Ok((EllipticCurve::P256, x.to_vec(), y.to_vec()))
}

fn hash(data: &[u8], algorithm: ThumbprintHash) -> Result<Vec<u8>> {
    let algorithm = match algorithm {
        ThumbprintHash::SHA256 => &digest::SHA256,
        ThumbprintHash::SHA384 => &digest::SHA384,
        ThumbprintHash::SHA512 => &digest::SHA512,
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    };
    Ok(digest::digest(algorithm, data).as_ref().to_vec())
}

// === impl signers ===

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| SignatureError::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

// === impl verifiers ===

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        let key = self.0.try_get_as_bytes().map_err(no_key)?;
        UnparsedPublicKey::new(&ED25519, key).verify(message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for Es256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        let key = self.0.try_get_as_bytes().map_err(no_key)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(message, signature)
            .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Es256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

impl Verifier<Vec<u8>> for RsaVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        match self.0.kind() {
            DecodingKeyKind::SecretOrDer(der) => {
                UnparsedPublicKey::new(self.2, der).verify(message, signature)
            }
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(self.2, message, signature)
            }
        }
        .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RsaVerifier {
    fn algorithm(&self) -> Algorithm {
        self.1
    }
}

fn no_key(_: Error) -> SignatureError {
    SignatureError::new()
}
