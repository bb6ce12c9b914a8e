//! What a request means: canonical form, the credentials that it carries, its operations with class and resources.
//!
//! Pure: a request and the packs' data in, values out. This room knows what HTTP clients can write in two ways and
//! what the packs say about each provider. It must not know who asks, which environment owns a resource, what policy
//! says, or any secret of ours; it reads no clock, no file and no network. Whatever it does not understand it
//! refuses: a `Refusal` has a stable code, and the code says which problem the gateway answers with.
//!
//! The way of a request: [`Catalog::carried`] looks at what came from downstream, [`canonical::request`] accepts the
//! one canonical form, [`Catalog::classify`] says what it does. What `Understood` holds is what is sent.

pub mod accuracy;
pub mod aws;
pub mod build;
pub mod canonical;
pub mod capture;
mod embedded;
pub mod foreign;
pub mod git;
pub mod graphql;
mod json;
pub mod lines;
mod listing;
pub mod mcp;
pub mod pack;
#[cfg(test)]
mod packs_tests;
pub mod placeholder;
mod refusal;
pub mod reply;
pub mod rest;
mod understood;

use serde_json::Value;

use crate::model::{Operation, Placeholder, Request};

pub use foreign::{Carried, Foreign, Parts};
pub use listing::Listed;
pub use pack::{Pack, PackError, Tables};
pub use refusal::{Refusal, code};
pub use reply::{Asked, Reply};
pub use understood::Understood;

/// All packs, loaded and checked against each other.
#[derive(Debug)]
pub struct Catalog {
    packs: Vec<Pack>,
    keys: foreign::Keys,
}

impl Catalog {
    /// The packs that ship with the broker.
    pub fn builtin() -> Result<Self, PackError> {
        Catalog::with(Vec::new())
    }

    /// These, and the packs that ship with the broker and have none of their names.
    pub fn with(own: Vec<Pack>) -> Result<Self, PackError> {
        let ships = embedded::PACKS.iter().filter(|pack| !own.iter().any(|own| own.name() == pack.name));
        let ships = ships.map(|pack| Pack::load(pack.name, &|file| pack.file(file)));
        let mut packs = ships.collect::<Result<Vec<_>, _>>()?;
        packs.extend(own);
        Catalog::new(packs, embedded::KEYS)
    }

    /// `keys` is the text of `keys.toml`: shapes of well-known keys that belong to no pack.
    pub fn new(packs: Vec<Pack>, keys: &str) -> Result<Self, PackError> {
        for (index, pack) in packs.iter().enumerate() {
            let earlier = packs.iter().take(index);
            for other in earlier {
                if other.name() == pack.name() {
                    return Err(PackError::new(
                        "pack.toml",
                        format!("two packs are named '{}'", pack.name()),
                    ));
                }
                if let Some(host) =
                    pack.manifest.hosts.iter().find(|host| other.manifest.hosts.contains(host))
                {
                    let reason =
                        format!("'{host}' is a host of both '{}' and '{}'", other.name(), pack.name());
                    return Err(PackError::new("pack.toml", reason));
                }
            }
        }
        let keys = foreign::Keys::new(keys, packs.iter().map(|pack| &pack.manifest))?;
        Ok(Catalog { packs, keys })
    }

    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    pub fn pack(&self, name: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.name() == name)
    }

    /// The pack that has exactly this host (lower case, no port).
    pub fn by_host(&self, host: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.serves(host))
    }

    /// What the request makes the provider do. Every operation in it, or a refusal.
    pub fn classify(&self, pack: &Pack, request: Request) -> Result<Understood, Refusal> {
        if let Some(door) = pack.git_door(&request.host, &request.path) {
            return door.classify(&pack.manifest, request);
        }
        if let Some(tables) = pack.graphql(&request.host, &request.path) {
            if request.partial {
                let detail = "a GraphQL document is read whole or not at all";
                return Err(Refusal::new(code::BODY_TOO_LARGE, detail));
            }
            return graphql::classify(tables, &pack.manifest, request);
        }
        match &pack.tables {
            Tables::Rest(table) => table.classify(&pack.manifest, request),
            Tables::Graphql(tables) => graphql::classify(tables, &pack.manifest, request),
            Tables::Mcp(table) => table.classify(&pack.manifest, request),
            Tables::Aws(table) => table.classify(&pack.manifest, request),
        }
    }

    /// Judge an operation whose effect was staged earlier, by what the provider says is staged.
    pub fn judge_pending(
        &self,
        pack: &Pack,
        operation: Operation,
        staged: &Value,
    ) -> Result<Operation, Refusal> {
        match &pack.tables {
            Tables::Rest(_) | Tables::Mcp(_) | Tables::Aws(_) => {
                Err(Refusal::new(code::UNKNOWN_OPERATION, "this pack stages nothing"))
            }
            Tables::Graphql(_) => Ok(graphql::judge_staged(operation, staged)),
        }
    }

    /// Every operation of every pack.
    pub fn operations(&self) -> impl Iterator<Item = Listed> {
        self.packs.iter().flat_map(Pack::operations)
    }

    /// Names of the packs, in the order of the catalog.
    pub fn names(&self) -> Vec<String> {
        self.packs.iter().map(|pack| pack.name().to_owned()).collect()
    }

    /// What is credential-shaped in a request as it came from downstream, before it is made canonical.
    pub fn carried(&self, parts: &Parts<'_>, placeholders: &[Placeholder]) -> Carried {
        self.keys.find(parts, placeholders)
    }
}

/// The builtin packs, loaded once for all tests of this room.
#[cfg(test)]
pub(in crate::catalog) static BUILTIN: std::sync::LazyLock<Catalog> =
    std::sync::LazyLock::new(|| Catalog::builtin().expect("the builtin packs load"));
