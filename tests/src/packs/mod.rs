//! Packs of an owner's own, for providers that nobody ships.

use std::fs;

use tempfile::TempDir;

/// `pack.toml` of a provider with sites, by REST.
pub const ACME: &str = include_str!("acme.toml");
/// `pack.toml` of a remote MCP server with volumes.
pub const CLUSTER: &str = include_str!("cluster.toml");

/// A folder of packs that holds one, of these files.
pub fn folder(pack: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let own = folder.path().join(pack);
    fs::create_dir(&own).expect("a folder of the pack");
    for (name, text) in files {
        fs::write(own.join(name), text).expect("a file of the pack");
    }
    folder
}
