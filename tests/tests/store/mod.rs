//! The store through its public door, every test on both databases.

mod chain;
mod commits;
mod faults;
mod guards;
mod plans;
mod rows;
mod statements;

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use ring::digest::{Context, SHA256};
use serde_json::Map;
use stint_broker::model::{Event, EventKind, RecordId, SessionId};
use stint_broker::store::{Change, Commit, CommitError, Database, Store};
use stint_tests::postgres::PostgresServer;
use tempfile::TempDir;

/// Runs a test on SQLite and on PostgreSQL: `both! { async fn name(place) { ... } }`.
macro_rules! both {
    ($(async fn $name:ident($place:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs everything")]
            use super::*;

            async fn run($place: $crate::store::Place) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::store::Place::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($crate::store::Place::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use both;

/// An empty database of a test's own.
pub(crate) struct Place {
    pub(crate) database: Database,
    _folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Place { database: Database::Sqlite(folder.path().join("stint.db")), _folder: Some(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let url = PostgresServer::shared().database().await;
        Place { database: Database::Postgres(url), _folder: None }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.database, link, encode).await.unwrap()
    }
}

/// Not the product's own: the store must work with whatever it is handed.
pub(crate) fn link(prev: &[u8; 32], seq: i64, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(prev);
    context.update(&seq.to_be_bytes());
    context.update(body);
    context.finish().as_ref().try_into().unwrap()
}

pub(crate) fn encode(event: &Event) -> Vec<u8> {
    serde_json::to_vec(event).unwrap()
}

/// 2026-11-22T12:00:00Z and some seconds.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// Never the same twice.
pub(crate) fn hex_id(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{prefix}{:032x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn event(kind: EventKind) -> Event {
    Event {
        id: RecordId::parse(&hex_id("rec_")).unwrap(),
        at: at(0),
        kind,
        session: None,
        actor: "person:alice".to_owned(),
        facts: Map::new(),
    }
}

pub(crate) fn event_of(kind: EventKind, session: &SessionId) -> Event {
    Event { session: Some(session.to_string()), ..event(kind) }
}

/// The changes with one record.
pub(crate) fn with(changes: Vec<Change>) -> Commit {
    Commit { changes, events: vec![event(EventKind::BrokerStarted)], digest: None }
}

/// Commits, and answers with the place of the last record.
pub(crate) async fn write(store: &Store, commit: Commit) -> Result<i64, CommitError> {
    store.commit(commit).await.map(|receipt| receipt.seq())
}

pub(crate) async fn put(store: &Store, change: Change) -> Result<i64, CommitError> {
    write(store, with(vec![change])).await
}

/// What a failed commit said it conflicted with.
pub(crate) fn conflict(result: Result<i64, CommitError>) -> &'static str {
    match result {
        Err(CommitError::Conflict(thing)) => thing,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Checks every record from the first to the head, and answers how many there are.
pub(crate) async fn assert_unbroken(store: &Store) -> i64 {
    let (mut seq, mut hash) = (0, [0u8; 32]);
    loop {
        let page = store.records_from(seq + 1, 500).await.unwrap();
        if page.is_empty() {
            break;
        }
        for record in page {
            seq += 1;
            assert_eq!(record.seq, seq, "the chain has a gap");
            hash = link(&hash, seq, &record.body);
            assert_eq!(record.hash, hash, "record {seq} does not follow from the one before");
        }
    }
    let head = (seq > 0).then_some((seq, hash));
    assert_eq!(store.head().await.unwrap(), head, "the head is not the last record");
    seq
}
