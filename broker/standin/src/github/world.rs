use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::TOKEN;
use super::route::Place;

/// Everything that the code host holds. A clone is a snapshot.
#[derive(Debug, Clone, Default)]
pub struct World {
    repositories: Vec<Repository>,
    /// Names that a repository had before, in lower case.
    former: BTreeMap<String, u64>,
    tokens: BTreeMap<String, String>,
    serial: u64,
}

/// One repository.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    pub id: u64,
    pub owner: String,
    pub name: String,
    pub private: bool,
    pub archived: bool,
    pub description: String,
    pub default_branch: String,
    /// Issues by number less one.
    pub issues: Vec<Issue>,
    /// Pull requests in the order they were made.
    pub pulls: Vec<Pull>,
    /// `heads/main` to commit.
    pub refs: BTreeMap<String, String>,
    /// Path to content, of the default branch.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Names of action secrets to their sealed values: never shown.
    pub secrets: BTreeMap<String, String>,
    pub environments: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Issue {
    pub title: String,
    pub body: String,
    pub open: bool,
    pub comments: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Pull {
    pub title: String,
    pub head: String,
    pub base: String,
    pub open: bool,
    pub merged: bool,
}

impl World {
    pub fn seeded() -> Self {
        let mut world = World::default();
        for name in ["api", "web", "sandbox"] {
            let id = world.create("atlas", name, true);
            if let Some(repository) = world.repository_mut(id) {
                repository.files.insert("README.md".to_owned(), format!("# {name}\n").into_bytes());
                repository.refs.insert("heads/release".to_owned(), commit(id * 100));
                repository.secrets.insert("DEPLOY_KEY".to_owned(), "sealed".to_owned());
                repository.environments = vec!["production".to_owned(), "staging".to_owned()];
                repository.issues.push(Issue { title: "first".to_owned(), open: true, ..Issue::default() });
            }
        }
        world.admit(TOKEN, "robin");
        world
    }

    /// Let `token` in as `login`.
    pub fn admit(&mut self, token: &str, login: &str) {
        self.tokens.insert(token.to_owned(), login.to_owned());
    }

    pub fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// The repository of this name as it is now, case ignored.
    pub fn find(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.is(owner, name))
    }

    /// Make a repository with one commit; answers with its id.
    pub fn create(&mut self, owner: &str, name: &str, private: bool) -> u64 {
        self.serial += 1;
        let id = 1000 + self.serial;
        self.former.remove(&key(owner, name));
        self.repositories.push(Repository {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private,
            default_branch: "main".to_owned(),
            refs: BTreeMap::from([("heads/main".to_owned(), commit(id))]),
            ..Repository::default()
        });
        id
    }

    /// Give a repository another owner or name; the old name leads on.
    pub fn rename(&mut self, id: u64, owner: &str, name: &str) {
        let Some(repository) = self.repository_mut(id) else { return };
        let before = key(&repository.owner, &repository.name);
        repository.owner = owner.to_owned();
        repository.name = name.to_owned();
        self.former.insert(before, id);
        self.former.remove(&key(owner, name));
    }

    pub(crate) fn delete(&mut self, id: u64) {
        self.repositories.retain(|repository| repository.id != id);
        self.former.retain(|_, to| *to != id);
    }

    pub(crate) fn all(&self) -> &[Repository] {
        &self.repositories
    }

    pub(crate) fn repository(&self, id: u64) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.id == id)
    }

    pub(crate) fn repository_mut(&mut self, id: u64) -> Option<&mut Repository> {
        self.repositories.iter_mut().find(|repository| repository.id == id)
    }

    pub(crate) fn place(&self, owner: &str, name: &str) -> Place {
        match (self.find(owner, name), self.former.get(&key(owner, name))) {
            (Some(repository), _) => Place::Here(repository.id),
            (None, Some(id)) => Place::Moved(*id),
            (None, None) => Place::Nowhere,
        }
    }

    /// The repository that has this name, or had it before.
    pub(crate) fn now(&self, owner: &str, name: &str) -> Option<u64> {
        match self.place(owner, name) {
            Place::Here(id) | Place::Moved(id) => Some(id),
            Place::Nowhere => None,
        }
    }

    /// Whose token it is.
    pub fn login(&self, token: &str) -> Option<String> {
        self.tokens.get(token).cloned()
    }

    pub(crate) fn next_commit(&mut self) -> String {
        self.serial += 1;
        commit(self.serial)
    }
}

impl Repository {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "full_name": format!("{}/{}", self.owner, self.name), "private": self.private,
            "archived": self.archived, "description": self.description, "default_branch": self.default_branch,
            "owner": {"login": self.owner, "type": "Organization"},
            "url": format!("https://api.github.com/repos/{}/{}", self.owner, self.name),
            "permissions": {"admin": true, "push": true, "pull": true},
        })
    }

    fn is(&self, owner: &str, name: &str) -> bool {
        self.owner.eq_ignore_ascii_case(owner) && self.name.eq_ignore_ascii_case(name)
    }
}

fn key(owner: &str, name: &str) -> String {
    format!("{owner}/{name}").to_lowercase()
}

fn commit(number: u64) -> String {
    format!("{:040x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}
