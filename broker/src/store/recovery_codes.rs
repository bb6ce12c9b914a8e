use chrono::{DateTime, Utc};

use super::backend::{Connection, changed, execute, needs, one};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::Name;

impl Store {
    /// How many of a person's are left.
    pub async fn recovery_codes(&self, person: &Name) -> Result<u64, Error> {
        let row: Option<(i64,)> = one!(self, sql::RECOVERY_CODES, person.as_str())?;
        Ok(row.and_then(|(count,)| u64::try_from(count).ok()).unwrap_or_default())
    }

    /// Whether this one may still be used.
    pub async fn has_recovery_code(&self, person: &Name, hash: &[u8; 32]) -> Result<bool, Error> {
        let row: Option<(i64,)> = one!(self, sql::RECOVERY_CODE, person.as_str(), &hash[..])?;
        Ok(row.is_some_and(|(count,)| count > 0))
    }
}

pub(super) async fn put(c: &mut Connection, person: &Name, hashes: &[[u8; 32]]) -> Result<(), Fault> {
    execute!(&mut *c, sql::FORGET_RECOVERY_CODES, person.as_str())?;
    for hash in hashes {
        let added = execute!(&mut *c, sql::ADD_RECOVERY_CODE, person.as_str(), &hash[..]);
        changed(needs(added, "person")?, "recovery_code")?;
    }
    Ok(())
}

pub(super) async fn use_up(
    c: &mut Connection,
    person: &Name,
    hash: &[u8; 32],
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let used = execute!(c, sql::USE_RECOVERY_CODE, person.as_str(), &hash[..], at.timestamp_millis())?;
    changed(used, "recovery_code")
}
