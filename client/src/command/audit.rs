use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use stint_api::AuditRecord;

use super::context::Context;
use crate::exit::{self, Failure};
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
    /// Have the broker verify its chain
    Verify {
        /// Only the newest so many records
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..))]
        last: Option<i64>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write the whole chain as lines with a signed end, to be verified with nothing but the public key
    Export {
        /// File to write, which must not be there yet [default: stdout]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
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
    /// Only changes of this policy file
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Only of this notification channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
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
            ("policy", self.policy),
            ("channel", self.channel),
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
        let (limit, filter, json) = match self.action {
            Action::List { limit, filter, json } => (limit, filter, json),
            Action::Verify { last, json } => return verify(context, last, json).await,
            Action::Export { output } => return export(context, output).await,
        };
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

async fn verify(context: &Context, last: Option<i64>, json: bool) -> Result<(), Failure> {
    let broker = context.broker()?;
    let mut verification = broker.verify_audit(last).await?;
    let begun = verification.started_at;
    // The whole chain is walked behind the answer.
    while verification.finished_at.is_none() {
        output::progress(format!("{} of {} records", verification.records, verification.last));
        tokio::time::sleep(Duration::from_millis(300)).await;
        match broker.audit_chain().await?.verification {
            Some(current) if current.started_at >= begun => verification = current,
            _ => {
                return Err(Failure::new(
                    exit::FAILURE,
                    "the broker lost the verification: it may have been started anew",
                ));
            }
        }
    }
    output::progress_done();
    if json {
        output::json(&verification)?;
    } else {
        for fault in &verification.faults {
            output::line(format!("fault: {}", output::clean(fault)));
        }
        output::line(format!(
            "{}: records {} to {}, {} checkpoints",
            if verification.sound { "sound" } else { "NOT sound" },
            verification.first,
            verification.last,
            verification.checkpoints
        ));
        output::note(
            "a broker that was taken over could say so too: verify an export with its public key, `stint-broker audit verify --export FILE --key FILE`",
        );
    }
    match verification.sound {
        true => Ok(()),
        false => Err(Failure::new(exit::FAILURE, "the chain does not hold")),
    }
}

async fn export(context: &Context, file: Option<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(exit::FAILURE, format!("the export: {error}"));
    let mut out: Box<dyn Write> = match &file {
        Some(path) => Box::new(
            std::fs::File::create_new(path)
                .map_err(|error| Failure::new(exit::FAILURE, format!("{}: {error}", path.display())))?,
        ),
        None => Box::new(std::io::stdout()),
    };
    let mut body = context.broker()?.export_audit().await?.into_body();
    let (mut bytes, mut end) = (0u64, 0u8);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::new(exit::FAILURE, format!("the export broke off: {error}")))?;
        if let Some(data) = frame.data_ref() {
            out.write_all(data).map_err(failed)?;
            bytes += u64::try_from(data.len()).unwrap_or_default();
            end = data.last().copied().unwrap_or(end);
        }
    }
    out.flush().map_err(failed)?;
    if end != b'\n' {
        return Err(Failure::new(exit::FAILURE, "the export broke off"));
    }
    output::note(format!(
        "{bytes} bytes; verify them: `stint-broker audit verify --export FILE --key audit.pub`"
    ));
    Ok(())
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
