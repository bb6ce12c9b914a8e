//! Faults of the database below: what was not acknowledged is not counted on, and work goes on by itself afterwards.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use stint_broker::model::EventKind;
use stint_broker::store::{Commit, CommitError, Database, Store};
use stint_tests::postgres::PostgresServer;

use super::{Place, assert_unbroken, encode, event, link, write};

fn one() -> Commit {
    Commit::event(event(EventKind::RequestDecided))
}

/// Commits until it works again, which it must within five seconds.
async fn recovers(store: &Store) {
    let start = Instant::now();
    while let Err(error) = write(store, one()).await {
        assert!(matches!(error, CommitError::Unavailable(_)), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(5), "still {error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_database_file_is_readable_by_its_owner_only() {
    let place = Place::sqlite();
    let store = place.open().await;
    write(&store, one()).await.unwrap();
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_database_that_is_not_one_is_refused() {
    let place = Place::sqlite();
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    std::fs::write(file, "this is a text file and no database at all, whatever its name says".repeat(99))
        .unwrap();
    assert!(Store::open(&place.database, link, encode).await.is_err());
    let folder = Database::Sqlite(file.parent().unwrap().join("missing/stint.db"));
    assert!(Store::open(&folder, link, encode).await.is_err());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let place = Place::sqlite();
    place.open().await.close().await;
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    connection
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'future', TRUE, x'00', 0)",
        )
        .await
        .unwrap();
    drop(connection);
    assert!(Store::open(&place.database, link, encode).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_fails_closed_and_is_made_again() {
    let place = Place::postgres().await;
    let store = place.open().await;
    write(&store, one()).await.unwrap();
    // After the first comes a sweep, which would notice the loss: after the second comes none.
    write(&store, one()).await.unwrap();
    let Database::Postgres(url) = &place.database else { panic!("not PostgreSQL") };
    let mut other = PgConnection::connect(url).await.unwrap();
    other
        .execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    let broken = write(&store, one()).await;
    assert!(matches!(broken, Err(CommitError::Unavailable(_))), "{broken:?}");
    recovers(&store).await;
    assert_eq!(assert_unbroken(&store).await, 3, "what was refused was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_records_owed_while_the_database_is_away_are_written_when_it_is_back() {
    let place = Place::postgres().await;
    let store = place.open().await;
    let Database::Postgres(url) = &place.database else { panic!("not PostgreSQL") };
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let mut other = PgConnection::connect(&PostgresServer::shared().url()).await.unwrap();
    let admit = |yes: bool| sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}"));
    let terminate = sqlx::AssertSqlSafe(format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    ));

    other.execute(admit(false)).await.unwrap();
    other.execute(terminate).await.unwrap();
    for _ in 0..20 {
        store.commit_later(Commit::event(event(EventKind::RequestClosed)));
    }
    assert!(write(&store, one()).await.is_err());
    assert!(write(&store, one()).await.is_err());
    assert_eq!(store.queued(), 20, "they are still owed");

    other.execute(admit(true)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), store.flush()).await.expect("within five seconds").unwrap();
    assert_eq!(store.queued(), 0);
    assert_eq!(assert_unbroken(&store).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_held_by_another_process_fails_closed_and_recovers() {
    let place = Place::sqlite();
    let store = place.open().await;
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let held = write(&store, one()).await;
    assert!(matches!(held, Err(CommitError::Unavailable(_))), "{held:?}");
    assert_eq!(store.head().await.unwrap(), None, "reading goes on");
    other.execute("ROLLBACK").await.unwrap();
    recovers(&store).await;
    assert_eq!(assert_unbroken(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_queue_holds_is_refused_and_nothing_that_was_told_later_is_lost() {
    let place = Place::sqlite();
    let store = place.open().await;
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    for _ in 0..10_000 {
        store.commit_later(Commit::event(event(EventKind::RequestClosed)));
    }
    let start = Instant::now();
    let refused = write(&store, one()).await;
    assert!(
        matches!(refused, Err(CommitError::Unavailable(stint_broker::store::Error::Busy))),
        "{refused:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(1), "a full queue answers at once");
    store.commit_later(Commit::event(event(EventKind::RequestClosed)));
    other.execute("ROLLBACK").await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(assert_unbroken(&store).await, 10_001);
}
