use clap::{Args, Subcommand};

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
    /// What went wrong lately, newest first
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Mark an alert and those before it as seen
    Seen {
        /// Number of the alert
        id: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        let (list, json) = match self.action {
            Action::List { json } => (broker.alerts().await?, json),
            Action::Seen { id, json } => {
                context.not_in_a_session("marking alerts")?;
                (broker.see_alerts(id).await?, json)
            }
        };
        if json {
            return output::json(&list);
        }
        if list.alerts.is_empty() {
            output::line("no alerts");
            return Ok(());
        }
        let now = context.clock.now();
        let rows = list.alerts.iter().map(|alert| {
            vec![
                alert.id.to_string(),
                alert.kind.to_string(),
                output::relative(alert.at, now),
                alert.agent.clone().unwrap_or_default(),
                alert.environment.clone().unwrap_or_default(),
                alert.detail.clone(),
            ]
        });
        output::table(&["alert", "kind", "when", "agent", "environment", "what"], rows.collect());
        if let (1.., Some(newest)) = (list.unseen, list.alerts.first()) {
            output::hint(format!("`stint alert seen {}` marks all of these as seen", newest.id));
        }
        Ok(())
    }
}
