use clap::{Args, Subcommand};
use stint_api::{AddEnvironment, AddSelector, ChangeTier, Environment, Inventory, Tier};

use super::agent::ended;
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
    #[command(after_help = super::selectors::HELP)]
    Map {
        name: String,
        /// PROVIDER:KIND/ID; where a credential can be asked, PROVIDER:KIND/NAME too
        selector: String,
        /// Map it without asking the provider whether it is there and what it is called
        #[arg(long)]
        unchecked: bool,
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
    /// Say anew how much is at stake; lowering it takes the console once its person can prove who they are
    Tier {
        name: String,
        /// development, staging or production
        tier: Tier,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove an environment that nothing points to any more
    Remove {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// What the providers hold, mapped or not, as it was last read
    Inventory {
        /// Ask the providers first
        #[arg(long)]
        read: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Read what a credential sees at its provider, and propose where each thing belongs
    Discover {
        /// Name of the credential to ask with
        #[arg(long)]
        credential: String,
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
            Action::Map { name, selector, unchecked, json } => {
                context.not_in_a_session("mapping an environment")?;
                let line = format!("{selector} belongs to {name}");
                let environment = broker.map_selector(&name, &AddSelector { selector, unchecked }).await?;
                let hint = "next: `stint credential add NAME --provider PACK`";
                answer(&environment, json, &line, Some(hint))
            }
            Action::Unmap { name, selector, json } => {
                context.not_in_a_session("mapping an environment")?;
                let line = format!("{selector} no longer belongs to {name}");
                let environment =
                    broker.unmap_selector(&name, &AddSelector { selector, unchecked: false }).await?;
                answer(&environment, json, &line, None)
            }
            Action::Tier { name, tier, json } => {
                context.not_in_a_session("changing a tier")?;
                let changed = broker.change_tier(&name, &ChangeTier { tier, was: None }).await?;
                if json {
                    return output::json(&changed);
                }
                let environment = &changed.environment;
                let sessions = ended(changed.ended.len());
                output::line(format!("{} is {} now, {sessions}", environment.name, environment.tier));
                Ok(())
            }
            Action::Remove { name, json } => {
                context.not_in_a_session("removing an environment")?;
                let removed = broker.remove_environment(&name).await?;
                if json {
                    return output::json(&removed);
                }
                output::line(format!("removed {}", removed.name));
                Ok(())
            }
            Action::Inventory { read, json } => {
                let inventory = match read {
                    true => broker.read_inventory().await?,
                    false => broker.inventory().await?,
                };
                if json { output::json(&inventory) } else { show_inventory(&inventory, context) }
            }
            Action::Discover { credential, json } => {
                context.not_in_a_session("asking a provider")?;
                let reading = broker.discover(&credential).await?;
                if json { output::json(&reading) } else { super::discovery::show(&reading) }
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

fn show_inventory(inventory: &Inventory, context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    let mut rows = Vec::new();
    for reading in &inventory.readings {
        match reading.read_at {
            Some(at) => output::note(format!("{}: read {}", reading.credential, output::relative(at, now))),
            None => output::note(format!("{}: not read yet", reading.credential)),
        }
        for problem in &reading.problems {
            output::note(format!("{}: {problem}", reading.credential));
        }
        for place in &reading.places {
            let name = place.name.clone().unwrap_or_default();
            let mapped = place.environment.clone().unwrap_or_else(|| "not mapped".to_owned());
            let things: Vec<String> = place
                .things
                .iter()
                .map(|thing| format!("{} {}", thing.kind, thing.name.as_deref().unwrap_or(&thing.id)))
                .collect();
            let within = place.within.clone().unwrap_or_default();
            rows.push(vec![place.selector.clone(), within, name, mapped, things.join(", ")]);
        }
    }
    if rows.is_empty() {
        output::line("nothing was read yet");
        output::hint("ask the providers: `stint environment inventory --read`");
        return Ok(());
    }
    output::table(&["selector", "part of", "name", "environment", "what lives in it"], rows);
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
