//! Environments: what is mapped to them, how much is at stake in each, and their end.

use stint_api::{
    AddEnvironment, ChangeTier, ChangedTier, Code, Environment, EnvironmentDetail, EnvironmentList,
    RemovedEnvironment, Tier,
};

use crate::app::{App, Error, Facts, PersonCaller, Result};
use crate::model::{CredentialId, EnvironmentRow, EventKind, Name, Selector};
use crate::provider::Rules;
use crate::store::Change;

const CHANGES: &[EventKind] = &[
    EventKind::EnvironmentAdded,
    EventKind::EnvironmentMapped,
    EventKind::EnvironmentUnmapped,
    EventKind::TierChanged,
    EventKind::EnvironmentRemoved,
];

impl App {
    pub async fn add_environment(&self, caller: &PersonCaller, add: AddEnvironment) -> Result<Environment> {
        caller.administers()?;
        let name = super::given(&add.name)?;
        let row = EnvironmentRow {
            name: name.clone(),
            tier: add.tier,
            selectors: vec![],
            created_at: self.0.clock.now(),
        };
        let facts = Facts::new().with("environment", name.as_str()).with("tier", add.tier.as_str());
        let change = vec![Change::AddEnvironment(row.clone())];
        self.change(caller, EventKind::EnvironmentAdded, facts, change)
            .await
            .map_err(|error| super::taken(error, "environment", &row.name))?;
        Ok(environment(&row))
    }

    pub async fn map_environment(
        &self,
        caller: &PersonCaller,
        name: &str,
        selector: &str,
    ) -> Result<Environment> {
        caller.administers()?;
        let name = Name::parse(name)?;
        self.environment(&name)?;
        let selector = self.fitting(selector).map_err(|error| error.about("selector"))?;
        if let Some(other) = self.0.registry.load().owners.get(&selector) {
            let error = Error::new(Code::Conflict, format!("{selector} belongs to {other} already"));
            return Err(error
                .hint(format!("unmap it there first: stint environment unmap {other} {selector}"))
                .about("selector"));
        }
        let facts = Facts::new().with("environment", name.as_str()).with("selector", selector.to_string());
        let change = Change::AddSelector { environment: name.clone(), selector };
        self.change(caller, EventKind::EnvironmentMapped, facts, vec![change]).await?;
        Ok(environment(&self.environment(&name)?))
    }

    pub async fn unmap_environment(
        &self,
        caller: &PersonCaller,
        name: &str,
        selector: &str,
    ) -> Result<Environment> {
        caller.administers()?;
        let name = Name::parse(name)?;
        let row = self.environment(&name)?;
        let selector = self.fitting(selector)?;
        if !row.selectors.contains(&selector) {
            return Err(Error::new(Code::NotFound, format!("{selector} is not mapped to {name}")));
        }
        let facts = Facts::new().with("environment", name.as_str()).with("selector", selector.to_string());
        let change = Change::RemoveSelector { environment: name.clone(), selector };
        self.change(caller, EventKind::EnvironmentUnmapped, facts, vec![change]).await?;
        Ok(environment(&self.environment(&name)?))
    }

    pub fn environments(&self) -> EnvironmentList {
        let registry = self.0.registry.load();
        let mut environments: Vec<Environment> = registry.environments.values().map(environment).collect();
        environments.sort_by(|a, b| a.name.cmp(&b.name));
        EnvironmentList { environments }
    }

    pub async fn environment_detail(&self, name: &str) -> Result<EnvironmentDetail> {
        let row = self.environment(&Name::parse(name)?)?;
        let (credentials, agents, sessions) = self.pointing_to(&row.name).await?;
        Ok(EnvironmentDetail {
            environment: environment(&row),
            credentials,
            agents,
            sessions,
            changes: self.changes_of(CHANGES, "environment", row.name.as_str()).await?,
        })
    }

    /// Change how much is at stake. What lowers it takes a person who proved a moment ago who they are. Sessions that
    /// were started under the other tier end.
    pub async fn change_tier(
        &self,
        caller: &PersonCaller,
        name: &str,
        change: ChangeTier,
    ) -> Result<ChangedTier> {
        caller.administers()?;
        let row = self.environment(&Name::parse(name)?)?;
        if change.was.is_some_and(|was| was != row.tier) {
            return Err(Error::new(
                Code::Conflict,
                format!("{} was changed to {} in the meantime", row.name, row.tier),
            )
            .hint("look at it again, then decide"));
        }
        if change.tier == row.tier {
            return Ok(ChangedTier { environment: environment(&row), ended: Vec::new() });
        }
        if change.tier < row.tier {
            caller.approves_for_good(self.0.clock.now())?;
        }
        let facts = Facts::new()
            .with("environment", row.name.as_str())
            .with("from", row.tier.as_str())
            .with("tier", change.tier.as_str());
        let set = Change::SetTier { environment: row.name.clone(), from: row.tier, to: change.tier };
        self.change(caller, EventKind::TierChanged, facts, vec![set]).await?;
        let sessions = self.0.store.sessions(true, 100_000).await?;
        let mut ended = Vec::new();
        for session in sessions.iter().filter(|s| s.environment == row.name && s.tier != change.tier) {
            if self.end(&session.id, &caller.actor(), "tier_changed", None).await? {
                ended.push(session.id.to_string());
            }
        }
        Ok(ChangedTier { environment: environment(&self.environment(&row.name)?), ended })
    }

    /// Whether a signed-in person has to prove again who they are to give an environment this tier.
    pub fn tier_needs_proof(&self, caller: &PersonCaller, from: Tier, to: Tier) -> bool {
        to < from && caller.is_at_console() && !caller.is_proven(self.0.clock.now())
    }

    /// Remove an environment that nothing points to any more.
    pub async fn remove_environment(&self, caller: &PersonCaller, name: &str) -> Result<RemovedEnvironment> {
        caller.administers()?;
        let row = self.environment(&Name::parse(name)?)?;
        let (credentials, agents, sessions) = self.pointing_to(&row.name).await?;
        let mut left = Vec::new();
        left.extend(row.selectors.iter().map(ToString::to_string));
        left.extend(credentials.iter().map(|name| format!("credential {name}")));
        left.extend(agents.iter().map(|name| format!("agent {name}")));
        left.extend(sessions.iter().map(|id| format!("session {id}")));
        if !left.is_empty() {
            return Err(Error::new(
                Code::Conflict,
                format!("{} is still in use by {}", row.name, left.join(", ")),
            )
            .hint(
                "unmap what belongs to it, revoke its credentials, take it from its agents, end its sessions",
            ));
        }
        let facts = Facts::new().with("environment", row.name.as_str()).with("tier", row.tier.as_str());
        let change = Change::RemoveEnvironment { environment: row.name.clone(), at: self.0.clock.now() };
        self.change(caller, EventKind::EnvironmentRemoved, facts, vec![change]).await?;
        Ok(RemovedEnvironment { name: row.name.to_string() })
    }

    /// Names of credentials in use and of agents, and ids of live sessions, that name an environment.
    async fn pointing_to(&self, name: &Name) -> Result<(Vec<String>, Vec<String>, Vec<String>)> {
        let registry = self.0.registry.load();
        let credentials = registry.credentials.values();
        let credentials = credentials.filter(|live| live.row.environment.as_ref() == Some(name));
        let mut credentials: Vec<String> = credentials.map(|live| live.row.name.to_string()).collect();
        credentials.sort();
        let agents = registry.agents.values().filter(|agent| agent.environments.contains(name));
        let mut agents: Vec<String> = agents.map(|agent| agent.name.to_string()).collect();
        agents.sort();
        let sessions = self.0.store.sessions(true, 100_000).await?;
        let sessions = sessions.iter().filter(|session| session.environment == *name);
        Ok((credentials, agents, sessions.map(|session| session.id.to_string()).collect()))
    }

    /// A selector in the spelling that resolution gives: of a known pack and a kind that can be an environment.
    fn fitting(&self, text: &str) -> Result<Selector> {
        let selector = Selector::parse(text.trim())?;
        let packs = self.packs();
        let pack = packs.named(&selector.provider)?;
        let kinds = &pack.manifest.environment_kinds;
        if !kinds.contains(&selector.kind) {
            return Err(Error::new(
                Code::InvalidInput,
                format!("'{}' is not an environment at {}", selector.kind, pack.manifest.title),
            )
            .hint(format!("the kinds are {}", kinds.join(", "))));
        }
        let rules = packs.resolver.rules(&selector.provider);
        if let Some(part) = rules.and_then(|rules| rules.counts_by_credential(&selector.kind)) {
            return self.of_credential(selector, part);
        }
        if rules.is_some_and(Rules::ignores_case) {
            return Ok(Selector { id: selector.id.to_ascii_lowercase(), ..selector });
        }
        Ok(selector)
    }

    /// A selector that begins with a credential, by its name or its id: kept by the id, since a name can be given again.
    fn of_credential(&self, selector: Selector, part: bool) -> Result<Selector> {
        let (own, rest) = match selector.id.split_once('/') {
            Some((own, rest)) => (own, Some(rest)),
            None => (selector.id.as_str(), None),
        };
        if rest.is_some() != part {
            let form = if part { "CREDENTIAL/ID" } else { "CREDENTIAL" };
            return Err(Error::new(
                Code::InvalidInput,
                format!("'{}' is not {}:{}/{form}", selector.id, selector.provider, selector.kind),
            )
            .hint("CREDENTIAL is the name of a credential: `stint credential list`"));
        }
        let registry = self.0.registry.load();
        let named = registry.credentials.values().find(|live| {
            live.row.provider == selector.provider
                && (live.row.name.as_str() == own || live.row.id.to_string() == own)
        });
        let id = match named {
            Some(live) => live.row.id.to_string(),
            // One that was revoked can still be unmapped.
            None if own.parse::<CredentialId>().is_ok() => own.to_owned(),
            None => {
                return Err(Error::not_found("credential", own).hint(format!(
                    "`stint credential add {own} --provider {}` adds one",
                    selector.provider
                )));
            }
        };
        let id = rest.map_or_else(|| id.clone(), |rest| format!("{id}/{rest}"));
        Ok(Selector { id, ..selector })
    }
}

fn environment(row: &EnvironmentRow) -> Environment {
    Environment {
        name: row.name.to_string(),
        tier: row.tier,
        selectors: row.selectors.iter().map(ToString::to_string).collect(),
        created_at: row.created_at,
    }
}
