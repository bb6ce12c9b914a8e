use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{DumpableBehavior, Pid, WaitOptions};
use serde::{Deserialize, Serialize};

use super::ground::Files;
use super::process::{ENTER, INIT, SUBCOMMAND, SUPERVISE};
use super::view::View;
use super::{Error, ground, hand, spaces, wall};
use crate::output;

const OWN_PROGRAM: &str = "/proc/self/exe";
const SIDECAR: Duration = Duration::from_secs(20);

/// What a supervisor has to set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Errand {
    pub view: View,
    pub files: Files,
    /// Whether the hosts that were refused are listed as a proposal.
    pub learn: bool,
}

/// Becomes the supervisor of a confined command: same process, which keeps its number. Returns only when that failed.
///
/// `sidecar` is the socket to a sidecar that waits for its doors; `file` is the program; the environment is the command's.
pub fn become_supervisor(
    errand: &Errand,
    sidecar: &UnixStream,
    file: &Path,
    argv: &[OsString],
    environment: &[(OsString, OsString)],
) -> io::Error {
    let prepare = || -> io::Result<()> {
        let memory = rustix::fs::memfd_create("errand", rustix::fs::MemfdFlags::CLOEXEC)?;
        let mut memory = File::from(memory);
        serde_json::to_writer(&mut memory, errand)?;
        memory.rewind()?;
        // What the supervisor needs waits in its standard input; among it is the one that the command gets.
        let (near, far) = UnixStream::pair()?;
        hand::send(&near, &[rustix::stdio::stdin(), memory.as_fd(), sidecar.as_fd()])?;
        Ok(rustix::stdio::dup2_stdin(&far)?)
    };
    if let Err(error) = prepare() {
        return error;
    }
    let mut command = Command::new(OWN_PROGRAM);
    command.arg0("stint").args([SUBCOMMAND, SUPERVISE]).arg(file).args(argv);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.exec()
}

/// The supervisor. Returns only when the command could not be started.
pub(super) fn main(file: &Path, argv: &[OsString]) -> Result<Infallible, Error> {
    close_inherited()?;
    let [stdin, errand, sidecar] =
        hand::receive(rustix::stdio::stdin()).map_err(Error::at("the errand did not arrive"))?;
    rustix::stdio::dup2_stdin(&stdin).map_err(Error::at("standard input"))?;
    drop(stdin);
    let errand = read_errand(errand)?;
    let signals = Signals::block()?;
    spaces::enter()?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Error::at("memory cannot be closed to others"))?;
    let sidecar = hand_over(UnixStream::from(sidecar))?;
    ground::lay(&errand.view, &errand.files)?;
    wall::lend()?;
    let what = "a process inside cannot be started";
    let mut init = program(INIT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(Error::at(what))?;
    let writable =
        serde_json::to_string(&writable(&errand.view)).map_err(|error| Error::Refused(error.to_string()))?;
    let command = program(ENTER).arg(writable).arg(file).args(argv).spawn().map_err(Error::at(what))?;
    let ended = signals.watch(&command)?;
    // The kernel ends everything that is left inside before init's own end can be seen.
    let _ = init.kill();
    let _ = init.wait();
    tell_refused(sidecar, errand.learn);
    end_as(ended)
}

fn program(role: &str) -> Command {
    let mut command = Command::new(OWN_PROGRAM);
    command.arg0("stint").args([SUBCOMMAND, role]);
    command
}

/// Nothing that this process was started with beyond the three that every program has.
fn close_inherited() -> Result<(), Error> {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .map_err(Error::at("/proc/self/fd"))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        // The folder's own was among them, and is closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

fn read_errand(memory: OwnedFd) -> Result<Errand, Error> {
    let mut text = Vec::new();
    File::from(memory).read_to_end(&mut text).map_err(Error::at("the errand did not arrive"))?;
    serde_json::from_slice(&text).map_err(|error| Error::Refused(format!("the errand: {error}")))
}

/// The doors are the sidecar's from here on; it says with one byte that it serves them.
fn hand_over(mut sidecar: UnixStream) -> Result<UnixStream, Error> {
    let what = "the sidecar does not take its doors";
    let doors = spaces::open_doors()?;
    hand::send(&sidecar, &[doors.tls.as_fd(), doors.proxy.as_fd()]).map_err(Error::at(what))?;
    sidecar.set_read_timeout(Some(SIDECAR)).map_err(Error::at(what))?;
    sidecar.read_exact(&mut [0]).map_err(Error::at(what))?;
    Ok(sidecar)
}

/// Names what was asked for in vain, so that nobody wonders why a tool said that there is no such host.
fn tell_refused(sidecar: UnixStream, learn: bool) {
    let refused = || -> io::Result<Vec<String>> {
        let mut sidecar = sidecar;
        sidecar.set_read_timeout(Some(Duration::from_secs(1)))?;
        sidecar.write_all(&[0])?;
        let mut text = Vec::new();
        sidecar.read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    };
    // A sidecar that is gone has nothing to tell.
    let Ok(hosts) = refused() else { return };
    if hosts.is_empty() {
        return;
    }
    output::note(format!("refused, as hosts that no provider owns: {}", hosts.join(", ")));
    if learn {
        let list: Vec<String> = hosts.iter().map(|host| format!("{host:?}")).collect();
        output::note("an owner who agrees puts these into the broker's configuration:");
        output::note(format!("egress.hosts = [{}]", list.join(", ")));
    }
}

/// Where Landlock lets the command write: what the mounts let it write, and kernel files that writing is harmless to.
fn writable(view: &View) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = view.writable.clone();
    all.extend(view.home.iter().map(|home| home.path.clone()));
    all.extend(view.emptied.iter().cloned());
    all.extend(["/dev", "/proc"].map(PathBuf::from));
    all
}

/// Signals of this process, read one by one instead of being acted on.
struct Signals(SignalFd);

impl Signals {
    fn block() -> Result<Signals, Error> {
        let what = "signals cannot be taken";
        let faults = [
            Signal::SIGKILL,
            Signal::SIGSTOP,
            Signal::SIGSEGV,
            Signal::SIGBUS,
            Signal::SIGFPE,
            Signal::SIGILL,
            Signal::SIGSYS,
            Signal::SIGTRAP,
            Signal::SIGABRT,
            Signal::SIGPIPE,
        ];
        let mut set = SigSet::empty();
        Signal::iterator().filter(|signal| !faults.contains(signal)).for_each(|signal| set.add(signal));
        set.thread_block().map_err(Error::at(what))?;
        let taken = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).map_err(Error::at(what))?;
        Ok(Signals(taken))
    }

    /// Passes signals on and mirrors stops until the command has ended.
    fn watch(&self, command: &Child) -> Result<ExitStatus, Error> {
        let pid = Pid::from_child(command);
        loop {
            let Some(signal) = self.0.read_signal().map_err(Error::at("signals cannot be read"))? else {
                continue;
            };
            let number = i32::try_from(signal.ssi_signo).unwrap_or_default();
            match Signal::try_from(number) {
                Ok(Signal::SIGCHLD) => {
                    if let Some(ended) = look_at(pid)? {
                        return Ok(ended);
                    }
                }
                // From the terminal it goes to the whole process group, which the command is in too.
                Ok(_) if signal.ssi_code == SI_KERNEL => {}
                Ok(signal) => {
                    let raw = nix::unistd::Pid::from_raw(pid.as_raw_nonzero().get());
                    // It may have ended a moment ago, which is seen next.
                    let _ = nix::sys::signal::kill(raw, signal);
                }
                Err(_) => {}
            }
        }
    }
}

/// `si_code` of what the kernel sent, and no process (sigaction(2)).
const SI_KERNEL: i32 = 0x80;

fn look_at(pid: Pid) -> Result<Option<ExitStatus>, Error> {
    loop {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
        let found = rustix::process::waitpid(Some(pid), options)
            .map_err(Error::at("the command cannot be waited for"))?;
        match found {
            None => return Ok(None),
            // The shell sees this process stop, and continues the whole group.
            Some((_, status)) if status.stopped() => {
                let _ = nix::sys::signal::raise(Signal::SIGSTOP);
            }
            Some((_, status)) => return Ok(Some(ExitStatus::from_raw(status.as_raw()))),
        }
    }
}

/// Ends as the command ended: with its code, or by its signal.
fn end_as(ended: ExitStatus) -> Result<Infallible, Error> {
    let _ = io::stdout().flush();
    if let Some(signal) = ended.signal().and_then(|number| Signal::try_from(number).ok()) {
        // The command has left a core file if one was wanted.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
        let mut set = SigSet::empty();
        set.add(signal);
        let _ = set.thread_unblock();
        let _ = nix::sys::signal::raise(signal);
    }
    let code = ended.code().or(ended.signal().map(|number| 128 + number)).unwrap_or(1);
    std::process::exit(code)
}
