use chrono::{DateTime, Utc};

use super::backend::{Connection, changed, execute, needs, one, row};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Name, OneTimeCodesRow, Sealed};

impl Store {
    /// The secret of a person's one-time codes, in use or only offered.
    pub async fn one_time_codes(&self, person: &Name) -> Result<Option<OneTimeCodesRow>, Error> {
        let row: Option<OneTimeCode> = one!(self, sql::ONE_TIME_CODE, person.as_str())?;
        Ok(row.map(|row| OneTimeCodesRow {
            sealed: Sealed { kek: row.kek, wrapped_key: row.wrapped_key, ciphertext: row.ciphertext },
            step: row.step,
        }))
    }
}

pub(super) async fn offer(
    c: &mut Connection,
    person: &Name,
    sealed: &Sealed,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let offered = execute!(
        c,
        sql::OFFER_ONE_TIME_CODE,
        person.as_str(),
        &sealed.kek,
        &sealed.wrapped_key[..],
        &sealed.ciphertext[..],
        at.timestamp_millis(),
    );
    changed(needs(offered, "person")?, "one_time_codes")
}

pub(super) async fn use_step(c: &mut Connection, person: &Name, step: i64) -> Result<(), Fault> {
    changed(execute!(c, sql::USE_STEP, person.as_str(), step)?, "one_time_code")
}

pub(super) async fn remove(c: &mut Connection, person: &Name) -> Result<(), Fault> {
    changed(execute!(c, sql::REMOVE_ONE_TIME_CODE, person.as_str())?, "one_time_codes")
}

row! {
    struct OneTimeCode {
        kek: String,
        wrapped_key: Vec<u8>,
        ciphertext: Vec<u8>,
        step: i64,
    }
}
