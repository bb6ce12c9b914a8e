//! Who can do what where, and what a change of policy would make of it.

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
        let mut world = self.world();
        let agent = agent.map(Name::parse).transpose()?;
        // One that is to be registered can be asked about before.
        world.agents.extend(agent.clone().filter(|agent| !world.agents.contains(agent)));
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

/// What is only in the first, and what is only in the second.
fn differences(now: Vec<Line>, then: Vec<Line>) -> (Vec<ReachLine>, Vec<ReachLine>) {
    let gone = now.iter().filter(|line| !then.contains(line)).cloned().map(shown).collect();
    let come = then.iter().filter(|line| !now.contains(line)).cloned().map(shown).collect();
    (gone, come)
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
