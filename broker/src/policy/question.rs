//! A question in Cedar's terms: who, what, on what, and the facts beside it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use super::decide::{Asker, Question};
use crate::model::{Class, Confinement, Mark, Name, Tier, Touch, Where};

/// Everything of a question that policies can look at.
///
/// INVARIANT: requests to Cedar are made of this and of nothing else, so that equal facts have one answer. Whatever policies
/// are to see in future (time, counts) becomes a member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Facts {
    agent: Name,
    subject: String,
    environment: Name,
    tier: Tier,
    confinement: Confinement,
    credential: Name,
    operation: String,
    provider: String,
    class: Class,
    marks: BTreeSet<Mark>,
    kind: String,
    id: String,
    place: &'static str,
    /// Environment that the thing is in, where it is in one.
    home: Option<(Name, Tier)>,
}

/// Cedar's names for our nouns. Parsed once: parsing one costs more than a policy.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) agent: EntityTypeName,
    pub(super) action: EntityTypeName,
    pub(super) environment: EntityTypeName,
    pub(super) resource: EntityTypeName,
}

/// The scope of one decision: everything that `principal`, `action` and `resource` of a policy can be held against.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) principal: EntityUid,
    pub(super) action: EntityUid,
    /// The groups that the action is in.
    pub(super) groups: [EntityUid; 2],
    pub(super) resource: EntityUid,
    /// What the resource is in.
    pub(super) environment: Option<EntityUid>,
}

impl Facts {
    pub(super) fn of(question: &Question<'_>, touch: &Touch) -> Self {
        let Asker { agent, subject, environment, tier, confinement } = question.asker;
        let (place, home) = match &touch.place {
            Where::Environment { name, tier } => ("environment", Some((name.clone(), *tier))),
            Where::Unmapped(_) => ("unmapped", None),
            Where::Unresolved(_) => ("unresolved", None),
            Where::Shared => ("shared", None),
            Where::Account => ("account", None),
        };
        let (kind, id) = match &touch.resource {
            Some(resource) => (resource.kind.clone(), resource.id.clone()),
            None => ("account".to_owned(), String::new()),
        };
        Facts {
            agent: agent.clone(),
            subject: subject.clone(),
            environment: environment.clone(),
            tier: *tier,
            confinement: *confinement,
            credential: question.credential_name.clone(),
            operation: touch.operation.clone(),
            provider: touch.provider.clone(),
            class: touch.class,
            marks: touch.marks.clone(),
            kind,
            id,
            place,
            home,
        }
    }
}

impl Names {
    pub(super) fn new() -> Result<Self, String> {
        let name = |text| EntityTypeName::from_str(text).map_err(|error| error.to_string());
        Ok(Names {
            agent: name("Agent")?,
            action: name("Action")?,
            environment: name("Environment")?,
            resource: name("Resource")?,
        })
    }

    /// What one touch is about.
    pub(super) fn scope(&self, facts: &Facts) -> Scope {
        let Facts { provider, kind, id, home, .. } = facts;
        Scope {
            principal: uid(&self.agent, facts.agent.as_str()),
            action: uid(&self.action, &facts.operation),
            // INVARIANT: the group is the class of *this* request, which the payload may have made stronger than the table's.
            groups: [
                uid(&self.action, class_group(facts.class)),
                uid(&self.action, &format!("provider:{provider}")),
            ],
            resource: uid(&self.resource, &format!("{provider}:{kind}/{id}")),
            environment: home.as_ref().map(|(name, _)| uid(&self.environment, name.as_str())),
        }
    }

    /// The same with all attributes and the context.
    pub(super) fn put(&self, facts: &Facts, scope: &Scope) -> Result<(Request, Entities), String> {
        let mut list = vec![
            agent(scope.principal.clone(), &facts.agent)?,
            Entity::new(scope.action.clone(), HashMap::new(), scope.groups.iter().cloned().collect())
                .map_err(text_of)?,
            resource(scope, facts)?,
        ];
        if let (Some(own), Some((name, tier))) = (&scope.environment, &facts.home) {
            list.push(environment(own.clone(), name, *tier)?);
        }
        let entities = Entities::from_entities(list, None).map_err(text_of)?;
        let (principal, action) = (scope.principal.clone(), scope.action.clone());
        let request = Request::new(principal, action, scope.resource.clone(), context(facts)?, None);
        Ok((request.map_err(text_of)?, entities))
    }

    /// Whether an agent may start a session.
    pub(super) fn start_session(&self, asker: &Asker) -> Result<(Request, Entities), String> {
        let place = uid(&self.environment, asker.environment.as_str());
        let principal = uid(&self.agent, asker.agent.as_str());
        let action = uid(&self.action, "stint:startSession");
        let list = vec![
            agent(principal.clone(), &asker.agent)?,
            environment(place.clone(), &asker.environment, asker.tier)?,
        ];
        let entities = Entities::from_entities(list, None).map_err(text_of)?;
        let context = Context::from_pairs([
            ("subject".to_owned(), text(&asker.subject)),
            ("confined".to_owned(), RestrictedExpression::new_bool(asker.confinement.is_full())),
            ("confinement".to_owned(), text(asker.confinement.as_str())),
        ])
        .map_err(text_of)?;
        let request = Request::new(principal, action, place, context, None).map_err(text_of)?;
        Ok((request, entities))
    }
}

fn context(facts: &Facts) -> Result<Context, String> {
    let session = RestrictedExpression::new_record([
        ("environment".to_owned(), text(facts.environment.as_str())),
        ("tier".to_owned(), text(facts.tier.as_str())),
        ("subject".to_owned(), text(&facts.subject)),
        ("confined".to_owned(), RestrictedExpression::new_bool(facts.confinement.is_full())),
        ("confinement".to_owned(), text(facts.confinement.as_str())),
    ])
    .map_err(text_of)?;
    let marks = RestrictedExpression::new_set(facts.marks.iter().map(|mark| text(mark.as_str())));
    Context::from_pairs([
        ("session".to_owned(), session),
        ("class".to_owned(), text(facts.class.as_str())),
        ("marks".to_owned(), marks),
        ("credential".to_owned(), text(facts.credential.as_str())),
    ])
    .map_err(text_of)
}

fn agent(own: EntityUid, name: &Name) -> Result<Entity, String> {
    let attributes = HashMap::from([("name".to_owned(), text(name.as_str()))]);
    Entity::new(own, attributes, HashSet::new()).map_err(text_of)
}

fn environment(own: EntityUid, name: &Name, tier: Tier) -> Result<Entity, String> {
    let attributes =
        HashMap::from([("name".to_owned(), text(name.as_str())), ("tier".to_owned(), text(tier.as_str()))]);
    Entity::new(own, attributes, HashSet::new()).map_err(text_of)
}

fn resource(scope: &Scope, facts: &Facts) -> Result<Entity, String> {
    let home = facts.home.as_ref();
    let attributes = HashMap::from([
        ("provider".to_owned(), text(&facts.provider)),
        ("kind".to_owned(), text(&facts.kind)),
        ("id".to_owned(), text(&facts.id)),
        ("place".to_owned(), text(facts.place)),
        ("environment".to_owned(), text(home.map_or("", |(name, _)| name.as_str()))),
        ("tier".to_owned(), text(home.map_or("", |(_, tier)| tier.as_str()))),
    ]);
    Entity::new(scope.resource.clone(), attributes, scope.environment.iter().cloned().collect())
        .map_err(text_of)
}

pub(super) fn class_group(class: Class) -> &'static str {
    match class {
        Class::Read => "class:read",
        Class::Reveal => "class:reveal",
        Class::Write => "class:write",
        Class::Grant => "class:grant",
        Class::Destroy => "class:destroy",
        Class::Unknown => "class:unknown",
    }
}

pub(super) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

pub(super) fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

pub(super) fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
