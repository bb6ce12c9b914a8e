use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use stint_api::AuditRecord;

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
    /// Records of the audit, the newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        /// Only records before this one
        #[arg(long, value_name = "SEQ")]
        before: Option<i64>,
        /// Only records of this kind
        #[arg(long)]
        kind: Option<String>,
        /// Only records of this session
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Action::List { limit, before, kind, session, json } = self.action;
        let mut query = format!("limit={limit}");
        if let Some(before) = before {
            query.push_str(&format!("&before={before}"));
        }
        for (name, value) in [("kind", kind), ("session", session)] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
            }
        }
        let page = context.broker()?.audit(&query).await?;
        if json {
            return output::json(&page);
        }
        if page.records.is_empty() {
            output::line("no records");
            return Ok(());
        }
        output::table(&["seq", "at", "kind", "record"], page.records.iter().map(row).collect());
        if let Some(next) = page.next {
            output::hint(format!("older ones: `stint audit list --before {next}`"));
        }
        Ok(())
    }
}

/// What every record has stands in columns of its own; the rest as `name=value`.
fn row(record: &AuditRecord) -> Vec<String> {
    let text = |name: &str| record.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rest = record.body.as_object().into_iter().flatten().filter_map(|(name, value)| {
        match (name.as_str(), value) {
            ("id" | "at" | "kind", _) | (_, Value::Null) => None,
            (name, Value::String(value)) => Some(format!("{name}={value}")),
            (name, value) => Some(format!("{name}={value}")),
        }
    });
    vec![record.seq.to_string(), text("at"), text("kind"), rest.collect::<Vec<_>>().join(" ")]
}
