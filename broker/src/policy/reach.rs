//! Who can do what where: the answer of a policy set to every question that it tells apart.
//!
//! Not sampling: what policies can look at is either gone through in full (agents, environments, places, classes, marks,
//! operations and things that some policy names) or left unknown, and Cedar evaluates as far as it can be evaluated
//! without. What then still depends on something is said with the condition that is left.

mod cell;
mod lint;
mod named;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::schema::{ActionRow, Strength};
use super::set::PolicySet;
use super::source::{Fault, on_deep_stack};
use crate::model::{Class, Name, Tier};
use cell::{Asking, Cell, Evaluator, Finding, Place};
use lint::Noted;
use named::Named;

/// All that there is.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Agents and environments stand in for those of a broker that is not known here.
    pub invented: bool,
    pub agents: Vec<Name>,
    pub environments: Vec<(Name, Tier)>,
    pub acts: Vec<ActionRow>,
}

impl World {
    /// With an agent that may not be registered yet: one can be asked about before it is.
    #[must_use]
    pub fn with_agent(mut self, agent: Option<&Name>) -> Self {
        self.agents.extend(agent.filter(|agent| !self.agents.contains(agent)).cloned());
        self
    }
}

/// What comes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Allowed,
    /// A person must say yes to the one request.
    Asked,
    /// At times more than at others: the conditions say when.
    Depends,
    Denied,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Asked => "asked",
            Outcome::Depends => "depends",
            Outcome::Denied => "denied",
        }
    }
}

/// One line of the report: everything that it names is decided alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// Names of agents; empty for every agent.
    pub agents: Vec<String>,
    /// Environment of the session.
    pub session: String,
    pub tier: Tier,
    /// `every operation`, `railway:volumeDelete`, `other operations of railway`; `start a session`.
    pub operations: Vec<String>,
    /// None for the start of a session.
    pub class: Option<Class>,
    pub marks: Vec<&'static str>,
    /// Environments, or `unmapped`, `unresolved`, `shared`, `account`; `own` is that of the session.
    pub places: Vec<String>,
    pub outcome: Outcome,
    /// The policies that decide, or may.
    pub policies: Vec<String>,
    /// What it depends on: conditions in Cedar, each with its policy.
    pub when: Vec<String>,
}

/// What operations are decided alike as far as policies can tell.
#[derive(Debug, Clone)]
struct Kind {
    label: String,
    /// None where no policy names the operation.
    operation: Option<String>,
    /// None where no policy names the provider.
    provider: Option<String>,
    strengths: BTreeSet<Strength>,
}

/// What a policy set comes to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In a fixed order.
    pub lines: Vec<Line>,
    /// Policies that say nothing, in the order of the files.
    pub notes: Vec<Fault>,
}

impl Report {
    /// Lines of one agent, which has its name in each. The notes are about everybody.
    #[must_use]
    pub fn of_agent(mut self, agent: &Name) -> Self {
        let its = |line: &Line| line.agents.is_empty() || line.agents.iter().any(|one| one == agent.as_str());
        self.lines.retain(its);
        for line in &mut self.lines {
            line.agents = vec![agent.to_string()];
        }
        self
    }
}

/// Every question is asked once. Takes a while for large worlds: call it where waiting is fine.
pub fn reach(set: &PolicySet, world: &World) -> Result<Report, String> {
    let named = Named::of(set)?;
    let (all, asked) = (set.all.clone(), world.clone());
    let liftable = set.liftable();
    // Conditions nest as deep as their source did.
    let work = move || {
        let evaluator = Evaluator::new(&all, &liftable)?;
        let mut noted = Noted::default();
        Ok((lines(&evaluator, &named, &asked, &mut noted)?, noted))
    };
    let (lines, noted) = on_deep_stack(work).unwrap_or_else(|| Err("the evaluation stopped".to_owned()))?;
    Ok(Report { lines, notes: noted.faults(set, world)? })
}

fn lines(
    evaluator: &Evaluator<'_>,
    named: &Named,
    world: &World,
    noted: &mut Noted,
) -> Result<Vec<Line>, String> {
    let kinds = named.kinds(&world.acts);
    let mut of_agents: BTreeMap<Vec<Line>, Vec<String>> = BTreeMap::new();
    for (agent, names) in named.agents(&world.agents)? {
        let mut lines = Vec::new();
        for (session, tier) in &world.environments {
            let asking = Asking { agent: agent.clone(), session: session.clone(), tier: *tier };
            lines.push(start(&asking, noted.finding(evaluator.start(&asking)?)));
            lines.extend(of_session(evaluator, named, &kinds, &asking, world, noted)?);
        }
        of_agents.entry(lines).or_default().extend(names);
    }
    let everyone = of_agents.len() == 1;
    let mut all = Vec::new();
    for (lines, mut agents) in of_agents {
        agents.sort();
        if everyone {
            agents.clear();
        }
        all.extend(lines.into_iter().map(|line| Line { agents: agents.clone(), ..line }));
    }
    Ok(all)
}

fn start(asking: &Asking, finding: Finding) -> Line {
    Line {
        agents: Vec::new(),
        session: asking.session.to_string(),
        tier: asking.tier,
        operations: vec!["start a session".to_owned()],
        class: None,
        marks: Vec::new(),
        places: vec!["own".to_owned()],
        outcome: finding.outcome,
        policies: finding.policies,
        when: finding.when,
    }
}

fn of_session(
    evaluator: &Evaluator<'_>,
    named: &Named,
    kinds: &[Kind],
    asking: &Asking,
    world: &World,
    noted: &mut Noted,
) -> Result<Vec<Line>, String> {
    let strengths: BTreeSet<&Strength> = kinds.iter().flat_map(|kind| &kind.strengths).collect();
    let places = Place::all(&asking.session, &world.environments);
    let mut lines = Vec::new();
    for strength in strengths {
        // Kinds that are decided alike everywhere are one; then places that are decided alike are one.
        let mut alike: BTreeMap<Vec<(String, Finding)>, Vec<&Kind>> = BTreeMap::new();
        let of_it: Vec<&Kind> = kinds.iter().filter(|kind| kind.strengths.contains(strength)).collect();
        for kind in &of_it {
            let mut found = Vec::new();
            for place in &places {
                let cell = Cell { asking, kind, strength, place, thing: None };
                let general = noted.finding(evaluator.decide(&cell)?);
                for thing in named.things_of(kind) {
                    let finding = noted.finding(evaluator.decide(&Cell { thing: Some(thing), ..cell })?);
                    if finding != general {
                        found.push((format!("{}: {}", place.label(), thing.label()), finding));
                    }
                }
                found.push((place.label(), general));
            }
            alike.entry(found).or_default().push(kind);
        }
        let every = alike.len() == 1;
        for (found, kinds) in alike {
            let operations = match every {
                true => vec!["every operation".to_owned()],
                false => kinds.iter().map(|kind| kind.label.clone()).collect(),
            };
            let mut by_finding: BTreeMap<Finding, Vec<String>> = BTreeMap::new();
            for (place, finding) in found {
                by_finding.entry(finding).or_default().push(place);
            }
            lines.extend(by_finding.into_iter().map(|(finding, places)| Line {
                agents: Vec::new(),
                session: asking.session.to_string(),
                tier: asking.tier,
                operations: operations.clone(),
                class: Some(strength.class),
                marks: strength.marks.iter().map(|mark| mark.as_str()).collect(),
                places,
                outcome: finding.outcome,
                policies: finding.policies,
                when: finding.when,
            }));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
