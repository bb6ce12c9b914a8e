//! The audit trail: read, signed, exported, verified.

use std::io::Write;
use std::path::Path;

use chrono::DateTime;
use stint_api::{AuditPage, Code};

use super::keys::Keys;
use super::search::shown;
use super::walk::{Exporter, Step, Walk};
use super::{App, Error, Result, Unsealing};
use crate::audit::{self, AuditKey, Checkpoint, Head, PublicKey, Report, Verifier};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::SessionId;
use crate::store::{CheckpointRow, CommitError, Database, Store};
use crate::vault::Vault;

/// What the verification of a database found.
#[derive(Debug)]
pub struct Verified {
    pub report: Report,
    /// What does not fit together beside the records: the head kept apart from them, the head kept in a file.
    pub beside: Vec<String>,
}

impl Verified {
    pub fn is_sound(&self) -> bool {
        self.report.is_sound() && self.beside.is_empty()
    }
}

impl App {
    pub async fn audit_page(
        &self,
        before: Option<i64>,
        limit: i64,
        kind: Option<&str>,
        session: Option<&str>,
    ) -> Result<AuditPage> {
        let session = session.map(SessionId::parse).transpose()?;
        let rows = self.0.store.records(before, limit, kind, session.as_ref()).await?;
        let full = i64::try_from(rows.len()).unwrap_or_default() == limit;
        let next = if full { rows.last().map(|row| row.seq) } else { None };
        let records = rows.into_iter().map(shown).collect::<Result<_>>()?;
        Ok(AuditPage { records, next, previous: None, behind: 0 })
    }

    /// Sign the head of the chain, if it moved since it was signed last, and keep it beside the database too.
    pub(in crate::app) async fn checkpoint(&self) -> Result<()> {
        let keys = self.0.keys.load();
        let Some(keys) = keys.as_ref().as_ref() else { return Ok(()) };
        let Some((seq, hash)) = self.0.store.head().await? else { return Ok(()) };
        if self.0.signed.load(std::sync::atomic::Ordering::Relaxed) == seq {
            return Ok(());
        }
        let head = Head { seq, hash };
        // Stored in milliseconds, so signed in milliseconds.
        let at = self.0.clock.now();
        let at = DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at);
        let checkpoint = Checkpoint::sign(&head, at, &keys.audit);
        let row = CheckpointRow {
            seq,
            hash,
            at: checkpoint.at,
            key_id: checkpoint.key.clone(),
            signature: checkpoint.signature.clone(),
        };
        match self.0.store.checkpoint(row).await {
            // Another replica signed the same head.
            Ok(()) | Err(CommitError::Conflict(_)) => {}
            Err(other) => return Err(other.into()),
        }
        write_head(&self.0.config.data.join("audit-head"), &checkpoint)?;
        self.0.signed.store(seq, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

/// The last signed head, in a file: a database that was cut back to an older state does not reach it.
fn write_head(path: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let text = serde_json::to_vec(checkpoint).map_err(Error::internal)?;
    let new = path.with_extension("new");
    super::start::write_private(&new, &text, true)
        .and_then(|()| std::fs::rename(&new, path))
        .map_err(|error| Error::internal(format!("{}: {error}", path.display())))
}

/// The audit key, opened by the broker's seal.
async fn audit_key(
    config: &Config,
    store: &Store,
    clock: &Clock,
    unsealing: Unsealing,
) -> Result<std::sync::Arc<AuditKey>> {
    let wrong = |text: String| Error::new(Code::InvalidInput, text);
    if store.seal_record().await?.is_none() {
        return Err(wrong("this broker was never started: there is nothing to export".to_owned()));
    }
    let kek =
        super::start::kek(config, store, clock, unsealing).await.map_err(|error| wrong(error.to_string()))?;
    let kek = kek.ok_or_else(|| {
        wrong("the store is sealed by a passphrase: give --passphrase-file FILE".to_owned())
    })?;
    Ok(Keys::open(store, &Vault::unsealed(kek), clock, &config.public_url).await?.audit)
}

/// Walk the whole chain of a broker's database and judge it with the public key in its data folder.
pub async fn verify(config: &Config) -> Result<Verified> {
    let store = open(config).await?;
    let verified = judge(&store, &config.data, |_| ()).await;
    store.close().await;
    verified
}

/// Write the whole chain of a broker's database with a signed end, so that it can be verified with nothing but the
/// public key. The broker need not be running; its seal has to be opened to sign.
pub async fn export(
    config: &Config,
    clock: &Clock,
    unsealing: Unsealing,
    out: &mut (dyn Write + Send),
) -> Result<Head> {
    let store = open(config).await?;
    let key = audit_key(config, &store, clock, unsealing).await?;
    let head = write(Exporter::start(&store, key, clock).await?, out).await;
    store.close().await;
    head
}

async fn write(mut exporter: Exporter, out: &mut (dyn Write + Send)) -> Result<Head> {
    let failed = |error| Error::internal(format!("the export could not be written: {error}"));
    let mut head = Head::EMPTY;
    while let Some((lines, end)) = exporter.step().await? {
        out.write_all(&lines).map_err(failed)?;
        head = end.unwrap_or(head);
    }
    out.flush().map_err(failed)?;
    Ok(head)
}

/// The store of a broker that exists: nothing is made where there is none.
pub(in crate::app) async fn open(config: &Config) -> Result<Store> {
    let database = super::database(config);
    if let Database::Sqlite(path) = &database
        && !path.exists()
    {
        let error =
            Error::new(Code::NotFound, format!("{}: there is no broker's database here", path.display()));
        return Err(error.hint("give the data folder of a broker with --data"));
    }
    Store::open(&database, audit::link, audit::encode)
        .await
        .map_err(|error| Error::new(Code::InvalidInput, error.to_string()))
}

/// The key that the data folder says the chain is signed with.
pub(in crate::app) fn public_key(data: &Path) -> Result<PublicKey> {
    let path = data.join("audit.pub");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::new(Code::NotFound, format!("{}: {error}", path.display()))
            .hint("give the data folder of a broker that was started at least once")
    })?;
    PublicKey::parse(&text)
        .map_err(|error| Error::new(Code::InvalidInput, format!("{}: {error}", path.display())))
}

/// By the key and the signed head in the data folder. `progress` hears how many records have been read.
pub(in crate::app) async fn judge(
    store: &Store,
    data: &Path,
    progress: impl FnMut(i64) + Send,
) -> Result<Verified> {
    judge_by(store, public_key(data)?, read_head(&data.join("audit-head"))?, progress).await
}

/// `file` is a signed head that was kept apart from the database.
pub(in crate::app) async fn judge_by(
    store: &Store,
    key: PublicKey,
    file: Option<Checkpoint>,
    mut progress: impl FnMut(i64) + Send,
) -> Result<Verified> {
    let head = store.head().await?;
    let mut beside = Vec::new();
    if let Some(file) = &file
        && !file.verify(&key)
    {
        beside.push("the signed head beside the database is not signed by this key".to_owned());
    }
    let mut expected: Vec<(i64, [u8; 32], &str)> = Vec::new();
    expected.extend(head.map(|(seq, hash)| (seq, hash, "the head kept in the database")));
    expected.extend(file.map(|file| (file.seq, file.hash, "the signed head beside the database")));
    let mut verifier = Verifier::new(key, Head::EMPTY);
    let mut walk = Walk::from(store, 1).await?;
    let mut read = 0;
    while let Some(steps) = walk.page().await? {
        for step in steps {
            match step {
                Step::Record(row) => {
                    for (seq, hash, what) in &expected {
                        if *seq == row.seq && *hash != row.hash {
                            beside.push(format!("record {seq} is not the one that {what} names"));
                        }
                    }
                    read += 1;
                    verifier.push(row.seq, &row.hash, &row.body);
                }
                Step::Checkpoint(checkpoint) => verifier.checkpoint(&checkpoint),
            }
        }
        progress(read);
    }
    let report = verifier.finish();
    for (seq, _, what) in &expected {
        if *seq > report.head.seq {
            beside.push(format!("records after {} are gone: {what} is record {seq}", report.head.seq));
        }
    }
    if head.is_none_or(|(seq, _)| seq < report.head.seq) && report.records > 0 && head.is_none() {
        beside.push("the head kept in the database is gone".to_owned());
    }
    Ok(Verified { report, beside })
}

pub(in crate::app) fn read_head(path: &Path) -> Result<Option<Checkpoint>> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(Code::InvalidInput, format!("{}: {error}", path.display()))
    };
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}
