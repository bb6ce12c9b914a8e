//! People's changes to environments, credentials and agents. Each is recorded with who made it.

use stint_api::{
    AddAgent, AddCredential, AddEnvironment, Agent, AgentList, Code, Credential, CredentialList, Environment,
    EnvironmentList, Status,
};

use super::{App, Error, Facts, PersonCaller, Result, identify};
use crate::model::{
    AgentRow, ClientId, CredentialId, CredentialRow, EnvironmentRow, EventKind, Name, SecretVersion,
    Selector, Upstream,
};
use crate::provider::Rules;
use crate::secret::Secret;
use crate::store::{Change, Commit, Database};
use crate::vault;

impl App {
    pub async fn add_environment(&self, caller: &PersonCaller, add: AddEnvironment) -> Result<Environment> {
        caller.administers()?;
        let name = Name::parse(&add.name)?;
        let row = EnvironmentRow {
            name: name.clone(),
            tier: add.tier,
            selectors: vec![],
            created_at: self.0.clock.now(),
        };
        let facts = Facts::new().with("environment", name.as_str()).with("tier", add.tier.as_str());
        self.change(caller, EventKind::EnvironmentAdded, facts, vec![Change::AddEnvironment(row.clone())])
            .await?;
        Ok(environment(&row))
    }

    pub async fn map_environment(
        &self,
        caller: &PersonCaller,
        name: &str,
        selector: &str,
    ) -> Result<Environment> {
        caller.administers()?;
        let (name, selector) = (Name::parse(name)?, Selector::parse(selector)?);
        self.environment(&name)?;
        let selector = self.fitting(selector)?;
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
        let (name, selector) = (Name::parse(name)?, Selector::parse(selector)?);
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

    pub async fn add_credential(&self, caller: &PersonCaller, add: AddCredential) -> Result<Credential> {
        caller.administers()?;
        self.unsealed()?;
        let name = Name::parse(&add.name)?;
        let pack = self.0.catalog.pack(&add.provider).ok_or_else(|| {
            Error::not_found("pack", &add.provider)
                .hint(format!("the packs are {}", self.0.catalog.names().join(", ")))
        })?;
        let kind = pack.manifest.kind(add.kind.as_deref()).ok_or_else(|| {
            let kinds: Vec<&str> = pack.manifest.credential.iter().map(|kind| kind.name.as_str()).collect();
            Error::new(Code::InvalidInput, format!("{} has no such kind of credential", pack.manifest.title))
                .hint(format!("the kinds are {}", kinds.join(", ")))
        })?;
        let environment = add.environment.as_deref().map(Name::parse).transpose()?;
        if let Some(environment) = &environment {
            self.environment(environment)?;
        }
        let upstream = Upstream { url: add.upstream, ca: add.upstream_ca };
        self.0.upstream.check(&upstream).map_err(|error| {
            Error::new(Code::InvalidInput, error.to_string())
                .hint("an upstream is an origin such as https://127.0.0.1:8443; private addresses need --allow-private-upstreams")
        })?;
        let secret = checked_secret(add.secret)?;
        let id = CredentialId::from_uuid(self.uuid()?);
        let now = self.0.clock.now();
        let (sealed, fingerprint) = self.seal_credential(&id, 1, &secret)?;
        let row = CredentialRow {
            id: id.clone(),
            name: name.clone(),
            provider: add.provider,
            kind: kind.name.clone(),
            environment,
            upstream,
            version: 1,
            fingerprint,
            created_at: now,
            revoked_at: None,
        };
        let facts = Facts::new()
            .with("credential", name.as_str())
            .with("provider", row.provider.as_str())
            .with("kind", row.kind.as_str())
            .maybe("environment", row.environment.as_ref().map(|name| name.as_str()))
            .with("fingerprint", row.fingerprint.as_str());
        let secret = SecretVersion { credential: id, version: 1, sealed, created_at: now };
        let change = Change::AddCredential { row: row.clone(), secret };
        self.change(caller, EventKind::CredentialAdded, facts, vec![change]).await?;
        Ok(credential(&row))
    }

    pub async fn rotate_credential(
        &self,
        caller: &PersonCaller,
        name: &str,
        secret: String,
    ) -> Result<Credential> {
        caller.administers()?;
        let live = self.named_credential(name)?;
        let secret = checked_secret(secret)?;
        let version = live.row.version + 1;
        let (sealed, fingerprint) = self.seal_credential(&live.row.id, version, &secret)?;
        let facts = Facts::new()
            .with("credential", live.row.name.as_str())
            .with("version", version)
            .with("fingerprint", fingerprint.as_str());
        let secret = SecretVersion {
            credential: live.row.id.clone(),
            version,
            sealed,
            created_at: self.0.clock.now(),
        };
        let change = Change::AddVersion { credential: live.row.id.clone(), secret, fingerprint };
        self.change(caller, EventKind::CredentialRotated, facts, vec![change]).await?;
        Ok(credential(&self.named_credential(name)?.row))
    }

    pub async fn revoke_credential(&self, caller: &PersonCaller, name: &str) -> Result<Credential> {
        caller.administers()?;
        let live = self.named_credential(name)?;
        let at = self.0.clock.now();
        let facts = Facts::new()
            .with("credential", live.row.name.as_str())
            .with("fingerprint", live.row.fingerprint.as_str());
        let change = Change::RevokeCredential { credential: live.row.id.clone(), at };
        self.change(caller, EventKind::CredentialRevoked, facts, vec![change]).await?;
        let mut row = live.row.clone();
        row.revoked_at = Some(at);
        Ok(credential(&row))
    }

    pub async fn credentials(&self) -> Result<CredentialList> {
        let mut credentials: Vec<Credential> =
            self.0.store.credentials().await?.iter().map(credential).collect();
        credentials.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(CredentialList { credentials })
    }

    pub async fn add_agent(&self, caller: &PersonCaller, add: AddAgent) -> Result<Agent> {
        caller.administers()?;
        let name = Name::parse(&add.name)?;
        let key = add.key.as_ref().map(identify::parse_key).transpose()?;
        let environments = add
            .environments
            .iter()
            .map(|name| Name::parse(name))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        for environment in &environments {
            self.environment(environment)?;
        }
        let row = AgentRow {
            name: name.clone(),
            client: ClientId::from_uuid(self.uuid()?),
            key: key.as_ref().map(|key| key.text.clone()),
            environments,
            created_at: self.0.clock.now(),
        };
        let facts = Facts::new()
            .with("agent", name.as_str())
            .with("client_id", row.client.as_str())
            .maybe("jkt", key.map(|key| key.jkt))
            .with_all("environments", &row.environments);
        self.change(caller, EventKind::AgentAdded, facts, vec![Change::AddAgent(row.clone())]).await?;
        Ok(agent(&row))
    }

    pub fn agents(&self) -> AgentList {
        let mut agents: Vec<Agent> = self.0.registry.load().agents.values().map(agent).collect();
        agents.sort_by(|a, b| a.name.cmp(&b.name));
        AgentList { agents }
    }

    pub async fn status(&self) -> Result<Status> {
        let counts = self.0.store.counts().await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sealed: self.is_sealed(),
            database: match self.database() {
                Database::Sqlite(_) => "sqlite",
                Database::Postgres(_) => "postgresql",
            }
            .to_owned(),
            packs: self.0.catalog.names(),
            sessions_live: counts.sessions_live,
            approvals_waiting: counts.approvals_waiting,
            records: counts.records,
        })
    }

    /// Commit a person's change with its record, then read the registry anew.
    pub(in crate::app) async fn change(
        &self,
        caller: &PersonCaller,
        kind: EventKind,
        facts: Facts,
        mut changes: Vec<Change>,
    ) -> Result<()> {
        changes.extend(caller.used_proof());
        if let Some(notice) = self.noteworthy(kind, &facts) {
            changes.extend(self.tells(&notice)?);
        }
        let event = self.event(kind, &caller.actor(), None, facts)?;
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        self.reload_registry().await
    }

    fn named_credential(&self, name: &str) -> Result<std::sync::Arc<super::LiveCredential>> {
        let name = Name::parse(name)?;
        self.live_credential(&name).ok_or_else(|| Error::not_found("credential", &name))
    }

    /// A selector in the spelling that resolution gives: of a known pack and a kind that can be an environment.
    fn fitting(&self, selector: Selector) -> Result<Selector> {
        let pack = self.0.catalog.pack(&selector.provider).ok_or_else(|| {
            Error::not_found("pack", &selector.provider)
                .hint(format!("the packs are {}", self.0.catalog.names().join(", ")))
        })?;
        let kinds = &pack.manifest.environment_kinds;
        if !kinds.contains(&selector.kind) {
            return Err(Error::new(
                Code::InvalidInput,
                format!("'{}' is not an environment at {}", selector.kind, pack.manifest.title),
            )
            .hint(format!("the kinds are {}", kinds.join(", "))));
        }
        if self.0.resolver.rules(&selector.provider).is_some_and(Rules::ignores_case) {
            return Ok(Selector { id: selector.id.to_ascii_lowercase(), ..selector });
        }
        Ok(selector)
    }
}

fn checked_secret(text: String) -> Result<Secret> {
    vault::check_secret(Secret::from(text)).map_err(|error| Error::new(Code::InvalidInput, error.to_string()))
}

fn environment(row: &EnvironmentRow) -> Environment {
    Environment {
        name: row.name.to_string(),
        tier: row.tier,
        selectors: row.selectors.iter().map(ToString::to_string).collect(),
        created_at: row.created_at,
    }
}

fn credential(row: &CredentialRow) -> Credential {
    Credential {
        name: row.name.to_string(),
        provider: row.provider.clone(),
        kind: row.kind.clone(),
        environment: row.environment.as_ref().map(ToString::to_string),
        upstream: row.upstream.url.clone(),
        version: row.version,
        fingerprint: row.fingerprint.clone(),
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

fn agent(row: &AgentRow) -> Agent {
    Agent {
        name: row.name.to_string(),
        client_id: row.client.to_string(),
        has_key: row.key.is_some(),
        environments: row.environments.iter().map(ToString::to_string).collect(),
        created_at: row.created_at,
    }
}
