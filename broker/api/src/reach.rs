use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Class, PolicyFault, RuleDecision, Tier};

/// One line of `GET /v1/policies/reach`: everything that it names is decided alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReachLine {
    /// Names of agents; empty for every agent.
    pub agents: Vec<String>,
    /// Environment of the session.
    pub session: String,
    pub tier: Tier,
    /// Operations, or words for many: `every operation`, `all others`, `start a session`.
    pub operations: Vec<String>,
    /// None for the start of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// `backup`, `carries-backups`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// `own`, names of other environments, `shared`, `account`, `unmapped`, `unresolved`.
    pub places: Vec<String>,
    /// `allowed`, `asked`, `depends` or `denied`.
    pub outcome: String,
    /// The policies that decide, or may; none where nothing permits.
    pub policies: Vec<String>,
    /// What it depends on: conditions in Cedar, each after its policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
}

/// `GET /v1/policies/reach`: who can do what where.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyReach {
    pub lines: Vec<ReachLine>,
    /// Policies that say nothing, and why.
    pub notes: Vec<PolicyFault>,
    pub revision: i64,
}

/// `POST /v1/policies/effect`: what a file would change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskEffect {
    pub name: String,
    pub text: String,
    #[serde(default)]
    pub tests: String,
    /// How far back recorded requests are decided again: `7d`, `12h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyEffect {
    /// Lines of the reach table that are there now and would not be.
    pub before: Vec<ReachLine>,
    /// Lines that would be there instead.
    pub after: Vec<ReachLine>,
    pub replay: Replay,
}

/// Requests of the audit, decided again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Replay {
    pub since: DateTime<Utc>,
    /// Requests that were decided again.
    pub requests: u64,
    /// Requests that no policy was asked about then, or whose session is not known any more.
    pub skipped: u64,
    /// There were more than are looked at: the newest were.
    pub cut: bool,
    /// What would come out differently, the most frequent first.
    pub differences: Vec<ReplayDifference>,
}

/// Requests that would all come out differently in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplayDifference {
    pub agent: String,
    /// Environment of the session.
    pub session: String,
    pub operations: Vec<String>,
    pub class: Class,
    /// Where what was touched is.
    pub places: Vec<String>,
    pub before: RuleDecision,
    pub after: RuleDecision,
    pub requests: u64,
    /// Id of the newest record of them.
    pub record: String,
}

impl ReachLine {
    pub const COLUMNS: [&str; 7] =
        ["agents", "session", "operations", "class", "where", "outcome", "because"];

    /// The same in fewer lines, for people: places where nothing can be done are one, with every policy that stands there.
    pub fn brief(lines: &[ReachLine]) -> Vec<ReachLine> {
        let mut brief: Vec<ReachLine> = Vec::new();
        for line in lines {
            let same = |other: &&mut ReachLine| {
                let places = (other.places.clone(), other.policies.clone());
                let (places, policies) = places;
                line.outcome == "denied" && *other == &ReachLine { places, policies, ..line.clone() }
            };
            match brief.iter_mut().find(same) {
                Some(other) => {
                    other.places.extend(line.places.iter().cloned());
                    other.policies.extend(line.policies.iter().cloned());
                    other.policies.sort();
                    other.policies.dedup();
                }
                None => brief.push(line.clone()),
            }
        }
        brief
    }

    /// The line as it is shown in a table, in the order of `COLUMNS`.
    pub fn cells(&self) -> [String; 7] {
        let agents = if self.agents.is_empty() { "every agent".to_owned() } else { self.agents.join(", ") };
        let class = self.class.map(|class| class.to_string());
        let class: Vec<String> = class.into_iter().chain(self.marks.iter().cloned()).collect();
        let because = match (self.when.is_empty(), self.policies.is_empty()) {
            (false, _) => self.when.join("; "),
            (true, false) => self.policies.join(", "),
            (true, true) => "nothing permits it".to_owned(),
        };
        [
            agents,
            self.session.clone(),
            self.operations.join(", "),
            class.join(", "),
            self.places.join(", "),
            self.outcome.clone(),
            because,
        ]
    }
}

impl Replay {
    /// `412 requests since 2026-11-16 09:00 UTC; 3 would come out differently`
    pub fn summary(&self) -> String {
        let differ: u64 = self.differences.iter().map(|difference| difference.requests).sum();
        let noun = if self.requests == 1 { "request" } else { "requests" };
        let mut text = format!(
            "{} {noun} since {}; {differ} would come out differently",
            self.requests,
            self.since.format("%Y-%m-%d %H:%M UTC")
        );
        if self.skipped > 0 {
            text.push_str(&format!(
                "; {} more were refused before any policy was asked, or their session is not known",
                self.skipped
            ));
        }
        if self.cut {
            text.push_str("; older ones were not looked at");
        }
        text
    }
}

impl ReplayDifference {
    /// `2 of agent ci in staging: railway:volumeDelete (destroy) in staging: approval by guardrail.destroy -> deny by own.never`
    pub fn summary(&self) -> String {
        let said = |decision: &RuleDecision| match decision.policies.is_empty() {
            true => format!("{}, nothing permits it", decision.decision),
            false => format!("{} by {}", decision.decision, decision.policies.join(", ")),
        };
        format!(
            "{} of agent {} in {}: {} ({}) in {}: {} -> {}",
            self.requests,
            self.agent,
            self.session,
            self.operations.join(", "),
            self.class,
            self.places.join(", "),
            said(&self.before),
            said(&self.after)
        )
    }
}
