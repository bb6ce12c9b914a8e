use chrono::{DateTime, Utc};
use stint_api::ApprovalState;

use super::backend::{Connection, all, changed, execute, from_json, json, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{ApprovalId, ApprovalRow, Name, SessionId};

impl Store {
    pub async fn approval(&self, id: &ApprovalId) -> Result<Option<ApprovalRow>, Error> {
        let row: Option<Approval> = one!(self, sql::APPROVAL, id.as_str())?;
        row.map(Approval::parse).transpose()
    }

    /// Newest first. The state is the stored one: one that ran out of time stays `Waiting` until somebody expires it.
    pub async fn approvals(
        &self,
        state: Option<ApprovalState>,
        limit: i64,
    ) -> Result<Vec<ApprovalRow>, Error> {
        let rows: Vec<Approval> = match state {
            Some(state) => all!(self, sql::APPROVALS_IN, limit, word(state))?,
            None => all!(self, sql::APPROVALS, limit)?,
        };
        rows.into_iter().map(Approval::parse).collect()
    }

    /// Every approval that this session was given or asked for, for one exact request, newest first.
    /// `digest` is hex, as in the row.
    pub async fn approvals_for(&self, session: &SessionId, digest: &str) -> Result<Vec<ApprovalRow>, Error> {
        let rows: Vec<Approval> = all!(self, sql::APPROVALS_FOR, session.as_str(), digest)?;
        rows.into_iter().map(Approval::parse).collect()
    }

    /// Those that a session asked for, newest first.
    pub async fn approvals_of(&self, session: &SessionId, limit: i64) -> Result<Vec<ApprovalRow>, Error> {
        let rows: Vec<Approval> = all!(self, sql::APPROVALS_OF_SESSION, session.as_str(), limit)?;
        rows.into_iter().map(Approval::parse).collect()
    }

    /// How many of a session's wait at this moment.
    pub async fn count_waiting(&self, session: &SessionId, now: DateTime<Utc>) -> Result<u64, Error> {
        let row: Option<(i64,)> =
            one!(self, sql::COUNT_WAITING_OF, session.as_str(), now.timestamp_millis())?;
        Ok(row.and_then(|(count,)| u64::try_from(count).ok()).unwrap_or_default())
    }
}

pub(super) async fn add(connection: &mut Connection, row: &ApprovalRow) -> Result<(), Fault> {
    let (operations, resources, lift) = (json(&row.operations)?, json(&row.resources)?, json(&row.lift)?);
    let added = execute!(
        connection,
        sql::ADD_APPROVAL,
        row.id.as_str(),
        word(row.state),
        row.session.as_str(),
        row.environment.as_str(),
        row.agent.as_str(),
        &row.subject,
        row.credential.as_str(),
        &row.request,
        &row.digest,
        &operations,
        row.class.as_str(),
        &resources,
        &lift,
        row.requested_at.timestamp_millis(),
        row.expires_at.timestamp_millis(),
        row.decided_by.as_ref().map(Name::as_str),
        row.decided_at.map(|at| at.timestamp_millis()),
        row.reason.as_deref(),
        row.agent_reason.as_deref(),
    );
    changed(added?, "approval")
}

pub(super) async fn decide(
    connection: &mut Connection,
    id: &ApprovalId,
    state: ApprovalState,
    by: &Name,
    at: DateTime<Utc>,
    reason: Option<&str>,
) -> Result<(), Fault> {
    if !matches!(state, ApprovalState::Approved | ApprovalState::Denied) {
        return Err(Fault::Conflict("approval"));
    }
    let at = at.timestamp_millis();
    let decided =
        execute!(connection, sql::DECIDE_APPROVAL, id.as_str(), word(state), by.as_str(), at, reason);
    changed(decided?, "approval")
}

pub(super) async fn shorten(
    connection: &mut Connection,
    id: &ApprovalId,
    until: DateTime<Utc>,
) -> Result<(), Fault> {
    let shortened = execute!(connection, sql::SHORTEN_APPROVAL, id.as_str(), until.timestamp_millis());
    changed(shortened?, "approval")
}

pub(super) async fn use_up(
    connection: &mut Connection,
    id: &ApprovalId,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let used = execute!(connection, sql::USE_APPROVAL, id.as_str(), at.timestamp_millis());
    changed(used?, "approval")
}

pub(super) async fn expire(
    connection: &mut Connection,
    id: &ApprovalId,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let expired = execute!(connection, sql::EXPIRE_APPROVAL, id.as_str(), at.timestamp_millis());
    changed(expired?, "approval")
}

const STATES: [ApprovalState; 5] = [
    ApprovalState::Waiting,
    ApprovalState::Approved,
    ApprovalState::Denied,
    ApprovalState::Used,
    ApprovalState::Expired,
];

/// As stored, and as written out in the statements.
fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved",
        ApprovalState::Denied => "denied",
        ApprovalState::Used => "used",
        ApprovalState::Expired => "expired",
    }
}

row! {
    struct Approval {
        approval: String,
        state: String,
        session: String,
        environment: String,
        agent: String,
        subject: String,
        credential: String,
        request: String,
        digest: String,
        operations: String,
        class: String,
        resources: String,
        lift: String,
        requested_at: i64,
        expires_at: i64,
        decided_by: Option<String>,
        decided_at: Option<i64>,
        reason: Option<String>,
        agent_reason: Option<String>,
    }
}

impl Approval {
    fn parse(self) -> Result<ApprovalRow, Error> {
        let state = STATES.into_iter().find(|state| word(*state) == self.state);
        Ok(ApprovalRow {
            id: parse(&self.approval, "approvals.approval")?,
            state: state.ok_or(Error::Damaged("approvals.state"))?,
            session: parse(&self.session, "approvals.session")?,
            environment: parse(&self.environment, "approvals.environment")?,
            agent: parse(&self.agent, "approvals.agent")?,
            subject: self.subject,
            credential: parse(&self.credential, "approvals.credential")?,
            request: self.request,
            digest: self.digest,
            operations: from_json(&self.operations, "approvals.operations")?,
            class: parse(&self.class, "approvals.class")?,
            resources: from_json(&self.resources, "approvals.resources")?,
            lift: from_json(&self.lift, "approvals.lift")?,
            requested_at: time(self.requested_at)?,
            expires_at: time(self.expires_at)?,
            decided_by: self.decided_by.map(|name| parse(&name, "approvals.decided_by")).transpose()?,
            decided_at: self.decided_at.map(time).transpose()?,
            reason: self.reason,
            agent_reason: self.agent_reason,
        })
    }
}
