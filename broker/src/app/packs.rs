//! The packs in use: those that ship with the broker, and those of the owner's own folder beside them; read anew while
//! the broker runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stint_api::{Code, ReloadedPacks};

use super::start::{StartError, actions};
use super::{App, Error, Facts, LiveCredential, News, PersonCaller, Result};
use crate::catalog::pack::CredentialKind;
use crate::catalog::{Catalog, Pack, PackError};
use crate::model::{Class, EventKind};
use crate::policy::ActionRow;
use crate::provider::{Resolver, Rules};
use crate::store::{Change, Commit};

/// Bytes of one file of a pack.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Packs of one folder.
const MOST: usize = 200;
/// Changes that an answer names, of each kind.
const NAMED: usize = 100;

/// One set of packs: what requests mean, how their resources are traced to owners, what policies can name. Never
/// changed, only replaced as a whole.
#[derive(Debug)]
pub struct Packs {
    pub(in crate::app) catalog: Catalog,
    pub(in crate::app) resolver: Resolver,
    pub(in crate::app) rows: Vec<ActionRow>,
}

/// Every pack that a broker with this folder has.
pub fn packs(folder: Option<&Path>) -> std::result::Result<Catalog, StartError> {
    Packs::read(folder).map(|packs| packs.catalog)
}

// === impl Packs ===

impl Packs {
    /// A pack of `folder` (`<folder>/<name>/pack.toml`) stands in place of a shipped one of the same name. All are good, or
    /// none is used: an error names file, row and reason.
    pub(in crate::app) fn read(folder: Option<&Path>) -> std::result::Result<Self, StartError> {
        let (mut packs, mut rules) = (Vec::new(), Vec::new());
        if let Some(folder) = folder {
            for path in folders(folder)? {
                let (pack, own) =
                    one(&path).map_err(|reason| wrong(format!("{}: {reason}", folder.display())))?;
                packs.push(pack);
                rules.extend(own);
            }
        }
        let at = |error: PackError| match folder {
            Some(folder) => wrong(format!("{}: {error}", folder.display())),
            None => wrong(error),
        };
        let catalog = Catalog::with(packs).map_err(at)?;
        let rows = actions(&catalog);
        Ok(Packs { catalog, resolver: Resolver::with(rules).map_err(wrong)?, rows })
    }

    /// The pack of this name. `NotFound` names those that there are.
    pub(in crate::app) fn named(&self, name: &str) -> Result<&Pack> {
        self.catalog.pack(name).ok_or_else(|| {
            Error::not_found("pack", name).hint(format!("the packs are {}", self.catalog.names().join(", ")))
        })
    }

    /// The pack of a credential. One that went is a deny: nobody knows any more what a request would do.
    pub(in crate::app) fn of(&self, live: &LiveCredential) -> Result<&Pack> {
        self.catalog.pack(&live.row.provider).ok_or_else(|| gone(live, &live.row.provider))
    }

    /// How a credential travels.
    pub(in crate::app) fn kind_of(&self, live: &LiveCredential) -> Result<&CredentialKind> {
        let kind = self.of(live)?.manifest.kind(Some(&live.row.kind));
        kind.ok_or_else(|| gone(live, &format!("{} for kind {}", live.row.provider, live.row.kind)))
    }
}

fn gone(live: &LiveCredential, what: &str) -> Error {
    Error::new(
        Code::Denied,
        format!("credential {} belongs to the pack {what}, which is gone", live.row.name),
    )
    .hint("an owner puts the pack back and reads the packs anew: stint provider reload")
}

// === impl App ===

impl App {
    /// What is in use; in a request under way, what was in use when it began.
    pub(in crate::app) fn packs(&self) -> Arc<Packs> {
        self.1.clone().unwrap_or_else(|| self.0.packs.load_full())
    }

    /// For one request: packs that are read meanwhile are not its own.
    pub fn pinned(&self) -> App {
        App(Arc::clone(&self.0), Some(self.0.packs.load_full()))
    }

    /// Read the folder of packs anew, for an owner.
    pub async fn reload_packs(&self, caller: &PersonCaller) -> Result<ReloadedPacks> {
        caller.administers()?;
        self.unsealed()?;
        self.read_packs(&caller.actor(), caller.used_proof().into_iter().collect()).await
    }

    /// The same, for whoever may signal the process.
    pub async fn reload_packs_on_signal(&self) -> Result<ReloadedPacks> {
        self.read_packs("broker", vec![]).await
    }

    /// All of it is good and on record, or what is in use stays.
    async fn read_packs(&self, actor: &str, changes: Vec<Change>) -> Result<ReloadedPacks> {
        let Some(folder) = self.0.config.packs.clone() else {
            return Err(Error::new(Code::InvalidInput, "the settings name no folder of packs")
                .hint("set packs = \"DIR\" in the settings and start the broker anew"));
        };
        let _one = self.0.packing.lock().await;
        let read = tokio::task::spawn_blocking(move || Packs::read(Some(&folder))).await;
        let packs = match read.map_err(Error::internal)? {
            Ok(packs) => Arc::new(packs),
            Err(error) => {
                let reason = error.to_string();
                let facts = Facts::new().with("reason", reason.as_str());
                let event = self.event(EventKind::PacksRefused, actor, None, facts)?;
                self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
                self.tell(News::Record);
                return Err(Error::new(Code::InvalidInput, format!("nothing was changed: {reason}"))
                    .hint("mend the file, and try it with: stint-broker pack check --packs DIR"));
            }
        };
        let mut told = differences(&self.0.packs.load(), &packs);
        let facts = Facts::new()
            .with("packs", packs.catalog.packs().len())
            .with("appeared", told.appeared.len())
            .with("gone", told.gone.len())
            .with("reclassed", told.reclassed.len());
        let event = self.event(EventKind::PacksReloaded, actor, None, facts)?;
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.0.packs.store(Arc::clone(&packs));
        self.tell(News::Record);
        self.reload_policies().await?;
        told.warnings = self.policy_faults();
        let live: Vec<Arc<LiveCredential>> = self.0.registry.load().credentials.values().cloned().collect();
        told.warnings
            .extend(live.iter().filter_map(|live| packs.kind_of(live).err()).map(|error| error.detail));
        for list in [&mut told.appeared, &mut told.gone, &mut told.reclassed] {
            list.truncate(NAMED);
        }
        Ok(told)
    }
}

/// Operations that appeared, went, or changed class.
fn differences(before: &Packs, after: &Packs) -> ReloadedPacks {
    // A name that stands for a query and a mutation counts as the stronger.
    let table = |packs: &Packs| -> BTreeMap<String, Class> {
        let mut table: BTreeMap<String, Class> = BTreeMap::new();
        for one in packs.catalog.operations() {
            table.entry(one.operation).and_modify(|held| *held = (*held).max(one.class)).or_insert(one.class);
        }
        table
    };
    let (before, after_table) = (table(before), table(after));
    let only = |these: &BTreeMap<String, Class>, those: &BTreeMap<String, Class>| {
        these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
    };
    let reclassed = after_table.iter().filter_map(|(name, class)| {
        let was = before.get(name).filter(|was| *was != class)?;
        Some(format!("{name}: {was} -> {class}"))
    });
    ReloadedPacks {
        packs: after.catalog.names(),
        appeared: only(&after_table, &before),
        gone: only(&before, &after_table),
        reclassed: reclassed.collect(),
        warnings: Vec::new(),
    }
}

/// A pack of a folder, and how its resources are traced to owners where it says so.
fn one(path: &Path) -> std::result::Result<(Pack, Option<Rules>), String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A file that is there and cannot be read is no file that is not there: what it says could only be stricter.
    let unread = RefCell::new(None);
    let read = |file: &str| {
        read(path, file).unwrap_or_else(|reason| {
            unread.borrow_mut().get_or_insert(format!("{name}/{file}: {reason}"));
            None
        })
    };
    let pack = Pack::load(&name, &read).map_err(|error| error.to_string());
    let rules = read("resolvers.toml").map(|text| (text, read("lookups.graphql").unwrap_or_default()));
    if let Some(reason) = unread.borrow_mut().take() {
        return Err(reason);
    }
    let pack = pack?;
    if pack.name() != name {
        return Err(format!("{name}/pack.toml: the pack is named '{}', not as its folder", pack.name()));
    }
    let rules = rules.map(|(text, lookups)| {
        let rules = Rules::load(&text, &lookups).map_err(|error| format!("{name}/{error}"))?;
        match rules.provider() {
            own if own == name => Ok(rules),
            other => Err(format!("{name}/resolvers.toml: provider is '{other}', not '{name}'")),
        }
    });
    Ok((pack, rules.transpose()?))
}

/// The folders in it that are packs, by name.
fn folders(folder: &Path) -> std::result::Result<Vec<PathBuf>, StartError> {
    let shown = |error: std::io::Error| wrong(format!("{}: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(shown)? {
        let path = entry.map_err(shown)?.path();
        if path.join("pack.toml").is_file() {
            paths.push(path);
        }
    }
    if paths.len() > MOST {
        return Err(wrong(format!("{}: more than {MOST} packs", folder.display())));
    }
    paths.sort();
    Ok(paths)
}

/// A file of a pack, `None` where there is none.
fn read(folder: &Path, file: &str) -> std::result::Result<Option<String>, String> {
    let path = folder.join(file);
    let size = match std::fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if size > LARGEST {
        return Err(format!("the file has more than {} MiB", LARGEST / 1024 / 1024));
    }
    std::fs::read_to_string(path).map(Some).map_err(|error| error.to_string())
}

fn wrong(error: impl ToString) -> StartError {
    StartError::Wrong(error.to_string())
}
