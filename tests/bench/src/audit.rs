//! Pages over a large audit: a database is filled the fast way, and a warm broker is asked for what people look at.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::options::Options;
use crate::{Result, world};

/// Requests for each line of the report.
const ASKED: usize = 200;

/// One row in four is an outcome; one request in ten is refused. Times lie in the last thirty days. The hashes are no
/// hashes: what is measured does not look at them.
const FILL: &str = r#"
WITH RECURSIVE number(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM number WHERE n < $2),
row(n, at, rec, before) AS (
    SELECT n, $3 + n * $4 / 1000,
        printf('rec_%012x7%03x8%015x', $3 + n * $4 / 1000, n % 4096, n),
        printf('rec_%012x7%03x8%015x', $3 + (n - 1) * $4 / 1000, (n - 1) % 4096, n - 1)
    FROM number)
INSERT INTO audit_records (seq, hash, at, kind, session, body)
SELECT n, randomblob(32), at,
    CASE WHEN n % 4 = 3 THEN 'request_closed' WHEN n % 10 = 0 THEN 'request_refused' ELSE 'request_decided' END,
    printf('ses_%032x', n / 400),
    CAST(CASE WHEN n % 4 = 3 THEN
        printf('{"actor":"person:person-%d","at":"%s","facts":{"bytes":%d,"intent":"%s","ms":%d,"redacted":false,"status":200},"id":"%s","kind":"request_closed","session":"ses_%032x"}',
            n % 9, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch'), n % 5000, before, 3 + n * 7919 % 400, rec, n / 400)
    ELSE
        printf('{"actor":"person:person-%d","at":"%s","facts":{"agent":"agent-%d","class":"%s",%s"confined":true,"credential":"railway","credential_version":1,"digest":"%064x","environment":"%s","host":"backboard.railway.com","method":"POST","operations":["railway:operation%d"],"path":"/graphql/v2","policies":["starter.read"],"resources":[{"consequences":[],"environments":["%s"],"id":"resource-%d","kind":"service","name":"web-%d","operation":"railway:operation%d"}]},"id":"%s","kind":"%s","session":"ses_%032x"}',
            n % 9, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch'), n % 23,
            CASE n % 7 WHEN 0 THEN 'destroy' WHEN 1 THEN 'write' WHEN 2 THEN 'write' ELSE 'read' END,
            CASE WHEN n % 10 = 0 THEN '"code":"denied","detail":"a guardrail forbids it",' ELSE '' END,
            n, CASE n % 5 WHEN 0 THEN 'production' ELSE 'staging' END, n * 31 % 60,
            CASE n % 5 WHEN 0 THEN 'production' ELSE 'staging' END, n * 7919 % 5003, n * 7919 % 5003, n * 31 % 60,
            rec, CASE WHEN n % 10 = 0 THEN 'request_refused' ELSE 'request_decided' END, n / 400)
    END AS BLOB)
FROM row
"#;

pub(crate) async fn run(options: &Options) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("stint-bench-").tempdir()?;
    let (broker, addr) = world::alone(options, folder.path()).await?;
    let cookie = sign_in(addr, &std::fs::read_to_string(folder.path().join("data/setup-token"))?)?;
    broker.stop();

    let began = Instant::now();
    let file = SqliteConnectOptions::new().filename(folder.path().join("data/stint.db"));
    let mut database = file.connect().await?;
    let first = fill(&mut database, options.records).await?;
    database.close().await?;
    let filled = began.elapsed();

    let (broker, addr) = world::alone(options, folder.path()).await?;
    let began = Instant::now();
    // Asked for again and again, it reads all the time; by itself it takes a tenth of a core.
    while ask(addr, "/console/audit?agent=agent-1", &cookie)?.contains("are still being read") {
        if began.elapsed() > Duration::from_secs(3600) {
            return Err("the records were not read within an hour".into());
        }
    }
    let read = began.elapsed();

    let last = first + options.records;
    let mut lines = Vec::new();
    for (name, path) in pages(first, last) {
        let mut times = Vec::with_capacity(ASKED);
        for at in 0..ASKED {
            let path = path(i64::try_from(at)?);
            let began = Instant::now();
            ask(addr, &path, &cookie)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let place = |share: usize| times.get(ASKED * share / 100).copied().unwrap_or_default();
        lines.push((name, place(50), place(99)));
    }
    broker.stop();
    let megabytes = std::fs::metadata(folder.path().join("data/stint.db"))?.len() >> 20;
    report(options, filled, read, megabytes, &lines);
    Ok(())
}

type Page = Box<dyn Fn(i64) -> String>;

fn pages(first: i64, last: i64) -> Vec<(&'static str, Page)> {
    let fixed = |path: &'static str| -> Page { Box::new(move |_| path.to_owned()) };
    let audit =
        |query: fn(i64) -> String| -> Page { Box::new(move |at| format!("/console/audit?{}", query(at))) };
    vec![
        ("approvals, the first page", fixed("/console/")),
        ("now", fixed("/console/now")),
        ("activity, 1 hour", fixed("/console/activity?range=1h")),
        ("activity, 24 hours", fixed("/console/activity?range=24h")),
        ("activity, 7 days", fixed("/console/activity?range=7d")),
        ("activity, 30 days", fixed("/console/activity?range=30d")),
        ("audit, newest", fixed("/console/audit")),
        (
            "audit, a page in the middle",
            Box::new(move |at| format!("/console/audit?before={}", first + (last - first) * (at + 1) / 202)),
        ),
        ("audit, by kind", audit(|_| "kind=request_refused".to_owned())),
        ("audit, by agent", audit(|at| format!("agent=agent-{}", at % 23))),
        ("audit, by person", audit(|at| format!("person=person-{}", at % 9))),
        ("audit, by environment", audit(|_| "environment=production".to_owned())),
        ("audit, by operation", audit(|at| format!("operation=railway%3Aoperation{}", at % 60))),
        ("audit, by code", audit(|_| "code=denied".to_owned())),
        (
            "audit, by session",
            Box::new(move |at| {
                format!("/console/audit?session=ses_{:032x}", first / 400 + (last - first) / 400 * at / 200)
            }),
        ),
        ("audit, by resource", audit(|at| format!("resource=resource-{}", at * 17 % 5003))),
        ("audit, by class and agent", audit(|at| format!("class=destroy&agent=agent-{}", at % 23))),
        ("audit, by what never meets", audit(|_| "kind=request_closed&class=destroy".to_owned())),
        (
            "audit, a day",
            Box::new(|at| format!("/console/audit?from={}&to={}", day(at % 28 + 1), day(at % 28))),
        ),
        (
            "audit, a day of one resource",
            Box::new(|at| {
                format!(
                    "/console/audit?resource=resource-{}&from={}&to={}",
                    at,
                    day(at % 28 + 1),
                    day(at % 28)
                )
            }),
        ),
    ]
}

/// So many days ago.
fn day(ago: i64) -> String {
    let at = chrono::DateTime::from_timestamp(now() / 1000 - ago * 86_400, 0).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn now() -> i64 {
    let since = stint::clock::Clock::system().now();
    since.timestamp_millis()
}

/// Position of the last record that was there before.
async fn fill(database: &mut SqliteConnection, records: i64) -> Result<i64> {
    let (first,): (i64,) = sqlx::query_as("SELECT seq FROM chain_head").fetch_one(&mut *database).await?;
    let thirty_days = 30 * 86_400_000;
    let start = now() - thirty_days;
    // Milliseconds from one record to the next, in thousandths.
    let pace = thirty_days * 1000 / records.max(1);
    let mut done = 0;
    while done < records {
        let next = (done + 100_000).min(records);
        let insert =
            sqlx::query(FILL).bind(first + done + 1).bind(first + next).bind(start - first * pace / 1000);
        insert.bind(pace).execute(&mut *database).await?;
        done = next;
    }
    sqlx::query("UPDATE chain_head SET seq = $1, hash = (SELECT hash FROM audit_records WHERE seq = $1)")
        .bind(first + records)
        .execute(&mut *database)
        .await?;
    Ok(first)
}

/// Set the broker up in a browser: the cookie.
fn sign_in(addr: SocketAddr, token: &str) -> Result<String> {
    let form = format!("setup_token={}&person=bench&password=a+password+of+a+bench", token.trim());
    let head = format!(
        "POST /console/setup HTTP/1.1\r\nhost: {addr}\r\norigin: http://{addr}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = exchange(addr, &head)?;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.and_then(|line| line.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| format!("nobody was signed in: {answer}").into())
}

fn ask(addr: SocketAddr, path: &str, cookie: &str) -> Result<String> {
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    let answer = exchange(addr, &head)?;
    match answer.starts_with("HTTP/1.1 200") {
        true => Ok(answer),
        false => Err(format!("{path}: {}", answer.chars().take(2000).collect::<String>()).into()),
    }
}

fn exchange(addr: SocketAddr, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn report(options: &Options, filled: Duration, read: Duration, megabytes: u64, lines: &[(&str, f64, f64)]) {
    if options.json {
        let lines: Vec<Value> =
            lines.iter().map(|(name, p50, p99)| json!({ "page": name, "p50": p50, "p99": p99 })).collect();
        let seconds = [filled, read].map(|time| time.as_secs_f64());
        println!(
            "{:#}",
            json!({ "records": options.records, "filled": seconds[0], "read": seconds[1], "megabytes": megabytes, "pages": lines })
        );
        return;
    }
    println!("{} records, {megabytes} MiB with index", options.records);
    println!(
        "filled in {:.0} s, read into counts and index in {:.0} s",
        filled.as_secs_f64(),
        read.as_secs_f64()
    );
    println!("{:<32} {:>9} {:>9}", "ms, a connection each", "p50", "p99");
    for (name, p50, p99) in lines {
        println!("{name:<32} {p50:>9.1} {p99:>9.1}");
    }
}
