//! Resolution: which selectors own a resource, as the provider says now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;
use serde_json::{Map, Value};

use super::ask::Lookup;
use super::inventory::{Finding, Inventory, Thing, Wanted};
use super::rules::{By, Rules, RulesError};
use super::walk::{Asker, Haul, Within};
use crate::model::{CredentialId, Located, Pending, Resource, Selector};

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Read within this time.
    Cached(TimeDelta),
    /// Read after the question was put. For what cannot be undone, and with the consequences for people to see.
    Fresh,
}

/// The owners of a resource could not be found for certain. `reason` is for people and holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the owner of {} {} could not be found: {reason}", .resource.kind, .resource.id)]
pub struct Unresolved {
    pub resource: Resource,
    pub reason: String,
}

/// Rules of the packs that ask nothing.
const PLAIN: &[&str] = &[
    include_str!("../../../policies/packs/aws/resolvers.toml"),
    include_str!("../../../policies/packs/gitlab/resolvers.toml"),
    include_str!("../../../policies/packs/stripe/resolvers.toml"),
    include_str!("../../../policies/packs/cloudflare/resolvers.toml"),
    include_str!("../../../policies/packs/openai/resolvers.toml"),
    include_str!("../../../policies/packs/anthropic/resolvers.toml"),
    include_str!("../../../policies/packs/slack/resolvers.toml"),
    include_str!("../../../policies/packs/vercel/resolvers.toml"),
    include_str!("../../../policies/packs/digitalocean/resolvers.toml"),
    include_str!("../../../policies/packs/supabase/resolvers.toml"),
    include_str!("../../../policies/packs/fly/resolvers.toml"),
    include_str!("../../../policies/packs/render/resolvers.toml"),
    include_str!("../../../policies/packs/kubernetes/resolvers.toml"),
    include_str!("../../../policies/packs/gcp/resolvers.toml"),
];

/// Finds owners by the packs' rules, and remembers them per credential.
pub struct Resolver {
    rules: BTreeMap<String, Rules>,
    held: Mutex<Credentials>,
}

#[derive(Default)]
struct Credentials {
    inventories: HashMap<CredentialId, (Arc<Inventory>, u64)>,
    uses: u64,
}

const MAX_CREDENTIALS: usize = 256;
/// Resources in one question.
const MAX_RESOURCES: usize = 200;
/// Owners of owners: a thing of a service of a project.
const MAX_DEPTH: u8 = 4;

impl Resolver {
    pub fn new(rules: impl IntoIterator<Item = Rules>) -> Self {
        let rules = rules.into_iter().map(|rules| (rules.provider().to_owned(), rules)).collect();
        Resolver { rules, held: Mutex::default() }
    }

    /// With the rules of the packs that ship with the broker.
    pub fn builtin() -> Result<Self, RulesError> {
        Resolver::with(Vec::new())
    }

    /// These, and for other providers the rules that ship with the broker.
    pub fn with(own: Vec<Rules>) -> Result<Self, RulesError> {
        let railway = Rules::load(
            include_str!("../../../policies/packs/railway/resolvers.toml"),
            include_str!("../../../policies/packs/railway/lookups.graphql"),
        )?;
        let github = Rules::load(
            include_str!("../../../policies/packs/github/resolvers.toml"),
            include_str!("../../../policies/packs/github/lookups.graphql"),
        )?;
        let mut all = vec![railway, github];
        for text in PLAIN {
            all.push(Rules::load(text, "")?);
        }
        Ok(Resolver::new(all.into_iter().chain(own)))
    }

    pub fn rules(&self, provider: &str) -> Option<&Rules> {
        self.rules.get(provider)
    }

    /// Locates each resource, in order. Every owner of a located resource counts, whatever else the request names.
    pub async fn resolve(
        &self,
        credential: &CredentialId,
        provider: &str,
        resources: &[Resource],
        freshness: Freshness,
        now: DateTime<Utc>,
        lookup: &dyn Lookup,
    ) -> Vec<Result<Located, Unresolved>> {
        let unresolved = |resource: &Resource, reason: &str| {
            Err(Unresolved { resource: resource.clone(), reason: reason.to_owned() })
        };
        let Some(rules) = self.rules.get(provider) else {
            return resources.iter().map(|r| unresolved(r, "nothing is known about this provider")).collect();
        };
        if resources.len() > MAX_RESOURCES {
            return resources.iter().map(|r| unresolved(r, "too many things are named at once")).collect();
        }
        let inventory = self.inventory(credential);
        let wanted = Wanted { freshness, asked: inventory.stamp(now) };
        let asker = Asker::new(rules, &inventory, lookup, now);
        let search = Search { asker: &asker, wanted, credential };
        let time = Duration::from_secs(rules.file.budget.seconds);
        let search = &search;
        // Boxed one by one: a stream of closures that borrow is not known to be `Send` for every lifetime.
        let mut searches: Vec<BoxFuture<'_, Result<Located, Unresolved>>> =
            Vec::with_capacity(resources.len());
        for resource in resources {
            searches.push(Box::pin(async move {
                match tokio::time::timeout(time, search.locate(resource)).await {
                    Ok(Ok(located)) => Ok(located),
                    Ok(Err(reason)) => unresolved(resource, &reason),
                    Err(_) => unresolved(resource, "it took too long"),
                }
            }));
        }
        stream::iter(searches).buffered(8).collect().await
    }

    /// Reads an effect that was staged earlier. Always asks; the answer is for the catalogue to judge.
    pub async fn read_pending(
        &self,
        credential: &CredentialId,
        provider: &str,
        pending: &Pending,
        now: DateTime<Utc>,
        lookup: &dyn Lookup,
    ) -> Result<Value, Unresolved> {
        let fail = |reason: &str| Unresolved {
            resource: Resource::new(pending.lookup.clone(), pending.id.clone()),
            reason: reason.to_owned(),
        };
        let rules = self.rules.get(provider).ok_or_else(|| fail("nothing is known about this provider"))?;
        let rule =
            rules.file.pending.get(&pending.lookup).ok_or_else(|| fail("nothing says how to read it"))?;
        let inventory = self.inventory(credential);
        let asker = Asker::new(rules, &inventory, lookup, now);
        let variables = Map::from_iter([(rule.variable.clone(), Value::from(pending.id.as_str()))]);
        let time = Duration::from_secs(rules.file.budget.seconds);
        let data = match tokio::time::timeout(time, asker.query(&rule.query, variables)).await {
            Ok(data) => data.map_err(|reason| fail(&reason))?,
            Err(_) => return Err(fail("it took too long")),
        };
        if rule.same.id(&data).ok() != Some(pending.id.as_str()) {
            return Err(fail("the provider answered about another thing"));
        }
        rule.at.one(&data).cloned().map_err(|missing| fail(&missing.to_string()))
    }

    /// Forgets what a credential saw: for when it is revoked or replaced.
    pub fn forget(&self, credential: &CredentialId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).inventories.remove(credential);
    }

    pub(super) fn inventory(&self, credential: &CredentialId) -> Arc<Inventory> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.uses += 1;
        let now = held.uses;
        if let Some((inventory, used)) = held.inventories.get_mut(credential) {
            *used = now;
            return Arc::clone(inventory);
        }
        if held.inventories.len() >= MAX_CREDENTIALS
            && let Some(oldest) =
                held.inventories.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| id.clone())
        {
            held.inventories.remove(&oldest);
        }
        let inventory = Arc::<Inventory>::default();
        held.inventories.insert(credential.clone(), (Arc::clone(&inventory), now));
        inventory
    }
}

#[derive(Clone, Copy)]
struct Search<'a> {
    asker: &'a Asker<'a>,
    wanted: Wanted,
    credential: &'a CredentialId,
}

impl Search<'_> {
    async fn locate(&self, resource: &Resource) -> Result<Located, String> {
        let rules = self.asker.rules;
        if !rules.file.kind.contains_key(&resource.kind) {
            return Err(format!("nothing says what owns a {}", resource.kind));
        }
        let plain = |id: &str| !id.is_empty() && id.len() <= 256 && id.bytes().all(|b| b.is_ascii_graphic());
        if !plain(&resource.id) {
            return Err("its id is not one".to_owned());
        }
        // What is asked for keeps its case: ids of one part are opaque.
        let asked = rules.file.kind.get(&resource.kind).is_some_and(|kind| kind.by == By::Ask);
        let id =
            if rules.file.lower && !asked { resource.id.to_ascii_lowercase() } else { resource.id.clone() };
        let key = Resource { kind: resource.kind.clone(), id };
        let mut owners = BTreeSet::new();
        let thing = self.owners(&key, &mut owners, MAX_DEPTH, true).await?;
        if owners.is_empty() {
            return Err("nothing owns it".to_owned());
        }
        let (name, consequences) = thing.map_or((None, Vec::new()), |t| (t.name.clone(), t.notes.clone()));
        Ok(Located { resource: resource.clone(), name, owners: owners.into_iter().collect(), consequences })
    }

    /// Adds the selectors that own a thing; gives the thing where it was asked for.
    fn owners<'a>(
        &'a self,
        key: &'a Resource,
        owners: &'a mut BTreeSet<Selector>,
        depth: u8,
        top: bool,
    ) -> BoxFuture<'a, Result<Option<Arc<Thing>>, String>> {
        Box::pin(async move {
            let rules = self.asker.rules;
            let kind = rules
                .file
                .kind
                .get(&key.kind)
                .ok_or_else(|| format!("nothing says what owns a {}", key.kind))?;
            if let Some(of) = kind.of.as_ref().filter(|_| kind.by == By::Part) {
                let depth = depth.checked_sub(1).ok_or("its owners have owners without end")?;
                let (whole, _) = key.id.split_once(':').ok_or("its id does not say what it is a part of")?;
                return self.owners(&Resource::new(of, whole), owners, depth, false).await;
            }
            if let Some(of) = kind.numbered.as_ref().filter(|_| key.id.bytes().all(|b| b.is_ascii_digit())) {
                let depth = depth.checked_sub(1).ok_or("its owners have owners without end")?;
                return self.owners(&Resource::new(of, &key.id), owners, depth, false).await;
            }
            let by_itself = rules.is_itself(&key.kind);
            if by_itself {
                let id = if rules.file.lower { key.id.to_ascii_lowercase() } else { key.id.clone() };
                owners.insert(Selector::new(rules.provider(), key.kind.clone(), id));
            }
            if kind.by == By::Credential {
                owners.insert(Selector::new(rules.provider(), key.kind.clone(), self.credential.to_string()));
                return Ok(None);
            }
            if kind.by == By::OfCredential {
                let id = format!("{}/{}", self.credential, key.id);
                owners.insert(Selector::new(rules.provider(), key.kind.clone(), id));
                return Ok(None);
            }
            // What an administrator maps needs no look-up to be owned by itself; its existence and name are worth one
            // where a person may be asked about it.
            let asks = kind.ask.is_some() && top && self.wanted.freshness == Freshness::Fresh;
            if by_itself && !asks {
                return Ok(None);
            }
            let thing = self.find(key).await.map_err(|reason| reason.to_string())?;
            if by_itself {
                return Ok(Some(thing));
            }
            let depth = depth.checked_sub(1).ok_or("its owners have owners without end")?;
            for owner in &thing.owners {
                self.owners(owner, owners, depth, false).await?;
            }
            Ok(Some(thing))
        })
    }

    /// The thing itself: remembered, or asked for by whoever comes first.
    async fn find(&self, key: &Resource) -> Finding {
        let (inventory, rules) = (self.asker.inventory, self.asker.rules);
        let consequences = rules.consequences(&key.kind);
        let told = self.wanted.freshness == Freshness::Fresh && !consequences.is_empty();
        if let Some(finding) = inventory.usable(key, &self.wanted, told) {
            return finding;
        }
        let walks = rules.file.kind.get(&key.kind).is_some_and(|kind| kind.by == By::Walk);
        let flight = inventory.flight(if walks { String::new() } else { format!("{}/{}", key.kind, key.id) });
        let _first = flight.lock().await;
        if let Some(finding) = inventory.usable(key, &self.wanted, told) {
            return finding;
        }
        let stamp = inventory.stamp(self.asker.now);
        let found = if walks { self.walk(key).await } else { self.ask(key).await };
        let finding: Finding = match found {
            Ok(mut thing) => {
                if told {
                    self.asker.tell(&mut thing, &key.id, consequences).await;
                }
                Ok(Arc::new(thing))
            }
            Err(reason) => Err(reason.into()),
        };
        inventory.put(key.clone(), finding.clone(), stamp, rules.file.budget.things);
        finding
    }

    async fn ask(&self, key: &Resource) -> Result<Thing, String> {
        match self.asker.rules.file.kind.get(&key.kind).and_then(|kind| kind.ask.as_ref()) {
            Some(ask) => self.asker.one(ask, &key.id).await,
            None => Err(format!("nothing says what owns a {}", key.kind)),
        }
    }

    /// Looks where the thing was last, then everywhere. Called by one at a time.
    async fn walk(&self, key: &Resource) -> Result<Thing, String> {
        let (inventory, budget) = (self.asker.inventory, &self.asker.rules.file.budget);
        let last = inventory.stale(key).and_then(|thing| thing.facts.get("project").cloned());
        inventory.forget(key);
        if let Some(project) = last
            && let (Some(thing), _) = self.haul(&key.kind, Within::Project(&project), &key.id).await
        {
            return Ok(thing);
        }
        // A thing that a walk just now did not find is not looked for again by everyone who names it.
        if inventory.walked(&key.kind, &self.wanted) {
            return Err("the provider does not list it".to_owned());
        }
        if !inventory.may_refresh(self.asker.now, budget) {
            return Err("everything was listed too often in this minute".to_owned());
        }
        let stamp = inventory.stamp(self.asker.now);
        let (mut thing, mut rest) = self.haul(&key.kind, Within::Known, &key.id).await;
        if thing.is_none() && rest.known_projects {
            (thing, rest) = self.haul(&key.kind, Within::All, &key.id).await;
        }
        inventory.set_walked(&key.kind, stamp);
        thing.ok_or_else(|| match rest.problems.into_iter().next() {
            Some(problem) => format!("the provider does not list it ({problem})"),
            None => "the provider does not list it".to_owned(),
        })
    }

    /// Walks, remembers everything found, and gives the one thing that was looked for.
    async fn haul(&self, kind: &str, within: Within<'_>, id: &str) -> (Option<Thing>, Haul) {
        let inventory = self.asker.inventory;
        let stamp = inventory.stamp(self.asker.now);
        let mut haul = self.asker.all(kind, within).await;
        let wanted = haul.things.remove(id);
        for (id, thing) in haul.things.drain() {
            inventory.put(
                Resource::new(kind, id),
                Ok(Arc::new(thing)),
                stamp,
                self.asker.rules.file.budget.things,
            );
        }
        (wanted, haul)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("providers", &self.rules.keys()).finish_non_exhaustive()
    }
}
