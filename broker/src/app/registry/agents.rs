//! Agents: who may be run, and where each may ask to work by itself.

use stint_api::{AddAgent, Agent, AgentDetail, AgentList, Code, EditAgent, RemovedAgent};

use crate::app::{App, Error, Facts, PersonCaller, Result, identify, session};
use crate::model::{AgentRow, ClientId, EventKind, Name};
use crate::store::Change;

const CHANGES: &[EventKind] = &[EventKind::AgentAdded, EventKind::AgentEdited, EventKind::AgentRemoved];
/// Sessions that are shown of one agent.
const SESSIONS: i64 = 50;

impl App {
    pub async fn add_agent(&self, caller: &PersonCaller, add: AddAgent) -> Result<Agent> {
        caller.administers()?;
        let name = super::given(&add.name)?;
        let key = add.key.as_ref().map(identify::parse_key).transpose();
        let key = key.map_err(|error| error.about("key"))?;
        let environments = self.existing(&add.environments)?;
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
        let change = vec![Change::AddAgent(row.clone())];
        self.change(caller, EventKind::AgentAdded, facts, change)
            .await
            .map_err(|error| super::taken(error, "agent", &row.name))?;
        Ok(agent(&row))
    }

    /// Change the environments that an agent may ask for by itself. Its sessions go on: they were started for one.
    pub async fn edit_agent(&self, caller: &PersonCaller, name: &str, edit: EditAgent) -> Result<Agent> {
        caller.administers()?;
        let row = self.agent_row(name)?;
        let to = self.existing(&edit.environments)?;
        let mut was = edit.was.clone().unwrap_or_default();
        was.sort();
        let mut is: Vec<String> = row.environments.iter().map(ToString::to_string).collect();
        is.sort();
        if edit.was.is_some() && was != is {
            let is = if is.is_empty() { "none".to_owned() } else { is.join(", ") };
            return Err(Error::new(
                Code::Conflict,
                format!("the environments of {} were changed in the meantime: they are {is}", row.name),
            )
            .hint("look at them again, then decide"));
        }
        if row.environments != to {
            let facts = Facts::new()
                .with("agent", row.name.as_str())
                .with_all("from", &row.environments)
                .with_all("environments", &to);
            let change = Change::EditAgent { name: row.name.clone(), from: row.environments.clone(), to };
            self.change(caller, EventKind::AgentEdited, facts, vec![change]).await?;
        }
        Ok(self.agent_detail(name).await?.agent)
    }

    /// Remove an agent. Its sessions end with it; those that are being started at this moment end at their first request.
    pub async fn remove_agent(&self, caller: &PersonCaller, name: &str) -> Result<RemovedAgent> {
        caller.administers()?;
        let row = self.agent_row(name)?;
        let facts = Facts::new().with("agent", row.name.as_str()).with("client_id", row.client.as_str());
        let change = Change::RemoveAgent { name: row.name.clone() };
        self.change(caller, EventKind::AgentRemoved, facts, vec![change]).await?;
        let sessions = self.0.store.sessions(true, 100_000).await?;
        let mut ended = Vec::new();
        for session in sessions.iter().filter(|session| session.agent == row.name) {
            if self.end(&session.id, &caller.actor(), "agent_removed", None).await? {
                ended.push(session.id.to_string());
            }
        }
        Ok(RemovedAgent { name: row.name.to_string(), ended })
    }

    pub async fn agents(&self) -> Result<AgentList> {
        let seen = self.0.store.agents_seen().await?;
        let live = self.sessions(false).await?.sessions;
        let registry = self.0.registry.load();
        let mut agents: Vec<Agent> = registry
            .agents
            .values()
            .map(|row| Agent {
                sessions_live: live.iter().filter(|session| session.agent == row.name.as_str()).count()
                    as u64,
                seen_at: seen.get(&row.name).copied(),
                ..agent(row)
            })
            .collect();
        agents.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(AgentList { agents })
    }

    pub async fn agent_detail(&self, name: &str) -> Result<AgentDetail> {
        let row = self.agent_row(name)?;
        let rows = self.0.store.sessions_of_agent(&row.name, SESSIONS).await?;
        let now = self.0.clock.now();
        let live = rows.iter().filter(|session| session.ended_at.is_none() && session.expires_at > now);
        Ok(AgentDetail {
            agent: Agent {
                sessions_live: live.count() as u64,
                seen_at: rows.first().map(|session| session.started_at),
                ..agent(&row)
            },
            sessions: rows.iter().map(session::session).collect(),
            changes: self.changes_of(CHANGES, "agent", row.name.as_str()).await?,
        })
    }

    fn agent_row(&self, name: &str) -> Result<AgentRow> {
        let name = Name::parse(name)?;
        let row = self.0.registry.load().agents.get(&name).cloned();
        row.ok_or_else(|| Error::not_found("agent", &name).hint("see what there is: stint agent list"))
    }

    /// Names of environments that there are, each once.
    fn existing(&self, names: &[String]) -> Result<Vec<Name>> {
        let mut environments = Vec::new();
        for name in names {
            let found = Name::parse(name).map_err(Error::from).and_then(|name| self.environment(&name));
            let name = found.map_err(|error| error.about("environments"))?.name;
            if !environments.contains(&name) {
                environments.push(name);
            }
        }
        Ok(environments)
    }
}

fn agent(row: &AgentRow) -> Agent {
    Agent {
        name: row.name.to_string(),
        client_id: row.client.to_string(),
        has_key: row.key.is_some(),
        environments: row.environments.iter().map(ToString::to_string).collect(),
        created_at: row.created_at,
        sessions_live: 0,
        seen_at: None,
    }
}
