//! The demo: the published incident against a stand-in of the provider, first without Stint and then under a session.
//!
//! A user of everything else, in one process: it starts a real broker and a real sidecar, and talks to them through
//! the doors that people and commands use. Each line of the table is something that was sent and looked at, at both
//! ends: the answer, and what became of the provider's world.
//!
//! Must not know how a decision is made, and must not be known by any other room. No result is ever assumed.

mod approvals;
mod attempts;
mod audit;
mod hold;
mod http;
mod keep;
mod leaks;
mod refusals;
mod scene;
mod table;
mod voice;
mod without;
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stint_standin::railway::Railway;
use stint_standin::{Handle, Standin, Tls};

use crate::config::Environment;
use crate::serve::stopped;
use hold::Holding;
use scene::Scene;
use table::{Row, Table};
use voice::Voice;

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Stay up when done, to be explored
    #[arg(long)]
    pub keep: bool,
}

/// Both hosts of the provider.
const HOST: &str = "backboard.railway.com";
const LEGACY_HOST: &str = "backboard.railway.app";

/// Exit code 1 when anything was not as it should be.
pub async fn run(args: DemoArgs) -> Result<ExitCode, String> {
    let environment = Environment::of_process();
    let voice = Voice::of(&environment);
    // Whatever ends the play, what it made is taken away when the future is dropped.
    let (scene, table, took) = tokio::select! {
        played = play(&environment, &voice) => played?,
        stopped = stopped() => return stopped.map(|()| ExitCode::FAILURE),
    };
    table.show(&voice, took);
    if args.keep {
        scene.restore();
        keep::explain(&scene, &voice)?;
        stopped().await?;
    }
    scene.close().await;
    Ok(if table.is_as_it_should_be() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(environment: &Environment, voice: &Voice) -> Result<(Scene, Table, Duration), String> {
    let started = Instant::now();
    let provider = provider().await?;
    let mut table = Table::default();
    without::act(&provider, voice, &mut table).await?;
    let scene = Scene::set(provider, environment, voice).await?;
    if let Err(error) = within(&scene, voice, &mut table).await {
        table.push(Row::new("to go on from here", "the story broke off", "").expect(false, error));
    }
    Ok((scene, table, started.elapsed()))
}

/// The stand-in, with a certificate for the provider's own names.
async fn provider() -> Result<Handle<Railway>, String> {
    let names = [HOST, LEGACY_HOST, "127.0.0.1", "localhost"].map(str::to_owned).to_vec();
    Standin::start(Railway::seeded(), Tls::SelfSigned { names }, ([127, 0, 0, 1], 0).into())
        .await
        .map_err(|error| format!("the stand-in could not start: {error}"))
}

/// The second act: everything that an agent sends goes through the sidecar's proxy, as a command's requests do.
async fn within(scene: &Scene, voice: &Voice, table: &mut Table) -> Result<(), String> {
    let holding = Holding::start(scene, voice).await?;
    work::act(scene, &holding, table).await?;
    refusals::act(scene, &holding, voice, table).await?;
    approvals::act(scene, &holding, voice, table).await?;
    leaks::act(scene, &holding, table).await?;
    let records = holding.end();
    audit::act(scene, &records, table).await
}
