use chrono::{DateTime, Utc};

use super::backend::{Connection, all, execute, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::Sealed;

/// A key that the broker signs with: the private half sealed, the public half as its maker writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub kid: String,
    pub purpose: String,
    pub sealed: Sealed,
    pub public: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// From then on it only verifies.
    pub retired_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Keys of one purpose, retired ones too, oldest first.
    pub async fn sealed_keys(&self, purpose: &str) -> Result<Vec<KeyRow>, Error> {
        let rows: Vec<Key> = all!(self, sql::KEYS, purpose)?;
        rows.into_iter().map(Key::parse).collect()
    }
}

pub(super) async fn put(connection: &mut Connection, row: &KeyRow) -> Result<(), Fault> {
    execute!(
        connection,
        sql::PUT_KEY,
        &row.kid,
        &row.purpose,
        &row.sealed.kek,
        &row.sealed.wrapped_key,
        &row.sealed.ciphertext,
        &row.public,
        row.created_at.timestamp_millis(),
        row.retired_at.map(|at| at.timestamp_millis()),
    )?;
    Ok(())
}

row! {
    struct Key {
        kid: String,
        purpose: String,
        kek: String,
        wrapped_key: Vec<u8>,
        ciphertext: Vec<u8>,
        public: Vec<u8>,
        created_at: i64,
        retired_at: Option<i64>,
    }
}

impl Key {
    fn parse(self) -> Result<KeyRow, Error> {
        Ok(KeyRow {
            kid: self.kid,
            purpose: self.purpose,
            sealed: Sealed { kek: self.kek, wrapped_key: self.wrapped_key, ciphertext: self.ciphertext },
            public: self.public,
            created_at: time(self.created_at)?,
            retired_at: self.retired_at.map(time).transpose()?,
        })
    }
}
