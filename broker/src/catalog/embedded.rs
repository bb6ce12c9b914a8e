//! The packs that ship with the broker, as text inside the program.

/// The files of one pack's folder.
pub(super) struct Folder {
    pub name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! folder {
    ($name:literal, $($file:literal),+ $(,)?) => {
        Folder {
            name: $name,
            files: &[$(($file, include_str!(concat!("../../../policies/packs/", $name, "/", $file)))),+],
        }
    };
}

pub(super) const PACKS: &[Folder] = &[
    folder!(
        "github",
        "pack.toml",
        "operations.tsv",
        "overrides.toml",
        "payload.toml",
        "graphql/operations.tsv",
        "graphql/types.tsv",
        "graphql/inputs.tsv",
    ),
    folder!("gitlab", "pack.toml", "operations.tsv"),
    folder!("railway", "pack.toml", "operations.tsv", "types.tsv", "inputs.tsv", "overrides.toml"),
];

/// Shapes of well-known keys that belong to no pack.
pub(super) const KEYS: &str = include_str!("../../../policies/packs/keys.toml");

impl Folder {
    pub fn file(&self, name: &str) -> Option<String> {
        self.files.iter().find(|(own, _)| *own == name).map(|(_, text)| (*text).to_owned())
    }
}
