//! What providers were last seen to hold: read when a person asks, kept in memory, and never what decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};
use stint_api::{Inventory, Place, PlaceThing, Reading};

use super::proposal::propose;
use crate::app::live::Registry;
use crate::app::{App, LiveCredential, PersonCaller, Result};
use crate::model::{CredentialId, Name};
use crate::provider::Survey;

/// Per credential: when, at which version, and what.
pub(in crate::app) type Readings = HashMap<CredentialId, (DateTime<Utc>, i64, Survey)>;

impl App {
    /// What was read, with what is mapped now.
    pub fn inventory(&self) -> Inventory {
        let registry = self.0.registry.load();
        let shown: BTreeMap<Name, Reading> = registry
            .credentials
            .values()
            .filter(|live| self.can_list(live) || self.was_read(live))
            .map(|live| (live.row.name.clone(), self.reading(&registry, live)))
            .collect();
        Inventory { readings: shown.into_values().collect() }
    }

    /// Ask every provider that can be asked, with each of its credentials. Each look-up is recorded by itself.
    pub async fn read_inventory(&self, caller: &PersonCaller) -> Result<Inventory> {
        caller.works()?;
        let credentials: Vec<Arc<LiveCredential>> =
            self.0.registry.load().credentials.values().cloned().collect();
        for live in credentials.into_iter().filter(|live| self.can_list(live)) {
            self.read_with(&live).await;
        }
        self.tell(crate::app::News::Record);
        Ok(self.inventory())
    }

    /// What one credential sees now, and what each thing in it looks like.
    pub async fn discover(&self, caller: &PersonCaller, name: &str) -> Result<Reading> {
        caller.works()?;
        self.unsealed()?;
        let live = self.named_credential(name)?;
        self.read_with(&live).await;
        self.tell(crate::app::News::Record);
        Ok(self.reading(&self.0.registry.load(), &live))
    }

    async fn read_with(&self, live: &Arc<LiveCredential>) {
        let survey = self.survey(live).await;
        let read = (self.0.clock.now(), live.row.version, survey);
        let mut readings = self.0.memory.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.insert(live.row.id.clone(), read);
    }

    fn reading(&self, registry: &Registry, live: &LiveCredential) -> Reading {
        let readings = self.0.memory.readings.lock().unwrap_or_else(PoisonError::into_inner);
        // What another secret saw says nothing of this one.
        let read = readings.get(&live.row.id).filter(|(_, version, _)| *version == live.row.version);
        Reading {
            credential: live.row.name.to_string(),
            provider: live.row.provider.clone(),
            read_at: read.map(|(at, _, _)| *at),
            places: read.map(|(_, _, survey)| places(survey, registry)).unwrap_or_default(),
            problems: read.map(|(_, _, survey)| survey.problems.clone()).unwrap_or_default(),
        }
    }

    fn was_read(&self, live: &LiveCredential) -> bool {
        let readings = self.0.memory.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.contains_key(&live.row.id)
    }

    fn can_list(&self, live: &LiveCredential) -> bool {
        self.packs().resolver.can_survey(&live.row.provider)
    }
}

/// What can be mapped, with who maps it, or where it would be mapped.
pub(super) fn places(survey: &Survey, registry: &Registry) -> Vec<Place> {
    let thing = |(resource, name): &(crate::model::Resource, Option<String>)| PlaceThing {
        kind: resource.kind.clone(),
        id: resource.id.clone(),
        name: name.clone(),
    };
    let places = survey.places.iter().map(|place| {
        let environment = registry.owners.get(&place.selector).map(ToString::to_string);
        let own = [place.name.as_deref(), place.within.as_deref()].into_iter().flatten();
        let inside = place.things.iter().filter_map(|(_, name)| name.as_deref());
        let proposal = environment.is_none().then(|| propose(own, inside, &registry.environments));
        Place {
            selector: place.selector.to_string(),
            name: place.name.clone(),
            within: place.within.clone(),
            environment,
            proposal,
            things: place.things.iter().map(thing).collect(),
        }
    });
    places.collect()
}
