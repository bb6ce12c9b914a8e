//! What a broker keeps, read where it does not run: agents, environments, policies, requests of before.

use chrono::TimeDelta;
use stint_api::{PolicyState, Replay};

use super::policies::assembled;
use super::replay::Replaying;
use super::{Error, Result, start, trail};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Name, Tier};
use crate::policy::{self, ActionRow, PolicyFile, PolicySet, World};
use crate::store::{Database, Store};

/// What of a broker's data policies can tell apart, and the policies.
#[derive(Debug, Default)]
pub struct Kept {
    agents: Vec<Name>,
    places: Vec<(Name, Tier)>,
    files: Vec<PolicyFile>,
}

impl Kept {
    /// `None` where no broker was started yet.
    pub async fn read(config: &Config) -> Result<Option<Self>> {
        if let Database::Sqlite(path) = &super::database(config)
            && !path.exists()
        {
            return Ok(None);
        }
        let store = trail::open(config).await?;
        let kept = Self::of(config, &store).await;
        store.close().await;
        kept.map(Some)
    }

    /// What there is before anything is set up.
    pub fn of_none() -> Self {
        Kept { files: assembled(Vec::new(), Vec::new()), ..Kept::default() }
    }

    async fn of(config: &Config, store: &Store) -> Result<Self> {
        let folder = match &config.policies {
            Some(folder) => start::policy_files(folder)
                .map_err(|error| Error::new(stint_api::Code::InvalidInput, error.to_string()))?,
            None => Vec::new(),
        };
        let mut rows = store.policies().await?;
        rows.retain(|row| row.state == PolicyState::Active);
        let mut agents: Vec<Name> = store.agents().await?.into_iter().map(|row| row.name).collect();
        agents.sort();
        let places = store.environments().await?.into_iter().map(|row| (row.name, row.tier));
        let mut places: Vec<(Name, Tier)> = places.collect();
        places.sort();
        Ok(Kept { agents, places, files: assembled(folder, rows) })
    }

    /// The environments; one for each tier, of its name, where there is none.
    fn environments(&self) -> Vec<(Name, Tier)> {
        if !self.places.is_empty() {
            return self.places.clone();
        }
        Tier::ALL.into_iter().filter_map(|tier| Some((Name::parse(tier.as_str()).ok()?, tier))).collect()
    }

    /// All that can be asked of the policies.
    pub fn world(&self, acts: Vec<ActionRow>) -> World {
        World {
            invented: self.places.is_empty(),
            agents: self.agents.clone(),
            environments: self.environments(),
            acts,
        }
    }

    /// The policies in use, with these in the place of those of their names, or beside them.
    pub fn with(&self, changed: Vec<PolicyFile>) -> std::result::Result<PolicySet, policy::Error> {
        let mut files = self.files.clone();
        for file in changed {
            let path = std::path::Path::new(&file.name);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let own = format!("files.{stem}");
            match files.iter_mut().find(|held| held.name == stem || held.name == own) {
                Some(held) => *held = PolicyFile { name: held.name.clone(), ..file },
                None => files.push(file),
            }
        }
        files.retain(|file| !file.text.is_empty());
        PolicySet::load(&files)
    }
}

/// Decide recorded requests again, with files changed.
pub async fn replay(
    config: &Config,
    clock: &Clock,
    since: TimeDelta,
    changed: Vec<PolicyFile>,
) -> Result<Replay> {
    let store = trail::open(config).await?;
    let replay = async {
        let kept = Kept::of(config, &store).await?;
        let wrong = |error: policy::Error| Error::new(stint_api::Code::InvalidInput, error.to_string());
        let (now, then) = (kept.with(Vec::new()).map_err(wrong)?, kept.with(changed).map_err(wrong)?);
        let tiers = kept.places.into_iter().collect();
        Replaying { store: &store, tiers, since: clock.now() - since }.run(&now, &then).await
    };
    let replay = replay.await;
    store.close().await;
    replay
}
