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

/// A pack of the REST protocol without rules for bodies.
macro_rules! table {
    ($name:literal) => {
        folder!($name, "pack.toml", "operations.tsv", "overrides.toml", "build.toml")
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
    folder!(
        "aws",
        "pack.toml",
        "operations.tsv",
        "overrides.toml",
        "build.toml",
        "services.toml",
        "members.toml"
    ),
    folder!("gitlab", "pack.toml", "operations.tsv", "overrides.toml"),
    folder!("railway", "pack.toml", "operations.tsv", "types.tsv", "inputs.tsv", "overrides.toml"),
    table!("cloudflare"),
    table!("openai"),
    table!("anthropic"),
    table!("slack"),
    folder!("vercel", "pack.toml", "operations.tsv", "overrides.toml", "build.toml", "payload.toml"),
    folder!("digitalocean", "pack.toml", "operations.tsv", "overrides.toml", "build.toml", "payload.toml"),
    table!("supabase"),
    table!("fly"),
    table!("render"),
    folder!("kubernetes", "pack.toml", "operations.tsv", "overrides.toml", "build.toml", "payload.toml"),
    folder!("gcp", "pack.toml", "operations.tsv", "overrides.toml", "build.toml", "payload.toml", "grpc.tsv"),
    folder!("stripe", "pack.toml", "operations.tsv", "overrides.toml", "build.toml", "payload.toml"),
];

/// Shapes of well-known keys that belong to no pack.
pub(super) const KEYS: &str = include_str!("../../../policies/packs/keys.toml");

impl Folder {
    pub fn file(&self, name: &str) -> Option<String> {
        self.files.iter().find(|(own, _)| *own == name).map(|(_, text)| (*text).to_owned())
    }
}

/// The classes that a person chose for operations of a pack that ships.
#[cfg(test)]
pub(super) fn overrides(name: &str) -> std::collections::BTreeMap<String, crate::model::Class> {
    let folder = PACKS.iter().find(|folder| folder.name == name).expect("the pack ships");
    super::rest::overrides(&|file| folder.file(file)).expect("its overrides can be read")
}
