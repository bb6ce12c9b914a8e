use chrono::{DateTime, Utc};

use super::backend::{Connection, execute, one, time};
use super::error::Fault;
use super::{Error, Store, sql};

impl Store {
    /// How many attempts failed in a row, and when the last one did.
    pub async fn failures(&self, subject: &[u8; 32]) -> Result<Option<(u32, DateTime<Utc>)>, Error> {
        let row: Option<(i64, i64)> = one!(self, sql::FAILURES, &subject[..])?;
        row.map(|(count, at)| Ok((u32::try_from(count).unwrap_or(u32::MAX), time(at)?))).transpose()
    }
}

pub(super) async fn count(
    c: &mut Connection,
    subject: &[u8; 32],
    at: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<(), Fault> {
    execute!(&mut *c, sql::SWEEP_FAILURES, since.timestamp_millis())?;
    execute!(&mut *c, sql::COUNT_FAILURE, &subject[..], at.timestamp_millis())?;
    Ok(())
}

pub(super) async fn forget(c: &mut Connection, subject: &[u8; 32]) -> Result<(), Fault> {
    execute!(c, sql::FORGET_FAILURES, &subject[..])?;
    Ok(())
}
