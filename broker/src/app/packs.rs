//! The packs that ship with the broker, and those of the owner's own folder beside them.

use std::path::{Path, PathBuf};

use super::start::StartError;
use crate::catalog::{Catalog, Pack};
use crate::provider::{Resolver, Rules};

/// Bytes of one file of a pack.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Packs of one folder.
const MOST: usize = 200;

/// Every pack and how its resources are traced to owners. A pack of `folder` (`<folder>/<name>/pack.toml`) stands in
/// place of a shipped one of the same name. All are good, or none is used: an error names file, row and reason.
pub fn packs(folder: Option<&Path>) -> Result<(Catalog, Resolver), StartError> {
    let Some(folder) = folder else {
        return Ok((Catalog::builtin().map_err(wrong)?, Resolver::builtin().map_err(wrong)?));
    };
    let mut packs = Vec::new();
    let mut rules = Vec::new();
    for path in folders(folder)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let named = |reason: String| wrong(format!("{}: {reason}", folder.display()));
        let pack = Pack::load(&name, &|file| read(&path, file)).map_err(|error| named(error.to_string()))?;
        if pack.name() != name {
            return Err(named(format!(
                "{name}/pack.toml: the pack is named '{}', not as its folder",
                pack.name()
            )));
        }
        if let Some(resolvers) = read(&path, "resolvers.toml") {
            let lookups = read(&path, "lookups.graphql").unwrap_or_default();
            let own = Rules::load(&resolvers, &lookups).map_err(|error| named(format!("{name}/{error}")))?;
            if own.provider() != name {
                return Err(named(format!(
                    "{name}/resolvers.toml: provider is '{}', not '{name}'",
                    own.provider()
                )));
            }
            rules.push(own);
        }
        packs.push(pack);
    }
    let catalog = Catalog::with(packs).map_err(|error| wrong(format!("{}: {error}", folder.display())))?;
    Ok((catalog, Resolver::with(rules).map_err(wrong)?))
}

/// The folders in it that are packs, by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, StartError> {
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

/// A file of a pack. One that is too large, or no text, is none.
fn read(folder: &Path, file: &str) -> Option<String> {
    let path = folder.join(file);
    let size = std::fs::metadata(&path).ok()?.len();
    if size > LARGEST {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

fn wrong(error: impl ToString) -> StartError {
    StartError::Wrong(error.to_string())
}
