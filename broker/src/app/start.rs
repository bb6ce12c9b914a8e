//! From a configuration to a running broker: open the store, unseal, make what a first start lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ring::rand::SystemRandom;
use stint_api::Code;
use thiserror::Error;

use super::{App, Error, Facts, Inner, Packs, Result, approve, keys, live, policies, setup};
use crate::audit;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::{Config, SealKind};
use crate::model::{Class, Event, EventKind, Mark, RecordId};
use crate::policy::{ActionRow, PolicyFile, PolicySet, Strength, builtin_files};
use crate::provider::{Options, Times, Upstreams};
use crate::secret::Secret;
use crate::store::{Change, Commit, Database, Store};
use crate::token::{Nonces, ReplayMemory};
use crate::vault::{Cost, Kek, KeyFile, SealRecord, Vault};

/// Proofs remembered at once: at 1,000 requests a second they live for 70 seconds.
const PROOFS: usize = 500_000;

/// Why the broker does not start. Nothing was changed.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("{0}")]
    Wrong(String),
    #[error("the data folder {0} is in use by another broker")]
    InUse(String),
}

/// What a person or the environment gives to unseal.
#[derive(Debug, Default)]
pub struct Unsealing {
    /// For the passphrase seal; without it the broker starts sealed.
    pub passphrase: Option<Secret>,
    /// Text of a key file, for the seal by environment.
    pub key: Option<Secret>,
}

fn wrong(text: impl std::fmt::Display) -> StartError {
    StartError::Wrong(text.to_string())
}

impl App {
    /// Start. Fails before it changes anything where configuration, key or passphrase are wrong.
    pub async fn start(
        config: Config,
        clock: Clock,
        unsealing: Unsealing,
    ) -> std::result::Result<App, StartError> {
        stint_jose::install();
        // A second call in one process (tests) finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let packs = Packs::read(config.packs.as_deref())?;
        let (policy, folder) = policies(&config, &packs.rows)?;
        make_folder(&config.data).map_err(|error| wrong(format!("{}: {error}", config.data.display())))?;
        let lock = lock(&config.data)?;
        let database = database(&config);
        let store = Store::open(&database, audit::link, audit::encode).await.map_err(wrong)?;
        let vault = Vault::sealed();
        if let Some(kek) = kek(&config, &store, &clock, unsealing).await? {
            vault.unseal(kek);
        }
        let random = || clock.random::<32>().ok_or_else(|| wrong("the system gives no randomness"));
        let own = vec![config.listen];
        let times = Times {
            connect: config.limits.connect_timeout,
            head: config.limits.header_timeout,
            idle: config.limits.idle_timeout,
            ..Times::default()
        };
        let started = clock.unix();
        let options = Options { allow_private: config.allow_private.clone(), own, times };
        let app = App(
            Arc::new(Inner {
                nonces: Nonces::new(random()?, started),
                config,
                store,
                vault,
                packs: ArcSwap::from_pointee(packs),
                packing: tokio::sync::Mutex::default(),
                policy: ArcSwap::from_pointee(policy),
                policies: policies::Policies::new(folder),
                keys: ArcSwap::from_pointee(None),
                replays: ReplayMemory::new(PROOFS),
                registry: ArcSwap::from_pointee(live::Registry::default()),
                memory: super::registry::Memory::default(),
                sessions: live::Sessions::default(),
                upstream: Upstreams::new(options),
                news: approve::Newsroom::new(),
                polls: super::device::Polls::default(),
                provider: super::sso_provider::Memory::default(),
                told_unrecorded: std::sync::atomic::AtomicU64::new(0),
                database,
                hashing: tokio::sync::Semaphore::new(2),
                unsealing: tokio::sync::Mutex::new(()),
                rolling: tokio::sync::Mutex::default(),
                verification: ArcSwap::from_pointee(None),
                verifying: Arc::new(tokio::sync::Semaphore::new(1)),
                signed: std::sync::atomic::AtomicI64::new(0),
                _lock: lock,
                clock,
            }),
            None,
        );
        if !app.0.vault.is_sealed() {
            app.awake().await.map_err(wrong)?;
        }
        Ok(app)
    }

    /// A person gives the passphrase of a sealed broker. `NotAuthenticated` for a wrong one.
    pub async fn unseal(&self, passphrase: Secret) -> Result<()> {
        let _one = self.0.unsealing.lock().await;
        if !self.is_sealed() {
            return Ok(());
        }
        let text = self.0.store.seal_record().await?.ok_or_else(|| Error::internal("there is no seal"))?;
        let record: SealRecord = serde_json::from_str(&text).map_err(Error::internal)?;
        // Argon2id takes long on purpose; one try at a time is all that is needed.
        let kek = tokio::task::spawn_blocking(move || record.unseal_with_passphrase(&passphrase)).await;
        let kek = kek.map_err(Error::internal)?;
        let kek = kek.map_err(|_| Error::new(Code::NotAuthenticated, "the passphrase is wrong"))?;
        self.0.vault.unseal(kek);
        self.awake().await
    }

    /// Whether the setup token has not been used yet.
    pub async fn setup_is_open(&self) -> bool {
        self.0.store.setup_token().await.is_ok_and(|token| token.is_some())
    }

    /// Whether requests can be served: unsealed, and the store answers.
    pub async fn ready(&self) -> Result<()> {
        self.unsealed()?;
        self.0.store.head().await?;
        Ok(())
    }

    /// Write what is owed, sign the head and close the store.
    pub async fn stop(&self) {
        if let Err(error) = self.keep_uses().await {
            tracing::warn!(%error, "the last uses of credentials were not kept at the end");
        }
        if let Err(error) = self.checkpoint().await {
            tracing::warn!(%error, "the head of the audit chain was not signed at the end");
        }
        self.0.store.clone().close().await;
    }

    pub(in crate::app) fn database(&self) -> &Database {
        &self.0.database
    }

    /// What follows unsealing: keys, the setup token of a first start, the registry, the sessions of before.
    async fn awake(&self) -> Result<()> {
        let inner = &self.0;
        let keys = keys::Keys::open(&inner.store, &inner.vault, &inner.clock, self.issuer()).await?;
        keys::write_public(&inner.config.data.join("audit.pub"), &keys.audit)?;
        inner.keys.store(Arc::new(Some(keys)));
        self.reload_registry().await?;
        self.reload_policies().await?;
        let now = inner.clock.now().timestamp_millis();
        let shared = matches!(self.database(), Database::Postgres(_));
        for row in inner.store.sessions(true, 100_000).await? {
            inner.sessions.insert(row, now, !shared, None);
        }
        self.setup_token().await?;
        let facts = Facts::new().with("version", env!("CARGO_PKG_VERSION")).with("issuer", self.issuer());
        let event = self.event(EventKind::BrokerStarted, "broker", None, facts)?;
        let _ = inner.store.commit(Commit::event(event)).await?;
        Ok(())
    }

    /// While nobody is registered, a token lies in the data folder: a new one at each start.
    async fn setup_token(&self) -> Result<()> {
        if !self.0.store.people().await?.is_empty() {
            return Ok(());
        }
        let token = stint_jose::fresh_id(&SystemRandom::new()).map_err(Error::internal)?;
        let text = format!("stint-setup-{token}");
        let change = Change::SetSetupToken { hash: setup::hash(text.as_bytes()) };
        let event =
            self.event(EventKind::KeyMade, "broker", None, Facts::new().with("kid", "setup-token"))?;
        let _ =
            self.0.store.commit(Commit { changes: vec![change], events: vec![event], digest: None }).await?;
        let path = self.setup_token_path();
        write_private(&path, format!("{text}\n").as_bytes(), true)
            .map_err(|error| Error::internal(format!("{}: {error}", path.display())))
    }
}

/// An event before there is an `App`.
pub(in crate::app) fn bare_event(clock: &Clock, kind: EventKind, facts: Facts) -> Result<Event> {
    let uuid = clock.uuid().ok_or_else(|| Error::internal("the system gives no randomness"))?;
    Ok(facts.event(RecordId::from_uuid(uuid), clock.now(), kind, "broker"))
}

/// Where the store is.
pub fn database(config: &Config) -> Database {
    match &config.database {
        Some(url) => Database::Postgres(url.clone()),
        None => Database::Sqlite(config.data.join("stint.db")),
    }
}

/// The KEK, or `None` where a person has to unseal. A wrong key or passphrase is an error, and so is a key file that
/// is missing where the store was sealed by one: making another would lose every secret.
pub(in crate::app) async fn kek(
    config: &Config,
    store: &Store,
    clock: &Clock,
    unsealing: Unsealing,
) -> std::result::Result<Option<Kek>, StartError> {
    match store.seal_record().await.map_err(wrong)? {
        Some(text) => {
            let record: SealRecord =
                serde_json::from_str(&text).map_err(|_| wrong("the stored seal cannot be read"))?;
            opened(config, record, unsealing).await
        }
        None => first_seal(config, store, clock, unsealing).await.map(Some),
    }
}

async fn opened(
    config: &Config,
    record: SealRecord,
    unsealing: Unsealing,
) -> std::result::Result<Option<Kek>, StartError> {
    if record.needs_person() {
        if config.seal != SealKind::Passphrase {
            return Err(wrong("the store is sealed by a passphrase: start with --seal passphrase"));
        }
        let Some(passphrase) = unsealing.passphrase else { return Ok(None) };
        let kek = tokio::task::spawn_blocking(move || record.unseal_with_passphrase(&passphrase))
            .await
            .map_err(wrong)?;
        return kek.map(Some).map_err(|_| wrong("the passphrase is wrong: nothing was opened"));
    }
    let (file, name) = match &config.seal {
        SealKind::KeyFile(path) => (read_key(path)?, path.display().to_string()),
        SealKind::Environment => (environment_key(unsealing)?, "STINT_BROKER_KEY".to_owned()),
        SealKind::Passphrase => return Err(wrong("the store is sealed by a key file, not by a passphrase")),
    };
    record
        .unseal_with_key(file)
        .map(Some)
        .map_err(|_| wrong(format!("{name} is not the key of this store: nothing was opened")))
}

async fn first_seal(
    config: &Config,
    store: &Store,
    clock: &Clock,
    unsealing: Unsealing,
) -> std::result::Result<Kek, StartError> {
    let (record, kek) = match &config.seal {
        SealKind::KeyFile(path) => {
            let file = if path.exists() {
                read_key(path)?
            } else {
                let file = KeyFile::generate(clock).map_err(wrong)?;
                write_private(path, file.encode().expose(), false)
                    .map_err(|error| wrong(format!("{}: {error}", path.display())))?;
                file
            };
            let record = SealRecord::for_key_file(&file).map_err(wrong)?;
            let again = read_key(path)?;
            (record.clone(), record.unseal_with_key(again).map_err(wrong)?)
        }
        SealKind::Environment => {
            let file = environment_key(unsealing)?;
            let record = SealRecord::for_key_file(&file).map_err(wrong)?;
            (record.clone(), record.unseal_with_key(file).map_err(wrong)?)
        }
        SealKind::Passphrase => {
            let passphrase = unsealing.passphrase.ok_or_else(|| {
                wrong("the first start with a passphrase seal needs the passphrase: --passphrase-file FILE, or a terminal")
            })?;
            let kek = Kek::generate(clock).map_err(wrong)?;
            let clock = clock.clone();
            let made = tokio::task::spawn_blocking(move || {
                SealRecord::for_passphrase(&kek, &clock, &passphrase, Cost::default())
                    .map(|record| (record, kek))
            });
            made.await.map_err(wrong)?.map_err(wrong)?
        }
    };
    let text = serde_json::to_string(&record).map_err(wrong)?;
    let event = bare_event(clock, EventKind::KeyMade, Facts::new().with("kid", "seal")).map_err(wrong)?;
    let commit = Commit { changes: vec![Change::PutSeal(text)], events: vec![event], digest: None };
    let _ = store.commit(commit).await.map_err(wrong)?;
    Ok(kek)
}

fn read_key(path: &Path) -> std::result::Result<KeyFile, StartError> {
    let shown = path.display();
    let text = std::fs::read(path).map(Secret::new).map_err(|error| {
        wrong(format!("{shown}: {error}; without this key the stored secrets cannot be opened"))
    })?;
    KeyFile::parse(text.expose()).map_err(|error| wrong(format!("{shown}: {error}")))
}

fn environment_key(unsealing: Unsealing) -> std::result::Result<KeyFile, StartError> {
    let text =
        unsealing.key.ok_or_else(|| wrong("seal.kind is environment, and STINT_BROKER_KEY is not set"))?;
    KeyFile::parse(text.expose()).map_err(|error| wrong(format!("STINT_BROKER_KEY: {error}")))
}

/// Guardrails and the starter policy, then the files of the folder, validated against every pack. What people manage is
/// added when the store is open.
fn policies(
    config: &Config,
    rows: &[ActionRow],
) -> std::result::Result<(PolicySet, Vec<PolicyFile>), StartError> {
    let mut files = builtin_files();
    let Some(folder) = &config.policies else {
        return Ok((PolicySet::load(&files).map_err(wrong)?, Vec::new()));
    };
    let own = policy_files(folder)?;
    files.extend(own.iter().cloned());
    let set = PolicySet::load(&files).map_err(wrong)?;
    for warning in set.validate(rows).map_err(wrong)? {
        tracing::warn!(%warning, "policy");
    }
    Ok((set, policies::of_folder(own)))
}

/// Every operation that policies can name. A payload can make any of them stronger, so each comes out as anything that is at
/// least as strong as its row.
pub fn actions(catalog: &Catalog) -> Vec<ActionRow> {
    let mut rows: BTreeMap<String, ActionRow> = BTreeMap::new();
    for pack in catalog.packs() {
        for listed in pack.operations() {
            let marks: BTreeSet<Mark> = listed.marks.iter().filter_map(|mark| Mark::parse(mark)).collect();
            // What is not understood has no marks: it is the worst as it is.
            let of = |class| if class == Class::Unknown { BTreeSet::new() } else { marks.clone() };
            let classes = Class::ALL.into_iter().filter(|class| *class >= listed.class);
            rows.entry(listed.operation.clone())
                .or_insert_with(|| ActionRow {
                    operation: listed.operation,
                    provider: pack.name().to_owned(),
                    strengths: BTreeSet::new(),
                })
                .strengths
                .extend(classes.map(|class| Strength { class, marks: of(class) }));
        }
    }
    rows.into_values().collect()
}

/// The `.cedar` files of a folder, by name, each with the tests beside it.
pub fn policy_files(folder: &Path) -> std::result::Result<Vec<PolicyFile>, StartError> {
    let shown = |error: std::io::Error| wrong(format!("{}: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(shown)? {
        let path = entry.map_err(shown)?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text =
            std::fs::read_to_string(&path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
        let tests = std::fs::read_to_string(path.with_extension("tests.toml")).ok();
        Ok(PolicyFile { name: path.display().to_string(), text, tests })
    };
    paths.into_iter().map(read).collect()
}

pub(in crate::app) fn make_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// One broker for a data folder: what is kept in memory would not hold for two.
pub(in crate::app) fn lock(data: &Path) -> std::result::Result<std::fs::File, StartError> {
    let path = data.join("lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    file.try_lock().map_err(|_| StartError::InUse(data.display().to_string()))?;
    Ok(file)
}

/// A file for its owner alone. Follows no link; with `replace` an older one is removed first.
pub(in crate::app) fn write_private(path: &Path, bytes: &[u8], replace: bool) -> std::io::Result<()> {
    if replace {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
