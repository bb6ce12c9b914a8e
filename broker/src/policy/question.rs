//! A question in Cedar's terms: who, what, on what, and the facts beside it.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use super::decide::{Asker, Question};
use crate::model::{Class, Name, Tier, Touch, Where};

/// Cedar's names for our nouns. Parsed once: parsing one costs more than a policy.
#[derive(Debug)]
pub(super) struct Names {
    agent: EntityTypeName,
    action: EntityTypeName,
    environment: EntityTypeName,
    resource: EntityTypeName,
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
    pub(super) fn scope(&self, asker: &Asker, touch: &Touch) -> Scope {
        let (kind, id) = thing(touch);
        Scope {
            principal: uid(&self.agent, asker.agent.as_str()),
            action: uid(&self.action, &touch.operation),
            // INVARIANT: the group is the class of *this* request, which the payload may have made stronger than the table's.
            groups: [
                uid(&self.action, class_group(touch.class)),
                uid(&self.action, &format!("provider:{}", touch.provider)),
            ],
            resource: uid(&self.resource, &format!("{}:{kind}/{id}", touch.provider)),
            environment: home(touch).map(|(name, _)| uid(&self.environment, name.as_str())),
        }
    }

    /// The same with all attributes and the context.
    pub(super) fn put(
        &self,
        question: &Question<'_>,
        touch: &Touch,
        scope: &Scope,
    ) -> Result<(Request, Entities), String> {
        let asker = question.asker;
        let mut list = vec![
            agent(scope.principal.clone(), asker)?,
            Entity::new(scope.action.clone(), HashMap::new(), scope.groups.iter().cloned().collect())
                .map_err(text_of)?,
            resource(scope, touch)?,
        ];
        if let (Some(own), Some((name, tier))) = (&scope.environment, home(touch)) {
            list.push(environment(own.clone(), name, tier)?);
        }
        let entities = Entities::from_entities(list, None).map_err(text_of)?;
        let (principal, action) = (scope.principal.clone(), scope.action.clone());
        let context = context(question, touch)?;
        let request =
            Request::new(principal, action, scope.resource.clone(), context, None).map_err(text_of)?;
        Ok((request, entities))
    }

    /// Whether an agent may start a session.
    pub(super) fn start_session(&self, asker: &Asker) -> Result<(Request, Entities), String> {
        let place = uid(&self.environment, asker.environment.as_str());
        let principal = uid(&self.agent, asker.agent.as_str());
        let action = uid(&self.action, "stint:startSession");
        let list = vec![
            agent(principal.clone(), asker)?,
            environment(place.clone(), &asker.environment, asker.tier)?,
        ];
        let entities = Entities::from_entities(list, None).map_err(text_of)?;
        let context = Context::from_pairs([
            ("subject".to_owned(), text(&asker.subject)),
            ("confined".to_owned(), RestrictedExpression::new_bool(asker.confined)),
        ])
        .map_err(text_of)?;
        let request = Request::new(principal, action, place, context, None).map_err(text_of)?;
        Ok((request, entities))
    }
}

fn context(question: &Question<'_>, touch: &Touch) -> Result<Context, String> {
    let asker = question.asker;
    let session = RestrictedExpression::new_record([
        ("environment".to_owned(), text(asker.environment.as_str())),
        ("tier".to_owned(), text(asker.tier.as_str())),
        ("subject".to_owned(), text(&asker.subject)),
        ("confined".to_owned(), RestrictedExpression::new_bool(asker.confined)),
    ])
    .map_err(text_of)?;
    let marks = RestrictedExpression::new_set(touch.marks.iter().map(|mark| text(mark.as_str())));
    Context::from_pairs([
        ("session".to_owned(), session),
        ("class".to_owned(), text(touch.class.as_str())),
        ("marks".to_owned(), marks),
        ("credential".to_owned(), text(question.credential_name.as_str())),
    ])
    .map_err(text_of)
}

fn agent(own: EntityUid, asker: &Asker) -> Result<Entity, String> {
    let attributes = HashMap::from([("name".to_owned(), text(asker.agent.as_str()))]);
    Entity::new(own, attributes, HashSet::new()).map_err(text_of)
}

fn environment(own: EntityUid, name: &Name, tier: Tier) -> Result<Entity, String> {
    let attributes =
        HashMap::from([("name".to_owned(), text(name.as_str())), ("tier".to_owned(), text(tier.as_str()))]);
    Entity::new(own, attributes, HashSet::new()).map_err(text_of)
}

fn resource(scope: &Scope, touch: &Touch) -> Result<Entity, String> {
    let place = match &touch.place {
        Where::Environment { .. } => "environment",
        Where::Unmapped(_) => "unmapped",
        Where::Unresolved(_) => "unresolved",
        Where::Shared => "shared",
        Where::Account => "account",
    };
    let (kind, id) = thing(touch);
    let home = home(touch);
    let attributes = HashMap::from([
        ("provider".to_owned(), text(&touch.provider)),
        ("kind".to_owned(), text(kind)),
        ("id".to_owned(), text(id)),
        ("place".to_owned(), text(place)),
        ("environment".to_owned(), text(home.map_or("", |(name, _)| name.as_str()))),
        ("tier".to_owned(), text(home.map_or("", |(_, tier)| tier.as_str()))),
    ]);
    Entity::new(scope.resource.clone(), attributes, scope.environment.iter().cloned().collect())
        .map_err(text_of)
}

/// Kind and id of what is touched.
fn thing(touch: &Touch) -> (&str, &str) {
    match &touch.resource {
        Some(resource) => (&resource.kind, &resource.id),
        None => ("account", ""),
    }
}

fn home(touch: &Touch) -> Option<(&Name, Tier)> {
    match &touch.place {
        Where::Environment { name, tier } => Some((name, *tier)),
        Where::Unmapped(_) | Where::Unresolved(_) | Where::Shared | Where::Account => None,
    }
}

fn class_group(class: Class) -> &'static str {
    match class {
        Class::Read => "class:read",
        Class::Reveal => "class:reveal",
        Class::Write => "class:write",
        Class::Grant => "class:grant",
        Class::Destroy => "class:destroy",
        Class::Unknown => "class:unknown",
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
