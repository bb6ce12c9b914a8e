//! From a canonical request to a decision: what it means, whose things it touches, what policy says.

use std::sync::Arc;

use chrono::TimeDelta;
use ring::digest::{Context, SHA256};
use stint_api::{Class, Code, TouchedResource};

use super::{App, DecisionFacts, Error, LiveCredential, LiveSession, Result};
use crate::catalog::{Refusal, Understood, code};
use crate::model::{ApprovalId, Lift, Mark, Operation, Request, Scope, Touch, Where};
use crate::policy::{Asker, Decision, Needed, Permit, Question};
use crate::provider::Freshness;

/// How long an owner that was read is believed, for what can be put back.
const BELIEVED: TimeDelta = TimeDelta::seconds(60);

/// What a person reads of a thing that is deleted together with its backups.
const NONE_REMAINS: &str = "its backups at the provider are deleted with it: none remains";

/// A request as understood, with everything it touches.
#[derive(Debug)]
pub struct Judged {
    /// What is sent if it is allowed: exactly what was judged.
    pub request: Request,
    pub operations: Vec<Operation>,
    pub touches: Vec<Touch>,
    /// The operations before what was staged at the provider was read into them, where something was.
    staged: Option<Vec<Operation>>,
}

/// An allowed request: what `record` and `send` need to go on.
#[derive(Debug)]
pub struct Authorized {
    pub(in crate::app) permit: Permit,
    pub policies: Vec<String>,
    /// The approval that this uses up.
    pub approval: Option<ApprovalId>,
}

#[derive(Debug)]
pub enum Verdict {
    Allow(Authorized),
    Ask(Needed),
    Deny(Error),
}

impl Judged {
    /// The strongest class of its operations; `Unknown` when there is none.
    pub fn class(&self) -> Class {
        strongest(&self.operations)
    }

    pub fn operation_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.operations.iter().map(|op| op.operation.clone()).collect();
        names.dedup();
        names
    }

    /// Names of the environments touched; the provider's selector where none is mapped.
    pub fn environment_names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.touches.iter().filter_map(|touch| place_name(&touch.place)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What was understood of the request itself, to be resolved anew: staged effects are then read anew too.
    pub fn understood(&self) -> Understood {
        let operations = self.staged.as_ref().unwrap_or(&self.operations).clone();
        Understood { operations, request: self.request.clone() }
    }

    pub fn digest(&self) -> [u8; 32] {
        let mut out = [0u8; 32];
        out.copy_from_slice(self.request.digest().as_ref());
        out
    }

    /// Digest of what a person says yes to: the canonical request, and every thing it touches in the place it was found.
    pub(in crate::app) fn approval_digest(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
    ) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        part(b"stint approval v1");
        part(session.row.id.as_str().as_bytes());
        part(credential.row.id.as_str().as_bytes());
        part(&self.digest());
        for touch in &self.touches {
            part(touch.operation.as_bytes());
            part(touch.class.as_str().as_bytes());
            let resource = touch.resource.as_ref();
            part(resource.map_or("", |resource| &resource.kind).as_bytes());
            part(resource.map_or("", |resource| &resource.id).as_bytes());
            part(place_name(&touch.place).unwrap_or_default().as_bytes());
        }
        let mut out = [0u8; 32];
        out.copy_from_slice(context.finish().as_ref());
        out
    }

    /// What is touched, for records and for people.
    pub fn touched(&self) -> Vec<TouchedResource> {
        let mut list: Vec<TouchedResource> = Vec::new();
        for touch in &self.touches {
            let (kind, id) = match &touch.resource {
                Some(resource) => (resource.kind.clone(), resource.id.clone()),
                None => (String::new(), String::new()),
            };
            let place = place_name(&touch.place);
            match list
                .iter_mut()
                .find(|seen| seen.operation == touch.operation && seen.kind == kind && seen.id == id)
            {
                Some(seen) => seen.environments.extend(place),
                None => list.push(TouchedResource {
                    operation: touch.operation.clone(),
                    kind,
                    id,
                    name: touch.name.clone(),
                    environments: place.into_iter().collect(),
                    consequences: touch.consequences.clone(),
                }),
            }
        }
        list
    }

    /// Marks of its operations, where there are any: for records, from which the question can be asked again.
    pub fn marks(&self) -> Option<Vec<&'static str>> {
        let mut marks: Vec<&'static str> =
            self.touches.iter().flat_map(|touch| &touch.marks).map(|mark| mark.as_str()).collect();
        marks.sort_unstable();
        marks.dedup();
        (!marks.is_empty()).then_some(marks)
    }

    /// Where it reaches, where that is no environment.
    pub fn place(&self) -> Option<&'static str> {
        let beyond = |wanted: &Where| self.touches.iter().any(|touch| touch.place == *wanted);
        match () {
            () if beyond(&Where::Account) => Some("account"),
            () if beyond(&Where::Shared) => Some("shared"),
            () => None,
        }
    }

    pub(in crate::app) fn facts(&self, policies: Vec<String>) -> DecisionFacts {
        DecisionFacts {
            operations: self.operation_names(),
            environments: self.environment_names(),
            policies,
            approval: None,
        }
    }
}

impl App {
    /// What the request means at the provider. A refusal is a deny: nothing that is not understood is sent.
    pub fn classify(&self, credential: &LiveCredential, request: Request) -> Result<Understood> {
        let packs = self.packs();
        packs.catalog.classify(packs.of(credential)?, request).map_err(refused)
    }

    /// Whose things it touches: each resource of each operation in each place that owns it.
    pub async fn resolve(&self, credential: &Arc<LiveCredential>, understood: Understood) -> Result<Judged> {
        let Understood { mut operations, request, .. } = understood;
        let staged = operations.iter().any(|operation| operation.pending.is_some());
        let staged = staged.then(|| operations.clone());
        for operation in &mut operations {
            self.read_pending(credential, operation).await?;
        }
        let freshness = match strongest(&operations) {
            Class::Read | Class::Reveal | Class::Write => Freshness::Cached(BELIEVED),
            Class::Grant | Class::Destroy | Class::Unknown => Freshness::Fresh,
        };
        let mut touches = Vec::new();
        for operation in &operations {
            self.touches(credential, operation, freshness, &mut touches).await;
        }
        Ok(Judged { request, operations, touches, staged })
    }

    /// What policy says, with the person's yes to this request if there is one.
    pub fn decide(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
        judged: &Judged,
        approved: Option<(ApprovalId, Lift)>,
    ) -> Verdict {
        let asker = Asker {
            agent: session.row.agent.clone(),
            subject: session.row.subject.clone(),
            environment: session.row.environment.clone(),
            tier: session.row.tier,
            confinement: session.row.confinement,
        };
        let Some(spent) = session.spent.get() else {
            return Verdict::Deny(Error::internal("what the session has spent is not known"));
        };
        let (budget, now) = (&self.0.config.budget, self.0.clock.now());
        let lift = approved.as_ref().map(|(_, lift)| lift);
        let decision = self.0.policy.load().authorize(&Question {
            asker: &asker,
            credential: &credential.row.id,
            credential_name: &credential.row.name,
            digest: judged.digest(),
            touches: &judged.touches,
            approved: lift,
        });
        match decision {
            Decision::Allow { permit, policies } => {
                let lifted = lift.map(|lift| lift.policies.as_slice()).unwrap_or_default();
                match spent.spend(judged, lifted, budget, now) {
                    None => {
                        Verdict::Allow(Authorized { permit, policies, approval: approved.map(|(id, _)| id) })
                    }
                    Some(over) => question(judged, over.needed()),
                }
            }
            Decision::Ask(mut needed) => {
                // One question for both.
                if let Some(over) = spent.over(judged, budget, now) {
                    needed.lift.policies.extend(over.ids);
                    needed.reason = format!("{}; {}", needed.reason, over.reason);
                }
                question(judged, needed)
            }
            Decision::Deny(denial) => {
                let unresolved =
                    judged.touches.iter().any(|touch| matches!(touch.place, Where::Unresolved(_)));
                let code = if unresolved { Code::Unresolved } else { Code::Denied };
                let error = Error::new(code, denial.reason).decided(judged.facts(denial.policies));
                Verdict::Deny(match denial.hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
        }
    }

    /// An effect that was staged at the provider is read and judged as if it were sent now.
    async fn read_pending(&self, credential: &Arc<LiveCredential>, operation: &mut Operation) -> Result<()> {
        let Some(pending) = operation.pending.take() else { return Ok(()) };
        let unresolved = |why: String| Error::new(Code::Unresolved, why);
        let value = self.lookup_pending(credential, &pending).await.map_err(|error| {
            unresolved(format!("what {} would commit could not be read: {error}", operation.operation))
        })?;
        let packs = self.packs();
        let pack = packs.of(credential)?;
        *operation = packs.catalog.judge_pending(pack, operation.clone(), &value).map_err(refused)?;
        Ok(())
    }

    async fn touches(
        &self,
        credential: &Arc<LiveCredential>,
        operation: &Operation,
        freshness: Freshness,
        list: &mut Vec<Touch>,
    ) {
        let touch = |resource, name, place, consequences| Touch {
            operation: operation.operation.clone(),
            provider: credential.row.provider.clone(),
            class: operation.class,
            marks: operation.marks.clone(),
            resource,
            name,
            place,
            consequences,
        };
        match operation.scope {
            // INVARIANT: only a read can be about shared facts; anything stronger is about the account.
            Scope::Shared if operation.class == Class::Read => {
                list.push(touch(None, None, Where::Shared, vec![]));
                return;
            }
            Scope::Shared | Scope::Account => list.push(touch(None, None, Where::Account, vec![])),
            Scope::Resources if operation.resources.is_empty() => {
                list.push(touch(None, None, Where::Account, vec![]));
            }
            Scope::Resources => {}
        }
        let found = self.locate(credential, &operation.resources, freshness).await;
        let registry = self.0.registry.load();
        for (resource, located) in operation.resources.iter().zip(found) {
            match located {
                Err(why) => list.push(touch(Some(resource.clone()), None, Where::Unresolved(why), vec![])),
                Ok(located) if located.owners.is_empty() => {
                    let why = "the provider names no owner".to_owned();
                    list.push(touch(Some(resource.clone()), located.name, Where::Unresolved(why), vec![]));
                }
                Ok(located) => {
                    let mut consequences = located.consequences;
                    if operation.marks.contains(&Mark::CarriesBackups) {
                        consequences.push(NONE_REMAINS.to_owned());
                    }
                    for owner in located.owners {
                        let place = match self.owner_of(&registry, credential, &owner) {
                            Some(row) => Where::Environment { name: row.name.clone(), tier: row.tier },
                            None => Where::Unmapped(owner),
                        };
                        let name = located.name.clone();
                        list.push(touch(Some(resource.clone()), name, place, consequences.clone()));
                    }
                }
            }
        }
    }
}

/// A question to a person, of what can be read whole: nobody says yes to what nobody has read.
fn question(judged: &Judged, needed: Needed) -> Verdict {
    if !judged.request.partial {
        return Verdict::Ask(needed);
    }
    let error = Error::new(
        Code::BodyTooLarge,
        "this needs a person's approval, and its body is too large to be read for one",
    );
    Verdict::Deny(error.decided(judged.facts(Vec::new())))
}

fn strongest(operations: &[Operation]) -> Class {
    operations.iter().map(|operation| operation.class).max().unwrap_or(Class::Unknown)
}

fn place_name(place: &Where) -> Option<String> {
    match place {
        Where::Environment { name, .. } => Some(name.to_string()),
        Where::Unmapped(selector) => Some(selector.to_string()),
        Where::Unresolved(_) | Where::Shared | Where::Account => None,
    }
}

/// A refusal of the catalog as an error with the code that goes with it.
pub(in crate::app) fn refused(refusal: Refusal) -> Error {
    let error = Error::new(refusal.problem(), format!("{} ({})", refusal.detail, refusal.code));
    match refusal.code {
        code::BODY_TOO_LARGE => error.hint("limits.body of the broker sets how much of a body it reads"),
        code::UNKNOWN_OPERATION => error.hint(
            "what nobody has judged is not sent; `stint provider operations PROVIDER` lists what is known: use one of those, or tell your user",
        ),
        _ => error,
    }
}
