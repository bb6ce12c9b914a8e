use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, hash, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{InvitationRow, Name};

impl Store {
    /// The one with this token, over or not.
    pub async fn invitation(&self, token: &[u8; 32]) -> Result<Option<InvitationRow>, Error> {
        let row: Option<Invitation> = one!(self, sql::INVITATION, &token[..])?;
        row.map(Invitation::parse).transpose()
    }

    /// Those that can be used at `now`.
    pub async fn invitations(&self, now: DateTime<Utc>) -> Result<Vec<InvitationRow>, Error> {
        let rows: Vec<Invitation> = all!(self, sql::INVITATIONS, now.timestamp_millis())?;
        rows.into_iter().map(Invitation::parse).collect()
    }
}

pub(super) async fn add(c: &mut Connection, row: &InvitationRow) -> Result<(), Fault> {
    let added = execute!(
        c,
        sql::ADD_INVITATION,
        row.person.as_str(),
        row.role.as_deref(),
        &row.hash[..],
        row.by.as_str(),
        row.created_at.timestamp_millis(),
        row.expires_at.timestamp_millis(),
    );
    changed(added?, "invitation")
}

pub(super) async fn use_up(c: &mut Connection, token: &[u8; 32], at: DateTime<Utc>) -> Result<(), Fault> {
    changed(execute!(c, sql::USE_INVITATION, &token[..], at.timestamp_millis())?, "invitation")
}

pub(super) async fn withdraw(c: &mut Connection, person: &Name) -> Result<(), Fault> {
    changed(execute!(c, sql::FORGET_INVITATION, person.as_str())?, "invitation")
}

row! {
    struct Invitation {
        person: String,
        role: Option<String>,
        hash: Vec<u8>,
        invited_by: String,
        created_at: i64,
        expires_at: i64,
    }
}

impl Invitation {
    fn parse(self) -> Result<InvitationRow, Error> {
        Ok(InvitationRow {
            person: parse(&self.person, "invitations.person")?,
            role: self.role,
            hash: hash(self.hash, "invitations.hash")?,
            by: parse(&self.invited_by, "invitations.invited_by")?,
            created_at: time(self.created_at)?,
            expires_at: time(self.expires_at)?,
        })
    }
}
