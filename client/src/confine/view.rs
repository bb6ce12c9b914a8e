use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hidden::{
    EMPTIED, ENV_EXAMPLES, IN_HOME, MADE_ANEW, NAMED_BY, NO_TREE, NOT_SEARCHED, OBEYED, ON_THE_MACHINE, STATE,
};

/// Most entries that a search for `.env` files looks at.
const MOST_SEARCHED: usize = 200_000;

/// From what a view is made.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    pub home: Option<&'a Path>,
    /// The working folder.
    pub folder: &'a Path,
    /// Stint's own: its home, the folder of runs.
    pub own: &'a [&'a Path],
    /// Folders and files that are to be seen and written besides.
    pub share: &'a [PathBuf],
    /// Folders and files that are not to be seen besides.
    pub hide: &'a [PathBuf],
    pub hide_env_files: bool,
    /// What was inherited: it names the search path, and places of credentials.
    pub inherited: &'a [(OsString, OsString)],
}

/// What a confined command sees of the disk, decided before anything happens. Everything can be read and nothing be
/// written, but for what is listed; all paths are canonical.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    pub folder: PathBuf,
    /// The working tree and what was shared.
    pub writable: Vec<PathBuf>,
    /// Not to be written although it lies in what is.
    pub read_only: Vec<PathBuf>,
    pub hidden: Vec<PathBuf>,
    /// Empty, and gone with the command.
    pub emptied: Vec<PathBuf>,
    pub home: Option<Home>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Home {
    pub path: PathBuf,
    /// Parents before children. What is not listed is not seen.
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Below the home.
    pub path: PathBuf,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A folder whose own entries follow; what is added is gone with the command.
    MadeAnew,
    Writable,
    ReadOnly,
    Link(PathBuf),
}

impl Places<'_> {
    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.inherited.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }
}

impl View {
    /// Reads folders, and nothing in files but where a git worktree has its repository.
    pub fn make(places: &Places<'_>) -> View {
        let canonical = |path: &Path| fs::canonicalize(path).ok();
        let folder = canonical(places.folder).unwrap_or_else(|| places.folder.to_path_buf());
        let home = places.home.and_then(canonical).filter(|home| home != Path::new("/"));
        let mut writable: BTreeSet<PathBuf> = working_tree(&folder, home.as_deref()).into_iter().collect();
        writable.extend(places.share.iter().filter_map(|path| canonical(path)));
        let mut hidden: BTreeSet<PathBuf> =
            ON_THE_MACHINE.iter().filter_map(|path| canonical(Path::new(path))).collect();
        hidden.extend(places.own.iter().copied().filter_map(canonical));
        hidden.extend(places.hide.iter().filter_map(|path| canonical(path)));
        hidden.extend(other_homes(home.as_deref()));
        if let Some(home) = &home {
            hidden.extend(IN_HOME.iter().filter_map(|name| canonical(&home.join(name))));
        }
        hidden.extend(named_by_variables(places));
        if places.hide_env_files {
            writable.iter().for_each(|tree| find_env_files(tree, &mut hidden));
        }
        // What a person shares by name is theirs to share, but not by hiding in a link.
        let shared: Vec<PathBuf> = places.share.iter().filter_map(|path| canonical(path)).collect();
        hidden.retain(|path| !shared.contains(path));
        let mut read_only: BTreeSet<PathBuf> =
            writable.iter().map(|tree| tree.join(".git/hooks")).filter(|hooks| hooks.is_dir()).collect();
        read_only.extend(on_search_path(places.variable("PATH"), home.as_deref(), &writable));
        let emptied = EMPTIED.iter().map(PathBuf::from).filter(|path| path.is_dir() && !path.is_symlink());
        View {
            emptied: emptied.collect(),
            home: home.map(|path| Home { entries: lay_out(&path), path }),
            folder,
            writable: writable.into_iter().collect(),
            read_only: read_only.into_iter().collect(),
            hidden: hidden.into_iter().collect(),
        }
    }

    /// Whether the working folder will be there.
    pub fn shows_folder(&self) -> bool {
        !self.hidden.iter().any(|hidden| {
            self.folder.starts_with(hidden)
                && !self.writable.iter().any(|tree| self.folder.starts_with(tree) && tree.starts_with(hidden))
        })
    }
}

/// The repository that the folder lies in, or the folder itself, and where its git keeps what it writes. None where that
/// would be a home or a part of the system as a whole.
fn working_tree(folder: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let is_tree = |path: &Path| {
        !NO_TREE.iter().any(|no| path == Path::new(no)) && !home.is_some_and(|home| home.starts_with(path))
    };
    let repository = folder.ancestors().find(|path| path.join(".git").exists() && is_tree(path));
    let Some(tree) = repository.or(Some(folder)).filter(|path| is_tree(path)) else { return Vec::new() };
    let mut found = vec![tree.to_path_buf()];
    found.extend(common_git_folder(tree));
    found
}

/// Where a linked worktree has its repository (gitrepository-layout(5)).
///
/// The file in the tree is the command's to write; so it is believed only where the repository points back.
fn common_git_folder(tree: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(tree.join(".git")).ok()?;
    let own = fs::canonicalize(tree.join(text.strip_prefix("gitdir:")?.trim())).ok()?;
    let back = fs::read_to_string(own.join("gitdir")).ok()?;
    let back = fs::canonicalize(own.join(back.trim())).ok()?;
    let common = fs::read_to_string(own.join("commondir")).ok()?;
    let common = fs::canonicalize(own.join(common.trim())).ok()?;
    let known = own.starts_with(common.join("worktrees")) && common.join("objects").is_dir();
    (known && back == tree.join(".git")).then_some(common)
}

/// Places of credentials that are not where they usually are.
fn named_by_variables(places: &Places<'_>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for list in NAMED_BY.iter().filter_map(|name| places.variable(name)) {
        found.extend(std::env::split_paths(list));
    }
    for (variable, usual) in [("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share")] {
        let Some(base) = places.variable(variable).map(Path::new) else { continue };
        let below = IN_HOME.iter().filter_map(|path| Path::new(path).strip_prefix(usual).ok());
        found.extend(below.map(|path| base.join(path)));
    }
    // A device, such as an empty configuration in /dev/null, is none.
    let real = |path: &PathBuf| path.is_file() || path.is_dir();
    found
        .iter()
        .filter(|path| path.is_absolute())
        .filter_map(|path| fs::canonicalize(path).ok())
        .filter(real)
        .collect()
}

fn other_homes(home: Option<&Path>) -> Vec<PathBuf> {
    let all = fs::read_dir("/home").into_iter().flatten().flatten().map(|entry| entry.path());
    let all = all.chain([PathBuf::from("/root")]).filter(|path| path.is_dir());
    all.filter(|path| !home.is_some_and(|home| home.starts_with(path))).collect()
}

fn on_search_path(path: Option<&OsStr>, home: Option<&Path>, writable: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let Some(home) = home else { return Vec::new() };
    let folders =
        std::env::split_paths(path.unwrap_or_default()).filter_map(|path| fs::canonicalize(path).ok());
    folders
        .filter(|path| path.is_dir() && path != home && path.starts_with(home))
        .filter(|path| !writable.iter().any(|tree| path.starts_with(tree) || tree.starts_with(path)))
        .collect()
}

fn lay_out(home: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    lay_out_folder(home, Path::new(""), &mut entries);
    entries
}

fn lay_out_folder(home: &Path, below: &Path, entries: &mut Vec<Entry>) {
    let mut found: Vec<_> = fs::read_dir(home.join(below)).into_iter().flatten().flatten().collect();
    found.sort_by_key(fs::DirEntry::file_name);
    for entry in found {
        let path = below.join(entry.file_name());
        let Ok(about) = entry.file_type() else { continue };
        let named = |list: &[&str]| list.iter().any(|name| path == Path::new(name));
        let ssh = below == Path::new(".ssh");
        if named(IN_HOME)
            || about.is_socket()
            || about.is_fifo()
            || (ssh && !is_public_ssh(&entry.file_name()))
        {
            continue;
        }
        let mut add = |kind| entries.push(Entry { path: path.clone(), kind });
        match () {
            () if about.is_symlink() => {
                if let Ok(target) = fs::read_link(entry.path()) {
                    add(Kind::Link(target));
                }
            }
            () if about.is_dir() && named(MADE_ANEW) => {
                add(Kind::MadeAnew);
                lay_out_folder(home, &path, entries);
            }
            () if ssh || named(OBEYED) => add(Kind::ReadOnly),
            () if below == Path::new("") && !is_dot(&entry.file_name()) && !named(STATE) => {
                add(Kind::ReadOnly)
            }
            () => add(Kind::Writable),
        }
    }
}

fn is_dot(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

fn is_public_ssh(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "config" || name.starts_with("known_hosts") || name.ends_with(".pub")
}

fn find_env_files(tree: &Path, hidden: &mut BTreeSet<PathBuf>) {
    let mut folders = vec![tree.to_path_buf()];
    let mut searched = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            searched += 1;
            if searched > MOST_SEARCHED {
                return;
            }
            let Ok(about) = entry.file_type() else { continue };
            let name: OsString = entry.file_name();
            let name = name.to_string_lossy();
            if about.is_dir() && !NOT_SEARCHED.contains(&&*name) {
                folders.push(entry.path());
            } else if !about.is_dir() && is_env_file(&name) {
                hidden.extend(fs::canonicalize(entry.path()).ok());
            }
        }
    }
}

fn is_env_file(name: &str) -> bool {
    match name.strip_prefix(".env") {
        Some("") | Some("rc") => true,
        Some(rest) => rest
            .strip_prefix('.')
            .is_some_and(|rest| !rest.split('.').any(|word| ENV_EXAMPLES.contains(&word))),
        None => false,
    }
}

#[cfg(test)]
mod tests;
