use clap::{Args, Subcommand};
use serde::Serialize;
use stint_api::{Class, ProviderList, ProviderOperation, ReloadedPacks};

use super::context::Context;
use crate::api::Broker;
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
    #[command(visible_alias = "show")]
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
    /// Operations of all providers in whose line all these words stand: name, request, what it names
    Search {
        #[arg(required = true)]
        words: Vec<String>,
        /// Only those of this class: read, reveal, write, grant, destroy, unknown
        #[arg(long)]
        class: Option<Class>,
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
                show_operations(&page.operations);
                if let Some(next) = &page.next {
                    output::hint(format!("{} in all; more: --after '{next}'", page.total));
                }
                Ok(())
            }
            Action::Search { words, class, json } => search(&broker, &words.join(" "), class, json).await,
        }
    }
}

/// The first page of each provider, and where there is more.
async fn search(broker: &Broker, words: &str, class: Option<Class>, json: bool) -> Result<(), Failure> {
    let (mut operations, mut more) = (Vec::new(), Vec::new());
    for provider in broker.providers().await?.providers {
        let page = broker.operations(&provider.name, words, class, None).await?;
        if page.next.is_some() {
            more.push(More { provider: provider.name, total: page.total });
        }
        operations.extend(page.operations);
    }
    if json {
        return output::json(&serde_json::json!({ "operations": operations, "more": more }));
    }
    if operations.is_empty() {
        output::note(format!("no operation has '{words}' in its line"));
        return Ok(());
    }
    show_operations(&operations);
    for More { provider, total } in &more {
        output::hint(format!(
            "{provider} has {total}: stint provider operations {provider} --words '{words}'"
        ));
    }
    Ok(())
}

/// A provider of whose operations a search shows the first.
#[derive(Debug, Serialize)]
struct More {
    provider: String,
    total: u64,
}

fn show_operations(operations: &[ProviderOperation]) {
    let rows = operations.iter().map(|one| {
        vec![
            one.operation.clone(),
            one.class.to_string(),
            one.scope.clone(),
            one.resources.join(" "),
            one.policies.join(" "),
        ]
    });
    output::table(&["operation", "class", "scope", "names", "policies"], rows.collect());
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
