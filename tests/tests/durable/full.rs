//! A store that cannot take a record: nothing is forwarded, and it goes on by itself afterwards.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use stint_tests::postgres::PostgresServer;
use stint_tests::proof::signed;
use stint_tests::wire::Answer;
use stint_tests::{Database, Lab, Options, until};

/// A small file system of its own, where this process may mount one.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Small(folder))
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Take all space that is left.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.0.path().join("filler")).unwrap();
        for size in [65_536, 4096, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn token(lab: &Lab) -> serde_json::Value {
    lab.broker
        .stint(&["token", "--environment", "staging", "--agent", "coder", "--ttl", "1h", "--json"])
        .ok()
        .json()
}

fn ask(lab: &Lab, token: &serde_json::Value, document: &str) -> Answer {
    let url = format!("{}/gateway/railway/graphql/v2", lab.broker.url);
    let body = json!({ "query": document }).to_string();
    lab.gateway("POST", "/graphql/v2", &signed(token, "POST", &url), &body)
}

fn write() -> String {
    use stint_standin::railway::ids::{PROJECT, STAGING};
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{PROJECT}\", environmentId: \"{STAGING}\", name: \"A\", value: \"b\" }}) }}"
    )
}

/// From the moment that nothing can be recorded until it can again.
fn nothing_happens_meanwhile(lab: &Lab, token: &serde_json::Value) {
    for _ in 0..5 {
        let answer = ask(lab, token, &write());
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (503, Some("not_recorded")),
            "{}",
            answer.text()
        );
        assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
        let answer = ask(lab, token, "{ me { name } }");
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (503, Some("not_recorded")),
            "{}",
            answer.text()
        );
    }
    // Refusals are recorded too, and so is every change.
    let answer = ask(lab, token, &Lab::delete(stint_standin::railway::ids::VOLUME_PRODUCTION));
    assert!(matches!(answer.status, 403 | 503), "{}", answer.text());
    assert_eq!(lab.broker.stint(&["environment", "add", "another", "--tier", "staging"]).code, 1);
    assert_ne!(lab.broker.run("staging", "coder", &["true"]).code, 0);
    assert_eq!(lab.railway.log.reached("variableUpsert"), 0, "a write that is on no record was forwarded");
    assert_eq!(lab.railway.log.reached("volumeDelete"), 0);
}

fn goes_on_by_itself(lab: &Lab, token: &serde_json::Value) {
    until("it goes on", || {
        let answer = ask(lab, token, &write());
        (answer.status == 200).then_some(())
    });
    assert_eq!(lab.railway.log.reached("variableUpsert"), 1);
    lab.broker.stint(&["environment", "add", "another", "--tier", "staging"]).ok();
    lab.ask("{ me { name } }").done();
    // That it could not is told once it can.
    until("it is told", || {
        let list = lab.broker.stint(&["alert", "list", "--json"]).ok().json();
        (list["alerts"][0]["kind"] == "recording_failed").then_some(())
    });
    let lost = lab.records("recording_failed")[0]["facts"]["commits"].as_u64().unwrap();
    assert!(lost >= 5, "{lost}");
}

#[test]
fn a_full_disk_is_a_503_and_nothing_is_forwarded() {
    let Some(small) = Small::mount() else { return a_bounded_file() };
    let lab = Lab::start(Options { data: Some(small.data()), ..crate::place::sqlite() });
    let token = token(&lab);
    small.fill();
    nothing_happens_meanwhile(&lab, &token);
    small.empty();
    goes_on_by_itself(&lab, &token);
    drop(lab);
}

#[test]
fn a_file_that_may_not_grow_is_a_503_and_nothing_is_forwarded() {
    a_bounded_file();
}

/// The same where no file system can be mounted: files of the broker may not grow beyond what they are.
fn a_bounded_file() {
    // Over the limit the kernel sends a signal, which ends a process that does not ignore it.
    let under = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(str::to_owned).to_vec();
    let lab = Lab::start(Options { under, ..crate::place::sqlite() });
    let token = token(&lab);
    bound(&lab, "4096");
    nothing_happens_meanwhile(&lab, &token);
    bound(&lab, "unlimited");
    goes_on_by_itself(&lab, &token);
}

fn bound(lab: &Lab, bytes: &str) {
    let pid = lab.broker.pid().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &pid, &limit]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The name of the lab's database, and a way to run statements elsewhere on its server.
fn server(lab: &Lab) -> (String, impl Fn(String) + '_) {
    let Database::Postgres(url) = &lab.broker.options.database else { panic!("not PostgreSQL") };
    let name = Path::new(url.split('?').next().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
    let elsewhere = PostgresServer::shared().url();
    let run = move |statement: String| {
        lab.block_on(async {
            let mut connection = PgConnection::connect(&elsewhere).await.unwrap();
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        });
    };
    (name, run)
}

fn throw_out(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}

#[test]
fn a_postgres_that_takes_no_writes_is_a_503_and_nothing_is_forwarded() {
    let lab = Lab::start(crate::place::postgres());
    let token = token(&lab);
    let (name, run) = server(&lab);
    run(format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    run(throw_out(&name));
    nothing_happens_meanwhile(&lab, &token);
    run(format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    run(throw_out(&name));
    goes_on_by_itself(&lab, &token);
}

#[test]
fn a_postgres_that_goes_away_is_a_503_and_nothing_is_forwarded() {
    let lab = Lab::start(crate::place::postgres());
    let token = token(&lab);
    let (name, run) = server(&lab);
    run(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    run(throw_out(&name));
    nothing_happens_meanwhile(&lab, &token);
    run(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    goes_on_by_itself(&lab, &token);
}
