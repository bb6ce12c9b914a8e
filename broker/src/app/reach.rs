//! Who can do what where, and what a change of policy would make of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use stint_api::{AskEffect, Code, PolicyEffect, PolicyReach, ReachLine};

use super::policies::{fault, unix};
use super::replay::Replaying;
use super::{App, Error, Result};
use crate::config::parse_duration;
use crate::model::Name;
use crate::policy::{self, Line, PolicyFile, PolicySet, World};

/// How far back requests are decided again, where nothing is said.
const SINCE: TimeDelta = TimeDelta::days(7);
const FARTHEST: TimeDelta = TimeDelta::days(90);

impl App {
    /// The table of what is in use, for one agent or all, and one environment or all.
    pub async fn reach(&self, agent: Option<&str>, session: Option<&str>) -> Result<PolicyReach> {
        self.reload_policies().await?;
        let agent = agent.map(Name::parse).transpose()?;
        let world = self.world().with_agent(agent.as_ref());
        let session = session.map(Name::parse).transpose()?;
        if let Some(session) = &session
            && !world.environments.iter().any(|(name, _)| name == session)
        {
            let known: Vec<&str> = world.environments.iter().map(|(name, _)| name.as_str()).collect();
            return Err(
                Error::not_found("environment", session).hint(format!("there are: {}", known.join(", ")))
            );
        }
        let set = self.0.policy.load_full();
        let revision = self.book().revision;
        let mut report = self.weigh(move || policy::reach(&set, &world)).await?;
        if let Some(agent) = &agent {
            report = report.of_agent(agent);
        }
        report.lines.retain(|line| session.as_ref().is_none_or(|session| line.session == session.as_str()));
        let lines = report.lines.into_iter().map(shown).collect();
        Ok(PolicyReach { lines, notes: report.notes.into_iter().map(fault).collect(), revision })
    }

    /// What a file would change: lines of the table, and requests of the last days. Saves nothing.
    pub async fn policy_effect(&self, ask: AskEffect) -> Result<PolicyEffect> {
        self.reload_policies().await?;
        let since = since(ask.since.as_deref())?;
        let name = match ask.name.trim() {
            "" => "new".to_owned(),
            name => Name::parse(name)?.to_string(),
        };
        let file = PolicyFile { name, text: unix(&ask.text), tests: Some(unix(&ask.tests)) };
        let checked = self.judge(&self.book(), Some(file)).await?.map_err(|error| {
            Error::new(Code::InvalidInput, format!("the file does not hold: {error}"))
                .hint("check it first: stint policy check FILE")
        })?;
        let (now, then) = (self.0.policy.load_full(), std::sync::Arc::new(checked.set));
        let (before, after) = self.reach_of(&now, &then).await?;
        let replaying =
            Replaying { store: &self.0.store, tiers: self.tiers(), since: self.0.clock.now() - since };
        let replay = replaying.run(&now, &then).await?;
        Ok(PolicyEffect { before, after, replay })
    }

    async fn reach_of(
        &self,
        now: &std::sync::Arc<PolicySet>,
        then: &std::sync::Arc<PolicySet>,
    ) -> Result<(Vec<ReachLine>, Vec<ReachLine>)> {
        let (world, now, then) = (self.world(), now.clone(), then.clone());
        let work = move || Ok((policy::reach(&now, &world)?.lines, policy::reach(&then, &world)?.lines));
        let (now, then) = self.weigh(work).await?;
        Ok(differences(now, then))
    }

    /// Work that keeps a processor busy: few at once, and not where requests are answered.
    async fn weigh<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
    ) -> Result<T> {
        let _place = self.judging().await?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)
    }

    fn world(&self) -> World {
        let registry = self.0.registry.load();
        let mut agents: Vec<Name> = registry.agents.keys().cloned().collect();
        agents.sort();
        World {
            invented: false,
            agents,
            environments: self.tiers().into_iter().collect(),
            acts: self.packs().rows.clone(),
        }
    }
}

/// `7d`, `12h`; a week where nothing is said.
pub fn since(text: Option<&str>) -> Result<TimeDelta> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(SINCE) };
    let wrong = |detail: String| {
        Error::new(Code::InvalidInput, format!("since: {detail}")).hint("give 12h, 7d, or up to 90d")
    };
    let duration = parse_duration(text).map_err(wrong)?;
    let since = TimeDelta::from_std(duration).map_err(|error| wrong(error.to_string()))?;
    if since > FARTHEST {
        return Err(wrong(format!("{text} is too far back")));
    }
    Ok(since)
}

/// What is only in the first, and what is only in the second. A policy about one agent tells it apart from the others:
/// what stays as it was for each of them is no difference, whoever it stands together with.
fn differences(now: Vec<Line>, then: Vec<Line>) -> (Vec<ReachLine>, Vec<ReachLine>) {
    let mut all: BTreeSet<String> = now.iter().chain(&then).flat_map(|line| &line.agents).cloned().collect();
    // Those whom no line names stay together.
    all.insert(String::new());
    let (now, then) = (by_line(now, &all), by_line(then, &all));
    (beyond(&now, &then, &all), beyond(&then, &now, &all))
}

/// Whom each line is about.
fn by_line(lines: Vec<Line>, all: &BTreeSet<String>) -> BTreeMap<Line, BTreeSet<String>> {
    let mut of: BTreeMap<Line, BTreeSet<String>> = BTreeMap::new();
    for mut line in lines {
        let agents = std::mem::take(&mut line.agents);
        let named = if agents.is_empty() { all.clone() } else { agents.into_iter().collect() };
        of.entry(line).or_default().extend(named);
    }
    of
}

/// The lines of the first for those for whom they are not in the second.
fn beyond(
    first: &BTreeMap<Line, BTreeSet<String>>,
    second: &BTreeMap<Line, BTreeSet<String>>,
    all: &BTreeSet<String>,
) -> Vec<ReachLine> {
    let mut lines = Vec::new();
    for (line, agents) in first {
        let kept = second.get(line);
        let mut left: Vec<String> =
            agents.iter().filter(|agent| kept.is_none_or(|kept| !kept.contains(*agent))).cloned().collect();
        // Everybody, said as that.
        if left.len() == all.len() {
            left.clear();
        } else if left.iter().all(String::is_empty) {
            continue;
        }
        left.retain(|agent| !agent.is_empty());
        lines.push(shown(Line { agents: left, ..line.clone() }));
    }
    lines
}

/// A line, in the words of the wire.
pub fn shown(line: Line) -> ReachLine {
    ReachLine {
        agents: line.agents,
        session: line.session,
        tier: line.tier,
        operations: line.operations,
        class: line.class,
        marks: line.marks.into_iter().map(str::to_owned).collect(),
        places: line.places,
        outcome: line.outcome.as_str().to_owned(),
        policies: line.policies,
        when: line.when,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Tier};
    use crate::policy::Outcome;

    fn line(agents: &[&str], session: &str, outcome: Outcome) -> Line {
        Line {
            agents: agents.iter().map(|name| (*name).to_owned()).collect(),
            session: session.to_owned(),
            tier: Tier::Staging,
            operations: vec!["every operation".to_owned()],
            class: Some(Class::Write),
            marks: Vec::new(),
            places: vec!["own".to_owned()],
            outcome,
            policies: Vec::new(),
            when: Vec::new(),
        }
    }

    fn said(lines: &[ReachLine]) -> Vec<(String, String, String)> {
        lines.iter().map(|line| (line.agents.join(","), line.session.clone(), line.outcome.clone())).collect()
    }

    fn triple(agents: &str, session: &str, outcome: &str) -> (String, String, String) {
        (agents.to_owned(), session.to_owned(), outcome.to_owned())
    }

    #[test]
    fn a_rule_about_one_agent_changes_nothing_for_the_others_and_nothing_elsewhere() {
        use Outcome::{Allowed, Denied};
        let now = vec![line(&[], "preview", Allowed), line(&[], "staging", Allowed)];
        let then = vec![
            line(&["clerk"], "preview", Allowed),
            line(&["clerk"], "staging", Allowed),
            line(&["coder"], "preview", Allowed),
            line(&["coder"], "staging", Denied),
        ];
        let (gone, come) = differences(now.clone(), then);
        assert_eq!(said(&gone), [triple("coder", "staging", "allowed")]);
        assert_eq!(said(&come), [triple("coder", "staging", "denied")]);
        // What changes for everybody is said of everybody.
        let (gone, come) =
            differences(now, vec![line(&[], "preview", Allowed), line(&[], "staging", Denied)]);
        assert_eq!(said(&gone), [triple("", "staging", "allowed")]);
        assert_eq!(said(&come), [triple("", "staging", "denied")]);
    }
}
