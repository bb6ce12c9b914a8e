use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderName, HeaderValue};
use http::request::Parts;
use ring::hmac;
use zeroize::Zeroizing;

use super::envelope::{self, Context};
use super::kek::derive;
use super::known::Known;
use super::{Error, Kek, Screen};
use crate::clock::Clock;
use crate::model::{Carrier, CredentialId, Sealed, SecretVersion};
use crate::policy::Permit;
use crate::secret::Secret;
use crate::store::Receipt;

/// The open or sealed vault: holds the KEK, or none.
pub struct Vault {
    kek: ArcSwapOption<Kek>,
    /// What answers are searched for beside the injected secret.
    known: ArcSwapOption<Known>,
}

/// A credential on its way into one request. It can only be applied, once; nothing else reads it.
///
/// INVARIANT: made by [`Vault::open`] alone, from a permit and a receipt, which have one maker each. This compiles:
/// ```
/// use stint_broker::{model::{Carrier, SecretVersion}, policy::Permit, store::Receipt, vault::{Error, Injection, Vault}};
/// fn door(vault: &Vault, permit: Permit, receipt: Receipt, secret: &SecretVersion, carrier: &Carrier) -> Result<Injection, Error> {
///     vault.open(permit, receipt, secret, carrier)
/// }
/// ```
/// and this does not, for want of a receipt:
/// ```compile_fail,E0061
/// use stint_broker::{model::{Carrier, SecretVersion}, policy::Permit, store::Receipt, vault::{Error, Injection, Vault}};
/// fn door(vault: &Vault, permit: Permit, receipt: Receipt, secret: &SecretVersion, carrier: &Carrier) -> Result<Injection, Error> {
///     vault.open(permit, secret, carrier)
/// }
/// ```
/// An injection is used up by its use; twice does not compile:
/// ```
/// use stint_broker::vault::{Error, Injection, Screen};
/// fn once(injection: Injection, parts: &mut http::request::Parts) -> Result<Screen, Error> {
///     injection.apply(parts)
/// }
/// ```
/// ```compile_fail,E0382
/// use stint_broker::vault::{Error, Injection, Screen};
/// fn twice(injection: Injection, parts: &mut http::request::Parts) -> Result<Screen, Error> {
///     let _ = injection.apply(parts)?;
///     injection.apply(parts)
/// }
/// ```
/// A permit, a receipt and an injection can be named and read, but not made or copied, outside their rooms:
/// ```
/// use stint_broker::{model::CredentialId, policy::{Permit, Purpose}};
/// fn read(permit: &Permit, id: &CredentialId) -> (bool, Purpose, [u8; 32]) {
///     (permit.credential() == id, permit.purpose(), *permit.digest())
/// }
/// ```
/// ```compile_fail,E0624
/// use stint_broker::{model::CredentialId, policy::{Permit, Purpose}};
/// fn make(id: CredentialId) -> Permit {
///     Permit::new(id, [0; 32], Purpose::Request)
/// }
/// ```
/// ```compile_fail,E0277
/// use stint_broker::policy::Permit;
/// fn copy(permit: &Permit) -> Permit {
///     Permit::clone(permit)
/// }
/// ```
/// ```
/// use stint_broker::{model::RecordId, store::Receipt};
/// fn read(receipt: &Receipt, id: &RecordId) -> bool {
///     receipt.record() == id && receipt.seq() > 0 && receipt.digest().is_some()
/// }
/// ```
/// ```compile_fail,E0624
/// use stint_broker::{model::RecordId, store::Receipt};
/// fn make(id: RecordId) -> Receipt {
///     Receipt::new(id, 1, Some([0; 32]))
/// }
/// ```
/// ```
/// use stint_broker::vault::Injection;
/// fn show(injection: &Injection) -> String {
///     format!("{injection:?}")
/// }
/// ```
/// ```compile_fail,E0451
/// use stint_broker::vault::{Injection, Screen};
/// fn make(headers: Vec<(http::HeaderName, http::HeaderValue)>, screen: Screen) -> Injection {
///     Injection { headers, screen }
/// }
/// ```
/// ```compile_fail,E0616
/// use stint_broker::vault::Injection;
/// fn read(injection: &Injection) -> String {
///     format!("{:?}", injection.headers)
/// }
/// ```
#[must_use = "an injection that is not applied leaves the request without its credential"]
pub struct Injection {
    headers: Vec<(HeaderName, HeaderValue)>,
    screen: Screen,
}

// === impl Vault ===

impl Vault {
    pub fn sealed() -> Self {
        Vault { kek: ArcSwapOption::empty(), known: ArcSwapOption::empty() }
    }

    pub fn unsealed(kek: Kek) -> Self {
        let vault = Vault::sealed();
        vault.unseal(kek);
        vault
    }

    pub fn is_sealed(&self) -> bool {
        self.kek.load().is_none()
    }

    /// Takes a KEK that its seal has checked (`SealRecord::unseal_with_…`).
    pub fn unseal(&self, kek: Kek) {
        self.kek.store(Some(kek.into()));
    }

    /// Forget the KEK. It is wiped when the last operation that is using it ends.
    pub fn seal(&self) {
        self.kek.store(None);
        self.known.store(None);
    }

    /// Look for these secrets in every answer from now on, and for no others beside the injected one. Their plaintext is seen
    /// here alone and wiped at once; what was known before is not opened again. Answers with those that did not open.
    pub fn know(&self, secrets: &[SecretVersion]) -> Result<Vec<(CredentialId, i64)>, Error> {
        self.with(|kek| {
            let by_version: HashMap<(CredentialId, i64), &SecretVersion> =
                secrets.iter().map(|one| ((one.credential.clone(), one.version), one)).collect();
            // The newest are what is looked for where there are too many.
            let newest = || secrets.iter().rev().map(|one| (one.credential.clone(), one.version));
            let versions: Vec<(CredentialId, i64)> = newest().collect();
            let held = match self.known.load_full() {
                Some(held) if held.is_of(versions.iter()) => return Ok(Vec::new()),
                Some(held) => held,
                None => {
                    let mut factor = [0; 8];
                    derive(kek.bytes(), &[b"stint known factor v1"], &mut factor)?;
                    Arc::new(Known::none(factor, kek.mac_key(b"stint known secrets v1")?))
                }
            };
            let mut closed = Vec::new();
            let open = |version: &(CredentialId, i64)| {
                let one = by_version.get(version).ok_or(Error::Failed)?;
                let context = Context::credential(&one.credential, one.version);
                envelope::open(kek, &context, &one.sealed)
            };
            let known = held.with(versions.iter(), open, |version, _| closed.push(version.clone()));
            self.known.store(Some(Arc::new(known)));
            Ok(closed)
        })
    }

    /// Seal a secret that `check_secret` let in, for a version of a credential.
    pub fn seal_credential(
        &self,
        clock: &Clock,
        id: &CredentialId,
        version: i64,
        secret: &Secret,
    ) -> Result<Sealed, Error> {
        self.with(|kek| envelope::seal(kek, clock, &Context::credential(id, version), secret))
    }

    /// 12 hex digits that stand for a secret where people compare; see [`super::fingerprint`].
    pub fn fingerprint(&self, secret: &Secret) -> Result<String, Error> {
        self.with(|kek| super::fingerprint(kek, secret))
    }

    /// Seal one of the broker's own signing keys.
    pub fn seal_signing_key(
        &self,
        clock: &Clock,
        name: &str,
        version: i64,
        key: &Secret,
    ) -> Result<Sealed, Error> {
        self.with(|kek| envelope::seal(kek, clock, &Context::signing_key(name, version), key))
    }

    /// The broker's own signing key. A credential's ciphertext does not open here: its purpose is another (M1).
    pub fn open_signing_key(&self, name: &str, version: i64, sealed: &Sealed) -> Result<Secret, Error> {
        self.with(|kek| envelope::open(kek, &Context::signing_key(name, version), sealed))
    }

    /// Seal the secret of a person's one-time codes.
    pub fn seal_one_time_codes(&self, clock: &Clock, person: &str, secret: &Secret) -> Result<Sealed, Error> {
        self.with(|kek| envelope::seal(kek, clock, &Context::one_time_codes(person), secret))
    }

    /// The secret of a person's one-time codes. A credential's ciphertext does not open here: its purpose is another (M1).
    pub fn open_one_time_codes(&self, person: &str, sealed: &Sealed) -> Result<Secret, Error> {
        self.with(|kek| envelope::open(kek, &Context::one_time_codes(person), sealed))
    }

    /// A MAC that every replica makes alike: for what is handed to a browser and comes back. `label` keeps uses apart.
    pub fn mac(&self, label: &'static str, message: &[u8]) -> Result<[u8; 32], Error> {
        self.with(|kek| {
            let tag = hmac::sign(&kek.mac_key(label.as_bytes())?, message);
            tag.as_ref().try_into().map_err(|_| Error::Failed)
        })
    }

    /// Open a credential for the one request that was allowed and whose intent is durable.
    ///
    /// `NotPermitted` unless the permit names this credential and the receipt's record is about the permit's request.
    pub fn open(
        &self,
        permit: Permit,
        receipt: Receipt,
        secret: &SecretVersion,
        carrier: &Carrier,
    ) -> Result<Injection, Error> {
        if permit.credential() != &secret.credential || receipt.digest() != Some(permit.digest()) {
            return Err(Error::NotPermitted);
        }
        let context = Context::credential(&secret.credential, secret.version);
        let plain = self.with(|kek| envelope::open(kek, &context, &secret.sealed))?;
        Injection::new(&plain, carrier, self.known.load_full())
    }

    fn with<T>(&self, act: impl FnOnce(&Kek) -> Result<T, Error>) -> Result<T, Error> {
        act(self.kek.load().as_deref().ok_or(Error::Sealed)?)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_sealed() { "Vault(sealed)" } else { "Vault(unsealed)" })
    }
}

// === impl Injection ===

impl Injection {
    /// Put the credential into the request, and hand back what looks for it in the answer.
    ///
    /// Whatever the request carried under the header's name, in any case and with `_` for `-`, is removed first, so that
    /// exactly one is sent (H2). `NotPermitted` where a `Connection` header names it: hop-by-hop headers are dealt with before (H1).
    pub fn apply(self, parts: &mut Parts) -> Result<Screen, Error> {
        let own = |word: &[u8]| self.headers.iter().any(|(name, _)| alike(word, name.as_str().as_bytes()));
        let listed = parts
            .headers
            .get_all(CONNECTION)
            .iter()
            .any(|value| value.as_bytes().split(|byte| *byte == b',').any(|word| own(word.trim_ascii())));
        if listed {
            return Err(Error::NotPermitted);
        }
        let same: Vec<HeaderName> =
            parts.headers.keys().filter(|name| own(name.as_str().as_bytes())).cloned().collect();
        for name in same {
            parts.headers.remove(name);
        }
        for (name, value) in self.headers {
            parts.headers.insert(name, value);
        }
        Ok(self.screen)
    }

    /// The carrier is the pack's, never a caller's (K5); a carrier that does not say exactly one place is refused.
    fn new(secret: &Secret, carrier: &Carrier, known: Option<Arc<Known>>) -> Result<Self, Error> {
        let (before, after) = carrier.format.split_once("{}").ok_or(Error::NotPermitted)?;
        if before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(Error::NotPermitted);
        }
        let (user, key) = match carrier.user_header.is_some() {
            true => halves(secret.expose()).ok_or(Error::Failed)?,
            false => (&[][..], secret.expose()),
        };
        let mut line = Zeroizing::new(Vec::with_capacity(before.len() + key.len() + after.len()));
        line.extend_from_slice(before.as_bytes());
        line.extend_from_slice(key);
        line.extend_from_slice(after.as_bytes());
        // RFC 7617 s2: `user:password`, in base64.
        if let Some(pair) = line.strip_prefix(b"Basic ") {
            let coded = Zeroizing::new(STANDARD.encode(pair));
            line = Zeroizing::new([b"Basic ", coded.as_bytes()].concat());
        }
        let mut headers = Vec::with_capacity(2);
        for (name, value) in carrier.headers().zip([line.as_slice(), user]) {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::NotPermitted)?;
            let mut value = HeaderValue::from_bytes(value).map_err(|_| Error::Failed)?;
            value.set_sensitive(true);
            headers.push((name, value));
        }
        Ok(Injection { headers, screen: Screen::new(key, known) })
    }
}

impl fmt::Debug for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "Injection({}: [redacted])", names.join(", "))
    }
}

/// `USER:KEY`, neither of them empty.
fn halves(secret: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = secret.iter().position(|byte| *byte == b':')?;
    let (user, key) = (secret.get(..at)?, secret.get(at + 1..)?);
    (!user.is_empty() && !key.is_empty()).then_some((user, key))
}

/// Whether two header names are one to a server that ignores case and reads `_` as `-`.
fn alike(left: &[u8], right: &[u8]) -> bool {
    let fold = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    left.iter().map(fold).eq(right.iter().map(fold))
}

#[cfg(test)]
mod tests;
