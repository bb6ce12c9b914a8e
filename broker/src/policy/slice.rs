//! The few policies that can say anything about a question, so that a decision costs no more when there are more of them.
//!
//! INVARIANT: a policy is left out only where its scope (`principal`, `action`, `resource`) cannot hold, which Cedar
//! would find as well before it looked at any condition: the decision, its reasons and its errors are those of the whole.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PolicySet as Set, PrincipalConstraint,
    ResourceConstraint,
};

use super::question::Scope;

/// Policies by their scopes, and the slices that were made of them.
#[derive(Debug)]
pub(super) struct Slices {
    rows: Vec<Row>,
    /// Things that some policy names in its scope. What it does not name, it does not tell apart.
    named: HashSet<EntityUid>,
    made: Mutex<Made>,
}

/// The policies for one scope.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) all: Set,
    /// Without the forbids that a person may lift.
    pub(super) lifted: Set,
}

#[derive(Debug)]
struct Row {
    policy: Policy,
    liftable: bool,
    principal: PrincipalConstraint,
    action: ActionConstraint,
    resource: ResourceConstraint,
}

#[derive(Debug, Default)]
struct Made {
    by_scope: HashMap<Key, Arc<Slice>>,
    /// Scopes that differ have the same policies more often than not.
    by_rows: HashMap<Vec<usize>, Arc<Slice>>,
}

/// What of a scope can make a difference: the names that policies use, and nothing of the others.
type Key = [Option<EntityUid>; 6];

/// Scopes remembered at once; there are agents × operations of them at most, and few are in use.
const ROOM: usize = 4096;

impl Slices {
    /// Of policies, each with whether a person may lift it.
    pub(super) fn new(policies: impl IntoIterator<Item = (Policy, bool)>) -> Self {
        let rows: Vec<Row> =
            policies.into_iter().map(|(policy, liftable)| Row::new(policy, liftable)).collect();
        let named = rows.iter().flat_map(Row::names).collect();
        Slices { rows, named, made: Mutex::default() }
    }

    /// Everything that can speak of `scope`.
    pub(super) fn of(&self, scope: &Scope) -> Result<Arc<Slice>, String> {
        let key = self.key(scope);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slice) = made.by_scope.get(&key) {
            return Ok(Arc::clone(slice));
        }
        let rows: Vec<usize> =
            (0..).zip(&self.rows).filter(|(_, row)| row.may_hold(scope)).map(|(at, _)| at).collect();
        if made.by_scope.len() >= ROOM {
            *made = Made::default();
        }
        let slice = match made.by_rows.get(&rows) {
            Some(slice) => Arc::clone(slice),
            None => {
                let slice = Arc::new(self.make(&rows)?);
                made.by_rows.insert(rows, Arc::clone(&slice));
                slice
            }
        };
        made.by_scope.insert(key, Arc::clone(&slice));
        Ok(slice)
    }

    fn make(&self, rows: &[usize]) -> Result<Slice, String> {
        let mut slice = Slice::default();
        for row in rows.iter().filter_map(|at| self.rows.get(*at)) {
            if !row.liftable {
                slice.lifted.add(row.policy.clone()).map_err(|error| error.to_string())?;
            }
            slice.all.add(row.policy.clone()).map_err(|error| error.to_string())?;
        }
        Ok(slice)
    }

    fn key(&self, scope: &Scope) -> Key {
        let Scope { principal, action, groups: [class, provider], resource, environment } = scope;
        [Some(principal), Some(action), Some(class), Some(provider), Some(resource), environment.as_ref()]
            .map(|uid| uid.filter(|uid| self.named.contains(*uid)).cloned())
    }
}

impl Row {
    fn new(policy: Policy, liftable: bool) -> Self {
        Row {
            principal: policy.principal_constraint(),
            action: policy.action_constraint(),
            resource: policy.resource_constraint(),
            policy,
            liftable,
        }
    }

    fn may_hold(&self, scope: &Scope) -> bool {
        let Scope { principal, action, groups, resource, environment } = scope;
        let typed = |own: &EntityUid, kind: &EntityTypeName| own.type_name() == kind;
        // An agent is in nothing but itself.
        let asked = match &self.principal {
            PrincipalConstraint::Any => true,
            PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => uid == principal,
            PrincipalConstraint::Is(kind) => typed(principal, kind),
            PrincipalConstraint::IsIn(kind, uid) => typed(principal, kind) && uid == principal,
        };
        let done = match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => uid == action,
            ActionConstraint::In(uids) => uids.iter().any(|uid| uid == action || groups.contains(uid)),
        };
        let within = |uid: &EntityUid| uid == resource || environment.as_ref() == Some(uid);
        let touched = match &self.resource {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(uid) => uid == resource,
            ResourceConstraint::In(uid) => within(uid),
            ResourceConstraint::Is(kind) => typed(resource, kind),
            ResourceConstraint::IsIn(kind, uid) => typed(resource, kind) && within(uid),
        };
        asked && done && touched
    }

    fn names(&self) -> Vec<EntityUid> {
        let mut names = match &self.action {
            ActionConstraint::Any => Vec::new(),
            ActionConstraint::Eq(uid) => vec![uid.clone()],
            ActionConstraint::In(uids) => uids.clone(),
        };
        match &self.principal {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => {}
            PrincipalConstraint::Eq(uid)
            | PrincipalConstraint::In(uid)
            | PrincipalConstraint::IsIn(_, uid) => names.push(uid.clone()),
        }
        match &self.resource {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => {}
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
                names.push(uid.clone())
            }
        }
        names
    }
}

#[cfg(test)]
mod tests;
