use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Name, PasskeyRow};

impl Store {
    pub async fn passkey(&self, id: &str) -> Result<Option<PasskeyRow>, Error> {
        let row: Option<Passkey> = one!(self, sql::PASSKEY, id)?;
        row.map(Passkey::parse).transpose()
    }

    /// In the order in which they were added.
    pub async fn passkeys(&self, person: &Name) -> Result<Vec<PasskeyRow>, Error> {
        let rows: Vec<Passkey> = all!(self, sql::PASSKEYS_OF, person.as_str())?;
        rows.into_iter().map(Passkey::parse).collect()
    }
}

pub(super) async fn add(c: &mut Connection, row: &PasskeyRow) -> Result<(), Fault> {
    let added = execute!(
        c,
        sql::ADD_PASSKEY,
        &row.id,
        row.person.as_str(),
        &row.name,
        &row.public[..],
        row.counter,
        i64::from(row.eligible),
        row.created_at.timestamp_millis(),
    );
    changed(needs(added, "person")?, "passkey")
}

pub(super) async fn use_once(
    c: &mut Connection,
    id: &str,
    counter: i64,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    changed(execute!(c, sql::USE_PASSKEY, id, counter, at.timestamp_millis())?, "passkey")
}

pub(super) async fn rename(c: &mut Connection, id: &str, person: &Name, name: &str) -> Result<(), Fault> {
    changed(execute!(c, sql::RENAME_PASSKEY, id, person.as_str(), name)?, "passkey")
}

pub(super) async fn remove(c: &mut Connection, id: &str, person: &Name) -> Result<(), Fault> {
    changed(execute!(c, sql::REMOVE_PASSKEY, id, person.as_str())?, "passkey")
}

row! {
    struct Passkey {
        passkey: String,
        person: String,
        name: String,
        public: Vec<u8>,
        counter: i64,
        eligible: i64,
        created_at: i64,
        used_at: Option<i64>,
    }
}

impl Passkey {
    fn parse(self) -> Result<PasskeyRow, Error> {
        Ok(PasskeyRow {
            id: self.passkey,
            person: parse(&self.person, "passkeys.person")?,
            name: self.name,
            public: self.public,
            counter: self.counter,
            eligible: self.eligible != 0,
            created_at: time(self.created_at)?,
            used_at: self.used_at.map(time).transpose()?,
        })
    }
}
