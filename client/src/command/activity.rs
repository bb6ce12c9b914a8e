use clap::Args;
use stint_api::{Activity, Top};

use super::context::Context;
use crate::exit::Failure;
use crate::output;

/// What agents asked for, counted
#[derive(Debug, Args)]
pub(super) struct Command {
    /// How far back
    #[arg(long, default_value = "24h", value_parser = ["1h", "24h", "7d", "30d"])]
    range: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let activity: Activity = context.broker()?.activity(&self.range).await?;
        if self.json {
            return output::json(&activity);
        }
        let mut rows = vec![row("requests", "", activity.requests)];
        for (what, series) in [("decision", &activity.decisions), ("class", &activity.classes)] {
            rows.extend(series.iter().map(|series| row(what, &series.name, series.total)));
        }
        for (what, list) in [
            ("refused", &activity.denials),
            ("agent", &activity.agents),
            ("provider", &activity.providers),
            ("environment", &activity.environments),
            ("operation", &activity.operations),
            ("resource", &activity.resources),
        ] {
            rows.extend(list.iter().map(|Top { name, count }| row(what, name, *count)));
        }
        for (name, value) in [("p50", activity.latency.p50), ("p95", activity.latency.p95)] {
            rows.extend(value.map(|ms| vec!["answered".to_owned(), name.to_owned(), format!("{ms} ms")]));
        }
        output::table(&["what", "name", "count"], rows);
        output::hint(
            "the records behind a line: `stint audit list --agent NAME`, or --code, --operation, --resource",
        );
        Ok(())
    }
}

fn row(what: &str, name: &str, count: i64) -> Vec<String> {
    vec![what.to_owned(), name.to_owned(), count.to_string()]
}
