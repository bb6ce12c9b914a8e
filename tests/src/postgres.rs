//! A PostgreSQL server of the tests' own, thrown away afterwards.
//!
//! Needs PostgreSQL's programs under `/usr/lib/postgresql/*/bin` or on the `PATH`; without them it fails and says so: a
//! test that was not run is not a test that passed.
#![allow(clippy::expect_used, clippy::panic, reason = "a harness stops the test that it cannot serve")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// A running server on a loopback port, with an owner `postgres` who needs no password.
///
/// It lives in a shell that waits for the end of its input, so that it goes away with this process however that ends.
#[derive(Debug)]
pub struct PostgresServer {
    keeper: Child,
    port: u16,
    databases: AtomicU32,
}

/// `$1` folder of the programs, `$2` folder of its own, `$3` port.
const KEEPER: &str = r#"
trap '' INT TERM HUP
cd "$2" || exit 1
exec 2>keeper.log
"$1/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 --no-locale -D data >initdb.log 2>&1 || { cat initdb.log; exit 1; }
"$1/pg_ctl" -s -w -D data -l server.log -o "-p $3 -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c fsync=off" start >&2 ||
    { cat keeper.log server.log; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" -s -m immediate -D data stop >&2
cd / && rm -rf "$2"
"#;

impl PostgresServer {
    /// The server that the tests of one binary share.
    pub fn shared() -> &'static PostgresServer {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(PostgresServer::start)
    }

    pub fn start() -> Self {
        let programs = programs();
        // A port that was free a moment ago may be taken by now.
        for _ in 0..5 {
            let port = free_port();
            if let Some(keeper) = keep(&programs, port) {
                return PostgresServer { keeper, port, databases: AtomicU32::new(0) };
            }
        }
        panic!("PostgreSQL from {} did not start; its messages are above", programs.display());
    }

    /// The database that every server has.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// URL of a new, empty database.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url()).await.expect("the server answers");
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.expect("a database can be created");
        self.url_of(&name)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The newest installed programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("pg_ctl").exists()).collect();
    found.sort();
    if let Some(bin) = found.pop() {
        return bin;
    }
    let which = Command::new("sh").args(["-c", "dirname \"$(command -v pg_ctl)\""]).output();
    let bin = which.ok().map(|out| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()));
    bin.filter(|bin| bin.join("pg_ctl").exists()).unwrap_or_else(|| {
        panic!("these tests need PostgreSQL: no /usr/lib/postgresql/*/bin/pg_ctl and none on the PATH")
    })
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Starts the shell that keeps the server, and waits until the server answers.
fn keep(programs: &Path, port: u16) -> Option<Child> {
    let folder = tempfile::Builder::new().prefix("stint-postgres-").tempdir().expect("a folder can be made");
    // The keeper removes it, so that it goes away even when this process is killed.
    let folder = folder.keep();

    // PostgreSQL refuses to run as root.
    let mut command = if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        let given = Command::new("chown").arg("postgres:").arg(&folder).status();
        assert!(given.is_ok_and(|status| status.success()), "running as root needs the account 'postgres'");
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", KEEPER, "keeper"]).arg(programs).arg(&folder).arg(port.to_string());
    let mut keeper = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be started");

    let mut said = BufReader::new(keeper.stdout.take().expect("its output is a pipe"));
    let mut line = String::new();
    let _ = said.read_line(&mut line);
    if line.trim() == "ready" {
        return Some(keeper);
    }
    let _ = said.read_to_string(&mut line);
    eprintln!("{line}");
    let _ = keeper.wait();
    let _ = std::fs::remove_dir_all(&folder);
    None
}
