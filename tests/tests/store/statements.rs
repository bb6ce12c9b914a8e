use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use stint_broker::store::{Database, sql};

use super::Place;

/// The fixed statements and the generated ones at the sizes where they begin and end.
pub(super) fn every_statement() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        sql::ALL.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for rows in [1, 2, 256] {
        all.push((format!("append({rows})"), sql::append(rows)));
        all.push((format!("index({rows})"), sql::index(rows)));
        all.push((format!("count({rows})"), sql::count(rows)));
    }
    for (facts, on) in [(0, false), (0, true), (1, false), (1, true), (4, false)] {
        all.push((format!("find({facts}, {on})"), sql::find(facts, on)));
    }
    all
}

#[tokio::test]
async fn every_statement_prepares_on_sqlite() {
    let place = Place::sqlite();
    place.open().await.close().await;
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    for (name, text) in every_statement() {
        let prepared = connection.prepare(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(text))).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn every_statement_prepares_on_postgres() {
    let place = Place::postgres().await;
    place.open().await.close().await;
    let Database::Postgres(url) = &place.database else { panic!("not PostgreSQL") };
    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut all = every_statement();
    for (rows, remember) in [(1, false), (1, true), (256, true)] {
        all.push((format!("finish_postgres({rows}, {remember})"), sql::finish_postgres(rows, remember)));
    }
    for (name, text) in all {
        let prepared = connection.prepare(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(text))).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[test]
fn no_statement_matches_with_like_or_takes_all_columns() {
    for (name, text) in every_statement() {
        let text = text.to_uppercase();
        assert!(!text.contains("LIKE"), "{name} ignores case on one database only");
        assert!(!text.contains("SELECT *"), "{name} does not name its columns");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, names("postgres"));
}
