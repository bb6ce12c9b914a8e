//! A look at everything that a credential can see: what can be mapped, and what lives in each.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ask::Lookup;
use super::inventory::Thing;
use super::resolve::Resolver;
use super::walk::{Asker, Within};
use crate::model::{CredentialId, Resource, Selector};

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub places: Vec<Place>,
    /// Why a part could not be read: for people.
    pub problems: Vec<String>,
}

/// A thing that an environment can map.
#[derive(Debug, Clone)]
pub struct Place {
    pub selector: Selector,
    pub name: Option<String>,
    /// Name of the project that it is a part of.
    pub within: Option<String>,
    /// What lives in it, with the provider's names.
    pub things: Vec<(Resource, Option<String>)>,
}

const PROJECT: &str = "project";

impl Resolver {
    /// Whether the provider's things can be listed at all.
    pub fn can_survey(&self, provider: &str) -> bool {
        self.rules(provider).is_some_and(|rules| !rules.file.survey.is_empty())
    }

    /// Lists the things of the pack's `survey`, the first kind being what can be mapped. Nothing of it decides anything:
    /// it is for people to look at and to choose from.
    pub async fn survey(
        &self,
        credential: &CredentialId,
        provider: &str,
        now: DateTime<Utc>,
        lookup: &dyn Lookup,
    ) -> Survey {
        let mut survey = Survey::default();
        let Some(rules) = self.rules(provider) else { return survey };
        let Some((mapped, kinds)) = rules.file.survey.split_first() else { return survey };
        let inventory = self.inventory(credential);
        if !inventory.may_refresh(now, &rules.file.budget) {
            survey.problems.push("everything was listed too often in this minute: wait a little".to_owned());
            return survey;
        }
        let asker = Asker { rules, inventory: &inventory, lookup, now, asked: AtomicUsize::new(0) };
        let time = Duration::from_secs(rules.file.budget.seconds);
        let seen = tokio::time::timeout(time, async {
            let projects = asker.all(PROJECT, Within::All).await;
            let mut problems = projects.problems;
            let places = asker.all(mapped, Within::Known).await;
            problems.extend(places.problems);
            let mut things = Vec::new();
            for kind in kinds {
                let found = asker.all(kind, Within::Known).await;
                problems.extend(found.problems);
                things.extend(found.things.into_iter().map(|(id, thing)| (Resource::new(kind, id), thing)));
            }
            (projects.things, places.things, things, problems)
        });
        let Ok((projects, places, things, mut problems)) = seen.await else {
            survey.problems.push("it took too long".to_owned());
            return survey;
        };
        survey.places = arrange(provider, mapped, &projects, places, things);
        problems.sort();
        problems.dedup();
        survey.problems = problems;
        survey
    }
}

/// Puts each thing where it lives: a thing of a project into every place of that project.
fn arrange(
    provider: &str,
    mapped: &str,
    projects: &HashMap<String, Thing>,
    places: HashMap<String, Thing>,
    things: Vec<(Resource, Thing)>,
) -> Vec<Place> {
    let mut by_id: BTreeMap<String, Place> = BTreeMap::new();
    let mut of_project: HashMap<String, Vec<String>> = HashMap::new();
    for (id, thing) in places {
        let project = thing.facts.get(PROJECT);
        if let Some(project) = project {
            of_project.entry(project.clone()).or_default().push(id.clone());
        }
        let within = project.and_then(|id| projects.get(id)).and_then(|project| project.name.clone());
        let selector = Selector::new(provider, mapped, id.clone());
        by_id.insert(id, Place { selector, name: thing.name, within, things: Vec::new() });
    }
    for (resource, thing) in things {
        for owner in &thing.owners {
            let homes = match owner.kind.as_str() {
                kind if kind == mapped => vec![owner.id.clone()],
                PROJECT => of_project.get(&owner.id).cloned().unwrap_or_default(),
                _ => Vec::new(),
            };
            for home in homes {
                if let Some(place) = by_id.get_mut(&home) {
                    place.things.push((resource.clone(), thing.name.clone()));
                }
            }
        }
    }
    let mut places: Vec<Place> = by_id.into_values().collect();
    for place in &mut places {
        place.things.sort_by(|(a, x), (b, y)| (&a.kind, x, &a.id).cmp(&(&b.kind, y, &b.id)));
    }
    places.sort_by(|a, b| (&a.within, &a.name, &a.selector).cmp(&(&b.within, &b.name, &b.selector)));
    places
}
