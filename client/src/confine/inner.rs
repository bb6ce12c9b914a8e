//! What runs inside: the namespace's init, and the process that becomes the command.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{SigSet, Signal};
use rustix::process::WaitOptions;

use super::{Error, ground, wall};
use crate::exit;

/// Process 1 of the namespace: takes in the orphans, and ends with the supervisor. When it ends, everything inside does.
pub(super) fn init() -> Result<(), Error> {
    die_with_parent()?;
    // The command is of the same user, and init is in no domain of Landlock.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(Error::at("memory cannot be closed to others"))?;
    wall::drop_privileges()?;
    wall::restrict_calls()?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block().map_err(Error::at("signals cannot be blocked"))?;
    // The supervisor holds the other end for as long as it lives; this covers its death before the line above.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    loop {
        while rustix::process::wait(WaitOptions::NOHANG).is_ok_and(|ended| ended.is_some()) {}
        children.wait().map_err(Error::at("signals cannot be waited for"))?;
    }
}

/// Gives up everything and becomes the command. Returns only when that failed: with the exit code to end with.
pub(super) fn become_command(writable: &[PathBuf], file: &Path, argv: &[OsString]) -> (u8, Error) {
    if let Err(error) = give_up(writable) {
        return (exit::COULD_NOT_START, error);
    }
    // The supervisor takes its signals from a descriptor, and so has them blocked; a mask outlives exec.
    if let Err(error) = SigSet::empty().thread_set_mask() {
        return (exit::COULD_NOT_START, Error::at("signals")(error));
    }
    // What was found outside may lie where the command does not see it; the search path may lead to another.
    let program = match argv.first() {
        Some(name) if !file.exists() => Path::new(name),
        _ => file,
    };
    let mut command = Command::new(program);
    if let Some(name) = argv.first() {
        command.arg0(name);
    }
    let error = command.args(argv.iter().skip(1)).exec();
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => exit::NOT_FOUND,
        _ => exit::NOT_EXECUTABLE,
    };
    (code, Error::Io { what: format!("{} (inside)", file.display()), source: error })
}

/// Everything up to the command itself.
pub(super) fn give_up(writable: &[PathBuf]) -> Result<(), Error> {
    die_with_parent()?;
    ground::mount_proc()?;
    wall::drop_privileges()?;
    wall::restrict_files(writable)?;
    wall::restrict_calls()
}

fn die_with_parent() -> Result<(), Error> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(Error::at("the end cannot be tied to the supervisor's"))
}
