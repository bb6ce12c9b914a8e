use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::envelope::{self, Context};
use super::{Error, Kek};
use crate::clock::Clock;
use crate::secret::Secret;

const KEY_FILE: &str = "stint-kek-v1";
const CHECK: &[u8] = b"stint kek check v1";
/// Fewest characters of a passphrase (NIST SP 800-63B s3.1.1.2).
const MIN_PASSPHRASE: usize = 8;

/// A KEK as text, `stint-kek-v1 <base64>` and a line end: the content of a 0600 key file, or of the variable that supplies it.
#[derive(Debug)]
pub struct KeyFile(Kek);

/// How the store that this lies beside is sealed. Holds no secret that a thief of the store could use without the seal.
///
/// INVARIANT: a KEK is handed out only after `check` and `kek` matched it, so a wrong key is found before it touches anything (M9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealRecord {
    /// 1: the only version so far.
    format: u8,
    pub seal: SealKind,
    /// Id of the KEK.
    kek: String,
    /// HMAC-SHA-256 of a fixed text under a key derived from the KEK, base64.
    check: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealKind {
    /// The KEK lies in a file beside the store, or comes with the environment.
    KeyFile,
    /// A person's passphrase wraps the KEK: the broker starts sealed.
    Passphrase(PassphraseSeal),
}

/// The KEK under a key made from a passphrase with Argon2id (RFC 9106).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassphraseSeal {
    /// [`Cost`], field by field.
    m: u32,
    t: u32,
    p: u32,
    /// 16 random bytes, base64.
    salt: String,
    /// Salt, wrapped KEK and tag, base64. Bound to the cost and the salt above.
    wrapped: String,
}

/// What one try of a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub m: u32,
    /// Passes.
    pub t: u32,
    /// Lanes.
    pub p: u32,
}

impl Default for Cost {
    /// 64 MiB, three passes, one lane: above the least that RFC 9106 s4 recommends where memory is short.
    fn default() -> Self {
        Cost { m: 64 * 1024, t: 3, p: 1 }
    }
}

// === impl KeyFile ===

impl KeyFile {
    pub fn generate(clock: &Clock) -> Result<Self, Error> {
        Ok(KeyFile(Kek::generate(clock)?))
    }

    /// Strict: one line, one space, canonical base64 of 32 bytes; at most one line end and nothing after it.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let code = text
            .strip_prefix(KEY_FILE.as_bytes())
            .and_then(|rest| rest.strip_prefix(b" "))
            .ok_or(Error::Form("it does not begin with 'stint-kek-v1 '"))?;
        let bytes = Zeroizing::new(STANDARD.decode(code).map_err(|_| Error::Form("its key is not base64"))?);
        let bytes: [u8; 32] =
            bytes.as_slice().try_into().map_err(|_| Error::Form("its key is not 32 bytes long"))?;
        Ok(KeyFile(Kek::from_bytes(Zeroizing::new(bytes))))
    }

    pub fn encode(&self) -> Secret {
        // Filled in place, so that no grown buffer leaves a copy behind.
        let mut text = Zeroizing::new([0u8; 44]);
        let length = STANDARD.encode_slice(self.0.bytes(), &mut *text).unwrap_or_default();
        let mut line = Vec::with_capacity(64);
        line.extend_from_slice(KEY_FILE.as_bytes());
        line.push(b' ');
        line.extend_from_slice(text.get(..length).unwrap_or_default());
        line.push(b'\n');
        Secret::new(line)
    }

    pub fn kek(&self) -> &Kek {
        &self.0
    }
}

// === impl SealRecord ===

impl SealRecord {
    /// For a store whose KEK lies in a key file.
    pub fn for_key_file(key: &KeyFile) -> Result<Self, Error> {
        SealRecord::new(SealKind::KeyFile, &key.0)
    }

    /// For a store whose KEK is wrapped by a passphrase. Takes as long as `cost` says: run it where blocking is allowed.
    pub fn for_passphrase(kek: &Kek, clock: &Clock, passphrase: &Secret, cost: Cost) -> Result<Self, Error> {
        if passphrase.len() < MIN_PASSPHRASE {
            return Err(Error::Secret("a passphrase has at least 8 characters"));
        }
        let salt = clock.random::<16>().ok_or(Error::Failed)?;
        let salt_text = STANDARD.encode(salt);
        let key = stretch(passphrase, &salt, cost)?;
        let wrapped = envelope::wrap(&key, clock, &Context::seal(&binding(cost, &salt_text)), kek.bytes())?;
        let seal = PassphraseSeal {
            m: cost.m,
            t: cost.t,
            p: cost.p,
            salt: salt_text,
            wrapped: STANDARD.encode(wrapped),
        };
        SealRecord::new(SealKind::Passphrase(seal), kek)
    }

    /// The broker starts sealed and waits for a person.
    pub fn needs_person(&self) -> bool {
        matches!(self.seal, SealKind::Passphrase(_))
    }

    /// `WrongKey` for a key file of another store; `Form` where this store is not sealed by a key file.
    pub fn unseal_with_key(&self, key: KeyFile) -> Result<Kek, Error> {
        if self.needs_person() {
            return Err(Error::Form("this store is sealed by a passphrase"));
        }
        self.checked(key.0)
    }

    /// `WrongKey` for another passphrase. Takes as long as the seal's cost says: run it where blocking is allowed.
    pub fn unseal_with_passphrase(&self, passphrase: &Secret) -> Result<Kek, Error> {
        let SealKind::Passphrase(seal) = &self.seal else {
            return Err(Error::Form("this store is not sealed by a passphrase"));
        };
        let salt = STANDARD.decode(&seal.salt).map_err(|_| Error::Form("its salt is not base64"))?;
        let wrapped = STANDARD.decode(&seal.wrapped).map_err(|_| Error::Form("its key is not base64"))?;
        let cost = Cost { m: seal.m, t: seal.t, p: seal.p };
        let key = stretch(passphrase, &salt, cost)?;
        let bytes = envelope::unwrap(&key, &Context::seal(&binding(cost, &seal.salt)), &wrapped)
            .map_err(|_| Error::WrongKey)?;
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| Error::WrongKey)?;
        self.checked(Kek::from_bytes(Zeroizing::new(bytes)))
    }

    fn new(seal: SealKind, kek: &Kek) -> Result<Self, Error> {
        let check = STANDARD.encode(hmac::sign(&kek.mac_key(CHECK)?, CHECK));
        Ok(SealRecord { format: 1, seal, kek: kek.id().to_owned(), check })
    }

    fn checked(&self, kek: Kek) -> Result<Kek, Error> {
        if self.format != 1 {
            return Err(Error::Form("its format is newer than this version"));
        }
        let check = STANDARD.decode(&self.check).map_err(|_| Error::Form("its check is not base64"))?;
        if kek.id() != self.kek {
            return Err(Error::WrongKey);
        }
        hmac::verify(&kek.mac_key(CHECK)?, CHECK, &check).map_err(|_| Error::WrongKey)?;
        Ok(kek)
    }
}

/// What the wrapped KEK is bound to: a changed cost or salt does not open.
fn binding(cost: Cost, salt: &str) -> String {
    format!("argon2id m={} t={} p={} salt={salt}", cost.m, cost.t, cost.p)
}

/// Argon2id. The cost is read from the store, so it has an upper bound: a changed store must not be able to hang or fill the machine.
/// Its working memory is not wiped here; it goes back to the system at once, and the KEK it leads to is held in memory anyway.
fn stretch(passphrase: &Secret, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>, Error> {
    if cost.m > 1024 * 1024 || cost.t > 64 || cost.p > 16 {
        return Err(Error::Form("its passphrase cost is out of bounds"));
    }
    let params = Params::new(cost.m, cost.t, cost.p, Some(32))
        .map_err(|_| Error::Form("its passphrase cost is out of bounds"))?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose(), salt, &mut *key)
        .map_err(|_| Error::Form("its salt is too short"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { m: 64, t: 1, p: 1 };

    fn phrase(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    fn by_passphrase() -> (Kek, SealRecord) {
        let clock = Clock::system();
        let kek = Kek::generate(&clock).unwrap();
        let record = SealRecord::for_passphrase(&kek, &clock, &phrase("correct horse"), CHEAP).unwrap();
        (kek, record)
    }

    fn through_json(record: &SealRecord, change: impl FnOnce(&mut serde_json::Value)) -> SealRecord {
        let mut value = serde_json::to_value(record).unwrap();
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_key_file_reads_back_as_written() {
        let file = KeyFile::generate(&Clock::system()).unwrap();
        let text = file.encode();
        assert!(text.expose().starts_with(b"stint-kek-v1 ") && text.expose().ends_with(b"\n"));
        assert_eq!(KeyFile::parse(text.expose()).unwrap().kek().bytes(), file.kek().bytes());
    }

    #[test]
    fn a_key_file_of_another_form_is_refused() {
        let good = String::from_utf8(KeyFile::generate(&Clock::system()).unwrap().encode().expose().to_vec())
            .unwrap();
        let cut = good.replace("=\n", "\n");
        for bad in [
            String::new(),
            "stint-kek-v1".into(),
            "stint-kek-v1 AAAA\n".into(),
            good.replace("v1", "v2"),
            format!("{good}\n"),
            format!(" {good}"),
            good.replace(' ', "  "),
            cut,
        ] {
            assert!(matches!(KeyFile::parse(bad.as_bytes()), Err(Error::Form(_))), "{bad:?}");
        }
    }

    #[test]
    fn m9_the_key_file_of_another_store_is_refused() {
        let clock = Clock::system();
        let file = KeyFile::generate(&clock).unwrap();
        let record = SealRecord::for_key_file(&file).unwrap();
        let other = KeyFile::generate(&clock).unwrap();
        assert_eq!(record.unseal_with_key(other).unwrap_err(), Error::WrongKey);
        assert_eq!(record.unseal_with_key(file).unwrap().id(), record.kek);
    }

    #[test]
    fn m9_the_check_value_is_looked_at_even_where_the_id_agrees() {
        let clock = Clock::system();
        let (file, other) = (KeyFile::generate(&clock).unwrap(), KeyFile::generate(&clock).unwrap());
        let check = SealRecord::for_key_file(&other).unwrap().check;
        let record = SealRecord { check, ..SealRecord::for_key_file(&file).unwrap() };
        assert_eq!(record.unseal_with_key(file).unwrap_err(), Error::WrongKey);
    }

    #[test]
    fn the_passphrase_gives_back_the_kek_and_another_does_not() {
        let (kek, record) = by_passphrase();
        assert!(record.needs_person());
        assert_eq!(record.unseal_with_passphrase(&phrase("correct horse")).unwrap().bytes(), kek.bytes());
        for wrong in ["correct horsf", "correct horse ", "Correct horse", ""] {
            assert_eq!(
                record.unseal_with_passphrase(&phrase(wrong)).unwrap_err(),
                Error::WrongKey,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn the_record_survives_json_and_refuses_unknown_fields() {
        let (_, record) = by_passphrase();
        assert_eq!(through_json(&record, |_| ()), record);
        let text = serde_json::to_string(&record).unwrap().replacen('{', r#"{"extra":1,"#, 1);
        assert!(serde_json::from_str::<SealRecord>(&text).is_err());
    }

    #[test]
    fn a_changed_cost_salt_or_wrapped_key_does_not_open() {
        let (_, record) = by_passphrase();
        let other = by_passphrase().1;
        let SealKind::Passphrase(other) = other.seal else { panic!("a passphrase seal") };
        for change in [
            ("t", 2.into()),
            ("m", 128.into()),
            ("salt", other.salt.into()),
            ("wrapped", other.wrapped.into()),
        ] {
            let (field, value): (&str, serde_json::Value) = change;
            let changed = through_json(&record, |json| json["seal"]["passphrase"][field] = value);
            assert_eq!(
                changed.unseal_with_passphrase(&phrase("correct horse")).unwrap_err(),
                Error::WrongKey,
                "{field}"
            );
        }
    }

    #[test]
    fn a_store_cannot_make_unsealing_cost_a_fortune() {
        let (_, record) = by_passphrase();
        for (field, value) in [("m", u32::MAX), ("t", u32::MAX), ("p", 1 << 20), ("m", 1)] {
            let changed = through_json(&record, |json| json["seal"]["passphrase"][field] = value.into());
            assert!(
                matches!(changed.unseal_with_passphrase(&phrase("correct horse")), Err(Error::Form(_))),
                "{field}"
            );
        }
    }

    #[test]
    fn short_passphrases_and_the_wrong_kind_of_seal_are_refused() {
        let clock = Clock::system();
        let file = KeyFile::generate(&clock).unwrap();
        assert!(matches!(
            SealRecord::for_passphrase(file.kek(), &clock, &phrase("short"), CHEAP),
            Err(Error::Secret(_))
        ));
        let record = SealRecord::for_key_file(&file).unwrap();
        assert!(matches!(record.unseal_with_passphrase(&phrase("correct horse")), Err(Error::Form(_))));
        assert!(matches!(by_passphrase().1.unseal_with_key(file), Err(Error::Form(_))));
    }

    #[test]
    fn the_stored_record_holds_nothing_of_key_or_passphrase() {
        let (kek, record) = by_passphrase();
        let text = serde_json::to_string(&record).unwrap();
        assert!(!text.contains(&STANDARD.encode(kek.bytes())) && !text.contains("horse"));
    }
}
