use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::binaries::{bare, binary};
use crate::wire::{self, Answer};

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
        let all = std::iter::once(command.get_program()).chain(command.get_args());
        let line = all.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        ClientCommand { command, line, input: None, captured }
    }

    /// A program of ours by itself: no broker runs beside it, and its environment holds the search path alone.
    pub fn alone(program: &str, args: &[&str]) -> Self {
        ClientCommand::new(bare(binary(program)), args, Captured::default())
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

    /// Run to the end.
    pub fn run(self) -> Output {
        self.start().wait()
    }

    /// Start, and go on beside it.
    pub fn start(mut self) -> Started {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let child = self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{} did not start: {error}", self.line));
        let writer = self.input.take().zip(child.stdin.take()).map(|(input, mut stdin)| {
            // A program that does not read its input must not stop the test.
            thread::spawn(move || drop(stdin.write_all(&input)))
        });
        Started { child, writer, line: self.line, captured: self.captured }
    }
}

/// A command that runs beside the test.
#[derive(Debug)]
pub struct Started {
    child: Child,
    writer: Option<JoinHandle<()>>,
    line: String,
    captured: Captured,
}

impl Started {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the command runs");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn wait(self) -> Output {
        let done = self.child.wait_with_output().unwrap_or_else(|error| panic!("{}: {error}", self.line));
        if let Some(writer) = self.writer {
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

    /// Standard output as an HTTP answer: for `curl -i`.
    #[track_caller]
    pub fn answer(&self) -> Answer {
        let answer = wire::parse_printed(self.stdout.as_bytes());
        answer.unwrap_or_else(|| panic!("{}: no answer\n{}{}", self.line, self.stdout, self.stderr))
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}{}", self.line, self.stdout, self.stderr))
    }
}
