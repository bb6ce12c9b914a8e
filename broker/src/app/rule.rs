//! A rule from one request: proposed, said in words, run dry, and never saved here.

use stint_api::{Class, Code, PolicyOrigin, ProposedRule, RuleDecision, SavePolicy};

use super::policies::Book;
use super::seen::Seen;
use super::{App, Error, Result, setup};
use crate::model::{Mark, Name, Resource, Tier, Touch, Where, digest_hex};
use crate::policy::{Act, Asker, Expected, PolicyFile, PolicySet, decided, write_rule, write_tests};

/// Which request, and what rule about it.
#[derive(Debug, Clone, Default)]
pub struct RuleQuery {
    /// Id of a record, or its number.
    pub record: Option<String>,
    pub approval: Option<String>,
    /// `permit` or `forbid`.
    pub effect: Option<String>,
    /// What a person made of the proposal: this is run dry instead.
    pub draft: Option<(String, SavePolicy)>,
}

/// Things of one request that a rule is written for.
const THINGS: usize = 20;
impl App {
    pub async fn rule(&self, query: RuleQuery) -> Result<ProposedRule> {
        self.reload_policies().await?;
        let seen = match (&query.record, &query.approval) {
            (Some(record), None) => bounded(self.seen_in_record(record).await?)?,
            (None, Some(approval)) => bounded(self.seen_in_approval(approval).await?)?,
            _ => {
                let wrong = Error::new(Code::InvalidInput, "give a record or an approval, one of them");
                return Err(
                    wrong.hint("the audit and the approvals have a link: make a rule from this request")
                );
            }
        };
        let act = match query.effect.as_deref() {
            Some("permit") => Act::Permit,
            Some("forbid") => Act::Forbid,
            None if seen.allowed => Act::Forbid,
            None => Act::Permit,
            Some(_) => return Err(Error::new(Code::InvalidInput, "the effect is permit or forbid")),
        };
        let book = self.book();
        let set = self.0.policy.load_full();
        let before = decision(&set, &seen.asker, &seen);
        let (file, with) = match query.draft {
            Some((name, draft)) => {
                let file = PolicyFile { name, text: draft.text, tests: Some(draft.tests) };
                let with = self.judge(&book, Some(file.clone())).await?;
                (file, with.map(|checked| checked.set).ok())
            }
            None => self.written(&book, act, &seen).await?,
        };
        // A draft that cannot be read changes nothing; what is wrong with it is said beside it.
        let with = with.as_ref().unwrap_or(&set);
        let after = decision(with, &seen.asker, &seen);
        let helps = before.decision != after.decision;
        let mut says = vec![scope(act, &seen)];
        says.push(outcome(&book, &set, act, &before, &after));
        if act == Act::Permit {
            says.extend(still(with, &seen));
        }
        Ok(ProposedRule {
            name: file.name,
            effect: act.as_str().to_owned(),
            text: file.text,
            tests: file.tests.unwrap_or_default(),
            note: format!("from {}", seen.source),
            request: request(&seen),
            before,
            after,
            helps,
            says,
        })
    }

    /// The rule with its tests, whose expectations are what the whole set then decides.
    async fn written(&self, book: &Book, act: Act, seen: &Seen) -> Result<(PolicyFile, Option<PolicySet>)> {
        let draft = write_rule(act, "rule", &seen.asker, &seen.credential, &seen.touches);
        let digest = digest_hex(setup::hash(draft.as_bytes()));
        let name = rule_name(act, seen, digest.get(..6).unwrap_or_default());
        let text = format!(
            "// From {}.\n\n{}",
            seen.source,
            write_rule(act, &name, &seen.asker, &seen.credential, &seen.touches)
        );
        let file = PolicyFile { name, text, tests: Some(String::new()) };
        let judged = self.judge(book, Some(file.clone())).await?;
        let set = judged
            .map_err(|error| {
                Error::new(Code::Conflict, format!("a rule about this request does not fit: {error}"))
                    .hint("a rule of this name may be in use already: stint policy list")
            })?
            .set;
        let others = Asker { agent: other_agent(&seen.asker.agent)?, ..seen.asker.clone() };
        let own = decision(&set, &seen.asker, seen);
        let other = decision(&set, &others, seen);
        let mut cases = vec![
            Expected {
                title: "the request that this was made from",
                asker: &seen.asker,
                credential: &seen.credential,
                touches: &seen.touches,
                decision: &own.decision,
                policies: &own.policies,
            },
            Expected {
                title: "the same of another agent is not touched by this",
                asker: &others,
                credential: &seen.credential,
                touches: &seen.touches,
                decision: &other.decision,
                policies: &other.policies,
            },
        ];
        let elsewhere = elsewhere(&seen.touches);
        let found = elsewhere.as_ref().map(|touches| decide(&set, &seen.asker, &seen.credential, touches));
        if let (Some(touches), Some(found)) = (&elsewhere, &found) {
            cases.push(Expected {
                title: "another thing of the same kind is not touched by this",
                asker: &seen.asker,
                credential: &seen.credential,
                touches,
                decision: &found.decision,
                policies: &found.policies,
            });
        }
        Ok((PolicyFile { tests: Some(write_tests(&cases)), ..file }, Some(set)))
    }
}

fn bounded(seen: Seen) -> Result<Seen> {
    if seen.touches.is_empty() {
        return Err(Error::new(Code::InvalidInput, "the request touched nothing that a rule could name"));
    }
    if seen.touches.len() > THINGS {
        return Err(Error::new(
            Code::InvalidInput,
            format!("the request touched {} things: a rule about so many is not narrow", seen.touches.len()),
        )
        .hint("write one for what they have in common: stint policy save NAME FILE"));
    }
    Ok(seen)
}

fn decide(set: &PolicySet, asker: &Asker, credential: &Name, touches: &[Touch]) -> RuleDecision {
    let (decision, policies) = decided(set, asker, credential, touches);
    RuleDecision { decision: decision.to_owned(), policies }
}

fn decision(set: &PolicySet, asker: &Asker, seen: &Seen) -> RuleDecision {
    decide(set, asker, &seen.credential, &seen.touches)
}

fn other_agent(agent: &Name) -> Result<Name> {
    Ok(Name::parse(if agent.as_str() == "another" { "some-other" } else { "another" })?)
}

/// The same on a thing that is not the one of the request.
fn elsewhere(touches: &[Touch]) -> Option<Vec<Touch>> {
    let mut touches = touches.to_vec();
    for touch in &mut touches {
        let resource = touch.resource.as_ref()?;
        touch.resource = Some(Resource::new(&resource.kind, format!("{}-another", resource.id)));
    }
    Some(touches)
}

/// `permit.coder-volumedelete-1a2b3c`.
fn rule_name(act: Act, seen: &Seen, digest: &str) -> String {
    let operation = seen.touches.first().map(|touch| touch.operation.as_str()).unwrap_or_default();
    let operation = operation.split_once(':').map_or(operation, |(_, name)| name).to_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let plain = |text: &str, most: usize| -> String {
        text.chars().map(|c| if fits(c) { c } else { '-' }).take(most).collect()
    };
    format!("{}.{}-{}-{digest}", act.as_str(), plain(seen.asker.agent.as_str(), 20), plain(&operation, 24))
}

/// What the request was.
fn request(seen: &Seen) -> String {
    let mut things: Vec<String> = Vec::new();
    for touch in &seen.touches {
        let thing = match &touch.resource {
            Some(resource) => format!("{} on {} {}", touch.operation, resource.kind, resource.id),
            None => touch.operation.clone(),
        };
        let place = match &touch.place {
            Where::Environment { name, .. } => format!("in {name}"),
            Where::Unmapped(selector) => format!("in {selector}, which no environment maps"),
            Where::Unresolved(_) => "whose owner was not found".to_owned(),
            Where::Shared => "outside of any environment".to_owned(),
            Where::Account => "on the account as a whole".to_owned(),
        };
        things.push(format!("{thing} ({}) {place}", touch.class));
    }
    things.join("; ")
}

fn scope(act: Act, seen: &Seen) -> String {
    let verb = if act == Act::Permit { "permits" } else { "forbids" };
    format!(
        "It {verb} agent {} in sessions of {}, with the credential {}: {}. Nothing else.",
        seen.asker.agent,
        seen.asker.environment,
        seen.credential,
        request(seen)
    )
}

/// What the rule changes for the request, and if nothing, why.
fn outcome(book: &Book, set: &PolicySet, act: Act, before: &RuleDecision, after: &RuleDecision) -> String {
    let by = |decision: &RuleDecision| decision.policies.join(", ");
    let words = |decision: &RuleDecision| match decision.decision.as_str() {
        "allow" => format!("allowed by {}", by(decision)),
        "approval" => format!("held until a person approves it, because of {}", by(decision)),
        _ if decision.policies.is_empty() => "denied, because nothing permits it".to_owned(),
        _ => format!("denied by {}", by(decision)),
    };
    if before.decision != after.decision {
        return format!("Without it this request is {}; with it, it is {}.", words(before), words(after));
    }
    let stands = format!("It would not help: with it or without it, this request is {}.", words(after));
    match (act, after.decision.as_str()) {
        (Act::Permit, "deny") => {
            let own = after.policies.iter().find_map(|id| {
                let file = set.file_of(id)?;
                let held = book.find(file)?;
                (held.origin == PolicyOrigin::Managed).then(|| file.to_owned())
            });
            let advice = after.policies.iter().find_map(|id| set.advice(id));
            let advice = advice.map(|advice| format!(" {}.", capital(advice))).unwrap_or_default();
            match own {
                Some(file) => format!("{stands} No permit lifts a forbid: change {file} instead.{advice}"),
                None => format!("{stands} No permit lifts a guardrail.{advice}"),
            }
        }
        (Act::Permit, "approval") => format!(
            "{stands} No permit lifts a guardrail: a person is asked each time. A rule that forbids would refuse it without asking."
        ),
        (Act::Permit, _) => format!("{stands} It is permitted already."),
        (Act::Forbid, _) => format!("{stands} It is denied already, for as long as those policies stand."),
    }
}

/// What guardrails say of what is near to the request, found by asking the whole set.
fn still(set: &PolicySet, seen: &Seen) -> Vec<String> {
    let change = |change: &dyn Fn(&mut Touch)| {
        let mut touches = seen.touches.clone();
        touches.iter_mut().for_each(change);
        touches
    };
    let elsewhere = |touch: &mut Touch| {
        if let Ok(name) = Name::parse(&format!(
            "not-{}",
            seen.asker.environment.as_str().chars().take(50).collect::<String>()
        )) {
            touch.place = Where::Environment { name, tier: Tier::Production };
        }
    };
    let near = [
        ("in another environment, of production", change(&elsewhere)),
        ("if its payload made it lose data", change(&|touch| touch.class = Class::Destroy)),
        ("if it touched backups", change(&|touch| touch.marks = [Mark::Backup].into())),
        ("if it were not understood", change(&|touch| touch.class = Class::Unknown)),
    ];
    let lines = near.iter().filter_map(|(what, touches)| {
        let found = decide(set, &seen.asker, &seen.credential, touches);
        let by = found.policies.join(", ");
        match found.decision.as_str() {
            "deny" if by.is_empty() => Some(format!("The same {what}: still denied.")),
            "deny" => Some(format!("The same {what}: still denied by {by}.")),
            "approval" => Some(format!("The same {what}: still held for a person, because of {by}.")),
            _ => None,
        }
    });
    lines.collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
