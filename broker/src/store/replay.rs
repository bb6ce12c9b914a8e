//! What must not happen twice: proofs and assertions by their key, tokens that were revoked.
//!
//! Keys of a whole batch are remembered by one statement (`commit.rs`); here is the rest.

use super::backend::{Connection, execute, one};
use super::error::Fault;
use super::{Error, Store, sql};

/// Rows of one sweep: a few milliseconds of work, so that nobody waits long behind it.
const SWEEP_ROWS: i64 = 2_000;

/// Seconds that a row stays beyond its time, so that a clock which is set back does not make a proof new again.
const SWEEP_SLACK: i64 = 60;

impl Store {
    pub async fn token_revoked(&self, jti: &str) -> Result<bool, Error> {
        let row: Option<(String,)> = one!(self, sql::TOKEN_REVOKED, jti)?;
        Ok(row.is_some())
    }
}

pub(super) async fn revoke_token(connection: &mut Connection, jti: &str, until: i64) -> Result<(), Fault> {
    execute!(connection, sql::REVOKE_TOKEN, jti, until)?;
    Ok(())
}

pub(super) async fn forget(connection: &mut Connection, key: &[u8; 32]) -> Result<(), sqlx::Error> {
    execute!(connection, sql::FORGET, &key[..])?;
    Ok(())
}

/// Forgets what is over at `now` (unix seconds). Answers whether there may be more.
pub(super) async fn sweep(connection: &mut Connection, now: i64) -> Result<bool, sqlx::Error> {
    let before = now.saturating_sub(SWEEP_SLACK);
    let keys = execute!(&mut *connection, sql::SWEEP_REMEMBERED, before, SWEEP_ROWS)?;
    let tokens = execute!(connection, sql::SWEEP_REVOKED, before, SWEEP_ROWS)?;
    let full = SWEEP_ROWS.unsigned_abs();
    Ok(keys >= full || tokens >= full)
}
