//! What a policy set names, and so may tell apart from all else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{ActionRow, Kind, Name, PolicySet, Strength};

/// Names that stand in policies.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Text of strings and ids of entities, wherever they stand.
    words: BTreeSet<String>,
    things: Vec<Thing>,
    /// A pattern stands somewhere, which any name may fit.
    patterns: bool,
}

/// A thing of a provider that some policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thing {
    pub(super) provider: String,
    pub(super) kind: String,
    pub(super) id: String,
}

impl Thing {
    /// `railway:volume/3d2c`, as policies write it.
    fn parse(uid: &str) -> Option<Self> {
        let (provider, rest) = uid.split_once(':')?;
        let (kind, id) = rest.split_once('/')?;
        Some(Thing { provider: provider.to_owned(), kind: kind.to_owned(), id: id.to_owned() })
    }

    pub(super) fn label(&self) -> String {
        format!("{} {}", self.kind, self.id)
    }
}

impl Named {
    pub(super) fn of(set: &PolicySet) -> Result<Self, String> {
        let mut named = Named::default();
        for policy in set.all.policies() {
            named.read(&policy.to_json().map_err(|error| error.to_string())?);
        }
        named.things.sort();
        named.things.dedup();
        Ok(named)
    }

    fn read(&mut self, json: &Value) {
        match json {
            Value::String(text) => {
                self.words.insert(text.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| self.read(value)),
            Value::Object(members) => {
                self.patterns |= members.contains_key("like");
                let member = |name: &str| members.get(name).and_then(Value::as_str);
                if let (Some("Resource"), Some(id)) = (member("type"), member("id")) {
                    self.things.extend(Thing::parse(id));
                }
                members.values().for_each(|value| self.read(value));
            }
            _ => {}
        }
    }

    fn names(&self, text: &str) -> bool {
        self.patterns || self.words.contains(text)
    }

    /// Agents that may be decided differently: one to ask for, and the names that it stands for. Without any agent, one that
    /// has no name yet.
    pub(super) fn agents(&self, agents: &[Name]) -> Result<Vec<(Name, Vec<String>)>, String> {
        if agents.is_empty() {
            let nobody = Name::parse("any-agent").map_err(|error| error.to_string())?;
            return Ok(vec![(nobody, Vec::new())]);
        }
        let (own, alike): (Vec<&Name>, Vec<&Name>) =
            agents.iter().partition(|agent| self.names(agent.as_str()));
        let mut groups: Vec<(Name, Vec<String>)> =
            own.into_iter().map(|agent| (agent.clone(), vec![agent.to_string()])).collect();
        if let Some(one) = alike.first() {
            groups.push(((*one).clone(), alike.iter().map(ToString::to_string).collect()));
        }
        Ok(groups)
    }

    /// Operations that may be decided differently.
    pub(super) fn kinds(&self, acts: &[ActionRow]) -> Vec<Kind> {
        let mut own = Vec::new();
        let mut of_provider: BTreeMap<&str, BTreeSet<Strength>> = BTreeMap::new();
        let mut others: BTreeSet<Strength> = BTreeSet::new();
        for act in acts {
            let provider = Some(act.provider.clone());
            if self.words.contains(&act.operation) {
                own.push(Kind {
                    label: act.operation.clone(),
                    operation: Some(act.operation.clone()),
                    provider,
                    strengths: act.strengths.clone(),
                });
            } else if self.names(&act.provider) || self.words.contains(&format!("provider:{}", act.provider))
            {
                of_provider.entry(&act.provider).or_default().extend(act.strengths.iter().cloned());
            } else {
                others.extend(act.strengths.iter().cloned());
            }
        }
        let of_provider = of_provider.into_iter().map(|(provider, strengths)| Kind {
            label: format!("other operations of {provider}"),
            operation: None,
            provider: Some(provider.to_owned()),
            strengths,
        });
        own.extend(of_provider);
        own.push(Kind { label: "all others".to_owned(), operation: None, provider: None, strengths: others });
        own.retain(|kind| !kind.strengths.is_empty());
        own
    }

    /// Things that some policy names and that an operation of the kind may touch.
    pub(super) fn things_of<'a>(&'a self, kind: &'a Kind) -> impl Iterator<Item = &'a Thing> {
        let fits = |thing: &&Thing| kind.provider.as_ref().is_none_or(|provider| *provider == thing.provider);
        self.things.iter().filter(fits)
    }
}
