use super::backend::{Connection, changed, execute, hash, one};
use super::error::Fault;
use super::{Error, Store, sql};

/// What `GET /v1/status` counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that nobody has ended.
    pub sessions_live: u64,
    pub approvals_waiting: u64,
    pub records: u64,
}

impl Store {
    /// How the vault is sealed; `None` before the first start is over.
    pub async fn seal_record(&self) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = one!(self, sql::SEAL)?;
        Ok(row.map(|(record,)| record))
    }

    /// SHA-256 of the setup token that may still be used.
    pub async fn setup_token(&self) -> Result<Option<[u8; 32]>, Error> {
        let row: Option<(Vec<u8>,)> = one!(self, sql::SETUP_TOKEN)?;
        row.map(|(bytes,)| hash(bytes, "setup_token.hash")).transpose()
    }

    pub async fn counts(&self) -> Result<Counts, Error> {
        let live: Option<(i64,)> = one!(self, sql::COUNT_LIVE)?;
        let waiting: Option<(i64,)> = one!(self, sql::COUNT_WAITING)?;
        let head = self.head().await?;
        let count = |value: Option<i64>| u64::try_from(value.unwrap_or_default()).unwrap_or_default();
        Ok(Counts {
            sessions_live: count(live.map(|(n,)| n)),
            approvals_waiting: count(waiting.map(|(n,)| n)),
            records: count(head.map(|(seq, _)| seq)),
        })
    }
}

pub(super) async fn put_seal(connection: &mut Connection, record: &str) -> Result<(), Fault> {
    execute!(connection, sql::PUT_SEAL, record)?;
    Ok(())
}

pub(super) async fn set_setup_token(connection: &mut Connection, hash: &[u8; 32]) -> Result<(), Fault> {
    changed(execute!(connection, sql::SET_SETUP_TOKEN, &hash[..])?, "setup_token")
}

pub(super) async fn use_setup_token(connection: &mut Connection, hash: &[u8; 32]) -> Result<(), Fault> {
    changed(execute!(connection, sql::USE_SETUP_TOKEN, &hash[..])?, "setup_token")
}
