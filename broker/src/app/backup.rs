//! Backups of the embedded database: taken while the broker runs, checked, and put in place of one that is gone.
//!
//! A backup is the database at one moment, in one file. What opens the credentials in it is never in it. Over PostgreSQL
//! its own tools do all this.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use stint_api::Code;

use super::keys::{Keys, write_public};
use super::start::{bare_event, kek, lock, make_folder};
use super::{Error, Facts, Result, Unsealing, trail};
use crate::audit;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::EventKind;
use crate::store::{Change, Commit, Database, Store};
use crate::vault::Vault;

/// Live sessions that a restore ends.
const SESSIONS: i64 = 100_000;

/// What is in a backup, as it was found.
#[derive(Debug)]
pub struct Checked {
    /// Records of the chain, which verifies.
    pub records: i64,
    pub bytes: u64,
    /// Whether the key was at hand, and opens what is sealed in it.
    pub opens: bool,
}

/// What a restore did besides.
#[derive(Debug)]
pub struct Restored {
    pub checked: Checked,
    pub database: PathBuf,
    pub sessions: usize,
    pub sign_ins: usize,
    /// Records that the folder knew of and that are not in the backup.
    pub lost: i64,
}

/// Copy the database of a broker, which may be running, to a new file; check the copy; put it on record.
pub async fn take(config: &Config, clock: &Clock, unsealing: Unsealing, to: &Path) -> Result<Checked> {
    let from = embedded(config, "pg_dump --format=custom --file=FILE DATABASE")?;
    if !from.exists() {
        return Err(Error::new(
            Code::NotFound,
            format!("{}: there is no broker's database here", from.display()),
        )
        .hint("give the data folder of a broker with --data"));
    }
    new_file(to)?;
    let part = suffixed(to, ".partial");
    new_file(&part)?;
    let taken = async {
        Store::copy(&from, &part).await.map_err(|error| failed(&part, error))?;
        let store = open(&part, &part).await?;
        let checked =
            judge(config, clock, unsealing, &store, &part, Key::IfAtHand).await.map(|(checked, _)| checked);
        store.close().await;
        Store::fold(&part).await?;
        checked
    };
    let checked = match taken.await {
        Ok(checked) => checked,
        Err(error) => {
            discard(&part);
            return Err(error);
        }
    };
    put(&part, to).map_err(|error| failed(to, error))?;
    let file = fs::canonicalize(to).unwrap_or_else(|_| to.to_owned());
    let facts = Facts::new()
        .with("file", file.display().to_string())
        .with("through", checked.records)
        .with("bytes", checked.bytes);
    let store = trail::open(config).await?;
    let event = bare_event(clock, EventKind::BackupTaken, facts)?;
    let recorded = store.commit(Commit::event(event)).await;
    store.close().await;
    recorded.map_err(|_| {
        Error::new(
            Code::NotRecorded,
            format!("{} is whole, but that it was taken could not be recorded", to.display()),
        )
    })?;
    Ok(checked)
}

/// Whether a backup could be put in place: SQLite reads all of it, its chain verifies, and the key at hand opens it.
pub async fn check(config: &Config, clock: &Clock, unsealing: Unsealing, from: &Path) -> Result<Checked> {
    embedded(config, "pg_restore --list FILE")?;
    let folder = tempfile_beside(config)?;
    let copy = folder.join("stint.db");
    let checked = async {
        duplicate(from, &copy)?;
        let store = open(&copy, from).await?;
        let checked = judge(config, clock, unsealing, &store, &copy, Key::Needed).await;
        store.close().await;
        checked.map(|(checked, _)| checked)
    };
    let checked = checked.await;
    let _ = fs::remove_dir_all(&folder);
    checked
}

/// Put a backup in place as the database of a data folder that has none, after it was checked.
///
/// What was revoked after it was taken would be alive again, so every session and every browser that is signed in ends.
pub async fn restore(config: &Config, clock: &Clock, unsealing: Unsealing, from: &Path) -> Result<Restored> {
    let database = embedded(config, "pg_restore --dbname=DATABASE FILE")?;
    make_folder(&config.data).map_err(|error| failed(&config.data, error))?;
    let _lock = lock(&config.data).map_err(|error| Error::new(Code::Conflict, error.to_string()))?;
    for name in ["stint.db", "stint.db-wal", "stint.db-shm"] {
        let path = config.data.join(name);
        if path.exists() {
            return Err(Error::new(
                Code::Conflict,
                format!("{}: there is a database here already", path.display()),
            )
            .hint("move stint.db, stint.db-wal and stint.db-shm away first: nothing is written over"));
        }
    }
    let copy = suffixed(&database, ".restoring");
    discard(&copy);
    let restored = async {
        duplicate(from, &copy)?;
        let store = open(&copy, from).await?;
        let restored = revive(config, clock, unsealing, &store, &copy, from).await;
        store.close().await;
        Store::fold(&copy).await?;
        restored
    };
    let (checked, sessions, sign_ins) = match restored.await {
        Ok(restored) => restored,
        Err(error) => {
            discard(&copy);
            return Err(error);
        }
    };
    // The signed head of the life before is kept, but not held against this one.
    let head = config.data.join("audit-head");
    let lost = trail::read_head(&head)?.map_or(0, |head| (head.seq - checked.records).max(0));
    if head.exists() {
        put(&head, &config.data.join("audit-head.before-restore")).map_err(|error| failed(&head, error))?;
    }
    put(&copy, &database).map_err(|error| failed(&database, error))?;
    Ok(Restored { checked, database, sessions, sign_ins, lost })
}

/// Check the copy, end what is alive in it, and put the restore on its record.
async fn revive(
    config: &Config,
    clock: &Clock,
    unsealing: Unsealing,
    store: &Store,
    copy: &Path,
    from: &Path,
) -> Result<(Checked, usize, usize)> {
    let (checked, keys) = judge(config, clock, unsealing, store, copy, Key::Needed).await?;
    if let Some(keys) = keys {
        write_public(&config.data.join("audit.pub"), &keys.audit)?;
    }
    let at = clock.now();
    let mut changes = Vec::new();
    for row in store.sessions(true, SESSIONS).await? {
        changes.push(Change::EndSession { id: row.id, at, reason: "restored".to_owned() });
    }
    let sessions = changes.len();
    let mut sign_ins = 0;
    for person in store.people().await? {
        sign_ins += store.sign_ins(&person.name, at).await?.len();
        changes.push(Change::EndSignIns { person: person.name, but: None, at });
    }
    let facts = Facts::new()
        .with("file", from.display().to_string())
        .with("through", checked.records)
        .with("sessions", json!(sessions))
        .with("sign_ins", json!(sign_ins));
    let event = bare_event(clock, EventKind::BackupRestored, facts)?;
    let _ = store.commit(Commit { changes, events: vec![event], digest: None }).await?;
    Ok((checked, sessions, sign_ins))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// A passphrase that nobody gave is no fault; a wrong key is.
    IfAtHand,
    Needed,
}

/// Whether a copy is whole: the key for it, its chain. Gives the keys that were opened.
async fn judge(
    config: &Config,
    clock: &Clock,
    unsealing: Unsealing,
    store: &Store,
    copy: &Path,
    key: Key,
) -> Result<(Checked, Option<Keys>)> {
    if store.seal_record().await?.is_none() {
        return Err(damaged("it is no backup of a broker that was started".to_owned()));
    }
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(Code::InvalidInput, error.to_string()).hint(
            "give the key that the broker had: --data with its stint.key, seal.key_file, --passphrase-file or STINT_BROKER_KEY",
        )
    };
    let keys = match kek(config, store, clock, unsealing).await.map_err(|error| wrong(&error))? {
        Some(kek) => {
            let keys = Keys::open(store, &Vault::unsealed(kek), clock, &config.public_url).await;
            Some(keys.map_err(|_| wrong(&"the key does not open what is sealed in it"))?)
        }
        None if key == Key::Needed => return Err(wrong(&"it is sealed by a passphrase, and none was given")),
        None => None,
    };
    let public = match &keys {
        Some(keys) => keys.audit.public().clone(),
        None => trail::public_key(&config.data)?,
    };
    let verified = trail::judge_by(store, public, None, |_| ()).await?;
    if !verified.is_sound() {
        let faults = verified.report.faults.iter().map(ToString::to_string);
        let first = faults.chain(verified.beside).next().unwrap_or_default();
        return Err(damaged(format!("its audit chain does not verify: {first}")));
    }
    let bytes = fs::metadata(copy).map_err(|error| failed(copy, error))?.len();
    let checked = Checked { records: verified.report.head.seq, bytes, opens: keys.is_some() };
    Ok((checked, keys))
}

/// The file of the embedded database; over PostgreSQL the command line that is used instead.
fn embedded(config: &Config, instead: &str) -> Result<PathBuf> {
    match super::database(config) {
        Database::Sqlite(path) => Ok(path),
        Database::Postgres(_) => Err(Error::new(
            Code::InvalidInput,
            "the database is PostgreSQL, which has its own tools for backups",
        )
        .hint(format!("{instead}; and keep the key of the seal, apart from it"))),
    }
}

/// A copy, after SQLite has read all of it. `named` is what whoever asked knows it by.
async fn open(path: &Path, named: &Path) -> Result<Store> {
    if let Some(fault) = Store::fault_of(path).await.map_err(|error| failed(named, error))? {
        return Err(damaged(format!("{}: {fault}", named.display())));
    }
    let database = Database::Sqlite(path.to_owned());
    Store::open(&database, audit::link, audit::encode).await.map_err(|error| failed(named, error))
}

fn damaged(what: String) -> Error {
    Error::new(Code::InvalidInput, what)
        .hint("take another backup, and keep this one to find out what happened to it")
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidInput, format!("{}: {error}", path.display()))
}

fn new_file(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(path, error)),
        Ok(_) => {
            Err(Error::new(Code::Conflict, format!("{}: there is something here already", path.display()))
                .hint("give a file that is not there yet"))
        }
    }
}

/// A folder in the data folder that only its owner reads.
fn tempfile_beside(config: &Config) -> Result<PathBuf> {
    let folder = config.data.join(format!("checking-{}", std::process::id()));
    make_folder(&folder).map_err(|error| failed(&folder, error))?;
    Ok(folder)
}

fn duplicate(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(|error| failed(from, error))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let mut copy = made.map_err(|error| failed(to, error))?;
    io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all()).map_err(|error| failed(to, error))
}

/// Renamed, on the disk.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn discard(file: &Path) {
    for path in [file.to_owned(), suffixed(file, "-wal"), suffixed(file, "-shm")] {
        let _ = fs::remove_file(path);
    }
}

/// The file of this name and `end`, in the same folder.
fn suffixed(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
