use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::serve::unsealing;
use super::{DataArgs, told};
use crate::app::trail;
use crate::audit::{PublicKey, Report, verify_export};
use crate::clock::Clock;
use crate::config::Environment;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the chain of a database, or of an export with nothing but the public key
    Verify {
        #[command(flatten)]
        data: DataArgs,
        /// Verify this export instead of a database
        #[arg(long, value_name = "FILE", requires = "key")]
        export: Option<PathBuf>,
        /// Public audit key: audit.pub of the data folder
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the whole chain as JSON lines with a signed end, to stdout
    Export {
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(super) async fn run(command: AuditCommand) -> Result<ExitCode, String> {
    match command {
        AuditCommand::Verify { export: Some(export), key: Some(key), json, .. } => {
            let text =
                std::fs::read_to_string(&key).map_err(|error| format!("{}: {error}", key.display()))?;
            let key = PublicKey::parse(&text).map_err(|error| format!("{}: {error}", key.display()))?;
            let file =
                std::fs::File::open(&export).map_err(|error| format!("{}: {error}", export.display()))?;
            let report = verify_export(BufReader::with_capacity(1 << 18, file), &key)
                .map_err(|error| format!("{}: {error}", export.display()))?;
            Ok(say(&report, &[], json))
        }
        AuditCommand::Verify { data, json, .. } => {
            let config = data.config(&Environment::of_process())?;
            let verified = trail::verify(&config).await.map_err(told)?;
            Ok(say(&verified.report, &verified.beside, json))
        }
        AuditCommand::Export { data } => {
            let environment = Environment::of_process();
            let config = data.config(&environment)?;
            let unsealing = unsealing(&data, &config, &environment)?;
            let mut out = BufWriter::new(std::io::stdout());
            let head = trail::export(&config, &Clock::system(), unsealing, &mut out).await.map_err(told)?;
            eprintln!(
                "stint-broker: exported records 1 to {}; verify with: stint-broker audit verify --export FILE --key {}",
                head.seq,
                config.data.join("audit.pub").display()
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn say(report: &Report, beside: &[String], json: bool) -> ExitCode {
    let sound = report.is_sound() && beside.is_empty();
    let mut faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    faults.extend(beside.iter().cloned());
    if json {
        let answer = serde_json::json!({
            "sound": sound,
            "records": report.records,
            "checkpoints": report.checkpoints,
            "first": report.first,
            "head": { "seq": report.head.seq, "hash": crate::model::digest_hex(report.head.hash) },
            "signed": report.signed,
            "faults": faults,
            "more_faults": report.more_faults,
        });
        println!("{answer}");
    } else if sound {
        println!(
            "sound: {} records, {} checkpoints, head {} {}",
            report.records,
            report.checkpoints,
            report.head.seq,
            crate::model::digest_hex(report.head.hash)
        );
    } else {
        println!(
            "NOT SOUND: {} records, {} faults",
            report.records,
            faults.len() as u64 + report.more_faults
        );
        for fault in &faults {
            println!("  {fault}");
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
