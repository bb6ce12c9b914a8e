use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, hash, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Name, SignInId, SignInRow};

impl Store {
    /// The sign-in with this cookie, ended or not.
    pub async fn sign_in(&self, cookie: &[u8; 32]) -> Result<Option<SignInRow>, Error> {
        let row: Option<SignIn> = one!(self, sql::SIGN_IN, &cookie[..])?;
        row.map(SignIn::parse).transpose()
    }

    /// The same by its id.
    pub async fn sign_in_of_id(&self, id: &SignInId) -> Result<Option<SignInRow>, Error> {
        let row: Option<SignIn> = one!(self, sql::SIGN_IN_OF_ID, id.as_str())?;
        row.map(SignIn::parse).transpose()
    }

    /// Those of a person that have not ended, newest first.
    pub async fn sign_ins(&self, person: &Name, now: DateTime<Utc>) -> Result<Vec<SignInRow>, Error> {
        let rows: Vec<SignIn> = all!(self, sql::SIGN_INS, person.as_str(), now.timestamp_millis())?;
        rows.into_iter().map(SignIn::parse).collect()
    }
}

pub(super) async fn add(connection: &mut Connection, row: &SignInRow) -> Result<(), Fault> {
    let added = execute!(
        connection,
        sql::ADD_SIGN_IN,
        row.id.as_str(),
        row.person.as_str(),
        &row.hash[..],
        &row.method,
        &row.device,
        &row.address,
        row.created_at.timestamp_millis(),
        row.proven_at.timestamp_millis(),
        row.expires_at.timestamp_millis(),
    );
    changed(needs(added, "person")?, "sign_in")
}

pub(super) async fn prove(c: &mut Connection, id: &SignInId, at: DateTime<Utc>) -> Result<(), Fault> {
    changed(execute!(c, sql::PROVE_SIGN_IN, id.as_str(), at.timestamp_millis())?, "sign_in")
}

pub(super) async fn end(c: &mut Connection, id: &SignInId, at: DateTime<Utc>) -> Result<(), Fault> {
    changed(execute!(c, sql::END_SIGN_IN, id.as_str(), at.timestamp_millis())?, "sign_in")
}

pub(super) async fn end_of(
    c: &mut Connection,
    id: &SignInId,
    person: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let ended = execute!(c, sql::END_SIGN_IN_OF, id.as_str(), person.as_str(), at.timestamp_millis())?;
    changed(ended, "sign_in")
}

pub(super) async fn end_all(
    c: &mut Connection,
    person: &Name,
    but: Option<&SignInId>,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let but = but.map_or("", SignInId::as_str);
    execute!(c, sql::END_SIGN_INS, person.as_str(), at.timestamp_millis(), but)?;
    Ok(())
}

row! {
    struct SignIn {
        sign_in: String,
        person: String,
        hash: Vec<u8>,
        method: String,
        device: String,
        address: String,
        created_at: i64,
        proven_at: i64,
        expires_at: i64,
        ended_at: Option<i64>,
    }
}

impl SignIn {
    fn parse(self) -> Result<SignInRow, Error> {
        Ok(SignInRow {
            id: parse(&self.sign_in, "sign_ins.sign_in")?,
            person: parse(&self.person, "sign_ins.person")?,
            hash: hash(self.hash, "sign_ins.hash")?,
            method: self.method,
            device: self.device,
            address: self.address,
            created_at: time(self.created_at)?,
            proven_at: time(self.proven_at)?,
            expires_at: time(self.expires_at)?,
            ended_at: self.ended_at.map(time).transpose()?,
        })
    }
}
