use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustix::process::DumpableBehavior;
use stint_api::AuthorizationDetail;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::context::Context;
use super::duration;
use crate::api::AgentKey;
use crate::exit::{self, Failure};
use crate::output;
use crate::run::{Inputs, Plan, TRUSTSTORE, bundle, truststore};
use crate::session::LiveSession;
use crate::sidecar::{Doors, Egress, Heartbeats, Mode, READY, Settings, Sidecar as Running};

/// For containers and pods: the session's proxy in one container, the agent in another that shares its loopback. The
/// agent gets what is published, and nothing else; the key that the session starts with is this container's alone.
///
/// SIGTERM or SIGINT ends it: nothing new is taken, what is under way is finished, and the session ends at the broker.
/// A session that ends earlier is not started anew: requests are refused and it is no longer ready, until it is started
/// again.
#[derive(Debug, Args)]
#[command(after_help = "In the agent's container: . DIR/env && exec AGENT\n\
                  Readiness: `stint sidecar --check`, or GET http://127.0.0.1:PORT/ready\n\
                  Exit codes: 0 ended as asked; 1 the port is taken or a file cannot be written, 4 the broker does not take \
                  the key, 7 it cannot be reached; with --check: 0 ready, 1 not")]
pub(super) struct Sidecar {
    /// Environment that the session is bound to [default: STINT_ENVIRONMENT]
    #[arg(short, long)]
    environment: Option<String>,
    /// The agent's key, as `stint agent add --new-key` writes it
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    agent_key: Option<PathBuf>,
    /// Folder that the agent reads: variables in `env`, certificates in `ca.pem` and `ca.jks`. It has the same path in
    /// both containers, and whoever can read it is the agent
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    publish: Option<PathBuf>,
    /// Port on loopback
    #[arg(long, default_value_t = 7381)]
    port: u16,
    /// Credential that the session may use; all of the environment's when none is named
    #[arg(long = "credential", value_name = "NAME")]
    credentials: Vec<String>,
    /// Longest life of the session: 15m, 8h [default: the broker's]
    #[arg(long, value_parser = duration::parse)]
    ttl: Option<Duration>,
    /// Of the hosts that the broker allows beside the providers', only these
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// How long what is under way may take once it is to end
    #[arg(long, value_parser = duration::parse, default_value = "20s")]
    grace: Duration,
    /// Only ask a sidecar on this port whether it is ready
    #[arg(long)]
    check: bool,
}

/// The file of variables.
const VARIABLES: &str = "env";
const PATIENCE: Duration = Duration::from_secs(5);

impl Sidecar {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match (&self.agent_key, &self.publish) {
            _ if self.check => check(self.port),
            (Some(key), Some(folder)) => self.serve(context, key, folder).await,
            _ => Err(Failure::usage("--agent-key and --publish are needed")),
        }
    }

    async fn serve(&self, context: &Context, key: &Path, folder: &Path) -> Result<(), Failure> {
        context.not_in_a_session("a sidecar of its own")?;
        // Neither a debugger of the same user nor a core file may see the keys.
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)?;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let agent = AgentKey::from_text(&read_key(key)?)?;
        let config = &context.config;
        let environment =
            context.need("environment", self.environment.as_ref(), config.environment.as_ref())?;
        let folder = std::path::absolute(folder)?;
        if !folder.is_dir() {
            return Err(Failure::usage(format!("{} is no folder to publish to", folder.display())));
        }
        // Said before there is a session.
        TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))
            .map_err(|error| Failure::new(exit::FAILURE, format!("127.0.0.1:{}: {error}", self.port)))?;
        let detail = AuthorizationDetail {
            kind: "stint".to_owned(),
            environment,
            credentials: self.credentials.clone(),
            ttl: self.ttl.map(|ttl| ttl.as_secs()),
            heartbeat: Some(true),
        };
        let base = context.base().to_owned();
        let session = LiveSession::begin(context.transport()?, base, &agent, &detail, &context.clock).await?;
        drop(agent);
        let id = session.id().to_owned();
        output::note(format!("session {id} of {} has begun", detail.environment));
        let hosts = match self.hosts(&session.started().egress) {
            Ok(hosts) => hosts,
            Err(failure) => {
                // One that cannot be ended now ends without its heartbeats.
                let _ = session.end("command_ended").await;
                return Err(failure);
            }
        };
        let settings = Settings {
            egress: Egress::new(Mode::Deny, hosts),
            heartbeats: Heartbeats::AsAsked,
            doors: Doors::Loopback(self.port),
            bundle: Some(folder.join("ca.pem")),
        };
        let mut running = Running::start(session, settings, &context.clock)
            .await
            .map_err(|error| Failure::new(exit::FAILURE, error.to_string()))?;
        let published = publish(&running, &folder);
        if let Err(error) = published {
            let _ = running.stop("command_ended").await;
            return Err(Failure::new(exit::FAILURE, format!("{}: {error}", folder.display())));
        }
        running.announce();
        output::note(format!("ready on 127.0.0.1:{}, published in {}", running.port(), folder.display()));
        let ended = tokio::select! {
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
            () = running.session_ended() => true,
        };
        if ended {
            output::note(format!("session {id} has ended: requests are refused from now on"));
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        output::note(format!("asked to end, with {} open", connections(running.open())));
        withdraw(&folder);
        if !running.drain(self.grace).await {
            output::note(format!("{} cut off after {:?}", connections(running.open()), self.grace));
        }
        match running.stop("command_ended").await {
            Ok(()) => output::note(format!("session {id} has ended")),
            Err(error) => output::note(format!("session {id} ends by itself: {error}")),
        }
        Ok(())
    }

    /// Hosts that no provider owns and the agent may reach: what the broker allows, narrowed.
    fn hosts(&self, allowed: &[String]) -> Result<Vec<String>, Failure> {
        match self.allow_hosts.iter().find(|host| !allowed.contains(host)) {
            Some(host) => {
                let message = format!("the broker does not allow {host} to sessions of this environment");
                Err(Failure::new(exit::FAILURE, message)
                    .hint("an owner allows a host in the broker's configuration: egress.hosts"))
            }
            None if self.allow_hosts.is_empty() => Ok(allowed.to_vec()),
            None => Ok(self.allow_hosts.clone()),
        }
    }
}

fn connections(count: usize) -> String {
    match count {
        1 => "1 connection".to_owned(),
        count => format!("{count} connections"),
    }
}

/// What an exec probe asks: whether `GET /ready` on loopback is 200.
fn check(port: u16) -> Result<(), Failure> {
    let not = |why: String| Failure::new(exit::FAILURE, format!("not ready: {why}"));
    let ask = || -> io::Result<String> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!("GET {READY} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.take(1 << 16).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| not(format!("127.0.0.1:{port}: {error}")))?;
    match answer.lines().next().unwrap_or_default() {
        line if line.starts_with("HTTP/1.1 200 ") => {
            output::line("ready");
            Ok(())
        }
        line if line.starts_with("HTTP/1.1 503 ") => {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            Err(not(body.trim_end().to_owned()))
        }
        _ => Err(not(format!("what listens on 127.0.0.1:{port} is no sidecar"))),
    }
}

/// A key may be another user's, as mounted secrets are, but not everybody's to read.
fn read_key(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let cannot = |error: io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let mut file = fs::File::open(path).map_err(cannot)?;
    let about = file.metadata().map_err(cannot)?;
    if about.mode() & 0o007 != 0 {
        return Err(Failure::usage(format!("{} can be read by every user", path.display()))
            .hint("chmod o-rwx, or in a pod: defaultMode 0440 of the secret's volume"));
    }
    let mut text = Zeroizing::new(String::new());
    io::Read::by_ref(&mut file).take(1 << 16).read_to_string(&mut text).map_err(cannot)?;
    Ok(text)
}

/// Writes what the agent's container needs, the variables last: who finds them finds all.
fn publish(running: &Running, folder: &Path) -> io::Result<()> {
    let roots = bundle(running.ca_pem());
    replace(folder, "ca.pem", roots.as_bytes())?;
    replace(folder, TRUSTSTORE, &truststore(&roots))?;
    let started = running.session().started();
    let proxy_url = running.proxy_url();
    let file = folder.join("ca.pem");
    let inputs = Inputs { started, proxy_url: proxy_url.expose(), bundle: &file, keep: &[], confined: false };
    let plan = Plan::make(&[], &inputs);
    let mut text = Zeroizing::new(String::new());
    for name in started.scrub.iter().filter(|name| is_name(name)) {
        let _ = writeln!(text, "unset {name}");
    }
    let _ = writeln!(text, "unset SSL_CERT_DIR");
    for set in plan.set.iter().filter(|set| is_name(&set.name)) {
        let _ = writeln!(text, "export {}={}", set.name, quoted(&set.value));
    }
    replace(folder, VARIABLES, text.as_bytes())
}

/// A file that its group can read and others cannot, put in place at once.
fn replace(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.new"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&temporary)?;
    file.write_all(text)?;
    fs::rename(&temporary, folder.join(name))
}

fn withdraw(folder: &Path) {
    // What cannot be removed is worth nothing once the session has ended.
    for name in [VARIABLES, "ca.pem", TRUSTSTORE] {
        let _ = fs::remove_file(folder.join(name));
    }
}

/// A name that a shell takes (POSIX 3.235).
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// One word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{is_name, quoted};

    #[test]
    fn a_value_is_one_word_whatever_is_in_it() {
        let value = "a'b $(touch x) `y` \"z\"\nnext";
        let script = format!("printf %s {}", quoted(value));
        let out = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), value);
        assert!(is_name("_A1") && !is_name("1A") && !is_name("A;B") && !is_name(""));
    }
}
