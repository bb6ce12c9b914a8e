//! The broker's own keys: kept sealed in the store, in memory only while the broker is unsealed.

use std::path::Path;
use std::sync::Arc;

use ring::rand::SystemRandom;

use super::{App, Error, Result};
use crate::audit::AuditKey;
use crate::clock::Clock;
use crate::model::{CredentialId, EventKind, Sealed};
use crate::secret::Secret;
use crate::store::{Change, Commit, KeyRow, Store};
use crate::token::{MAX_TTL, SigningKey, TokenKey, Tokens};
use crate::vault::Vault;

const TOKEN: &str = "token";
const AUDIT: &str = "audit";

/// Keys in use.
#[derive(Debug)]
pub(in crate::app) struct Keys {
    pub(in crate::app) tokens: Arc<Tokens>,
    pub(in crate::app) audit: Arc<AuditKey>,
}

impl Keys {
    /// Open the keys of the store, making what a first start lacks.
    pub(in crate::app) async fn open(
        store: &Store,
        vault: &Vault,
        clock: &Clock,
        issuer: &str,
    ) -> Result<Keys> {
        let mut token_keys = Vec::new();
        for row in rows(store, vault, clock, TOKEN).await? {
            let seed = open(vault, &row)?;
            let key = SigningKey::from_seed(seed.expose()).map_err(Error::internal)?;
            token_keys.push(match row.retired_at {
                None => TokenKey::active(row.kid, key),
                Some(at) => TokenKey::retired(row.kid, key, at.timestamp() + MAX_TTL),
            });
        }
        let audit = rows(store, vault, clock, AUDIT).await?;
        let audit = audit
            .iter()
            .rfind(|row| row.retired_at.is_none())
            .ok_or_else(|| Error::internal("there is no audit key"))?;
        let audit = AuditKey::from_seed(&open(vault, audit)?).map_err(Error::internal)?;
        let tokens = Tokens::new(issuer.to_owned(), token_keys).map_err(Error::internal)?;
        Ok(Keys { tokens: Arc::new(tokens), audit: Arc::new(audit) })
    }
}

async fn rows(store: &Store, vault: &Vault, clock: &Clock, purpose: &str) -> Result<Vec<KeyRow>> {
    let rows = store.sealed_keys(purpose).await?;
    if !rows.is_empty() {
        return Ok(rows);
    }
    let key = SigningKey::generate(&SystemRandom::new()).map_err(Error::internal)?;
    let uuid = clock.uuid().ok_or_else(|| Error::internal("the system gives no randomness"))?;
    let kid = format!("{purpose}-{}", uuid.simple());
    let seed = Secret::new(key.seed().to_vec());
    let sealed = vault.seal_signing_key(clock, &kid, 1, &seed).map_err(Error::internal)?;
    let row = KeyRow {
        public: key.public().to_value().to_string().into_bytes(),
        kid,
        purpose: purpose.to_owned(),
        sealed,
        created_at: clock.now(),
        retired_at: None,
    };
    let event = super::start::bare_event(
        clock,
        EventKind::KeyMade,
        super::Facts::new().with("kid", row.kid.as_str()),
    )?;
    store
        .commit(Commit { changes: vec![Change::PutKey(row.clone())], events: vec![event], digest: None })
        .await?;
    Ok(vec![row])
}

fn open(vault: &Vault, row: &KeyRow) -> Result<Secret> {
    vault.open_signing_key(&row.kid, 1, &row.sealed).map_err(Error::internal)
}

/// The public audit key, for those who verify: a file of the data folder, written anew when it is not there.
pub(in crate::app) fn write_public(path: &Path, key: &AuditKey) -> Result<()> {
    let text = key.public().encode();
    if std::fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| Error::internal(format!("{}: {error}", path.display())))
}

impl App {
    pub(in crate::app) fn seal_credential(
        &self,
        id: &CredentialId,
        version: i64,
        secret: &Secret,
    ) -> Result<(Sealed, String)> {
        let sealed =
            self.0.vault.seal_credential(&self.0.clock, id, version, secret).map_err(Error::internal)?;
        let fingerprint = self.0.vault.fingerprint(secret).map_err(Error::internal)?;
        Ok((sealed, fingerprint))
    }
}
