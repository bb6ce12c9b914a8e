use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;
use stint_api::{AddAgent, Agent, EditAgent};

use super::context::{Context, read_text};
use crate::api::{self, AgentKey, Broker};
use crate::exit::Failure;
use crate::{home, output};

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Register an agent
    Add {
        name: String,
        /// Public key (JWK), with which the agent authenticates by itself
        #[arg(long, value_name = "FILE", conflicts_with = "new_key")]
        key: Option<PathBuf>,
        /// Make a key for it, and write the private half to this new file: what `stint sidecar` starts with
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
        /// Environment that the agent may ask for by itself
        #[arg(long = "environment", value_name = "NAME")]
        environments: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Set the environments that an agent may ask for by itself; without any it may ask for none
    Edit {
        name: String,
        /// Environment that the agent may ask for by itself; those that are not named are taken away
        #[arg(long = "environment", value_name = "NAME")]
        environments: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove an agent; its sessions end
    Remove {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// One agent: where it may work by itself, and its sessions
    Show {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// All agents
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        match self.action {
            Action::Add { name, key, new_key, environments, json } => {
                context.not_in_a_session("registering an agent")?;
                let agent = match new_key {
                    Some(file) => add_with_key(context, &broker, name, environments, &file).await?,
                    None => {
                        let key = key.map(|path| public_key(&path)).transpose()?;
                        broker.add_agent(&AddAgent { name, key, environments }).await?
                    }
                };
                if json {
                    return output::json(&agent);
                }
                output::line(format!("added {}", agent.name));
                if agent.has_key {
                    return Ok(());
                }
                output::hint(format!("next: `stint run --environment NAME --agent {} -- CMD`", agent.name));
                Ok(())
            }
            Action::Edit { name, environments, json } => {
                context.not_in_a_session("changing an agent")?;
                let agent = broker.edit_agent(&name, &EditAgent { environments, was: None }).await?;
                if json {
                    return output::json(&agent);
                }
                output::line(match agent.environments.as_slice() {
                    [] => format!("{} may ask for no environment by itself", agent.name),
                    names => format!("{} may ask for {} by itself", agent.name, names.join(", ")),
                });
                Ok(())
            }
            Action::Remove { name, json } => {
                context.not_in_a_session("removing an agent")?;
                let removed = broker.remove_agent(&name).await?;
                if json {
                    return output::json(&removed);
                }
                output::line(format!("removed {}, {}", removed.name, ended(removed.ended.len())));
                Ok(())
            }
            Action::Show { name, json } => {
                let detail = broker.agent(&name).await?;
                if json {
                    return output::json(&detail);
                }
                let now = context.clock.now();
                let agent = &detail.agent;
                output::pairs(&[
                    ("agent", agent.name.clone()),
                    ("starts by itself", by_itself(agent)),
                    ("client id", agent.client_id.clone()),
                    ("added", output::relative(agent.created_at, now)),
                    ("live sessions", agent.sessions_live.to_string()),
                    ("last session", agent.seen_at.map(|at| output::relative(at, now)).unwrap_or_default()),
                ]);
                Ok(())
            }
            Action::List { json } => {
                let list = broker.agents().await?;
                if json { output::json(&list) } else { show_list(&list.agents, context) }
            }
        }
    }
}

/// Registers an agent with a key that is made here. The file is there before the broker knows of it, so that the key
/// cannot get lost on the way.
async fn add_with_key(
    context: &Context,
    broker: &Broker,
    name: String,
    environments: Vec<String>,
    file: &Path,
) -> Result<Agent, Failure> {
    let cannot = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let key = api::new_key(&context.clock)?;
    let public = key.public().to_value();
    home::create_private(file, b"").map_err(cannot)?;
    let added = broker.add_agent(&AddAgent { name, key: Some(public), environments }).await;
    let agent = added.inspect_err(|_| drop(std::fs::remove_file(file)))?;
    let text = AgentKey::new(agent.client_id.clone(), key).to_text();
    std::fs::write(file, text.as_bytes()).map_err(|error| {
        cannot(error).hint(format!("{0} was added without it: `stint agent remove {0}`", agent.name))
    })?;
    Ok(agent)
}

/// A private key stays where it is: only a public one is sent.
fn public_key(path: &Path) -> Result<Value, Failure> {
    let text = read_text(path)?;
    let key: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is no JWK: {error}", path.display())))?;
    if ["d", "p", "q", "k"].iter().any(|member| key.get(member).is_some()) {
        return Err(Failure::usage(format!("{} holds a private key", path.display()))
            .hint("give the public half: the same JWK without the member 'd'"));
    }
    Ok(key)
}

fn show_list(agents: &[Agent], context: &Context) -> Result<(), Failure> {
    if agents.is_empty() {
        output::line("no agents yet");
        output::hint("register one: `stint agent add NAME`");
        return Ok(());
    }
    let now = context.clock.now();
    let rows = agents.iter().map(|agent| {
        let seen = agent.seen_at.map(|at| output::relative(at, now)).unwrap_or_default();
        let live = agent.sessions_live.to_string();
        vec![agent.name.clone(), by_itself(agent), live, seen, output::relative(agent.created_at, now)]
    });
    output::table(&["agent", "starts by itself", "live", "last session", "added"], rows.collect());
    Ok(())
}

fn by_itself(agent: &Agent) -> String {
    match (agent.has_key, agent.environments.as_slice()) {
        (false, _) => "no".to_owned(),
        (true, []) => "yes, nowhere yet".to_owned(),
        (true, environments) => environments.join(", "),
    }
}

/// `2 sessions ended`
pub(super) fn ended(count: usize) -> String {
    match count {
        1 => "1 session ended".to_owned(),
        n => format!("{n} sessions ended"),
    }
}
