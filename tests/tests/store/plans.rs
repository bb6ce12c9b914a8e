//! How the databases go about what is read: nothing that grows with use is read through for a page.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use stint_broker::store::Database;

use super::Place;
use super::statements::every_statement;

/// Tables that grow with every request, session and question, and what statements call them for short.
const GROWS: [&str; 12] = [
    "audit_records",
    "r",
    "audit_index",
    "i",
    "rollups",
    "sessions",
    "own",
    "approvals",
    "alerts",
    "deliveries",
    "sign_ins",
    "votes",
];

/// What SQLite calls a scan, and is none: from the newest on along the key until the limit.
const WALKS: [&str; 3] = ["SESSIONS", "APPROVALS", "VOTES_OF_RECENT"];

/// The index that holds the live sessions and no others: all of it may be read.
const LIVE: &str = "sessions_live";

fn reads() -> Vec<(String, String)> {
    let mut all = every_statement();
    all.retain(|(_, text)| text.starts_with("SELECT"));
    assert!(all.len() > 60, "only {} statements read", all.len());
    all
}

/// The highest `$n`.
fn arguments(text: &str) -> usize {
    let numbers = text.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    numbers.max().unwrap_or(0)
}

#[tokio::test]
async fn no_page_reads_through_what_grows_on_sqlite() {
    let place = Place::sqlite();
    place.open().await.close().await;
    let Database::Sqlite(file) = &place.database else { panic!("not SQLite") };
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let mut bad = Vec::new();
    for (name, text) in reads() {
        let plan = format!("EXPLAIN QUERY PLAN {text}");
        let mut query = sqlx::query(AssertSqlSafe(plan));
        for _ in 0..arguments(&text) {
            query = query.bind(None::<i64>);
        }
        for row in query.fetch_all(&mut connection).await.unwrap() {
            let step: String = row.get("detail");
            let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            let walks = WALKS.contains(&name.as_str()) || step.ends_with(LIVE);
            if scanned.is_some_and(|table| GROWS.contains(&table)) && !walks {
                bad.push(format!("{name}: {step}"));
            }
            // Records are whole requests: those that are sorted are those that were read.
            if name.starts_with("RECORDS") && step.contains("TEMP B-TREE") {
                bad.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[tokio::test]
async fn no_page_has_to_read_through_what_grows_on_postgres() {
    let place = Place::postgres().await;
    place.open().await.close().await;
    let Database::Postgres(url) = &place.database else { panic!("not PostgreSQL") };
    let mut connection = PgConnection::connect(url).await.unwrap();
    // An empty table is read through whatever indexes it has. Where it still is with this, there is no other way.
    for setting in [
        "enable_seqscan = off",
        "enable_sort = off",
        "enable_bitmapscan = off",
        "plan_cache_mode = force_generic_plan",
    ] {
        connection.execute(AssertSqlSafe(format!("SET {setting}"))).await.unwrap();
    }
    let mut bad = Vec::new();
    for (number, (name, text)) in reads().into_iter().enumerate() {
        connection.execute(AssertSqlSafe(format!("PREPARE p{number} AS {text}"))).await.unwrap();
        let nulls = vec!["NULL"; arguments(&text)].join(", ");
        let nulls = if nulls.is_empty() { nulls } else { format!("({nulls})") };
        let rows =
            connection.fetch_all(AssertSqlSafe(format!("EXPLAIN EXECUTE p{number}{nulls}"))).await.unwrap();
        for row in rows {
            let step: String = row.get(0);
            let scanned = step
                .split_once("Seq Scan on ")
                .and_then(|(_, rest)| rest.split(' ').next().map(str::to_owned));
            if scanned.is_some_and(|table| GROWS.contains(&table.as_str())) {
                bad.push(format!("{name}: {step}"));
            }
            let ordered = name.starts_with("RECORDS") || name.starts_with("find(0");
            if ordered && step.trim_start().trim_start_matches("->").trim_start().starts_with("Sort") {
                bad.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
