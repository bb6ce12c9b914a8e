//! What the parts cost by themselves.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::Result;
use crate::rounds::median;

/// One Ed25519 verification of 600 bytes, in microseconds.
pub(crate) fn ed25519_verify() -> Result<f64> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).map_err(|_| "no key")?;
    let message = [b'a'; 600];
    let signature = pair.sign(&message);
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
    let mut found = Vec::new();
    for _ in 0..40 {
        let started = Instant::now();
        for _ in 0..50 {
            public.verify(black_box(&message), signature.as_ref()).map_err(|_| "no signature")?;
        }
        found.push(started.elapsed().as_secs_f64() * 1e6 / 50.0);
    }
    Ok(median(found))
}

/// One durable commit of a pair of rows, a state and a record, alone: the median in milliseconds.
pub(crate) async fn sqlite_pair(folder: &Path) -> Result<f64> {
    let mut options = SqliteConnectOptions::new()
        .filename(folder.join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    options = options.disable_statement_logging();
    let mut connection = options.connect().await?;
    connection
        .execute(
            "CREATE TABLE states (id INTEGER PRIMARY KEY, value BLOB); CREATE TABLE records (seq INTEGER PRIMARY KEY, body BLOB)",
        )
        .await?;
    let mut found = Vec::new();
    for _ in 0..600 {
        let started = Instant::now();
        let written = sqlx::query(
            "BEGIN IMMEDIATE; INSERT INTO states (value) VALUES (zeroblob(64)); INSERT INTO records (body) VALUES (zeroblob(600)); COMMIT",
        );
        written.execute(&mut connection).await?;
        found.push(started.elapsed().as_secs_f64() * 1e3);
    }
    connection.close().await?;
    Ok(median(found))
}
