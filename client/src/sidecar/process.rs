//! The sidecar as a process of its own, beside the command that `stint run` becomes.
//!
//! `stint run` starts `stint beside`, which starts itself once more and ends: so the command, which keeps the pid of
//! `stint run`, has no child that it does not know of. What the sidecar needs comes through a socket, never by argument or
//! environment, where others on the machine could read it.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};
use stint_api::StartedSession;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::{Doors, Egress, Heartbeats, Settings, Sidecar};
use crate::api::{Tls, Transport, key_from_text};
use crate::clock::Clock;
use crate::run::TRUSTSTORE;
use crate::session::LiveSession;

/// Argument of the hidden subcommand.
pub const SUBCOMMAND: &str = "beside";
const DETACHED: &str = "--detached";
const START: Duration = Duration::from_secs(20);
/// Between asking a command to end and ending it.
const GRACE: Duration = Duration::from_secs(10);
const LARGEST_MATERIAL: u64 = 16 << 20;

/// What a sidecar needs to know.
#[derive(Serialize, Deserialize)]
pub struct Material {
    pub base: String,
    pub started: StartedSession,
    /// The session's key, as `key_to_text` writes it.
    pub key: String,
    pub broker_ca: Option<String>,
    pub egress: Egress,
    /// Whether the doors are handed over by the supervisor of a confined command.
    pub confined: bool,
    /// The process that becomes the command.
    pub command: i32,
    /// Whether it is ended when the session has ended under it.
    pub kill_on_end: bool,
    /// Where commands find the session's certificates.
    pub bundle: PathBuf,
    /// Folder of the run's files, deleted at its end.
    pub folder: PathBuf,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material")
            .field("base", &self.base)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

impl Drop for Material {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

/// What the sidecar says once it serves.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    Ready { proxy_url: String, ca_pem: String },
    Failed { why: String },
}

/// A sidecar that serves.
#[derive(Debug)]
pub struct Spawned {
    pub proxy_url: String,
    pub ca_pem: String,
    /// The socket that it takes its doors from.
    pub socket: UnixStream,
}

/// Starts the sidecar's process and waits until it serves.
pub async fn spawn(material: &Material, roots: &[(String, std::ffi::OsString)]) -> io::Result<Spawned> {
    let text = Zeroizing::new(serde_json::to_vec(material)?);
    let (socket, theirs) = UnixStream::pair()?;
    socket.set_nonblocking(true)?;
    let mut socket = tokio::net::UnixStream::from_std(socket)?;
    let mut child = tokio::process::Command::new(own_program()?)
        .arg(SUBCOMMAND)
        .env_clear()
        // Where the system's roots are, when that is not the usual place.
        .envs(roots.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let work = async {
        let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        socket.write_all(&length.to_be_bytes()).await?;
        socket.write_all(&text).await?;
        let mut report = Vec::new();
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        stdout.take(LARGEST_MATERIAL).read_to_end(&mut report).await?;
        child.wait().await?;
        match serde_json::from_slice(&report) {
            Ok(Report::Ready { proxy_url, ca_pem }) => Ok((proxy_url, ca_pem)),
            Ok(Report::Failed { why }) => Err(io::Error::other(why)),
            Err(_) => Err(io::Error::other("the sidecar ended without a word")),
        }
    };
    let Ok(result) = tokio::time::timeout(START, work).await else {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the sidecar did not start in time"));
    };
    let (proxy_url, ca_pem) = result?;
    let socket = socket.into_std()?;
    socket.set_nonblocking(false)?;
    Ok(Spawned { proxy_url, ca_pem, socket })
}

/// The hidden subcommand. `arguments` are what follows its name.
pub fn main(arguments: &[std::ffi::OsString]) -> io::Result<()> {
    // Neither a debugger of the same user nor a core file may see the keys.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    if arguments.first().is_some_and(|argument| argument == DETACHED) {
        let mut socket = UnixStream::from(rustix::stdio::stdin().try_clone_to_owned()?);
        let material = read_material(&mut socket)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        return runtime.block_on(serve(&material, socket));
    }
    // A session of its own: what the terminal sends to the command does not reach the sidecar.
    rustix::process::setsid()?;
    Command::new(own_program()?).arg(SUBCOMMAND).arg(DETACHED).stderr(Stdio::null()).spawn()?;
    Ok(())
}

/// A length, and as many bytes.
fn read_material(socket: &mut UnixStream) -> io::Result<Material> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if u64::from(length) > LARGEST_MATERIAL {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Zeroizing::new(Vec::new());
    socket.take(length.into()).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

async fn serve(material: &Material, socket: UnixStream) -> io::Result<()> {
    let command = Watched::open(material.command);
    let started = match start(material, socket).await {
        Ok(sidecar) => command.map(|command| (sidecar, command)).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    let report = match &started {
        Ok((sidecar, _)) => Report::Ready {
            proxy_url: sidecar.proxy_url().expose().to_owned(),
            ca_pem: sidecar.ca_pem().to_owned(),
        },
        Err(why) => Report::Failed { why: why.clone() },
    };
    // INVARIANT: the watched process is the one that reads this report. It is opened before, and a process that had died
    // in between, its number perhaps given to another, does not read: then the session ends here.
    let told = tell(&report);
    let Ok((mut sidecar, command)) = started else { return told };
    let reason = match told {
        Ok(()) if material.kill_on_end => tokio::select! {
            reason = until_ended(&command) => reason?,
            () = sidecar.session_ended() => {
                command.kill().await;
                "command_ended"
            }
        },
        Ok(()) => until_ended(&command).await?,
        Err(_) => "command_ended",
    };
    let ended = sidecar.stop(reason).await;
    remove(&material.folder);
    ended.map_err(io::Error::other)
}

async fn start(material: &Material, socket: UnixStream) -> Result<Sidecar, String> {
    let clock = Clock::system();
    let key = key_from_text(&material.key).map_err(|error| error.to_string())?;
    let tls = Tls::for_url(&material.base, material.broker_ca.as_deref());
    let transport = Transport::new(&tls).map_err(|error| error.to_string())?;
    let session =
        LiveSession::new(material.base.clone(), material.started.clone(), key, transport, clock.clone());
    let doors = if material.confined { Doors::Handed(socket) } else { Doors::Loopback(0) };
    let settings = Settings {
        egress: material.egress.clone(),
        heartbeats: if material.kill_on_end { Heartbeats::EachSecond } else { Heartbeats::AsAsked },
        doors,
        bundle: Some(material.bundle.clone()),
    };
    Sidecar::start(session, settings, &clock).await.map_err(|error| error.to_string())
}

/// One JSON document, and the end of the pipe.
fn tell(report: &Report) -> io::Result<()> {
    let mut stdout = io::stdout();
    serde_json::to_writer(&mut stdout, report)?;
    stdout.flush()?;
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::WRONLY, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

/// Waits for the command's end, or for somebody to end the sidecar.
async fn until_ended(command: &Watched) -> io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::select! {
        () = command.ended() => "command_ended",
        _ = terminate.recv() => "revoked",
        _ = interrupt.recv() => "revoked",
    })
}

/// A process whose end is noticed. By descriptor, which cannot come to mean another process as a number can.
enum Watched {
    Descriptor(AsyncFd<OwnedFd>),
    /// Kernels without `pidfd_open`: asked twice a second.
    Number(Pid),
}

impl Watched {
    fn open(pid: i32) -> io::Result<Watched> {
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => {
                #[expect(
                    deprecated,
                    reason = "its successor is unsafe; an OwnedFd keeps the one promise it asks for"
                )]
                let descriptor = AsyncFd::with_interest(descriptor, tokio::io::Interest::READABLE)?;
                Ok(Watched::Descriptor(descriptor))
            }
            Err(rustix::io::Errno::NOSYS) => Ok(Watched::Number(pid)),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks it to end, and ends it where it does not. A confined command's supervisor passes the first on, and ends all
    /// that is inside with itself.
    async fn kill(&self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        // One that ended meanwhile needs none.
        let _ = match self {
            Watched::Descriptor(descriptor) => {
                rustix::process::pidfd_send_signal(descriptor.get_ref(), signal)
            }
            Watched::Number(pid) => rustix::process::kill_process(*pid, signal),
        };
    }

    async fn ended(&self) {
        match self {
            // An error here means that the descriptor is of no more use: then the session is over as well.
            Watched::Descriptor(descriptor) => drop(descriptor.readable().await),
            Watched::Number(pid) => {
                while rustix::process::test_kill_process(*pid) != Err(rustix::io::Errno::SRCH) {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }
}

fn remove(folder: &std::path::Path) {
    // It holds certificates only; what cannot be removed is no secret.
    for file in ["ca.pem", TRUSTSTORE] {
        let _ = std::fs::remove_file(folder.join(file));
    }
    let _ = std::fs::remove_dir(folder);
}

/// This very program, even when its file was replaced meanwhile.
fn own_program() -> io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Ok(own) } else { std::env::current_exe() }
}
