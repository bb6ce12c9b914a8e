use clap::{Args, Subcommand};
use stint_api::{Class, ProviderList, ReloadedPacks};

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
    /// What the broker understands
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Have the broker read its folder of packs anew: all of it is good, or nothing changes
    Reload {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// What a provider can do, as the broker understands it
    Operations {
        name: String,
        /// Only those in whose line all these words stand
        #[arg(long, value_name = "WORDS", default_value = "")]
        words: String,
        /// Only those of this class: read, reveal, write, grant, destroy, unknown
        #[arg(long)]
        class: Option<Class>,
        /// The operations after this one: `next` of the page before
        #[arg(long)]
        after: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        match self.action {
            Action::List { json } => {
                let list = broker.providers().await?;
                if json { output::json(&list) } else { show_list(&list) }
            }
            Action::Reload { json } => {
                let told = broker.reload_packs().await?;
                if json { output::json(&told) } else { show_reloaded(&told) }
            }
            Action::Operations { name, words, class, after, json } => {
                let page = broker.operations(&name, &words, class, after.as_deref()).await?;
                if json {
                    return output::json(&page);
                }
                let rows = page.operations.iter().map(|one| {
                    vec![
                        one.operation.clone(),
                        one.class.to_string(),
                        one.scope.clone(),
                        one.resources.join(" "),
                        one.policies.join(" "),
                    ]
                });
                output::table(&["operation", "class", "scope", "names", "policies"], rows.collect());
                if let Some(next) = &page.next {
                    output::hint(format!("{} in all; more: --after '{next}'", page.total));
                }
                Ok(())
            }
        }
    }
}

fn show_reloaded(told: &ReloadedPacks) -> Result<(), Failure> {
    output::line(format!("{} packs are in use", told.packs.len()));
    for (what, lines) in [
        ("new", &told.appeared),
        ("gone", &told.gone),
        ("changed", &told.reclassed),
        ("warning", &told.warnings),
    ] {
        lines.iter().for_each(|line| output::line(format!("{what:<8} {line}")));
    }
    Ok(())
}

fn show_list(list: &ProviderList) -> Result<(), Failure> {
    let rows = list.providers.iter().map(|provider| {
        let kinds: Vec<&str> = provider.kinds.iter().map(|kind| kind.name.as_str()).collect();
        let operations: u64 = provider.operations.values().sum();
        vec![provider.name.clone(), provider.hosts.join(" "), kinds.join(" "), operations.to_string()]
    });
    output::table(&["provider", "hosts", "kinds of credential", "operations"], rows.collect());
    Ok(())
}
