use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, from_json, json, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Name, SessionId, SessionRow};

impl Store {
    pub async fn session(&self, id: &SessionId) -> Result<Option<SessionRow>, Error> {
        let row: Option<Session> = one!(self, sql::SESSION, id.as_str())?;
        row.map(Session::parse).transpose()
    }

    /// Newest first. `live_only` leaves out those that were ended; one whose time is over but which nobody has ended
    /// yet is still among them, for whoever ends it.
    pub async fn sessions(&self, live_only: bool, limit: i64) -> Result<Vec<SessionRow>, Error> {
        let rows: Vec<Session> = match live_only {
            true => all!(self, sql::SESSIONS_LIVE, limit)?,
            false => all!(self, sql::SESSIONS, limit)?,
        };
        rows.into_iter().map(Session::parse).collect()
    }

    /// A page, newest first: those before `before`, or the newest. What is empty filters nothing; `state` is `live` or
    /// `ended`.
    pub async fn sessions_page(
        &self,
        before: &str,
        agent: &str,
        environment: &str,
        state: &str,
        limit: i64,
    ) -> Result<Vec<SessionRow>, Error> {
        let rows: Vec<Session> =
            all!(self, sql::SESSIONS_FILTERED, before, agent, environment, state, limit)?;
        rows.into_iter().map(Session::parse).collect()
    }

    /// Those that were started within it, live and ended, the oldest first.
    pub async fn sessions_within(&self, id: &SessionId) -> Result<Vec<SessionRow>, Error> {
        let rows: Vec<Session> = all!(self, sql::SESSIONS_WITHIN, id.as_str())?;
        rows.into_iter().map(Session::parse).collect()
    }

    /// Those that nobody has ended although the session that they were started within has ended, the oldest first.
    pub async fn sessions_orphaned(&self, limit: i64) -> Result<Vec<SessionRow>, Error> {
        let rows: Vec<Session> = all!(self, sql::SESSIONS_ORPHANED, limit)?;
        rows.into_iter().map(Session::parse).collect()
    }

    /// Newest first.
    pub async fn sessions_of_agent(&self, agent: &Name, limit: i64) -> Result<Vec<SessionRow>, Error> {
        let rows: Vec<Session> = all!(self, sql::SESSIONS_OF_AGENT, agent.as_str(), limit)?;
        rows.into_iter().map(Session::parse).collect()
    }
}

pub(super) async fn add(connection: &mut Connection, row: &SessionRow) -> Result<(), Fault> {
    let grants = json(&row.grants)?;
    let added = execute!(
        connection,
        sql::ADD_SESSION,
        row.id.as_str(),
        row.environment.as_str(),
        row.tier.as_str(),
        row.agent.as_str(),
        &row.subject,
        &row.key,
        &row.jkt,
        &grants,
        row.confinement.as_str(),
        row.command.as_deref(),
        row.heartbeat,
        row.parent.as_ref().map(SessionId::as_str),
        row.started_at.timestamp_millis(),
        row.expires_at.timestamp_millis(),
        row.ended_at.map(|at| at.timestamp_millis()),
        row.end_reason.as_deref(),
    );
    changed(added?, "session")
}

pub(super) async fn end(
    connection: &mut Connection,
    id: &SessionId,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), Fault> {
    let ended = execute!(connection, sql::END_SESSION, id.as_str(), at.timestamp_millis(), reason);
    changed(ended?, "session")
}

row! {
    struct Session {
        session: String,
        environment: String,
        tier: String,
        agent: String,
        subject: String,
        key: String,
        jkt: String,
        grants: String,
        confinement: String,
        command: Option<String>,
        heartbeat: bool,
        parent: Option<String>,
        started_at: i64,
        expires_at: i64,
        ended_at: Option<i64>,
        end_reason: Option<String>,
    }
}

impl Session {
    fn parse(self) -> Result<SessionRow, Error> {
        Ok(SessionRow {
            id: parse(&self.session, "sessions.session")?,
            environment: parse(&self.environment, "sessions.environment")?,
            tier: parse(&self.tier, "sessions.tier")?,
            agent: parse(&self.agent, "sessions.agent")?,
            subject: self.subject,
            key: self.key,
            jkt: self.jkt,
            grants: from_json(&self.grants, "sessions.grants")?,
            confinement: parse(&self.confinement, "sessions.confinement")?,
            command: self.command,
            heartbeat: self.heartbeat,
            parent: self.parent.map(|id| parse(&id, "sessions.parent")).transpose()?,
            started_at: time(self.started_at)?,
            expires_at: time(self.expires_at)?,
            ended_at: self.ended_at.map(time).transpose()?,
            end_reason: self.end_reason,
        })
    }
}
