use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, found, from_json, json, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{AgentRow, ClientId, Name};

impl Store {
    /// In the order in which they were added.
    pub async fn agents(&self) -> Result<Vec<AgentRow>, Error> {
        let rows: Vec<Agent> = all!(self, sql::AGENTS)?;
        rows.into_iter().map(Agent::parse).collect()
    }

    pub async fn agent(&self, name: &Name) -> Result<Option<AgentRow>, Error> {
        let row: Option<Agent> = one!(self, sql::AGENT, name.as_str())?;
        row.map(Agent::parse).transpose()
    }

    pub async fn agent_by_client(&self, client: &ClientId) -> Result<Option<AgentRow>, Error> {
        let row: Option<Agent> = one!(self, sql::AGENT_BY_CLIENT, client.as_str())?;
        row.map(Agent::parse).transpose()
    }

    /// When the last session of each agent was started.
    pub async fn agents_seen(&self) -> Result<HashMap<Name, DateTime<Utc>>, Error> {
        let rows: Vec<Seen> = all!(self, sql::AGENTS_SEEN)?;
        let seen = |row: Seen| Ok((parse(&row.agent, "sessions.agent")?, time(row.started_at)?));
        rows.into_iter().map(seen).collect()
    }
}

pub(super) async fn add(connection: &mut Connection, row: &AgentRow) -> Result<(), Fault> {
    let environments = json(&row.environments)?;
    let added = execute!(
        connection,
        sql::ADD_AGENT,
        row.name.as_str(),
        row.client.as_str(),
        row.key.as_deref(),
        &environments,
        row.created_at.timestamp_millis(),
    );
    changed(added?, "agent")
}

pub(super) async fn edit(
    connection: &mut Connection,
    name: &Name,
    from: &[Name],
    to: &[Name],
) -> Result<(), Fault> {
    let (from, to) = (json(&from)?, json(&to)?);
    changed(execute!(connection, sql::EDIT_AGENT, name.as_str(), &from, &to)?, "agent")
}

pub(super) async fn remove(connection: &mut Connection, name: &Name) -> Result<(), Fault> {
    changed(execute!(connection, sql::REMOVE_AGENT, name.as_str())?, "agent")
}

/// Whether an agent may ask for an environment by itself, as seen inside the transaction.
pub(super) async fn may_ask_for(connection: &mut Connection, environment: &Name) -> Result<bool, Fault> {
    let rows: Vec<Agent> = found!(connection, sql::AGENTS)?;
    // What cannot be read names who knows what.
    Ok(rows.into_iter().any(|row| row.parse().map_or(true, |row| row.environments.contains(environment))))
}

row! {
    struct Seen {
        agent: String,
        started_at: i64,
    }
}

row! {
    struct Agent {
        name: String,
        client: String,
        key: Option<String>,
        environments: String,
        created_at: i64,
    }
}

impl Agent {
    fn parse(self) -> Result<AgentRow, Error> {
        Ok(AgentRow {
            name: parse(&self.name, "agents.name")?,
            client: parse(&self.client, "agents.client")?,
            key: self.key,
            environments: from_json(&self.environments, "agents.environments")?,
            created_at: time(self.created_at)?,
        })
    }
}
