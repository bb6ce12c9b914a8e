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
        #[command(flatten)]
        filter: Box<Filter>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Each that is given has to fit.
#[derive(Debug, Args)]
struct Filter {
    /// Only records of this kind, as request_refused
    #[arg(long)]
    kind: Option<String>,
    /// Only records of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only of this person
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Only of sessions in this environment, or of what touched it
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Only of this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only of this operation, as railway:volumeDelete
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// Only of this class, as destroy
    #[arg(long)]
    class: Option<String>,
    /// Only refusals with this code, as denied
    #[arg(long)]
    code: Option<String>,
    /// Only of this credential
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
    /// Only of what touched this resource: its id at the provider, or provider:kind/id
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    /// Only of this approval
    #[arg(long, value_name = "ID")]
    approval: Option<String>,
    /// Only the record of this id, with the outcome that belongs to it
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// Only from this time on: 2026-11-22, 2026-11-22T12:00 (UTC) or RFC 3339
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only records before this one
    #[arg(long, value_name = "SEQ")]
    before: Option<i64>,
    /// Only records after this one, the oldest of them
    #[arg(long, value_name = "SEQ", conflicts_with = "before")]
    after: Option<i64>,
}

impl Filter {
    fn given(self) -> Vec<(&'static str, String)> {
        let all = [
            ("kind", self.kind),
            ("session", self.session),
            ("agent", self.agent),
            ("person", self.person),
            ("environment", self.environment),
            ("provider", self.provider),
            ("operation", self.operation),
            ("class", self.class),
            ("code", self.code),
            ("credential", self.credential),
            ("resource", self.resource),
            ("approval", self.approval),
            ("record", self.record),
            ("from", self.from),
            ("to", self.to),
            ("before", self.before.map(|seq| seq.to_string())),
            ("after", self.after.map(|seq| seq.to_string())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Action::List { limit, filter, json } = self.action;
        let mut query = format!("limit={limit}");
        for (name, value) in filter.given() {
            query.push_str(&format!("&{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
        }
        let page = context.broker()?.audit(&query).await?;
        if json {
            return output::json(&page);
        }
        if page.records.is_empty() {
            output::line("no records");
        } else {
            output::table(&["seq", "at", "kind", "record"], page.records.iter().map(row).collect());
        }
        if let Some(next) = page.next {
            output::hint(format!("older ones: the same command with --before {next}"));
        }
        if page.behind > 0 {
            output::hint(format!(
                "the newest {} records cannot be searched yet; ask again in a moment",
                page.behind
            ));
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
