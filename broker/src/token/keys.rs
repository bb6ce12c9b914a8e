use std::collections::HashSet;
use std::fmt;

use serde_json::{Value, json};
use stint_jose::SigningKey;

use super::cache::TokenCache;
use super::{Audience, Error};

/// The broker as an issuer: its name and its keys. Replaced as a whole when keys change, and with it what was remembered
/// of tokens that the old keys had signed.
pub struct Tokens {
    pub(super) issuer: String,
    gateway: String,
    control: String,
    /// The first is the one that signs.
    keys: Vec<TokenKey>,
    pub(super) cache: TokenCache,
}

/// A signing key under the name that tokens call it by.
#[derive(Debug)]
pub struct TokenKey {
    pub(super) kid: String,
    pub(super) key: SigningKey,
    /// Seconds since the epoch from which its tokens are refused; `None` for the key that signs.
    pub(super) accept_until: Option<i64>,
}

impl TokenKey {
    /// The key that signs.
    pub fn active(kid: impl Into<String>, key: SigningKey) -> Self {
        TokenKey { kid: kid.into(), key, accept_until: None }
    }

    /// A key that no longer signs. `accept_until` (seconds since the epoch) is its retirement plus the longest life of a
    /// token, `MAX_TTL`.
    pub fn retired(kid: impl Into<String>, key: SigningKey, accept_until: i64) -> Self {
        TokenKey { kid: kid.into(), key, accept_until: Some(accept_until) }
    }
}

impl Tokens {
    /// `issuer` is the broker's origin, no slash at its end: `http://127.0.0.1:7380`.
    ///
    /// `Error::Setup` when it is not, when two keys have one name, or when not exactly one key is active.
    pub fn new(issuer: String, mut keys: Vec<TokenKey>) -> Result<Self, Error> {
        let web = issuer.starts_with("https://") || issuer.starts_with("http://");
        if !web
            || issuer.ends_with('/')
            || stint_jose::normalise_htu(&issuer).is_err()
            || issuer.contains(['?', '#'])
        {
            return Err(Error::Setup("the issuer is not an http or https URL without a slash at its end"));
        }
        let mut names = HashSet::new();
        for TokenKey { kid, .. } in &keys {
            let printable = (1..=128).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_graphic());
            if !printable || !names.insert(kid.clone()) {
                return Err(Error::Setup("a key's name is not printable, or is another's too"));
            }
        }
        if keys.iter().filter(|key| key.accept_until.is_none()).count() != 1 {
            return Err(Error::Setup("not exactly one key is active"));
        }
        keys.sort_by_key(|key| key.accept_until.is_some());
        Ok(Tokens {
            gateway: format!("{issuer}{}", Audience::Gateway.path()),
            control: format!("{issuer}{}", Audience::Control.path()),
            issuer,
            keys,
            cache: TokenCache::default(),
        })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The value of `aud`.
    pub fn audience(&self, audience: Audience) -> &str {
        match audience {
            Audience::Gateway => &self.gateway,
            Audience::Control => &self.control,
        }
    }

    /// A JWK set (RFC 7517 s5) of the public keys, retired ones included while their tokens may live.
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().map(public).collect();
        json!({ "keys": keys })
    }

    pub(super) fn signing(&self) -> Result<&TokenKey, Error> {
        self.keys.first().ok_or(Error::Setup("not exactly one key is active"))
    }

    /// The key of that name whose tokens are still accepted at `now`.
    pub(super) fn accepted(&self, kid: &str, now: i64) -> Option<&TokenKey> {
        let key = self.keys.iter().find(|key| key.kid == kid)?;
        key.accept_until.is_none_or(|until| now < until).then_some(key)
    }
}

fn public(key: &TokenKey) -> Value {
    let jwk = key.key.public();
    let mut value = jwk.to_value();
    if let Some(members) = value.as_object_mut() {
        members.insert("kid".to_owned(), json!(key.kid));
        members.insert("use".to_owned(), json!("sig"));
        members.insert("alg".to_owned(), json!(jwk.algorithm().name()));
    }
    value
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.issuer)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
