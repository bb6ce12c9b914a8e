//! One question with unknowns, evaluated as far as it goes.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PartialResponse, Policy, PolicySet as Set, Request,
    RestrictedExpression,
};
use serde_json::Value;

use super::named::Thing;
use super::{Kind, Name, Outcome, Strength, Tier};
use crate::policy::question::{Names, class_group, text, text_of, uid};

/// Whose session, and where.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) agent: Name,
    pub(super) session: Name,
    pub(super) tier: Tier,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Own(Name, Tier),
    Other(Name, Tier),
    Nowhere(&'static str),
}

impl Place {
    pub(super) fn all(own: &Name, environments: &[(Name, Tier)]) -> Vec<Place> {
        let mut places = Vec::new();
        for (name, tier) in environments {
            match name == own {
                true => places.insert(0, Place::Own(name.clone(), *tier)),
                false => places.push(Place::Other(name.clone(), *tier)),
            }
        }
        places.extend(["shared", "account", "unmapped", "unresolved"].map(Place::Nowhere));
        places
    }

    pub(super) fn label(&self) -> String {
        match self {
            Place::Own(..) => "own".to_owned(),
            Place::Other(name, _) => name.to_string(),
            Place::Nowhere(word) => (*word).to_owned(),
        }
    }

    fn home(&self) -> Option<(&Name, Tier)> {
        match self {
            Place::Own(name, tier) | Place::Other(name, tier) => Some((name, *tier)),
            Place::Nowhere(_) => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) asking: &'a Asking,
    pub(super) kind: &'a Kind,
    pub(super) strength: &'a Strength,
    pub(super) place: &'a Place,
    /// A thing that policies name; any other where there is none.
    pub(super) thing: Option<&'a Thing>,
}

/// What is known of the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) policies: Vec<String>,
    pub(super) when: Vec<String>,
}

/// What each policy comes to. An error counts among what may forbid: it denies.
#[derive(Debug, Default)]
pub(super) struct Sides {
    pub(super) permits: BTreeSet<String>,
    pub(super) may_permit: BTreeSet<String>,
    pub(super) forbids: BTreeSet<String>,
    pub(super) may_forbid: BTreeSet<String>,
    pub(super) asks: BTreeSet<String>,
    pub(super) may_ask: BTreeSet<String>,
    when: Vec<String>,
}

pub(super) struct Evaluator<'a> {
    set: &'a Set,
    liftable: &'a HashSet<String>,
    names: Names,
    authorizer: Authorizer,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(set: &'a Set, liftable: &'a HashSet<String>) -> Result<Self, String> {
        Ok(Evaluator { set, liftable, names: Names::new()?, authorizer: Authorizer::new() })
    }

    pub(super) fn decide(&self, cell: &Cell<'_>) -> Result<Sides, String> {
        let (request, entities) = self.put(cell)?;
        Ok(self.read(&self.authorizer.is_authorized_partial(&request, self.set, &entities)))
    }

    /// Whether a session may start there.
    pub(super) fn start(&self, asking: &Asking) -> Result<Sides, String> {
        let (principal, agent) = self.agent(asking)?;
        let place = uid(&self.names.environment, asking.session.as_str());
        let list = [agent, self.environment(&asking.session, asking.tier)?];
        let context = Context::from_pairs([
            ("subject".to_owned(), unknown("context.subject")),
            ("confined".to_owned(), unknown("context.confined")),
            ("confinement".to_owned(), unknown("context.confinement")),
        ]);
        let action = uid(&self.names.action, "stint:startSession");
        let request = Request::new(principal, action, place, context.map_err(text_of)?, None);
        let entities = Entities::from_entities(list, None).map_err(text_of)?;
        let request = request.map_err(text_of)?;
        Ok(self.read(&self.authorizer.is_authorized_partial(&request, self.set, &entities)))
    }

    fn put(&self, cell: &Cell<'_>) -> Result<(Request, Entities), String> {
        let Cell { asking, kind, strength, place, thing } = cell;
        let (principal, agent) = self.agent(asking)?;
        // No policy names these, so any will do that no policy can name: ids of packs hold no space.
        let action = uid(&self.names.action, kind.operation.as_deref().unwrap_or("any operation"));
        let provider = thing.map(|thing| thing.provider.as_str()).or(kind.provider.as_deref());
        let group = format!("provider:{}", provider.unwrap_or("any provider"));
        let groups = [class_group(strength.class), group.as_str()].map(|id| uid(&self.names.action, id));
        let acting = Entity::new(action.clone(), HashMap::new(), HashSet::from(groups)).map_err(text_of)?;
        let thing_id = match thing {
            Some(thing) => format!("{}:{}/{}", thing.provider, thing.kind, thing.id),
            None => "any thing".to_owned(),
        };
        let resource = uid(&self.names.resource, &thing_id);
        let home = place.home();
        let or = |known: Option<&str>, name: &str| known.map_or_else(|| unknown(name), text);
        let attributes = HashMap::from([
            ("provider".to_owned(), or(provider, "resource.provider")),
            ("kind".to_owned(), or(thing.map(|thing| thing.kind.as_str()), "resource.kind")),
            ("id".to_owned(), or(thing.map(|thing| thing.id.as_str()), "resource.id")),
            (
                "place".to_owned(),
                text(match place {
                    Place::Nowhere(word) => word,
                    _ => "environment",
                }),
            ),
            ("environment".to_owned(), text(home.map_or("", |(name, _)| name.as_str()))),
            ("tier".to_owned(), text(home.map_or("", |(_, tier)| tier.as_str()))),
        ]);
        let parents = home.map(|(name, _)| uid(&self.names.environment, name.as_str()));
        let thing = Entity::new(resource.clone(), attributes, parents.into_iter().collect());
        let mut list = vec![agent, acting, thing.map_err(text_of)?];
        if let Some((name, tier)) = home {
            list.push(self.environment(name, tier)?);
        }
        let session = RestrictedExpression::new_record([
            ("environment".to_owned(), text(asking.session.as_str())),
            ("tier".to_owned(), text(asking.tier.as_str())),
            ("subject".to_owned(), unknown("context.session.subject")),
            ("confined".to_owned(), unknown("context.session.confined")),
            ("confinement".to_owned(), unknown("context.session.confinement")),
        ]);
        let marks = strength.marks.iter().map(|mark| text(mark.as_str()));
        let context = Context::from_pairs([
            ("session".to_owned(), session.map_err(text_of)?),
            ("class".to_owned(), text(strength.class.as_str())),
            ("marks".to_owned(), RestrictedExpression::new_set(marks)),
            ("credential".to_owned(), unknown("context.credential")),
        ]);
        let request = Request::new(principal, action, resource, context.map_err(text_of)?, None);
        Ok((request.map_err(text_of)?, Entities::from_entities(list, None).map_err(text_of)?))
    }

    fn agent(&self, asking: &Asking) -> Result<(EntityUid, Entity), String> {
        let own = uid(&self.names.agent, asking.agent.as_str());
        let attributes = HashMap::from([("name".to_owned(), text(asking.agent.as_str()))]);
        Ok((own.clone(), Entity::new(own, attributes, HashSet::new()).map_err(text_of)?))
    }

    fn environment(&self, name: &Name, tier: Tier) -> Result<Entity, String> {
        let own = uid(&self.names.environment, name.as_str());
        let attributes = HashMap::from([
            ("name".to_owned(), text(name.as_str())),
            ("tier".to_owned(), text(tier.as_str())),
        ]);
        Entity::new(own, attributes, HashSet::new()).map_err(text_of)
    }

    fn read(&self, response: &PartialResponse) -> Sides {
        let mut sides = Sides::default();
        for policy in response.definitely_satisfied() {
            let id = policy.id().to_string();
            match (policy.effect(), self.liftable.contains(&id)) {
                (cedar_policy::Effect::Permit, _) => sides.permits.insert(id),
                (cedar_policy::Effect::Forbid, true) => sides.asks.insert(id),
                (cedar_policy::Effect::Forbid, false) => sides.forbids.insert(id),
            };
        }
        for policy in response.nontrivial_residuals() {
            let id = policy.id().to_string();
            sides.when.push(format!("{id}: {}", condition(&policy)));
            match (policy.effect(), self.liftable.contains(&id)) {
                (cedar_policy::Effect::Permit, _) => sides.may_permit.insert(id),
                (cedar_policy::Effect::Forbid, true) => sides.may_ask.insert(id),
                (cedar_policy::Effect::Forbid, false) => sides.may_forbid.insert(id),
            };
        }
        // A policy that fails denies the request, whichever it is.
        sides.forbids.extend(response.definitely_errored().map(ToString::to_string));
        sides
    }
}

impl Sides {
    pub(super) fn finding(mut self) -> Finding {
        let list = |ids: &[&BTreeSet<String>]| {
            ids.iter().flat_map(|ids| ids.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
        };
        let known = |outcome, policies| Finding { outcome, policies, when: Vec::new() };
        if !self.forbids.is_empty() {
            return known(Outcome::Denied, list(&[&self.forbids]));
        }
        if self.permits.is_empty() && self.may_permit.is_empty() {
            return known(Outcome::Denied, Vec::new());
        }
        let sure = self.may_forbid.is_empty() && !self.permits.is_empty();
        if sure && !self.asks.is_empty() && self.may_ask.is_empty() {
            return known(Outcome::Asked, list(&[&self.asks]));
        }
        if sure && self.asks.is_empty() && self.may_ask.is_empty() {
            return known(Outcome::Allowed, list(&[&self.permits]));
        }
        // More permits make nothing of it, where one holds already.
        if !self.permits.is_empty() {
            self.when.retain(|when| !self.may_permit.iter().any(|id| when.starts_with(&format!("{id}: "))));
            self.may_permit.clear();
        }
        self.when.sort();
        Finding {
            outcome: Outcome::Depends,
            policies: list(&[&self.permits, &self.may_permit, &self.may_forbid, &self.asks, &self.may_ask]),
            when: self.when,
        }
    }
}

/// What is left of a policy's conditions, in Cedar.
fn condition(policy: &Policy) -> String {
    let policy = without_what_holds(policy).unwrap_or_else(|| policy.clone());
    let shown = policy.to_cedar().unwrap_or_else(|| policy.to_string());
    let body = shown.find("when {").and_then(|at| shown.get(at + "when {".len()..));
    let body = body.map_or(shown.as_str(), |body| body.trim_end().trim_end_matches(['}', ';']));
    let mut text = body.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(at) = text.find("unknown(\"") {
        let rest = text.get(at + "unknown(\"".len()..).unwrap_or_default();
        let Some((name, after)) = rest.split_once("\")") else { break };
        text = format!("{}{name}{after}", text.get(..at).unwrap_or_default());
    }
    text
}

/// The same policy without `true && …`, which partial evaluation leaves behind; by Cedar's JSON form of policies.
fn without_what_holds(policy: &Policy) -> Option<Policy> {
    let mut json = policy.to_json().ok()?;
    for condition in json.get_mut("conditions")?.as_array_mut()? {
        shorten(condition.get_mut("body")?);
    }
    Policy::from_json(Some(policy.id().clone()), json).ok()
}

fn shorten(expression: &mut Value) {
    match expression {
        Value::Object(members) => members.values_mut().for_each(shorten),
        Value::Array(all) => all.iter_mut().for_each(shorten),
        _ => {}
    }
    let holds = |side: Option<&Value>| side.and_then(|side| side.get("Value")) == Some(&Value::Bool(true));
    let Some(and) = expression.get_mut("&&") else { return };
    let (left, right) = (holds(and.get("left")), holds(and.get("right")));
    let rest = match (left, right) {
        (true, _) => and.get_mut("right"),
        (_, true) => and.get_mut("left"),
        _ => None,
    };
    if let Some(rest) = rest.map(Value::take) {
        *expression = rest;
    }
}

fn unknown(name: &str) -> RestrictedExpression {
    RestrictedExpression::new_unknown(name)
}
