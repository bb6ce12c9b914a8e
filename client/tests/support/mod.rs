//! A world for the program `stint`: a folder for its state, and a stand-in that speaks the broker's contract.
//!
//! The stand-in checks what a broker must be able to rely on: assertions, proofs, one nonce, the token's key. It judges
//! no request. The real broker takes its place in the workspace's own tests.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and a test fails by panicking"
)]

pub mod broker;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub use broker::FakeBroker;

/// A provider's real key, as an agent might find it in a file.
pub const FOUND: &str = "3d2c42fb-1f64-4c8e-9d6f-0d0a4b6f2f11";
pub const PLACEHOLDER: &str = "00000000-5717-4000-8000-000000000001";
pub const SETUP_TOKEN: &str = "setup-token-1";

pub struct World {
    pub broker: FakeBroker,
    pub folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        World { broker: FakeBroker::start(), folder: tempfile::tempdir().unwrap() }
    }

    /// With a login.
    pub fn logged_in() -> Self {
        let world = World::new();
        let output = world.login();
        assert!(output.status.success(), "{}", text(&output.stderr));
        world
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn runtime(&self) -> PathBuf {
        self.folder.path().join("runtime")
    }

    pub fn login(&self) -> Output {
        let token = self.folder.path().join("setup-token");
        std::fs::write(&token, format!("{SETUP_TOKEN}\n")).unwrap();
        self.stint(["login", "--name", "alice", "--setup-token-file", token.to_str().unwrap()])
            .output()
            .unwrap()
    }

    /// The program, with nothing of this process's environment but the search path.
    #[expect(clippy::disallowed_methods, reason = "programs are found as the tester's shell finds them")]
    pub fn stint<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        std::fs::create_dir_all(self.runtime()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stint"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("STINT_HOME", self.home())
            .env("STINT_BROKER", self.broker.url())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// `stint run` of a shell script.
    pub fn run(&self, script: &str) -> Command {
        self.run_with(&[], script)
    }

    pub fn run_with(&self, options: &[&str], script: &str) -> Command {
        let mut arguments = vec!["run", "--environment", "staging", "--agent", "coder"];
        // Confinement has tests of its own; here is what holds without it.
        arguments.extend(options.iter().chain(&["--no-confine"]));
        arguments.extend(["--", "sh", "-c", script]);
        self.stint(arguments)
    }

    /// Standard output of a script in a session, which must succeed.
    pub fn output(&self, script: &str) -> String {
        let output = self.run(script).output().unwrap();
        assert!(output.status.success(), "{:?}: {}", output.status, text(&output.stderr));
        text(&output.stdout)
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Waits for something that another process does, for at most ten seconds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what} did not come to be");
}
