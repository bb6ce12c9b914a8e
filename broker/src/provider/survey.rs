//! A look at everything that a credential can see: what can be mapped, and what lives in each.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ask::Lookup;
use super::inventory::Thing;
use super::resolve::Resolver;
use super::rules::By;
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

/// What a credential sees of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is there, with the provider's name for it.
    Here(Option<String>),
    /// The provider answered, and it is not there.
    Not,
    /// The provider could not be asked: for people.
    Silent(String),
    /// Nothing says how to ask for such a thing.
    Unasked,
}

const PROJECT: &str = "project";

impl Resolver {
    /// Whether the provider's things can be listed at all.
    pub fn can_survey(&self, provider: &str) -> bool {
        self.rules(provider).is_some_and(|rules| !rules.file.survey.is_empty())
    }

    /// Lists the things of the pack's `survey`: what can be mapped, and what lives in each. Nothing of it decides anything:
    /// it is for people to look at and to choose from. A credential that counts as one place is that place.
    pub async fn survey(
        &self,
        credential: &CredentialId,
        provider: &str,
        now: DateTime<Utc>,
        lookup: &dyn Lookup,
    ) -> Survey {
        let mut survey = Survey::default();
        let Some(rules) = self.rules(provider) else { return survey };
        if !rules.file.survey.is_empty() {
            let inventory = self.inventory(credential);
            if !inventory.may_refresh(now, &rules.file.budget) {
                survey
                    .problems
                    .push("everything was listed too often in this minute: wait a little".to_owned());
                return survey;
            }
            let asker = Asker::new(rules, &inventory, lookup, now);
            let time = Duration::from_secs(rules.file.budget.seconds);
            match tokio::time::timeout(time, asker.look_around()).await {
                Ok(seen) => survey = seen,
                Err(_) => survey.problems.push("it took too long".to_owned()),
            }
        }
        if survey.places.is_empty() && survey.problems.is_empty() {
            let whole = rules.file.kind.iter().filter(|(_, kind)| kind.by == By::Credential);
            survey.places.extend(whole.map(|(kind, _)| Place {
                selector: Selector::new(provider, kind.as_str(), credential.to_string()),
                name: None,
                within: None,
                things: Vec::new(),
            }));
        }
        survey
    }

    /// What a credential sees of one thing that somebody wants to map.
    pub async fn known(
        &self,
        credential: &CredentialId,
        selector: &Selector,
        now: DateTime<Utc>,
        lookup: &dyn Lookup,
    ) -> Known {
        let Some(rules) = self.rules(&selector.provider) else { return Known::Unasked };
        let Some(kind) = rules.file.kind.get(&selector.kind) else { return Known::Unasked };
        if kind.by != By::Itself {
            return Known::Unasked;
        }
        let inventory = self.inventory(credential);
        let asker = Asker::new(rules, &inventory, lookup, now);
        let search = async {
            if let Some(ask) = kind.ask.as_ref().or(kind.check.as_ref()) {
                return match asker.one(ask, &selector.id).await {
                    Ok(thing) => Known::Here(thing.name),
                    Err(reason) if asker.unanswered.load(Ordering::Relaxed) => Known::Silent(reason),
                    Err(_) => Known::Not,
                };
            }
            if !rules.file.survey.contains(&selector.kind) {
                return Known::Unasked;
            }
            if !inventory.may_refresh(now, &rules.file.budget) {
                return Known::Silent("everything was listed too often in this minute".to_owned());
            }
            let mut found = asker.all(&selector.kind, Within::All).await;
            let own = |id: &String| match rules.file.lower {
                true => id.eq_ignore_ascii_case(&selector.id),
                false => *id == selector.id,
            };
            let id = found.things.keys().find(|id| own(id)).cloned();
            match (id.and_then(|id| found.things.remove(&id)), found.problems.into_iter().next()) {
                (Some(thing), _) => Known::Here(thing.name),
                (None, Some(problem)) => Known::Silent(problem),
                (None, None) => Known::Not,
            }
        };
        match tokio::time::timeout(Duration::from_secs(rules.file.budget.seconds), search).await {
            Ok(known) => known,
            Err(_) => Known::Silent("it took too long".to_owned()),
        }
    }
}

impl Asker<'_> {
    async fn look_around(&self) -> Survey {
        let mut problems = Vec::new();
        // Walks over projects go by this list.
        let projects = self.all(PROJECT, Within::All).await;
        problems.extend(projects.problems);
        let (mut places, mut things) = (Vec::new(), Vec::new());
        for kind in &self.rules.file.survey {
            let found = self.all(kind, Within::Known).await;
            problems.extend(found.problems);
            let list = if self.rules.is_itself(kind) { &mut places } else { &mut things };
            let spelt = |id: String| if self.rules.file.lower { id.to_ascii_lowercase() } else { id };
            let found = found.things.into_iter();
            list.extend(found.map(|(id, thing)| (Resource::new(kind.as_str(), spelt(id)), thing)));
        }
        problems.sort();
        problems.dedup();
        Survey { places: arrange(self.rules.provider(), &projects.things, places, things), problems }
    }
}

/// Puts each thing where it lives: a thing of a project into every place of that project.
fn arrange(
    provider: &str,
    projects: &HashMap<String, Thing>,
    places: Vec<(Resource, Thing)>,
    things: Vec<(Resource, Thing)>,
) -> Vec<Place> {
    let mut by_id: BTreeMap<Resource, Place> = BTreeMap::new();
    let mut of_project: HashMap<String, Vec<Resource>> = HashMap::new();
    for (resource, thing) in places {
        let project = thing.facts.get(PROJECT).filter(|_| resource.kind != PROJECT);
        if let Some(project) = project {
            of_project.entry(project.clone()).or_default().push(resource.clone());
        }
        let within = project.and_then(|id| projects.get(id)).and_then(|project| project.name.clone());
        let selector = Selector::new(provider, resource.kind.as_str(), resource.id.as_str());
        by_id.insert(resource, Place { selector, name: thing.name, within, things: Vec::new() });
    }
    for (resource, thing) in things {
        for owner in &thing.owners {
            let homes = match by_id.contains_key(owner) {
                true => vec![owner.clone()],
                false if owner.kind == PROJECT => of_project.get(&owner.id).cloned().unwrap_or_default(),
                false => Vec::new(),
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
