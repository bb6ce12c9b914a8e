use clap::{Args, Subcommand};
use stint_api::{AddEnvironment, AddSelector, Environment, Tier};

use super::context::Context;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Name an environment
    Add {
        name: String,
        /// How much is at stake: development, staging or production
        #[arg(long)]
        tier: Tier,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say that a provider's thing belongs to it: railway:environment/ID, github:repository/OWNER/NAME
    Map {
        name: String,
        selector: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take that back
    Unmap {
        name: String,
        selector: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// All environments and what belongs to them
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
            Action::Add { name, tier, json } => {
                context.not_in_a_session("adding an environment")?;
                let environment = broker.add_environment(&AddEnvironment { name, tier }).await?;
                let line = format!("added {} ({})", environment.name, environment.tier);
                let hint = format!("next: `stint environment map {} SELECTOR`", environment.name);
                answer(&environment, json, &line, Some(&hint))
            }
            Action::Map { name, selector, json } => {
                context.not_in_a_session("mapping an environment")?;
                let line = format!("{selector} belongs to {name}");
                let environment = broker.map_selector(&name, &AddSelector { selector }).await?;
                let hint = "next: `stint credential add NAME --provider PACK`";
                answer(&environment, json, &line, Some(hint))
            }
            Action::Unmap { name, selector, json } => {
                context.not_in_a_session("mapping an environment")?;
                let line = format!("{selector} no longer belongs to {name}");
                let environment = broker.unmap_selector(&name, &AddSelector { selector }).await?;
                answer(&environment, json, &line, None)
            }
            Action::List { json } => {
                let list = broker.environments().await?;
                if json { output::json(&list) } else { show_list(&list.environments) }
            }
        }
    }
}

fn show_list(environments: &[Environment]) -> Result<(), Failure> {
    if environments.is_empty() {
        output::line("no environments yet");
        output::hint("add one: `stint environment add staging --tier staging`");
        return Ok(());
    }
    let rows = environments.iter().map(|environment| {
        vec![environment.name.clone(), environment.tier.to_string(), environment.selectors.join(" ")]
    });
    output::table(&["environment", "tier", "what belongs to it"], rows.collect());
    Ok(())
}

fn answer(environment: &Environment, json: bool, line: &str, hint: Option<&str>) -> Result<(), Failure> {
    if json {
        return output::json(environment);
    }
    output::line(line);
    if let Some(hint) = hint {
        output::hint(hint);
    }
    Ok(())
}
