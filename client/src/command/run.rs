mod hold;
mod show;
mod within;

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use stint_api::{Confinement, EndSessions, StartSession, StartedSession};

use super::context::Context;
use super::duration;
use crate::api::{self, Broker, SigningKey};
use crate::exit::{self, Failure};
use crate::run::{Inputs, Missing, Plan, TRUSTSTORE, become_command, bundle, resolve, truststore};
use crate::sidecar::process;
use crate::{confine, home, output};
use hold::Hold;

/// The command's environment gets placeholders instead of credentials, and a proxy that leads to the gateway. The
/// session ends with the command, whose exit code is this command's own.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: the command's own; 125 could not start, 7 the broker cannot be reached, \
                        126 not executable, 127 not found, 128+n ended by signal n (with --kill-on-end: 143 when the \
                        session ended under it, 137 when it did not end within 10 seconds of being asked to)\n\n\
                        Within a session, it starts one that is narrower: same environment and agent, some of its \
                        credentials, over when it is over."
)]
pub(super) struct Run {
    /// Environment that the session is bound to [default: STINT_ENVIRONMENT]
    #[arg(short, long)]
    environment: Option<String>,
    /// Agent that the session is for [default: STINT_AGENT]
    #[arg(short, long)]
    agent: Option<String>,
    /// Longest life of the session: 90s, 15m, 1h [default: the broker's]
    #[arg(long, value_parser = duration::parse)]
    ttl: Option<Duration>,
    /// Credential that the session may use; all of the environment's when none is named
    #[arg(long = "credential", value_name = "NAME")]
    credentials: Vec<String>,
    /// Variable to hand on although it looks like a credential
    #[arg(long, value_name = "VARIABLE")]
    keep: Vec<String>,
    /// End the command when its session is ended: asked to first (SIGTERM), then made to (SIGKILL). Without it, the
    /// command goes on, and its requests are refused
    #[arg(long)]
    kill_on_end: bool,
    #[command(flatten)]
    hold: Hold,
    /// Show what the command would inherit, and start nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: print one JSON object
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What a dry run shows in place of the sidecar's address and secret.
const SHOWN_PROXY: &str = "http://stint:SECRET@127.0.0.1:PORT";

impl Run {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        // In `run` the codes below 125 belong to the command, but for the one that says to try again later.
        self.attempt(context).await.map_err(|failure| match failure.code {
            exit::UNREACHABLE
            | exit::COULD_NOT_START
            | exit::NOT_EXECUTABLE
            | exit::NOT_FOUND
            | exit::USAGE => failure,
            _ => failure.code(exit::COULD_NOT_START),
        })
    }

    async fn attempt(&self, context: &Context) -> Result<(), Failure> {
        if context.config.surrounding_session().is_some() {
            return self.within(context);
        }
        // Keys are about to be in memory; what is executed at the end can be looked into again.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
            .map_err(std::io::Error::from)?;
        let file = self.find_command(context)?;
        let strength = self.hold.strength(context)?;
        let key = api::new_key(&context.clock)?;
        let start = self.start(context, key.public().to_value(), strength)?;
        let broker = context.broker()?;
        let started = broker.start_session(&start).await?;
        if self.dry_run {
            return self.show(context, &started);
        }
        match self.enter(context, &broker, &started, &key, &file, strength).await {
            Ok(never) => match never {},
            Err(failure) => {
                let end = EndSessions { reason: Some("command_ended".to_owned()) };
                if broker.end_session(&started.session.id, &end).await.is_err() {
                    output::note(format!(
                        "session {} could not be ended, and ends by itself",
                        started.session.id
                    ));
                }
                Err(failure)
            }
        }
    }

    fn find_command(&self, context: &Context) -> Result<PathBuf, Failure> {
        let name = self.command.first().ok_or_else(|| Failure::usage("a command is needed"))?;
        let shown = name.to_string_lossy();
        resolve(name, context.config.variable("PATH")).map_err(|missing| match missing {
            Missing::NotFound => Failure::new(exit::NOT_FOUND, format!("{shown}: there is no such command")),
            Missing::NotExecutable => {
                Failure::new(exit::NOT_EXECUTABLE, format!("{shown}: cannot be executed"))
            }
        })
    }

    fn start(
        &self,
        context: &Context,
        key: serde_json::Value,
        confinement: Confinement,
    ) -> Result<StartSession, Failure> {
        let config = &context.config;
        let environment =
            context.need("environment", self.environment.as_ref(), config.environment.as_ref())?;
        let agent = context.need("agent", self.agent.as_ref(), config.agent.as_ref())?;
        let mut credentials = self.credentials.clone();
        let mut ttl = self.ttl.map(|ttl| ttl.as_secs());
        if let Some(project) = &config.project {
            project.allows_environment(&environment)?;
            credentials = project.narrow_credentials(credentials)?;
            if let Some(most) = &project.ttl {
                let most = duration::parse(most).map_err(Failure::usage)?.as_secs();
                ttl = Some(ttl.map_or(most, |ttl| ttl.min(most)));
            }
        }
        Ok(StartSession {
            environment,
            agent,
            ttl,
            key,
            credentials,
            heartbeat: true,
            confinement,
            command: self.command.first().and_then(|command| program_name(Path::new(command))),
            dry_run: self.dry_run,
        })
    }

    /// What the command gets to see of its surroundings, with a proxy and a bundle that are there or would be.
    fn plan(&self, context: &Context, started: &StartedSession, proxy_url: &str, bundle: &Path) -> Plan {
        let confined = started.session.confined;
        let inputs = Inputs { started, proxy_url, bundle, keep: &self.keep, confined };
        let mut inherited = context.config.inherited.clone();
        let drop =
            context.config.project.as_ref().and_then(|project| project.run.as_ref()).map(|run| &run.drop);
        inherited.retain(|(name, _)| !drop.is_some_and(|drop| drop.iter().any(|drop| name == drop.as_str())));
        Plan::make(&inherited, &inputs)
    }

    fn show(&self, context: &Context, started: &StartedSession) -> Result<(), Failure> {
        let confined = started.session.confined;
        let bundle = match confined {
            true => PathBuf::from(confine::BUNDLE),
            false => context.config.runtime_dir.join("SESSION/ca.pem"),
        };
        let plan = self.plan(context, started, SHOWN_PROXY, &bundle);
        let held = self.hold.show(context, started)?;
        show::plan(&plan, &held, self.json)
    }

    /// From the started session on: returns only when the command could not be entered.
    async fn enter(
        &self,
        context: &Context,
        broker: &Broker,
        started: &StartedSession,
        key: &SigningKey,
        file: &Path,
        strength: Confinement,
    ) -> Result<std::convert::Infallible, Failure> {
        let folder = runtime_folder(&context.config.runtime_dir, &started.session.id)?;
        let bundle_file = match strength {
            Confinement::Full => PathBuf::from(confine::BUNDLE),
            Confinement::Partly | Confinement::None => folder.join("ca.pem"),
        };
        let material = process::Material {
            base: broker.base().to_owned(),
            started: started.clone(),
            key: api::key_to_text(key).to_string(),
            broker_ca: context.broker_ca()?,
            egress: self.hold.egress(context, started)?,
            confined: started.session.confined,
            command: i32::try_from(std::process::id())
                .map_err(|_| could_not_start("the process has no number"))?,
            kill_on_end: self.kill_on_end,
            bundle: bundle_file.clone(),
            folder,
        };
        let roots: Vec<(String, OsString)> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), context.config.variable(name)?.to_owned())))
            .collect();
        let spawned = process::spawn(&material, &roots).await;
        drop(material);
        let process::Spawned { proxy_url, ca_pem, socket } =
            spawned.map_err(|error| could_not_start(format!("the sidecar: {error}")))?;
        if started.session.confined {
            let plan = self.plan(context, started, &proxy_url, &bundle_file);
            tell(&plan);
            return self.become_confined(context, started, &plan, &socket, &ca_pem, file);
        }
        drop(socket);
        let roots = bundle(&ca_pem);
        let store = bundle_file.with_file_name(TRUSTSTORE);
        for (file, bytes) in [(&bundle_file, roots.as_bytes()), (&store, &truststore(&roots))] {
            home::create_private(file, bytes)
                .map_err(|error| could_not_start(format!("{}: {error}", file.display())))?;
        }
        let plan = self.plan(context, started, &proxy_url, &bundle_file);
        tell(&plan);
        if strength == Confinement::Partly {
            confine::hold_back().map_err(|error| could_not_start(error.to_string()))?;
        }
        Err(self.become_it(file, &plan))
    }

    /// Becomes the command. Comes back only when that failed.
    fn become_it(&self, file: &Path, plan: &Plan) -> Failure {
        let error = become_command(file, &self.command, &plan.environment());
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => exit::NOT_FOUND,
            _ => exit::NOT_EXECUTABLE,
        };
        Failure::new(code, format!("{}: {error}", file.display()))
    }

    fn become_confined(
        &self,
        context: &Context,
        started: &StartedSession,
        plan: &Plan,
        sidecar: &UnixStream,
        ca_pem: &str,
        file: &Path,
    ) -> Result<std::convert::Infallible, Failure> {
        let errand = confine::Errand {
            view: self.hold.view(context)?,
            files: confine::Files { hosts: self.hold.hosts_file(context, started)?, bundle: bundle(ca_pem) },
            learn: self.hold.learn,
        };
        let error = confine::become_supervisor(&errand, sidecar, file, &self.command, &plan.environment());
        Err(could_not_start(format!("the command cannot be confined: {error}")))
    }
}

/// What was dropped is named, so that nobody wonders where it went.
fn tell(plan: &Plan) {
    let names: Vec<&str> = plan.dropped.iter().map(|left| left.name.as_str()).collect();
    match names.len() {
        0 => {}
        1 => output::note(format!("dropped 1 variable: {}", names.join(", "))),
        count => output::note(format!("dropped {count} variables: {}", names.join(", "))),
    }
    if !plan.kept.is_empty() {
        output::note(format!("handed on as asked, though it would be dropped: {}", plan.kept.join(", ")));
    }
}

/// The folder of one run's files. The id comes from the broker, and is made sure to be one name.
fn runtime_folder(base: &Path, id: &str) -> Result<PathBuf, Failure> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(could_not_start("the broker gave a session id that is none"));
    }
    let folder = base.join(id);
    home::private_dir(base)?;
    home::private_dir(&folder)?;
    Ok(folder)
}

/// Program name for the record: never arguments, which may hold secrets.
fn program_name(command: &Path) -> Option<String> {
    command.file_name().map(|name| output::clean(&name.to_string_lossy()))
}

fn could_not_start(why: impl Into<String>) -> Failure {
    Failure::new(exit::COULD_NOT_START, why)
}
