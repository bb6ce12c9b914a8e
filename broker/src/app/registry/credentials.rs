//! Credentials: their secrets go in and never come out.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use stint_api::{AddCredential, Code, Credential, CredentialDetail, CredentialList};

use super::later;
use crate::app::{App, Error, Facts, LiveCredential, PersonCaller, Result};
use crate::catalog::pack::{CredentialKind, Protocol};
use crate::model::{CredentialId, CredentialRow, EventKind, Name, SecretVersion, Upstream};
use crate::secret::Secret;
use crate::store::Change;
use crate::vault;

pub(super) const CHANGES: &[EventKind] = &[
    EventKind::CredentialAdded,
    EventKind::CredentialRotated,
    EventKind::CredentialRevoked,
    EventKind::CredentialCaptured,
    EventKind::CredentialKept,
];

impl App {
    pub async fn add_credential(&self, caller: &PersonCaller, add: AddCredential) -> Result<Credential> {
        caller.administers()?;
        self.unsealed()?;
        let name = super::given(&add.name)?;
        let packs = self.packs();
        let pack = packs.named(&add.provider).map_err(|error| error.about("kind"))?;
        if pack.manifest.protocol == Protocol::Aws {
            return Err(Error::new(
                Code::InvalidInput,
                format!(
                    "requests to {} are understood and cannot be sent yet: they take a signature",
                    pack.manifest.title
                ),
            )
            .hint("what a request would do is told by: stint-broker pack classify")
            .about("kind"));
        }
        let kind = pack.manifest.kind(add.kind.as_deref()).ok_or_else(|| {
            let kinds: Vec<&str> = pack.manifest.credential.iter().map(|kind| kind.name.as_str()).collect();
            Error::new(Code::InvalidInput, format!("{} has no such kind of credential", pack.manifest.title))
                .hint(format!("the kinds are {}", kinds.join(", ")))
                .about("kind")
        })?;
        let environment = add.environment.as_deref().map(Name::parse).transpose();
        let environment = environment.map_err(|error| Error::from(error).about("environment"))?;
        if let Some(environment) = &environment {
            self.environment(environment).map_err(|error| error.about("environment"))?;
        }
        let upstream = Upstream { url: add.upstream, ca: add.upstream_ca };
        self.0.upstream.check(&upstream).map_err(|error| {
            Error::new(Code::InvalidInput, error.to_string())
                .hint("an upstream is an origin such as https://127.0.0.1:8443; private addresses need --allow-private-upstreams")
                .about("upstream")
        })?;
        let key = self.key_name(&add.provider, &add.secret);
        let secret = checked_secret(add.secret, kind)?;
        let id = CredentialId::from_uuid(self.uuid()?);
        let now = self.0.clock.now();
        let (sealed, fingerprint) = self.seal_credential(&id, 1, &secret)?;
        let row = CredentialRow {
            id: id.clone(),
            name: name.clone(),
            provider: add.provider,
            kind: kind.name.clone(),
            environment,
            upstream,
            version: 1,
            fingerprint,
            created_at: now,
            revoked_at: None,
            captured: None,
        };
        let facts = Facts::new()
            .with("credential", name.as_str())
            .with("provider", row.provider.as_str())
            .with("kind", row.kind.as_str())
            .maybe("environment", row.environment.as_ref().map(|name| name.as_str()))
            .with("fingerprint", row.fingerprint.as_str())
            .maybe("key", key)
            .maybe("unchecked", add.unchecked.then_some(true));
        let secret = SecretVersion { credential: id, version: 1, sealed, created_at: now };
        let live = LiveCredential { row, secret };
        if self.0.store.credential(&name).await?.is_some() {
            return Err(super::taken(Error::new(Code::Conflict, "it is there"), "credential", &name));
        }
        if !add.unchecked {
            self.taken_there(&live).await?;
        }
        let LiveCredential { row, secret } = live;
        let change = Change::AddCredential { row: row.clone(), secret };
        self.change(caller, EventKind::CredentialAdded, facts, vec![change])
            .await
            .map_err(|error| super::taken(error, "credential", &row.name))?;
        Ok(credential(&row))
    }

    pub async fn rotate_credential(
        &self,
        caller: &PersonCaller,
        name: &str,
        secret: String,
    ) -> Result<Credential> {
        caller.administers()?;
        let live = self.named_credential(name)?;
        let key = self.key_name(&live.row.provider, &secret);
        let packs = self.packs();
        let secret = checked_secret(secret, packs.kind_of(&live)?)?;
        let version = live.row.version + 1;
        let (sealed, fingerprint) = self.seal_credential(&live.row.id, version, &secret)?;
        let facts = Facts::new()
            .with("credential", live.row.name.as_str())
            .with("version", version)
            .with("fingerprint", fingerprint.as_str())
            .maybe("key", key);
        let secret = SecretVersion {
            credential: live.row.id.clone(),
            version,
            sealed,
            created_at: self.0.clock.now(),
        };
        let change = Change::AddVersion { credential: live.row.id.clone(), secret, fingerprint };
        self.change(caller, EventKind::CredentialRotated, facts, vec![change]).await?;
        // Another secret may see other things.
        self.packs().resolver.forget(&live.row.id);
        Ok(credential(&self.named_credential(name)?.row))
    }

    pub async fn revoke_credential(&self, caller: &PersonCaller, name: &str) -> Result<Credential> {
        caller.administers()?;
        let name = Name::parse(name)?;
        // Captured ones too, which no session has.
        let row = self.0.store.credential(&name).await?.filter(|row| row.revoked_at.is_none());
        let mut row = row.ok_or_else(|| Error::not_found("credential", &name))?;
        let at = self.0.clock.now();
        let facts =
            Facts::new().with("credential", row.name.as_str()).with("fingerprint", row.fingerprint.as_str());
        let change = Change::RevokeCredential { credential: row.id.clone(), at };
        self.change(caller, EventKind::CredentialRevoked, facts, vec![change]).await?;
        self.packs().resolver.forget(&row.id);
        row.revoked_at = Some(at);
        Ok(credential(&row))
    }

    /// Revoked ones too.
    pub async fn credentials(&self) -> Result<CredentialList> {
        let uses = self.uses().await?;
        let rows = self.0.store.credentials().await?;
        let mut credentials: Vec<Credential> = rows.iter().map(|row| used(row, &uses)).collect();
        credentials.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(CredentialList { credentials })
    }

    pub async fn credential_detail(&self, name: &str) -> Result<CredentialDetail> {
        let row = self.0.store.credential(&Name::parse(name)?).await?;
        let row = row.ok_or_else(|| Error::not_found("credential", name))?;
        Ok(CredentialDetail {
            credential: used(&row, &self.uses().await?),
            changes: self.changes_of(CHANGES, "credential", row.name.as_str()).await?,
        })
    }

    /// When each credential was used last: what is kept, and what this process knows beyond that.
    async fn uses(&self) -> Result<HashMap<CredentialId, DateTime<Utc>>> {
        let mut uses = self.0.store.uses().await?;
        for (id, at) in self.0.memory.uses.all() {
            let known = uses.get(&id).copied();
            uses.extend(later(known, Some(at)).map(|at| (id, at)));
        }
        Ok(uses)
    }

    pub(super) fn named_credential(&self, name: &str) -> Result<Arc<LiveCredential>> {
        let name = Name::parse(name)?;
        self.live_credential(&name).ok_or_else(|| Error::not_found("credential", &name))
    }
}

fn used(row: &CredentialRow, uses: &HashMap<CredentialId, DateTime<Utc>>) -> Credential {
    Credential { used_at: uses.get(&row.id).copied(), ..credential(row) }
}

fn checked_secret(text: String, kind: &CredentialKind) -> Result<Secret> {
    let is_pair = text.split_once(':').is_some_and(|(user, key)| !user.is_empty() && !key.is_empty());
    if let (Some(header), false) = (&kind.carrier.user_header, is_pair) {
        let detail = format!(
            "a credential of the kind '{}' is what goes into {header}, a ':', and what goes into {}",
            kind.name, kind.carrier.header
        );
        return Err(Error::new(Code::InvalidInput, detail).about("secret"));
    }
    vault::check_secret(Secret::from(text))
        .map_err(|error| Error::new(Code::InvalidInput, error.to_string()).about("secret"))
}

pub(in crate::app) fn credential(row: &CredentialRow) -> Credential {
    Credential {
        name: row.name.to_string(),
        provider: row.provider.clone(),
        kind: row.kind.clone(),
        environment: row.environment.as_ref().map(ToString::to_string),
        upstream: row.upstream.url.clone(),
        version: row.version,
        fingerprint: row.fingerprint.clone(),
        created_at: row.created_at,
        revoked_at: row.revoked_at,
        used_at: None,
        captured: row.captured.clone(),
    }
}
