use super::backend::{Connection, all, execute, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{AlertKind, AlertRow, Name};

impl Store {
    /// Newest first, with their places: those before `before`, or the last.
    pub async fn alerts(
        &self,
        before: Option<i64>,
        limit: i64,
        kind: Option<AlertKind>,
    ) -> Result<Vec<(i64, AlertRow)>, Error> {
        let before = before.unwrap_or(i64::MAX);
        let rows: Vec<Alert> = match kind {
            None => all!(self, sql::ALERTS, before, limit)?,
            Some(kind) => all!(self, sql::ALERTS_OF_KIND, before, limit, kind.as_str())?,
        };
        rows.into_iter().map(Alert::parse).collect()
    }

    /// Place of the last alert that a person has seen, 0 before the first.
    pub async fn alerts_seen(&self, person: &Name) -> Result<i64, Error> {
        let row: Option<(i64,)> = one!(self, sql::ALERTS_SEEN, person.as_str())?;
        Ok(row.map_or(0, |(alert,)| alert))
    }

    /// How many came after that place, counted to 100.
    pub async fn count_alerts(&self, after: i64) -> Result<u64, Error> {
        let row: Option<(i64,)> = one!(self, sql::COUNT_ALERTS, after)?;
        Ok(row.and_then(|(count,)| u64::try_from(count).ok()).unwrap_or_default())
    }
}

pub(super) async fn add(connection: &mut Connection, row: &AlertRow) -> Result<(), Fault> {
    let added = execute!(
        connection,
        sql::ADD_ALERT,
        row.kind.as_str(),
        row.at.timestamp_millis(),
        row.session.as_deref(),
        row.agent.as_deref(),
        row.environment.as_deref(),
        &row.record,
        &row.detail,
    );
    added.map(drop).map_err(Fault::Database)
}

pub(super) async fn see(connection: &mut Connection, person: &Name, until: i64) -> Result<(), Fault> {
    execute!(connection, sql::SEE_ALERTS, person.as_str(), until).map(drop).map_err(Fault::Database)
}

row! {
    struct Alert {
        id: i64,
        kind: String,
        at: i64,
        session: Option<String>,
        agent: Option<String>,
        environment: Option<String>,
        record: String,
        detail: String,
    }
}

impl Alert {
    fn parse(self) -> Result<(i64, AlertRow), Error> {
        let row = AlertRow {
            kind: parse(&self.kind, "alerts.kind")?,
            at: time(self.at)?,
            session: self.session,
            agent: self.agent,
            environment: self.environment,
            record: self.record,
            detail: self.detail,
        };
        Ok((self.id, row))
    }
}
