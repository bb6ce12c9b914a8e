//! What providers were last seen to hold: read when a person asks, kept in memory, and never what decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};
use stint_api::{Inventory, Place, PlaceThing, Reading};

use crate::app::{App, LiveCredential, PersonCaller, Result};
use crate::model::{CredentialId, Name, Selector};
use crate::provider::Survey;

/// Per credential: when, at which version, and what.
pub(in crate::app) type Readings = HashMap<CredentialId, (DateTime<Utc>, i64, Survey)>;

impl App {
    /// What was read, with what is mapped now.
    pub fn inventory(&self) -> Inventory {
        let registry = self.0.registry.load();
        let readings = self.0.memory.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown: BTreeMap<Name, Reading> = BTreeMap::new();
        for live in registry.credentials.values().filter(|live| self.can_list(live)) {
            // What another secret saw says nothing of this one.
            let read = readings.get(&live.row.id).filter(|(_, version, _)| *version == live.row.version);
            let reading = Reading {
                credential: live.row.name.to_string(),
                provider: live.row.provider.clone(),
                read_at: read.map(|(at, _, _)| *at),
                places: read.map(|(_, _, survey)| places(survey, &registry.owners)).unwrap_or_default(),
                problems: read.map(|(_, _, survey)| survey.problems.clone()).unwrap_or_default(),
            };
            shown.insert(live.row.name.clone(), reading);
        }
        Inventory { readings: shown.into_values().collect() }
    }

    /// Ask every provider that can be asked, with each of its credentials. Each look-up is recorded by itself.
    pub async fn read_inventory(&self, caller: &PersonCaller) -> Result<Inventory> {
        caller.works()?;
        let credentials: Vec<Arc<LiveCredential>> =
            self.0.registry.load().credentials.values().cloned().collect();
        for live in credentials.into_iter().filter(|live| self.can_list(live)) {
            let survey = self.survey(&live).await;
            let read = (self.0.clock.now(), live.row.version, survey);
            let mut readings = self.0.memory.readings.lock().unwrap_or_else(PoisonError::into_inner);
            readings.insert(live.row.id.clone(), read);
        }
        self.tell(crate::app::News::Record);
        Ok(self.inventory())
    }

    fn can_list(&self, live: &LiveCredential) -> bool {
        self.packs().resolver.can_survey(&live.row.provider)
    }
}

fn places(survey: &Survey, owners: &HashMap<Selector, Name>) -> Vec<Place> {
    let thing = |(resource, name): &(crate::model::Resource, Option<String>)| PlaceThing {
        kind: resource.kind.clone(),
        id: resource.id.clone(),
        name: name.clone(),
    };
    let places = survey.places.iter().map(|place| Place {
        selector: place.selector.to_string(),
        name: place.name.clone(),
        within: place.within.clone(),
        environment: owners.get(&place.selector).map(ToString::to_string),
        things: place.things.iter().map(thing).collect(),
    });
    places.collect()
}
