use std::fmt;

use ring::rand::SecureRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::{Error, Jwk, base64url};

/// A private Ed25519 key (RFC 8032), parsed once, so that a signature costs one signature.
///
/// Redacted `Debug`, no `Clone`, no `Serialize`. The seed is wiped on drop; what ring expands it to is not, since ring
/// does not offer it.
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: Jwk,
}

impl SigningKey {
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut()).map_err(|_| Error::Randomness)?;
        SigningKey::from_seed(seed.as_ref())
    }

    /// From the 32 bytes of RFC 8032 s5.1.5; any 32 bytes are a key.
    pub fn from_seed(seed: &[u8]) -> Result<Self, Error> {
        let seed: [u8; 32] = seed.try_into().map_err(|_| Error::Key("an Ed25519 seed has 32 bytes"))?;
        let seed = Zeroizing::new(seed);
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| Error::Key("not a seed"))?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| Error::Key("not a seed"))?;
        Ok(SigningKey { seed, pair, public: Jwk::ed25519(public)? })
    }

    /// The 32 secret bytes, for sealed storage.
    pub fn seed(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.seed.to_vec())
    }

    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// 64 bytes over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (byte, signed) in bytes.iter_mut().zip(self.pair.sign(message).as_ref()) {
            *byte = *signed;
        }
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public.thumbprint()).finish_non_exhaustive()
    }
}

/// 128 random bits as 22 characters: a `jti`.
pub fn fresh_id(random: &dyn SecureRandom) -> Result<String, Error> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(base64url::encode(bytes))
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::{SigningKey, fresh_id};
    use crate::base64url;

    #[test]
    fn debug_shows_nothing_of_the_seed() {
        let key = SigningKey::from_seed(&[0x41; 32]).unwrap();
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains(&key.public().thumbprint()));
        for form in ["65, 65", "41, 41", "4141", "AAAA", "QUFB"] {
            assert!(!shown.contains(form), "{form}: {shown}");
        }
    }

    #[test]
    fn the_key_of_rfc_8037_signs_what_the_standard_says() {
        // RFC 8037 appendix A.1 and A.4.
        let seed = base64url::decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_seed(&seed).unwrap();
        assert_eq!(key.public().to_value()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        assert_eq!(
            base64url::encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn a_generated_key_comes_back_from_its_seed_and_no_two_are_alike() {
        let random = SystemRandom::new();
        let key = SigningKey::generate(&random).unwrap();
        assert_eq!(SigningKey::from_seed(&key.seed()).unwrap().public(), key.public());
        assert_ne!(SigningKey::generate(&random).unwrap().public(), key.public());
        assert_ne!(fresh_id(&random).unwrap(), fresh_id(&random).unwrap());
        assert!(SigningKey::from_seed(&[1; 31]).is_err());
    }
}
