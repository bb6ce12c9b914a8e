use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::binaries::{bare, binary};
use crate::canary::Canary;
use crate::client::{Captured, ClientCommand, Output};
use crate::wire;

/// Where the broker keeps its state.
#[derive(Debug, Clone, Default)]
pub enum Database {
    /// The embedded default, in the data folder.
    #[default]
    Sqlite,
    /// `postgres://…`; one database for one `TestBroker`, unless replicas are what is tested.
    Postgres(String),
}

/// How to start a broker.
#[derive(Debug, Clone)]
pub struct Options {
    pub database: Database,
    /// Whether stand-ins on the loopback interface may be upstreams.
    pub allow_private: bool,
    /// More arguments of `stint-broker serve`.
    pub args: Vec<String>,
    /// Variables of the broker's environment, which is empty otherwise.
    pub variables: Vec<(String, String)>,
    /// The host of its public URL: `localhost`, which browsers trust without TLS, or nothing for the address itself.
    pub host: Option<String>,
    /// A program and its arguments that the broker is started by, such as `prlimit`.
    pub under: Vec<String>,
    /// Where the data folder is, when it is not in the test's own.
    pub data: Option<PathBuf>,
    /// How long to wait until `/readyz` says 200.
    pub patience: Duration,
    /// Whether to wait for that at all: a sealed broker is not ready.
    pub wait: bool,
    /// What the first administrator is called; nothing for the name that `stint login` gives.
    pub person: Option<String>,
}

/// A running broker of the real program, with a data folder and a client of its own.
#[derive(Debug)]
pub struct TestBroker {
    pub url: String,
    pub addr: SocketAddr,
    pub canary: Canary,
    /// How it is started; a change counts from the next start on.
    pub options: Options,
    folder: TempDir,
    child: Option<Child>,
    pub(crate) captured: Captured,
    checks: bool,
    listen: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            database: Database::Sqlite,
            allow_private: true,
            args: Vec::new(),
            variables: Vec::new(),
            host: None,
            under: Vec::new(),
            data: None,
            patience: Duration::from_secs(30),
            wait: true,
            person: None,
        }
    }
}

impl TestBroker {
    /// Start a broker on a free port and an empty data folder.
    pub fn start(options: Options) -> Self {
        let mut broker = TestBroker::prepare(options);
        broker.launch();
        broker
    }

    /// Everything but the start.
    pub fn prepare(options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("stint-test-").tempdir().expect("a temporary folder");
        let addr = free_port();
        let scheme = if options.args.iter().any(|arg| arg == "--tls-cert") { "https" } else { "http" };
        let host = options.host.as_ref().map(|host| format!("{host}:{}", addr.port()));
        TestBroker {
            url: format!("{scheme}://{}", host.unwrap_or_else(|| addr.to_string())),
            addr,
            canary: Canary::new(),
            options,
            folder,
            child: None,
            captured: Captured::default(),
            checks: true,
            listen: true,
        }
    }

    /// Leave `--listen` to the arguments of the test.
    pub fn listening_as_told(mut self) -> Self {
        self.listen = false;
        self
    }

    /// `stint-broker serve` that is expected not to start: what it said.
    pub fn fails_to_start(&self) -> Output {
        let mut serve = ClientCommand::new(self.serve(), &[], self.captured.clone()).start();
        let deadline = Instant::now() + self.options.patience;
        while serve.is_running() {
            if Instant::now() > deadline {
                serve.signal(Signal::KILL);
                panic!("the broker started:\n{}", serve.wait().stderr);
            }
            thread::sleep(Duration::from_millis(20));
        }
        let out = serve.wait();
        assert_eq!(out.code, 1, "{}\n{}", out.line, out.stderr);
        out
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.options.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// The client's `STINT_HOME`.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder of everything of this test: data, home, logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A folder for the test's own files; it is searched for secrets too, as everything beside it.
    pub fn scratch(&self) -> PathBuf {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch).expect("a folder for the test's files");
        scratch
    }

    /// A secret that must get out nowhere.
    pub fn secret(&self, label: &str) -> String {
        self.canary.secret(label)
    }

    /// Everything that the broker has written to its standard output and standard error.
    pub fn logs(&self) -> String {
        ["stdout", "stderr"]
            .map(|name| fs::read(self.log_file(name)).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The process of the running broker.
    pub fn pid(&self) -> i32 {
        self.child.as_ref().expect("the broker runs").id().cast_signed()
    }

    /// The most bytes of memory that the broker's process has held at once.
    pub fn peak_memory(&self) -> u64 {
        let pid = self.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 =
            line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).expect("a number of kB");
        kib * 1024
    }

    /// SIGKILL, and wait for the end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and wait for the end; answers with the exit code, or nothing if it had to be killed after ten seconds.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Ok(Some(status)) = child.try_wait() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    /// Start again on the same data and address, after `kill` or `terminate`.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
    }

    /// Do not check the audit chain and the files at the end: for tests that damage them on purpose.
    pub fn without_checks(&mut self) {
        self.checks = false;
    }

    fn launch(&mut self) {
        let mut command = self.serve();
        command.stdin(Stdio::null()).stdout(self.open_log("stdout")).stderr(self.open_log("stderr"));
        let child = command.spawn().unwrap_or_else(|error| panic!("stint-broker did not start: {error}"));
        self.child = Some(child);
        if self.options.wait {
            self.wait_until_ready();
        }
    }

    fn serve(&self) -> Command {
        let broker = binary("stint-broker");
        let mut command = match self.options.under.split_first() {
            Some((program, args)) => {
                let mut command = bare(PathBuf::from(program));
                command.args(args).arg(broker);
                command
            }
            None => bare(broker),
        };
        command.arg("serve").arg("--data").arg(self.data());
        if self.listen {
            command.arg("--listen").arg(self.addr.to_string());
        }
        if self.options.host.is_some() {
            command.args(["--public-url", &self.url]);
        }
        if self.options.allow_private {
            command.args(["--allow-private-upstreams", "127.0.0.0/8"]);
        }
        if let Database::Postgres(url) = &self.options.database {
            command.arg("--database").arg(url);
        }
        command.args(&self.options.args);
        command.envs(self.options.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + self.options.patience;
        while !self.is_ready() {
            let ended = !self.is_running();
            if ended || Instant::now() > deadline {
                let what = if ended { "ended" } else { "is not ready" };
                self.checks = false;
                panic!("stint-broker {what}:\n{}", self.logs());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_ready(&self) -> bool {
        if self.url.starts_with("https") {
            return self.curl(&["-skf", &format!("{}/readyz", self.url)]).code == 0;
        }
        wire::get(self.addr, "/readyz").is_ok_and(|answer| answer.status == 200)
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("broker.{name}"))
    }

    fn open_log(&self, name: &str) -> File {
        let file = File::options().create(true).append(true).open(self.log_file(name));
        file.expect("a file for the broker's log")
    }

    fn leaks(&self) -> Vec<String> {
        let under = self.canary.found_under(self.folder.path());
        let mut leaks: Vec<String> =
            under.into_iter().map(|(path, how)| format!("{} ({how})", path.display())).collect();
        let captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
        leaks.extend(self.canary.found_in(&captured).map(|how| format!("output of a command ({how})")));
        if let Database::Postgres(url) = &self.options.database {
            let dumped = dump(url).unwrap_or_else(|error| panic!("pg_dump: {error}"));
            leaks.extend(self.canary.found_in(&dumped).map(|how| format!("the database ({how})")));
        }
        leaks
    }
}

impl Drop for TestBroker {
    /// What must hold after every test, however it went.
    fn drop(&mut self) {
        self.terminate();
        if thread::panicking() {
            eprintln!("--- stint-broker said:\n{}", self.logs());
            return;
        }
        if !self.checks {
            return;
        }
        let verified = self.broker(&["audit", "verify"]);
        assert_eq!(
            verified.code, 0,
            "the audit chain does not verify:\n{}{}",
            verified.stdout, verified.stderr
        );
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "a test secret got into {}", leaks.join(", "));
    }
}

/// A port that nobody listens on now. Another process may take it before the broker does; the start then fails loudly.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("the port's address")
}

/// All rows of a database as text; bytes come as hex.
fn dump(url: &str) -> io::Result<Vec<u8>> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        installed.map(|entry| entry.path().join("bin/pg_dump")).filter(|p| p.is_file()).collect();
    found.sort();
    let program = found.pop().unwrap_or_else(|| PathBuf::from("pg_dump"));
    let done = bare(program).args(["--data-only", url]).output()?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    Err(io::Error::other(String::from_utf8_lossy(&done.stderr).into_owned()))
}
