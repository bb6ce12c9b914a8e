use super::backend::{Connection, all, changed, execute, from_json, json, one, parse, row, time};
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
