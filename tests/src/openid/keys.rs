//! The provider's keys, one for each algorithm, and tokens that they sign or only seem to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
};
use serde_json::{Value, json};

use super::Signing;

/// What a token is signed with (RFC 7518 s3.1, RFC 8037 s3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

#[derive(Debug)]
pub(super) struct Keys {
    generation: u32,
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Alg {
    pub const ALL: [Alg; 4] = [Alg::Rs256, Alg::Ps256, Alg::Es256, Alg::EdDsa];

    fn name(self) -> &'static str {
        match self {
            Alg::Rs256 => "RS256",
            Alg::Ps256 => "PS256",
            Alg::Es256 => "ES256",
            Alg::EdDsa => "EdDSA",
        }
    }
}

impl Keys {
    pub(super) fn new() -> Self {
        Keys::of(1)
    }

    pub(super) fn next(&self) -> Self {
        Keys::of(self.generation + 1)
    }

    fn of(generation: u32) -> Self {
        let random = SystemRandom::new();
        let p256 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("randomness");
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("randomness");
        Keys {
            generation,
            // Made once for this stand-in: to make one takes long, and it guards nothing.
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("rsa.pk8")).expect("a key"),
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random)
                .expect("a key"),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("a key"),
        }
    }

    fn kid(&self, alg: Alg) -> String {
        format!("{}-{}", alg.name().to_lowercase(), self.generation)
    }

    /// The public key set. RS256's key does not say its algorithm, as many providers' do not; beside those that sign is one
    /// that only encrypts.
    pub(super) fn set(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public: ring::rsa::PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let (n, e) = (public.n, "AQAB");
        let point = self.p256.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "use": "enc", "kid": "encryption", "n": b64(&n), "e": e },
            { "kty": "RSA", "use": "sig", "kid": self.kid(Alg::Rs256), "n": b64(&n), "e": e },
            { "kty": "RSA", "alg": "PS256", "kid": self.kid(Alg::Ps256), "n": b64(&n), "e": e },
            { "kty": "EC", "crv": "P-256", "kid": self.kid(Alg::Es256), "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": self.kid(Alg::EdDsa), "x": b64(self.ed25519.public_key().as_ref()) },
        ] })
    }

    pub(super) fn token(&self, alg: Alg, signing: Signing, claims: &Value) -> String {
        let stranger = Keys::of(self.generation);
        let (name, kid) = match signing {
            Signing::None => ("none", self.kid(alg)),
            Signing::HmacOfPublic => ("HS256", self.kid(alg)),
            Signing::OtherKid => (alg.name(), "never-heard-of".to_owned()),
            _ => (alg.name(), self.kid(alg)),
        };
        let header = json!({ "typ": "JWT", "alg": name, "kid": kid });
        let b64 = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", b64(&header), b64(claims));
        let signature = match signing {
            Signing::None | Signing::Cut => Vec::new(),
            Signing::HmacOfPublic => {
                let public = self.set()["keys"][3].to_string();
                let key = hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Signing::Good => self.sign(alg, message.as_bytes()),
            Signing::Stranger | Signing::OtherKid => stranger.sign(alg, message.as_bytes()),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, alg: Alg, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        match alg {
            Alg::Rs256 => self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signs"),
            Alg::Ps256 => self.rsa.sign(&RSA_PSS_SHA256, &random, message, &mut signature).expect("signs"),
            Alg::Es256 => signature = self.p256.sign(&random, message).expect("signs").as_ref().to_vec(),
            Alg::EdDsa => signature = self.ed25519.sign(message).as_ref().to_vec(),
        }
        signature
    }
}
