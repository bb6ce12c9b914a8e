//! A rule from one request: proposed, said in words, run dry, and never saved here.

use serde_json::Value;
use stint_api::{
    ApprovalState, AuditRecord, Class, Code, PolicyOrigin, ProposedRule, RuleDecision, SavePolicy,
    TouchedResource,
};

use super::policies::Book;
use super::{App, Error, Result, setup};
use crate::model::{
    ApprovalId, Mark, Name, RecordId, Resource, Selector, SessionId, Tier, Touch, Where, digest_hex,
};
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
/// Records around the moment of an id that are searched for it.
const AROUND: i64 = 500;

/// A request of before, as far as it was kept.
struct Seen {
    /// `record rec_…` or `approval apr_…`.
    source: String,
    asker: Asker,
    credential: Name,
    touches: Vec<Touch>,
    /// Whether it was allowed then.
    allowed: bool,
}

impl App {
    pub async fn rule(&self, query: RuleQuery) -> Result<ProposedRule> {
        self.reload_policies().await?;
        let seen = match (&query.record, &query.approval) {
            (Some(record), None) => self.seen_in_record(record).await?,
            (None, Some(approval)) => self.seen_in_approval(approval).await?,
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

    async fn seen_in_approval(&self, id: &str) -> Result<Seen> {
        let missing = || Error::not_found("approval", id.chars().take(80).collect::<String>().escape_debug());
        let id = ApprovalId::parse(id).map_err(|_| missing())?;
        let row = self.0.store.approval(&id).await?.ok_or_else(missing)?;
        let asker = self.asker_of(&row.session).await?;
        let pack = row.operations.first().and_then(|operation| operation.split_once(':'));
        let provider = pack.map(|(provider, _)| provider.to_owned()).unwrap_or_default();
        let touches = self.touches_of(&provider, &row.resources, row.class, &[], None);
        let allowed = row.state == ApprovalState::Used;
        let seen =
            Seen { source: format!("approval {id}"), asker, credential: row.credential, touches, allowed };
        bounded(seen)
    }

    async fn seen_in_record(&self, id: &str) -> Result<Seen> {
        let record = self.find_record(id).await?;
        let body = &record.body;
        let facts = &body["facts"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, id) = (text(&body["kind"]), text(&body["id"]));
        if !matches!(kind.as_str(), "request_refused" | "request_decided") {
            return Err(Error::new(
                Code::InvalidInput,
                format!("record {id} is not about a request: {kind}"),
            )
            .hint("rules are made from records of the kinds request_refused and request_decided"));
        }
        let undecided = || {
            let why = text(&facts["code"]);
            let why = if why.is_empty() { "nothing of it was understood".to_owned() } else { why };
            Error::new(
                Code::InvalidInput,
                format!("this request was refused before any policy was asked ({why}): no rule would help"),
            )
        };
        let session =
            SessionId::parse(body["session"].as_str().unwrap_or_default()).map_err(|_| undecided())?;
        let asker = self.asker_of(&session).await?;
        let credential = Name::parse(&text(&facts["credential"])).map_err(|_| undecided())?;
        let class: Class = serde_json::from_value(facts["class"].clone()).map_err(|_| undecided())?;
        let resources: Vec<TouchedResource> =
            serde_json::from_value(facts["resources"].clone()).map_err(|_| undecided())?;
        let marks: Vec<Mark> = serde_json::from_value(facts["marks"].clone()).unwrap_or_default();
        let provider = resources.first().and_then(|resource| resource.operation.split_once(':'));
        let provider = provider.map(|(provider, _)| provider.to_owned()).ok_or_else(undecided)?;
        let touches = self.touches_of(&provider, &resources, class, &marks, facts["place"].as_str());
        let allowed = kind == "request_decided";
        bounded(Seen { source: format!("record {id}"), asker, credential, touches, allowed })
    }

    /// What was touched, as policy would be asked about it now: environments by their names of today.
    fn touches_of(
        &self,
        provider: &str,
        resources: &[TouchedResource],
        class: Class,
        marks: &[Mark],
        place: Option<&str>,
    ) -> Vec<Touch> {
        let registry = self.0.registry.load();
        let tier = |name: &Name| registry.environments.get(name).map(|row| row.tier);
        let mut touches = Vec::new();
        for resource in resources {
            let touch = |place: Where| Touch {
                operation: resource.operation.clone(),
                provider: provider.to_owned(),
                class,
                marks: marks.iter().copied().collect(),
                resource: (!resource.kind.is_empty()).then(|| Resource::new(&resource.kind, &resource.id)),
                name: resource.name.clone(),
                place,
                consequences: vec![],
            };
            if resource.environments.is_empty() {
                touches.push(touch(match place {
                    _ if !resource.kind.is_empty() => Where::Unresolved("it was not found".to_owned()),
                    Some("account") => Where::Account,
                    Some("shared") => Where::Shared,
                    _ if class == Class::Read => Where::Shared,
                    _ => Where::Account,
                }));
            }
            for environment in &resource.environments {
                let named =
                    Name::parse(environment).ok().and_then(|name| tier(&name).map(|tier| (name, tier)));
                touches.push(touch(match named {
                    Some((name, tier)) => Where::Environment { name, tier },
                    None => Where::Unmapped(
                        Selector::parse(environment)
                            .unwrap_or_else(|_| Selector::new(provider, "environment", environment)),
                    ),
                }));
            }
        }
        touches
    }

    async fn asker_of(&self, session: &SessionId) -> Result<Asker> {
        let row = self.0.store.session(session).await?.ok_or_else(|| Error::not_found("session", session))?;
        Ok(Asker {
            agent: row.agent,
            subject: row.subject,
            environment: row.environment,
            tier: row.tier,
            confined: row.confined,
        })
    }

    /// A record by its number or its id. Ids hold the moment they were made in, and the chain is in the order of time, but for
    /// those made in the same moments.
    async fn find_record(&self, text: &str) -> Result<AuditRecord> {
        let missing = || Error::not_found("record", text.chars().take(80).collect::<String>().escape_debug());
        let read = |row: crate::store::StoredRecord| {
            let body: Value = serde_json::from_slice(&row.body).map_err(Error::internal)?;
            Ok::<_, Error>(AuditRecord { seq: row.seq, hash: digest_hex(row.hash), body })
        };
        if let Ok(seq) = text.parse::<i64>() {
            let row = self.0.store.records_from(seq.max(1), 1).await?.into_iter().next();
            return read(row.filter(|row| row.seq == seq).ok_or_else(missing)?);
        }
        let id = RecordId::parse(text).map_err(|_| missing())?;
        let moment = moment(&id).ok_or_else(missing)?;
        let (mut low, mut high) = (1i64, self.0.store.head().await?.map_or(1, |(seq, _)| seq));
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.0.store.records_from(middle, 1).await?.into_iter().next();
            let at = match row {
                Some(row) => made_at(&read(row)?.body).unwrap_or(i64::MAX),
                None => i64::MAX,
            };
            if at < moment { low = middle + 1 } else { high = middle }
        }
        for row in self.0.store.records_from((low - AROUND).max(1), 2 * AROUND).await? {
            let record = read(row)?;
            if record.body.get("id").and_then(Value::as_str) == Some(id.as_str()) {
                return Ok(record);
            }
        }
        Err(missing())
    }
}

/// Milliseconds in the first 48 bits of a UUID of version 7 (RFC 9562 s5.7).
fn moment(id: &RecordId) -> Option<i64> {
    i64::from_str_radix(id.as_str().strip_prefix(RecordId::PREFIX)?.get(..12)?, 16).ok()
}

fn made_at(body: &Value) -> Option<i64> {
    moment(&RecordId::parse(body["id"].as_str()?).ok()?)
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
