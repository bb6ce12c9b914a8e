//! What is measured, in which order: rounds of a load and of its floors take turns, so that a busy moment hits both.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::Method;
use serde_json::json;
use stint::api::Holder;
use stint::session::LiveSession;

use crate::load::drive;
use crate::options::{Options, What};
use crate::process::Process;
use crate::report::{Floors, Gateway, Mint, Report};
use crate::requests::{Call, Supply, calls, mints};
use crate::rounds::{Figures, Used};
use crate::world::{self, World};
use crate::{Result, cores, floors, upstream};

/// Policies of the grown broker, beyond those that ship.
pub(crate) const GROWN: usize = 1000;

/// Requests of a warm-up, on each connection.
const WARM: usize = 300;

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let provider = upstream::start()?;
    let mut report = Report {
        cores: cores::count(),
        database: if options.database.is_some() { "PostgreSQL" } else { "SQLite" },
        connections: options.connections,
        seconds: options.seconds,
        rounds: options.rounds,
        ..Report::default()
    };
    if options.what.includes(What::Idle) {
        report.idle = world::idle(options).await?;
    }
    if options.what == What::Idle {
        return Ok(report);
    }
    let world = World::start(options, provider, 0).await?;
    let bench = Bench { options, world: &world };
    report.floors = Some(bench.floors().await?);
    if options.what.includes(What::Mint) {
        report.mint = Some(bench.mint().await?);
    }
    if options.what.includes(What::Gateway) {
        report.gateway = Some(bench.gateway(provider).await?);
    }
    // An embedded database goes with its folder; the other one holds what the first broker left in it.
    if options.what == What::All && options.database.is_none() {
        drop(world);
        let world = World::start(options, provider, GROWN).await?;
        let bench = Bench { options, world: &world };
        report.grown = Some((bench.only_mint().await?, bench.only_plain().await?));
    }
    Ok(report)
}

struct Bench<'a> {
    options: &'a Options,
    world: &'a World,
}

/// A load on some program: how to make its requests, for each of so many connections.
struct Load<'a> {
    addr: SocketAddr,
    under: Option<&'a Process>,
    kind: Kind<'a>,
    connections: usize,
}

enum Kind<'a> {
    Same(String),
    Mint,
    Call(&'a Call),
}

impl Bench<'_> {
    async fn floors(&self) -> Result<Floors> {
        let healthz = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", self.world.addr);
        let healthz = self.load(Kind::Same(healthz));
        Ok(Floors {
            verify: floors::ed25519_verify()?,
            pair: floors::sqlite_pair(self.world.folder.path()).await?,
            healthz: self.all(&[healthz]).await?.remove(0),
        })
    }

    async fn mint(&self) -> Result<Mint> {
        let alone = Load { connections: 1, ..self.load(Kind::Mint) };
        let [full, alone] = two(self.all(&[self.load(Kind::Mint), alone]).await?)?;
        Ok(Mint { full, alone })
    }

    async fn only_mint(&self) -> Result<Figures> {
        Ok(self.all(&[self.load(Kind::Mint)]).await?.remove(0))
    }

    async fn only_plain(&self) -> Result<Figures> {
        Ok(self.all(&[self.load(Kind::Call(&read()))]).await?.remove(0))
    }

    async fn gateway(&self, provider: SocketAddr) -> Result<Gateway> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("proxy").arg("--upstream").arg(provider.to_string()).stdout(Stdio::piped());
        let mut proxy = Process::start(&mut command)?;
        let mut line = String::new();
        BufReader::new(proxy.output().ok_or("no output")?).read_line(&mut line)?;
        let at: SocketAddr = line.trim().parse()?;

        let get =
            format!("GET /repos/atlas/api HTTP/1.1\r\nhost: {provider}\r\naccept: application/json\r\n\r\n");
        let connections = usize::from(self.options.connections);
        let floor =
            |addr, under, connections| Load { addr, under, kind: Kind::Same(get.clone()), connections };
        let (read, mutate) = (read(), mutate());
        let loads = [
            floor(provider, None, connections),
            floor(at, Some(&proxy), connections),
            self.load(Kind::Call(&read)),
            self.load(Kind::Call(&mutate)),
            floor(provider, None, 1),
            Load { connections: 1, ..self.load(Kind::Call(&read)) },
        ];
        let figures = self.all(&loads).await?;
        match <[Figures; 6]>::try_from(figures) {
            Ok([direct, proxy, plain, mutation, direct_alone, plain_alone]) => {
                Ok(Gateway { direct, proxy, plain, mutation, direct_alone, plain_alone })
            }
            Err(_) => Err("a load was lost".into()),
        }
    }

    fn load<'a>(&'a self, kind: Kind<'a>) -> Load<'a> {
        Load {
            addr: self.world.addr,
            under: Some(&self.world.broker),
            kind,
            connections: usize::from(self.options.connections),
        }
    }

    /// Every load in each round.
    async fn all(&self, loads: &[Load<'_>]) -> Result<Vec<Figures>> {
        let mut rates = Vec::new();
        for load in loads {
            let warm = drive(load.addr, self.supplies(load, WARM).await?, Duration::from_secs(20)).await?;
            rates.push(warm.rate());
        }
        let mut rounds: Vec<Vec<Used>> = loads.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.options.rounds {
            for ((load, rate), rounds) in loads.iter().zip(&rates).zip(&mut rounds) {
                // A warm-up is slower than what comes after it.
                let count = (rate * self.options.seconds * 1.6) as usize / load.connections + WARM;
                rounds.push(self.round(load, count).await?);
            }
        }
        Ok(rounds.iter().map(|rounds| Figures::of(rounds)).collect())
    }

    async fn round(&self, load: &Load<'_>, count: usize) -> Result<Used> {
        let supplies = self.supplies(load, count).await?;
        let cpu = || load.under.map_or(Ok(0.0), Process::cpu);
        let before = cpu()?;
        let time = Duration::from_secs_f64(self.options.seconds);
        let round = drive(load.addr, supplies, time).await?;
        // What the broker still owes to the record of these requests is part of what they cost.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let cpu = cpu()? - before;
        Ok(Used { round, cpu, resident: load.under.map_or(Ok(0.0), Process::resident)? })
    }

    async fn supplies(&self, load: &Load<'_>, count: usize) -> Result<Vec<Supply>> {
        let mut supplies = Vec::new();
        for session in self.world.sessions.iter().take(load.connections) {
            supplies.push(match &load.kind {
                Kind::Same(request) => Supply::same(request, count),
                Kind::Mint => mints(session.holder(), count)?,
                Kind::Call(call) => calls(holder(session), &self.world.base, call, count).await?,
            });
        }
        Ok(supplies)
    }
}

fn holder(session: &LiveSession) -> &Holder {
    session.holder()
}

fn two(figures: Vec<Figures>) -> Result<[Figures; 2]> {
    figures.try_into().map_err(|_| "a load was lost".into())
}

/// A read of a repository that the session's environment owns.
fn read() -> Call {
    Call {
        method: Method::GET,
        path: "/gateway/github/repos/atlas/api".to_owned(),
        headers: "accept: application/vnd.github+json\r\nuser-agent: stint-bench\r\n".to_owned(),
        body: |_| String::new(),
    }
}

/// A mutation of about 1 KB: the same document each time, as programs send it, with other values in it.
fn mutate() -> Call {
    Call {
        method: Method::POST,
        path: "/gateway/railway/graphql/v2".to_owned(),
        headers: "content-type: application/json\r\naccept: */*\r\nuser-agent: stint-bench\r\n".to_owned(),
        body: |number| {
            let variables = json!({
                "service": upstream::SERVICE,
                "environment": upstream::STAGING,
                "input": { "startCommand": format!("bin/server --port {number}"), "numReplicas": 2, "healthcheckPath": "/health" },
            });
            json!({ "query": MUTATION, "variables": variables }).to_string()
        },
    }
}

const MUTATION: &str = "
mutation UpdateAndRead($service: String!, $environment: String!, $input: ServiceInstanceUpdateInput!, $full: Boolean = true) {
  updated: serviceInstanceUpdate(serviceId: $service, environmentId: $environment, input: $input)
  redeployed: serviceInstanceRedeploy(serviceId: $service, environmentId: $environment)
  environmentRename(id: $environment, input: { name: \"staging\" }) {
    ...Names
    serviceInstances(first: 20) { edges { node { ...Instance latestDeployment { ...Deploy } } } }
  }
}
fragment Names on Environment { id name projectId isEphemeral createdAt updatedAt }
fragment Instance on ServiceInstance { id serviceId serviceName startCommand buildCommand numReplicas region healthcheckPath source { image repo } }
fragment Deploy on Deployment { id status createdAt staticUrl url canRedeploy @include(if: $full) canRollback @include(if: $full) }
";
