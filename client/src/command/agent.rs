use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use stint_api::{AddAgent, Agent};

use super::context::{Context, read_text};
use crate::exit::Failure;
use crate::output;

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
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Environment that the agent may ask for by itself
        #[arg(long = "environment", value_name = "NAME")]
        environments: Vec<String>,
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
            Action::Add { name, key, environments, json } => {
                context.not_in_a_session("registering an agent")?;
                let key = key.map(|path| public_key(&path)).transpose()?;
                let agent = broker.add_agent(&AddAgent { name, key, environments }).await?;
                if json {
                    return output::json(&agent);
                }
                output::line(format!("added {}", agent.name));
                output::hint(format!("next: `stint run --environment NAME --agent {} -- CMD`", agent.name));
                Ok(())
            }
            Action::List { json } => {
                let list = broker.agents().await?;
                if json { output::json(&list) } else { show_list(&list.agents, context) }
            }
        }
    }
}

/// A private key stays where it is: only a public one is sent.
fn public_key(path: &std::path::Path) -> Result<Value, Failure> {
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
        let by_itself = match (agent.has_key, agent.environments.as_slice()) {
            (false, _) => "no".to_owned(),
            (true, []) => "yes, nowhere yet".to_owned(),
            (true, environments) => environments.join(", "),
        };
        vec![agent.name.clone(), by_itself, output::relative(agent.created_at, now)]
    });
    output::table(&["agent", "starts by itself", "added"], rows.collect());
    Ok(())
}
