use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision as CedarDecision, Response};

use super::permit::{Permit, Purpose};
use super::question::Facts;
use super::set::PolicySet;
use crate::model::{Confinement, CredentialId, Lift, Name, Tier, Touch, Where};

/// Who asks, as verified.
#[derive(Debug, Clone)]
pub struct Asker {
    pub agent: Name,
    /// `person:alice` or `agent:ci`.
    pub subject: String,
    pub environment: Name,
    pub tier: Tier,
    pub confinement: Confinement,
}

/// What is asked: one canonical request with one credential.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub asker: &'a Asker,
    pub credential: &'a CredentialId,
    pub credential_name: &'a Name,
    /// SHA-256 of the canonical request.
    pub digest: [u8; 32],
    pub touches: &'a [Touch],
    /// A person's yes to this very request, found by its digest.
    pub approved: Option<&'a Lift>,
}

/// What comes of it. `policies` name the deciding policies, sorted.
#[derive(Debug)]
pub enum Decision {
    Allow {
        permit: Permit,
        policies: Vec<String>,
        /// Seconds that a snapshot may take, where a policy among those that let this go on wants one first.
        snapshot: Option<u32>,
    },
    Deny(Denial),
    /// Only a person stands between the request and a yes.
    Ask(Needed),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Forbids that matched; empty when nothing permits.
    pub policies: Vec<String>,
    pub reason: String,
    pub hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub lift: Lift,
    pub reason: String,
}

impl PolicySet {
    /// Decide a request. All touches must be allowed; nothing touched is a deny, an error is a deny.
    pub fn authorize(&self, question: &Question<'_>) -> Decision {
        let mut permits = BTreeSet::new();
        let mut needed = Needs::default();
        let mut snapshot = None;
        let mut denials = Vec::new();
        if question.touches.is_empty() {
            return Decision::Deny(Denial {
                policies: vec![],
                reason: "the request touches nothing that can be judged".to_owned(),
                hint: None,
            });
        }
        for touch in question.touches {
            match self.one(question, touch).as_deref() {
                Ok(Outcome::Allow(ids)) => {
                    snapshot = snapshot.max(self.snapshot(ids));
                    permits.extend(ids.iter().cloned());
                }
                Ok(Outcome::Liftable(ids, permitting)) => {
                    snapshot = snapshot.max(self.snapshot(ids)).max(self.snapshot(permitting));
                    needed.add(self, touch, ids);
                }
                Ok(Outcome::Deny(ids)) => denials.push((touch, ids.clone())),
                Err(reason) => {
                    return Decision::Deny(Denial {
                        policies: vec![],
                        reason: format!("the decision failed, so the request is denied: {reason}"),
                        hint: None,
                    });
                }
            }
        }
        if !denials.is_empty() {
            return Decision::Deny(self.denial(&denials));
        }
        if needed.policies.is_empty() {
            let permit = Permit::new(question.credential.clone(), question.digest, Purpose::Request);
            return Decision::Allow { permit, policies: permits.into_iter().collect(), snapshot };
        }
        match question.approved {
            // Every forbid that stands in the way now must be one that the person saw, and take no more than they gave.
            Some(lift)
                if needed.policies.iter().all(|id| lift.policies.contains(id))
                    && needed.approvers <= lift.approvers
                    && needed.cooldown <= lift.cooldown =>
            {
                Decision::Allow {
                    permit: Permit::new(question.credential.clone(), question.digest, Purpose::Request),
                    policies: permits.into_iter().chain(needed.policies).collect(),
                    snapshot,
                }
            }
            _ => Decision::Ask(needed.into_needed()),
        }
    }

    /// Whether an agent may start a session in an environment. `Err` is the denial.
    pub fn authorize_session(&self, asker: &Asker) -> Result<Vec<String>, Denial> {
        let fail = |reason: String| Denial { policies: vec![], reason, hint: None };
        let decide = || -> Result<Response, String> {
            let (request, entities) = self.names.start_session(asker)?;
            Ok(Authorizer::new().is_authorized(&request, &self.all, &entities))
        };
        let response = decide().map_err(|reason| fail(format!("the decision failed: {reason}")))?;
        let (ids, clean) = reasons(&response);
        match response.decision() {
            CedarDecision::Allow if clean => Ok(ids),
            _ => Err(Denial {
                reason: format!("agent {} may not start a session in {}", asker.agent, asker.environment),
                hint: ids.first().and_then(|id| self.advice(id)).map(str::to_owned),
                policies: ids,
            }),
        }
    }

    /// A permit for a read-only look-up of the broker's own, by a name that the pack lists.
    pub fn authorize_lookup(&self, credential: &CredentialId, digest: [u8; 32]) -> Permit {
        Permit::new(credential.clone(), digest, Purpose::Lookup)
    }

    /// A permit for the snapshot that a policy wants before the request of `after` goes on.
    pub fn authorize_snapshot(&self, after: &Permit, digest: [u8; 32]) -> Permit {
        Permit::new(after.credential().clone(), digest, Purpose::Snapshot)
    }

    /// The same facts have the same answer for as long as this set of policies stands, so each is worked out once.
    fn one(&self, question: &Question<'_>, touch: &Touch) -> Result<Arc<Outcome>, String> {
        let facts = Facts::of(question, touch);
        if let Some(outcome) = self.decided.find(&facts) {
            return Ok(outcome);
        }
        let outcome = Arc::new(self.work_out(&facts)?);
        self.decided.keep(facts, Arc::clone(&outcome));
        Ok(outcome)
    }

    fn work_out(&self, facts: &Facts) -> Result<Outcome, String> {
        let scope = self.names.scope(facts);
        let slice = self.slices.of(&scope)?;
        let (request, entities) = self.names.put(facts, &scope)?;
        let authorizer = Authorizer::new();
        let response = authorizer.is_authorized(&request, &slice.all, &entities);
        let (ids, clean) = reasons(&response);
        if !clean {
            return Err(response
                .diagnostics()
                .errors()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "));
        }
        if response.decision() == CedarDecision::Allow {
            return Ok(Outcome::Allow(ids));
        }
        let liftable = |id: &String| self.notes.get(id).is_some_and(|note| note.approvable);
        if ids.is_empty() || !ids.iter().all(liftable) {
            return Ok(Outcome::Deny(ids.into_iter().filter(|id| !liftable(id)).collect()));
        }
        // Would it be permitted if a person lifted these? A forbid never hides that nothing permits.
        let without = authorizer.is_authorized(&request, &slice.lifted, &entities);
        match (without.decision(), reasons(&without)) {
            (CedarDecision::Allow, (permitting, true)) => Ok(Outcome::Liftable(ids, permitting)),
            _ => Ok(Outcome::Deny(vec![])),
        }
    }

    /// The longest time that one of these gives a snapshot.
    fn snapshot(&self, ids: &[String]) -> Option<u32> {
        ids.iter().filter_map(|id| self.notes.get(id)?.snapshot).max()
    }

    fn denial(&self, denials: &[(&Touch, Vec<String>)]) -> Denial {
        let policies: BTreeSet<String> = denials.iter().flat_map(|(_, ids)| ids.iter().cloned()).collect();
        let reasons: BTreeSet<String> = denials.iter().map(|(touch, _)| describe(touch)).collect();
        let hint = policies.iter().find_map(|id| self.advice(id)).map(str::to_owned);
        let mut reason = reasons.into_iter().take(5).collect::<Vec<_>>().join("; ");
        if policies.is_empty() {
            reason.push_str("; no policy permits it");
        }
        Denial { policies: policies.into_iter().collect(), reason, hint }
    }
}

/// What policies say of one touch. Who reads it knows which touch that was; it holds ids of policies alone.
#[derive(Debug)]
pub(super) enum Outcome {
    Allow(Vec<String>),
    /// Forbidden only by policies that a person may lift: these, and what permits it then.
    Liftable(Vec<String>, Vec<String>),
    /// The forbids that no approval lifts.
    Deny(Vec<String>),
}

#[derive(Default)]
struct Needs {
    policies: BTreeSet<String>,
    confirm: Option<String>,
    approvers: u32,
    cooldown: u32,
    reasons: BTreeSet<String>,
}

impl Needs {
    fn add(&mut self, set: &PolicySet, touch: &Touch, ids: &[String]) {
        for id in ids {
            if let Some(note) = set.notes.get(id) {
                self.approvers = self.approvers.max(note.approvers);
                self.cooldown = self.cooldown.max(note.cooldown);
                if note.confirm && self.confirm.is_none() {
                    let id = touch.resource.as_ref().map(|resource| resource.id.clone());
                    self.confirm = touch.name.clone().or(id).or_else(|| Some(touch.operation.clone()));
                }
            }
            self.policies.insert(id.clone());
        }
        self.reasons.insert(describe(touch));
    }

    fn into_needed(self) -> Needed {
        let confirm = self.confirm.map(|text| stint_api::Confirmation { kind: "type-name".to_owned(), text });
        Needed {
            lift: Lift {
                policies: self.policies.into_iter().collect(),
                confirm,
                approvers: self.approvers.max(1),
                cooldown: self.cooldown,
            },
            reason: self.reasons.into_iter().take(5).collect::<Vec<_>>().join("; "),
        }
    }
}

/// `railway:volumeDelete (destroy) of volume 3d2c… in production`.
fn describe(touch: &Touch) -> String {
    let what = match &touch.resource {
        Some(resource) => match &touch.name {
            Some(name) => format!(" of {} {} ({name:?})", resource.kind, resource.id),
            None => format!(" of {} {}", resource.kind, resource.id),
        },
        None => String::new(),
    };
    let place = match &touch.place {
        Where::Environment { name, .. } => format!(" in {name}"),
        Where::Unmapped(selector) => format!(" in {selector}, which no environment maps"),
        Where::Unresolved(why) => format!(", whose owner could not be found: {why}"),
        Where::Shared => " outside of any environment".to_owned(),
        Where::Account => " on the account as a whole".to_owned(),
    };
    format!("{} ({}){what}{place}", touch.operation, touch.class)
}

/// Deciding ids, sorted, and whether no policy failed to evaluate (a forbid that fails is skipped, so that is a deny).
fn reasons(response: &Response) -> (Vec<String>, bool) {
    let mut ids: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
    ids.sort();
    (ids, response.diagnostics().errors().next().is_none())
}
