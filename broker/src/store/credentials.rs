use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, from_json, json, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Captured, CredentialId, CredentialRow, Name, Sealed, SecretVersion};

impl Store {
    /// Revoked ones too, in the order in which they were added.
    pub async fn credentials(&self) -> Result<Vec<CredentialRow>, Error> {
        let rows: Vec<Credential> = all!(self, sql::CREDENTIALS)?;
        rows.into_iter().map(Credential::parse).collect()
    }

    /// The credential of that name, even if it was revoked: the caller looks at `revoked_at`.
    pub async fn credential(&self, name: &Name) -> Result<Option<CredentialRow>, Error> {
        let row: Option<Credential> = one!(self, sql::CREDENTIAL, name.as_str())?;
        row.map(Credential::parse).transpose()
    }

    /// One sealed version; nothing of a revoked credential.
    pub async fn secret(
        &self,
        credential: &CredentialId,
        version: i64,
    ) -> Result<Option<SecretVersion>, Error> {
        let row: Option<Secret> = one!(self, sql::SECRET, credential.as_str(), version)?;
        row.map(Secret::parse).transpose()
    }

    /// Every sealed version of every credential that was not revoked.
    pub async fn secrets(&self) -> Result<Vec<SecretVersion>, Error> {
        let rows: Vec<Secret> = all!(self, sql::SECRETS)?;
        rows.into_iter().map(Secret::parse).collect()
    }

    /// The fingerprint of every version that there was, the oldest first, revoked ones too.
    pub async fn fingerprints(&self) -> Result<Vec<(String, CredentialId, i64)>, Error> {
        let rows: Vec<Fingerprint> = all!(self, sql::FINGERPRINTS)?;
        let read = |row: Fingerprint| {
            Ok((row.fingerprint, parse(&row.credential, "fingerprints.credential")?, row.version))
        };
        rows.into_iter().map(read).collect()
    }

    /// When each credential was used last, as far as that was noted.
    pub async fn uses(&self) -> Result<HashMap<CredentialId, DateTime<Utc>>, Error> {
        let rows: Vec<Use> = all!(self, sql::USES)?;
        let used = |row: Use| Ok((parse(&row.credential, "credentials.credential")?, time(row.used_at)?));
        rows.into_iter().map(used).collect()
    }
}

row! {
    struct Use {
        credential: String,
        used_at: i64,
    }
}

pub(super) async fn add(
    connection: &mut Connection,
    row: &CredentialRow,
    secret: &SecretVersion,
) -> Result<(), Fault> {
    // INVARIANT: the version in use is one that is stored.
    if secret.credential != row.id || secret.version != row.version {
        return Err(Fault::Conflict("credential"));
    }
    if let Some(environment) = &row.environment {
        super::environments::is_there(connection, environment).await?;
    }
    let upstream = json(&row.upstream)?;
    let added = execute!(
        connection,
        sql::ADD_CREDENTIAL,
        row.id.as_str(),
        row.name.as_str(),
        &row.provider,
        &row.kind,
        row.environment.as_ref().map(Name::as_str),
        &upstream,
        row.version,
        &row.fingerprint,
        row.created_at.timestamp_millis(),
        row.revoked_at.map(|at| at.timestamp_millis()),
        row.captured.as_ref().map(json).transpose()?.as_deref(),
    );
    changed(needs(added, "environment")?, "credential")?;
    add_secret(connection, secret, &row.fingerprint).await
}

pub(super) async fn add_version(
    connection: &mut Connection,
    credential: &CredentialId,
    secret: &SecretVersion,
    fingerprint: &str,
) -> Result<(), Fault> {
    if secret.credential != *credential {
        return Err(Fault::Conflict("credential"));
    }
    let used = execute!(connection, sql::USE_VERSION, credential.as_str(), secret.version, fingerprint);
    changed(used?, "credential")?;
    add_secret(connection, secret, fingerprint).await
}

pub(super) async fn note_uses(
    connection: &mut Connection,
    uses: &[(CredentialId, DateTime<Utc>)],
) -> Result<(), Fault> {
    for (credential, at) in uses {
        // None is changed where another broker knows of a later use.
        execute!(connection, sql::NOTE_USE, credential.as_str(), at.timestamp_millis())?;
    }
    Ok(())
}

pub(super) async fn revoke(
    connection: &mut Connection,
    credential: &CredentialId,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let revoked = execute!(connection, sql::REVOKE_CREDENTIAL, credential.as_str(), at.timestamp_millis());
    changed(revoked?, "credential")
}

pub(super) async fn keep(
    connection: &mut Connection,
    credential: &CredentialId,
    captured: &Captured,
) -> Result<(), Fault> {
    let captured = json(captured)?;
    let kept = execute!(connection, sql::KEEP_CREDENTIAL, credential.as_str(), &captured);
    changed(kept?, "credential")
}

async fn add_secret(
    connection: &mut Connection,
    secret: &SecretVersion,
    fingerprint: &str,
) -> Result<(), Fault> {
    let added = execute!(
        connection,
        sql::ADD_SECRET,
        secret.credential.as_str(),
        secret.version,
        &secret.sealed.kek,
        &secret.sealed.wrapped_key,
        &secret.sealed.ciphertext,
        secret.created_at.timestamp_millis(),
    );
    changed(added?, "credential")?;
    let (credential, version) = (secret.credential.as_str(), secret.version);
    changed(execute!(connection, sql::ADD_FINGERPRINT, fingerprint, credential, version)?, "credential")
}

row! {
    struct Credential {
        credential: String,
        name: String,
        provider: String,
        kind: String,
        environment: Option<String>,
        upstream: String,
        version: i64,
        fingerprint: String,
        created_at: i64,
        revoked_at: Option<i64>,
        captured: Option<String>,
    }
}

row! {
    struct Fingerprint {
        fingerprint: String,
        credential: String,
        version: i64,
    }
}

impl Credential {
    fn parse(self) -> Result<CredentialRow, Error> {
        Ok(CredentialRow {
            id: parse(&self.credential, "credentials.credential")?,
            name: parse(&self.name, "credentials.name")?,
            provider: self.provider,
            kind: self.kind,
            environment: self.environment.map(|name| parse(&name, "credentials.environment")).transpose()?,
            upstream: from_json(&self.upstream, "credentials.upstream")?,
            version: self.version,
            fingerprint: self.fingerprint,
            created_at: time(self.created_at)?,
            revoked_at: self.revoked_at.map(time).transpose()?,
            captured: self.captured.map(|text| from_json(&text, "credentials.captured")).transpose()?,
        })
    }
}

row! {
    struct Secret {
        credential: String,
        version: i64,
        kek: String,
        wrapped_key: Vec<u8>,
        ciphertext: Vec<u8>,
        created_at: i64,
    }
}

impl Secret {
    fn parse(self) -> Result<SecretVersion, Error> {
        Ok(SecretVersion {
            credential: parse(&self.credential, "secrets.credential")?,
            version: self.version,
            sealed: Sealed { kek: self.kek, wrapped_key: self.wrapped_key, ciphertext: self.ciphertext },
            created_at: time(self.created_at)?,
        })
    }
}
