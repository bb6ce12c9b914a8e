use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use super::kek::derive;
use super::{Error, Kek};
use crate::clock::Clock;
use crate::model::{CredentialId, Sealed};
use crate::secret::Secret;

/// Version of the format below; in every AAD, so that a later format can never be read as this one.
const FORMAT: u8 = 1;
const SALT: usize = 32;
const TAG: usize = 16;

/// What a ciphertext is for. It is the AAD: a ciphertext moved to another purpose, id or version does not open (M1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    purpose: &'static str,
    id: &'a str,
    version: i64,
}

impl<'a> Context<'a> {
    pub fn credential(id: &'a CredentialId, version: i64) -> Self {
        Context { purpose: "credential", id: id.as_str(), version }
    }

    /// `name` says which of the broker's own keys: `token`, `audit`.
    pub fn signing_key(name: &'a str, version: i64) -> Self {
        Context { purpose: "signing-key", id: name, version }
    }

    /// The secret of a person's one-time codes.
    pub fn one_time_codes(person: &'a str) -> Self {
        Context { purpose: "one-time-codes", id: person, version: 1 }
    }

    pub(in crate::vault) fn seal(id: &'a str) -> Self {
        Context { purpose: "passphrase-seal", id, version: 0 }
    }

    /// Every field behind its length, so that no byte can slide from one field into the next.
    fn encode(&self, layer: &str) -> Vec<u8> {
        let mut aad = Vec::with_capacity(96);
        let version = self.version.to_be_bytes();
        let fields: [&[u8]; 6] = [
            b"stint vault",
            &[FORMAT],
            layer.as_bytes(),
            self.purpose.as_bytes(),
            self.id.as_bytes(),
            &version,
        ];
        for field in fields {
            aad.extend_from_slice(&(field.len() as u64).to_be_bytes());
            aad.extend_from_slice(field);
        }
        aad
    }
}

/// Encrypt a secret under a data key of its own, and that key under the KEK.
pub fn seal(kek: &Kek, clock: &Clock, context: &Context<'_>, secret: &Secret) -> Result<Sealed, Error> {
    let data_key = Zeroizing::new(clock.random::<32>().ok_or(Error::Failed)?);
    Ok(Sealed {
        kek: kek.id().to_owned(),
        wrapped_key: encrypt(kek.bytes(), clock, &context.encode("data key"), &*data_key)?,
        ciphertext: encrypt(&data_key, clock, &context.encode("value"), secret.expose())?,
    })
}

/// INVARIANT: visible in this room only. Whoever could call it for a credential would have its plaintext.
pub(in crate::vault) fn open(kek: &Kek, context: &Context<'_>, sealed: &Sealed) -> Result<Secret, Error> {
    let unwrapped = decrypt(kek.bytes(), &context.encode("data key"), &sealed.wrapped_key)?;
    let data_key: &[u8; 32] = unwrapped.as_slice().try_into().map_err(|_| Error::Failed)?;
    let mut plain = decrypt(data_key, &context.encode("value"), &sealed.ciphertext)?;
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

pub(in crate::vault) fn wrap(
    key: &[u8; 32],
    clock: &Clock,
    context: &Context<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    encrypt(key, clock, &context.encode("wrap"), plain)
}

pub(in crate::vault) fn unwrap(
    key: &[u8; 32],
    context: &Context<'_>,
    boxed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    decrypt(key, &context.encode("wrap"), boxed)
}

/// AES-256-GCM under a key *and* nonce derived (HKDF) from `key` and a 256-bit salt. Result: salt, ciphertext, tag.
///
/// Why the nonce is safe (M4): a pair of key and nonce repeats only where the salt does. The salt is a MAC under `key` over
/// 256 fresh random bits, the AAD and the plaintext: distinct messages get distinct salts (2^-128) even if a cloned or
/// restored machine repeats its randomness, and equal ones then give the same ciphertext, which tells no more than that
/// they are equal. So the 2^32 bound of random 96-bit nonces does not apply to the KEK either.
fn encrypt(key: &[u8; 32], clock: &Clock, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    encrypt_with(key, &clock.random::<32>().ok_or(Error::Failed)?, aad, plain)
}

fn encrypt_with(key: &[u8; 32], random: &[u8; 32], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut hedge = Zeroizing::new([0u8; 32]);
    derive(key, &[b"stint salt v1"], &mut *hedge)?;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*hedge));
    mac.update(random);
    mac.update(&(aad.len() as u64).to_be_bytes());
    mac.update(aad);
    mac.update(plain);
    let salt = mac.sign();

    let (cipher, nonce) = message_key(key, salt.as_ref())?;
    let mut boxed = Vec::with_capacity(SALT + plain.len() + TAG);
    boxed.extend_from_slice(salt.as_ref());
    boxed.extend_from_slice(plain);
    let (_, text) = boxed.split_at_mut_checked(SALT).ok_or(Error::Failed)?;
    let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(aad), text)?;
    boxed.extend_from_slice(tag.as_ref());
    Ok(boxed)
}

fn decrypt(key: &[u8; 32], aad: &[u8], boxed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (salt, text) = boxed.split_at_checked(SALT).ok_or(Error::Failed)?;
    let (cipher, nonce) = message_key(key, salt)?;
    let mut plain = Zeroizing::new(text.to_vec());
    let length = cipher.open_in_place(nonce, Aad::from(aad), &mut plain)?.len();
    plain.truncate(length);
    Ok(plain)
}

fn message_key(key: &[u8; 32], salt: &[u8]) -> Result<(LessSafeKey, Nonce), Error> {
    let mut material = Zeroizing::new([0u8; 44]);
    derive(key, &[b"stint message v1", salt], &mut *material)?;
    let (cipher, nonce) = material.split_at_checked(32).ok_or(Error::Failed)?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cipher)?);
    Ok((cipher, Nonce::try_assume_unique_for_key(nonce)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kek(byte: u8) -> Kek {
        Kek::from_bytes(Zeroizing::new([byte; 32]))
    }

    fn credential(digit: u8) -> CredentialId {
        CredentialId::parse(&format!("crd_{}", char::from(b'0' + digit).to_string().repeat(32))).unwrap()
    }

    fn sealed(context: &Context<'_>, text: &str) -> Sealed {
        seal(&kek(1), &Clock::system(), context, &Secret::from(text.to_owned())).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_and_the_ciphertext_shows_nothing() {
        let id = credential(1);
        let context = Context::credential(&id, 1);
        let stored = sealed(&context, "canary-7f3a-canary");
        assert_eq!(open(&kek(1), &context, &stored).unwrap().expose(), b"canary-7f3a-canary");
        assert_eq!(stored.kek, kek(1).id());
        assert!(!stored.ciphertext.windows(6).any(|w| w == b"canary"));
        assert!(!format!("{stored:?}").contains("canary"));
    }

    #[test]
    fn m1_a_ciphertext_moved_to_another_row_version_or_purpose_does_not_open() {
        let (one, two) = (credential(1), credential(2));
        let stored = sealed(&Context::credential(&one, 1), "secret-value");
        for other in [
            Context::credential(&two, 1),
            Context::credential(&one, 2),
            Context::signing_key(one.as_str(), 1),
            Context { purpose: "credential", id: "", version: 1 },
        ] {
            assert_eq!(open(&kek(1), &other, &stored).unwrap_err(), Error::Failed);
        }
    }

    #[test]
    fn m1_halves_of_two_envelopes_do_not_mix() {
        let id = credential(1);
        let context = Context::credential(&id, 1);
        let (first, second) = (sealed(&context, "first-secret"), sealed(&context, "second-secret"));
        let mixed = Sealed { ciphertext: second.ciphertext, ..first.clone() };
        assert_eq!(open(&kek(1), &context, &mixed).unwrap_err(), Error::Failed);
        let swapped = Sealed { ciphertext: first.wrapped_key.clone(), ..first };
        assert_eq!(open(&kek(1), &context, &swapped).unwrap_err(), Error::Failed);
    }

    #[test]
    fn m1_no_two_contexts_encode_alike() {
        // Bytes slid over a field's border: without lengths these pairs would be equal.
        let slid = |purpose, id| Context { purpose, id, version: 1 }.encode("value");
        assert_ne!(slid("credential", "x1"), slid("credentialx", "1"));
        assert_ne!(slid("a", ""), slid("", "a"));
        let id = credential(1);
        assert_ne!(
            Context::credential(&id, 1).encode("value"),
            Context::credential(&id, 1).encode("data key")
        );
    }

    #[test]
    fn m4_repeated_randomness_does_not_repeat_key_and_nonce_for_another_text() {
        let boxed = |text: &[u8], aad: &[u8]| encrypt_with(&[7; 32], &[9; 32], aad, text).unwrap();
        let salt = |boxed: Vec<u8>| boxed[..SALT].to_vec();
        assert_ne!(salt(boxed(b"one", b"aad")), salt(boxed(b"two", b"aad")));
        assert_ne!(salt(boxed(b"one", b"aad")), salt(boxed(b"one", b"bad")));
        assert_ne!(salt(boxed(b"done", b"aa")), salt(boxed(b"one", b"aad")));
    }

    #[test]
    fn m4_the_same_secret_sealed_twice_gives_other_bytes() {
        let id = credential(1);
        let context = Context::credential(&id, 1);
        let (first, second) = (sealed(&context, "same-secret"), sealed(&context, "same-secret"));
        assert_ne!(first.ciphertext, second.ciphertext);
        assert_ne!(first.wrapped_key, second.wrapped_key);
    }

    #[test]
    fn m9_another_kek_opens_nothing_and_the_error_says_nothing() {
        let id = credential(1);
        let context = Context::credential(&id, 1);
        let error = open(&kek(2), &context, &sealed(&context, "canary")).unwrap_err();
        assert_eq!(error.to_string(), "the vault could not do this");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn m1_any_changed_bit_or_cut_is_found(at in 0usize..400, bit in 0u8..8, cut in any::<bool>(), key in any::<bool>()) {
            let id = credential(1);
            let context = Context::credential(&id, 1);
            let mut stored = sealed(&context, "a-secret-of-some-length");
            let field = if key { &mut stored.wrapped_key } else { &mut stored.ciphertext };
            let at = at % field.len();
            if cut { field.truncate(at) } else { field[at] ^= 1 << bit }
            prop_assert_eq!(open(&kek(1), &context, &stored).unwrap_err(), Error::Failed);
        }
    }
}
