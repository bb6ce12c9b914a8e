//! A running broker with everything that a session needs, set up as anybody would: over its API.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stint::api::{Broker, Holder, Identity, Tls, Transport, new_key, setup};
use stint::clock::Clock;
use stint::session::LiveSession;
use stint_api::{
    AddAgent, AddCredential, AddEnvironment, AddSelector, Confinement, Setup, StartSession, Tier,
};
use tempfile::TempDir;

use crate::answer::Connection;
use crate::options::Options;
use crate::process::Process;
use crate::{Result, upstream};

pub(crate) struct World {
    pub(crate) broker: Process,
    pub(crate) addr: SocketAddr,
    pub(crate) base: String,
    pub(crate) sessions: Vec<LiveSession>,
    pub(crate) folder: TempDir,
}

/// How a broker was before anybody asked it for anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    /// Milliseconds until `/readyz` is 200.
    pub(crate) ready: f64,
    /// MiB.
    pub(crate) resident: f64,
}

/// Beside this program, where the build puts it.
pub(crate) fn program(options: &Options) -> Result<PathBuf> {
    let path = match &options.broker {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("stint-broker"),
    };
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("{} is missing: cargo build --release -p stint-broker", path.display()).into()),
    }
}

impl World {
    /// A broker with so many more policies, and a session for each connection.
    pub(crate) async fn start(options: &Options, provider: SocketAddr, policies: usize) -> Result<World> {
        let folder = tempfile::Builder::new().prefix("stint-bench-").tempdir()?;
        let extra = folder.path().join("policies");
        std::fs::create_dir(&extra)?;
        write_policies(&extra, policies)?;
        let mut command = serve(options, folder.path())?;
        command.arg("--policies").arg(&extra);
        let (broker, addr, _) = launch(command).await?;
        let base = format!("http://{addr}");
        let sessions = people(&base, folder.path(), provider, options.connections).await?;
        Ok(World { broker, addr, base, sessions, folder })
    }
}

/// A broker and nothing else, on the data of that folder.
pub(crate) async fn alone(options: &Options, folder: &Path) -> Result<(Process, SocketAddr)> {
    let (broker, addr, _) = launch(serve(options, folder)?).await?;
    Ok((broker, addr))
}

/// Start on an empty folder and again on what that left; measure the second, as the first makes keys and tables.
pub(crate) async fn idle(options: &Options) -> Result<Vec<Idle>> {
    let folder = tempfile::Builder::new().prefix("stint-bench-").tempdir()?;
    let mut found = Vec::new();
    for round in 0..=options.rounds {
        let (broker, _, ready) = launch(serve(options, folder.path())?).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let resident = broker.resident()?;
        broker.stop();
        if round > 0 {
            found.push(Idle { ready, resident });
        }
    }
    Ok(found)
}

fn serve(options: &Options, folder: &Path) -> Result<Command> {
    let mut command = Command::new(program(options)?);
    command.arg("serve").arg("--data").arg(folder.join("data"));
    command.args(["--allow-private-upstreams", "127.0.0.0/8"]);
    if let Some(url) = &options.database {
        command.args(["--database", url]);
    }
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Start, and wait until it is ready: its address, and the milliseconds that it took.
async fn launch(mut command: Command) -> Result<(Process, SocketAddr, f64)> {
    let addr = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    command.arg("--listen").arg(addr.to_string());
    let started = Instant::now();
    let mut broker = Process::start(&mut command)?;
    let ask = format!("GET /readyz HTTP/1.1\r\nhost: {addr}\r\n\r\n");
    loop {
        if let Ok(mut connection) = Connection::open(addr).await
            && connection.exchange(ask.as_bytes()).await.is_ok()
        {
            return Ok((broker, addr, started.elapsed().as_secs_f64() * 1e3));
        }
        if !broker.is_running() || started.elapsed() > Duration::from_secs(30) {
            return Err("the broker did not become ready".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn people(base: &str, folder: &Path, provider: SocketAddr, sessions: u16) -> Result<Vec<LiveSession>> {
    let clock = Clock::system();
    let transport = Transport::new(&Tls::None)?;
    let key = new_key(&clock)?;
    let token = std::fs::read_to_string(folder.join("data/setup-token"))?;
    let done = setup(
        &transport,
        base,
        &Setup {
            setup_token: token.trim().to_owned(),
            person: "bench".to_owned(),
            key: key.public().to_value(),
            device: None,
        },
    )
    .await?;
    let identity =
        Identity { client_id: done.client_id, issuer: done.issuer, token_endpoint: done.token_endpoint };
    let broker = Broker::new(base, Holder::new(identity, key, transport, clock.clone()));
    broker.add_environment(&AddEnvironment { name: "staging".to_owned(), tier: Tier::Staging }).await?;
    for selector in ["github:repository/atlas/api", &format!("railway:environment/{}", upstream::STAGING)] {
        broker.map_selector("staging", &AddSelector { selector: selector.to_owned() }).await?;
    }
    for (name, secret) in [
        ("github", "ghp_ThisIsTheTokenOfABenchAndOpensNothing"),
        ("railway", "6d0f7c1e-52b1-4a7b-9a3e-0c9be1f4a2d7"),
    ] {
        let add = AddCredential {
            name: name.to_owned(),
            provider: name.to_owned(),
            kind: None,
            environment: None,
            upstream: Some(format!("http://{provider}")),
            upstream_ca: None,
            secret: secret.to_owned(),
        };
        broker.add_credential(&add).await?;
    }
    broker.add_agent(&AddAgent { name: "bench".to_owned(), key: None, environments: vec![] }).await?;
    let mut live = Vec::new();
    for _ in 0..sessions {
        let start = StartSession {
            environment: "staging".to_owned(),
            agent: "bench".to_owned(),
            ttl: None,
            key: serde_json::Value::Null,
            credentials: vec![],
            heartbeat: false,
            confinement: Confinement::None,
            command: None,
            dry_run: false,
        };
        live.push(LiveSession::start(&broker, start, new_key(&clock)?, &clock).await?);
    }
    Ok(live)
}

/// Permits of the kind that an administrator writes: this agent, these operations, that place.
fn write_policies(folder: &Path, count: usize) -> Result<()> {
    let numbers: Vec<usize> = (0..count).collect();
    for (file, chunk) in numbers.chunks(100).enumerate() {
        let mut text = String::new();
        for number in chunk {
            writeln!(
                text,
                "@id(\"extra.{number}\") permit (principal == Agent::\"agent-{number}\", action in [Action::\"class:read\", \
                 Action::\"class:write\"], resource in Environment::\"place-{}\") when {{ !context.session.confined }};",
                number % 17
            )?;
        }
        std::fs::write(folder.join(format!("extra-{file:02}.cedar")), text)?;
    }
    Ok(())
}
