use chrono::{DateTime, Utc};

use super::backend::{Connection, changed, execute, needs, one};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::Name;

impl Store {
    /// The PHC string of a person's password, if they have one.
    pub async fn password(&self, person: &Name) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = one!(self, sql::PASSWORD, person.as_str())?;
        Ok(row.map(|(hash,)| hash))
    }
}

pub(super) async fn put(
    c: &mut Connection,
    person: &Name,
    hash: &str,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let put = execute!(c, sql::PUT_PASSWORD, person.as_str(), hash, at.timestamp_millis());
    changed(needs(put, "person")?, "password")
}

pub(super) async fn remove(c: &mut Connection, person: &Name) -> Result<(), Fault> {
    changed(execute!(c, sql::REMOVE_PASSWORD, person.as_str())?, "password")
}
