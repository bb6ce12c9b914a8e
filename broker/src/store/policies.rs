use chrono::{DateTime, Utc};
use stint_api::PolicyState;

use super::backend::{Connection, all, changed, execute, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Name, PolicyRow};

impl Store {
    /// Counts the changes of what is in use.
    pub async fn policy_revision(&self) -> Result<i64, Error> {
        let row: Option<(i64,)> = one!(self, sql::POLICY_REVISION)?;
        row.map(|(revision,)| revision).ok_or(Error::Damaged("policy_revision"))
    }

    /// Versions in use and those that wait for a second person, by name.
    pub async fn policies(&self) -> Result<Vec<PolicyRow>, Error> {
        let rows: Vec<Policy> = all!(self, sql::POLICIES_IN_USE)?;
        rows.into_iter().map(Policy::parse).collect()
    }

    /// Newest first.
    pub async fn policy_versions(&self, name: &Name, limit: i64) -> Result<Vec<PolicyRow>, Error> {
        let rows: Vec<Policy> = all!(self, sql::POLICY_VERSIONS, name.as_str(), limit)?;
        rows.into_iter().map(Policy::parse).collect()
    }

    pub async fn policy_version(&self, name: &Name, version: i64) -> Result<Option<PolicyRow>, Error> {
        let row: Option<Policy> = one!(self, sql::POLICY_VERSION, name.as_str(), version)?;
        row.map(Policy::parse).transpose()
    }
}

pub(super) async fn put(c: &mut Connection, row: &PolicyRow, revision: i64) -> Result<(), Fault> {
    replace(c, row, revision).await?;
    add(c, row).await
}

pub(super) async fn propose(c: &mut Connection, row: &PolicyRow) -> Result<(), Fault> {
    add(c, row).await
}

pub(super) async fn confirm(
    c: &mut Connection,
    row: &PolicyRow,
    by: &Name,
    at: DateTime<Utc>,
    revision: i64,
) -> Result<(), Fault> {
    replace(c, row, revision).await?;
    decide(c, row, PolicyState::Active, by, at).await
}

pub(super) async fn withdraw(
    c: &mut Connection,
    row: &PolicyRow,
    by: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    decide(c, row, PolicyState::Withdrawn, by, at).await
}

/// Makes room for a version: nothing in use has changed since it was judged, and its base goes.
async fn replace(c: &mut Connection, row: &PolicyRow, revision: i64) -> Result<(), Fault> {
    changed(execute!(&mut *c, sql::MOVE_POLICIES, revision)?, "policies")?;
    if row.base > 0 {
        changed(execute!(&mut *c, sql::RETIRE_POLICY, row.name.as_str(), row.base)?, "policy")?;
    }
    Ok(())
}

async fn add(c: &mut Connection, row: &PolicyRow) -> Result<(), Fault> {
    let added = execute!(
        c,
        sql::ADD_POLICY,
        row.name.as_str(),
        row.version,
        &row.text,
        &row.tests,
        &row.note,
        row.state.as_str(),
        row.base,
        row.person.as_str(),
        row.created_at.timestamp_millis(),
    );
    changed(needs(added, "person")?, "policy")
}

async fn decide(
    c: &mut Connection,
    row: &PolicyRow,
    state: PolicyState,
    by: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let (name, at) = (row.name.as_str(), at.timestamp_millis());
    let decided = execute!(c, sql::DECIDE_POLICY, name, row.version, state.as_str(), by.as_str(), at);
    changed(needs(decided, "person")?, "policy")
}

row! {
    struct Policy {
        name: String,
        version: i64,
        text: String,
        tests: String,
        note: String,
        state: String,
        base: i64,
        person: String,
        created_at: i64,
        decided_by: Option<String>,
        decided_at: Option<i64>,
    }
}

impl Policy {
    fn parse(self) -> Result<PolicyRow, Error> {
        let state = PolicyState::ALL.into_iter().find(|state| state.as_str() == self.state);
        Ok(PolicyRow {
            name: parse(&self.name, "policy_versions.name")?,
            version: self.version,
            text: self.text,
            tests: self.tests,
            note: self.note,
            state: state.ok_or(Error::Damaged("policy_versions.state"))?,
            base: self.base,
            person: parse(&self.person, "policy_versions.person")?,
            created_at: time(self.created_at)?,
            decided_by: self.decided_by.map(|by| parse(&by, "policy_versions.decided_by")).transpose()?,
            decided_at: self.decided_at.map(time).transpose()?,
        })
    }
}
