use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

/// Everything that the programs said in one test.
pub(crate) type Captured = Arc<Mutex<Vec<u8>>>;

/// A command line that is run to its end.
#[derive(Debug)]
pub struct ClientCommand {
    command: Command,
    line: String,
    input: Option<Vec<u8>>,
    captured: Captured,
}

/// What a program answered.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; 128 + n where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl ClientCommand {
    pub(crate) fn new(mut command: Command, args: &[&str], captured: Captured) -> Self {
        command.args(args);
        let line = [vec!["stint"], args.to_vec()].concat().join(" ");
        ClientCommand { command, line, input: None, captured }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What the program reads on its standard input; nothing otherwise.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    pub fn run(mut self) -> Output {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let child = self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{} did not start: {error}", self.line));
        let writer = self.input.take().zip(child.stdin.take()).map(|(input, mut stdin)| {
            // A program that does not read its input must not stop the test.
            thread::spawn(move || drop(stdin.write_all(&input)))
        });
        let done = child.wait_with_output().unwrap_or_else(|error| panic!("{}: {error}", self.line));
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        let mut captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
        captured.extend_from_slice(&done.stdout);
        captured.extend_from_slice(&done.stderr);
        let signal = std::os::unix::process::ExitStatusExt::signal(&done.status).unwrap_or_default();
        Output {
            line: self.line,
            code: done.status.code().unwrap_or(128 + signal),
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }
}

impl Output {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// The output of a command that must have ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}{}", self.line, self.stdout, self.stderr))
    }
}
