use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::serve::{harden, unsealing};
use super::{DataArgs, told};
use crate::app::backup::{self, Checked};
use crate::clock::Clock;
use crate::config::Environment;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// New file for the backup
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Only say whether it could be restored with the key at hand; nothing is put in place
    #[arg(long)]
    check: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn backup(args: BackupArgs) -> Result<ExitCode, String> {
    harden();
    let environment = Environment::of_process();
    let config = args.data.config(&environment)?;
    let unsealing = unsealing(&args.data, &config, &environment)?;
    let taken = backup::take(&config, &Clock::system(), unsealing, &args.file).await.map_err(told)?;
    let file = args.file.display();
    if args.json {
        println!(
            "{}",
            json!({ "file": file.to_string(), "records": taken.records, "bytes": taken.bytes, "opens": taken.opens })
        );
    } else {
        println!("{file}: {}", said(&taken));
    }
    if !taken.opens {
        eprintln!("stint-broker: nobody gave the passphrase, so whether it opens the backup was not tried");
    }
    eprintln!("stint-broker: keep the key apart from it; try it with: stint-broker restore --check {file}");
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restore(args: RestoreArgs) -> Result<ExitCode, String> {
    harden();
    let environment = Environment::of_process();
    let config = args.data.config(&environment)?;
    let unsealing = unsealing(&args.data, &config, &environment)?;
    let clock = Clock::system();
    if args.check {
        let checked = backup::check(&config, &clock, unsealing, &args.file).await.map_err(told)?;
        match args.json {
            true => println!(
                "{}",
                json!({ "records": checked.records, "bytes": checked.bytes, "opens": checked.opens })
            ),
            false => println!("{}: {}", args.file.display(), said(&checked)),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let restored = backup::restore(&config, &clock, unsealing, &args.file).await.map_err(told)?;
    if args.json {
        println!(
            "{}",
            json!({
                "database": restored.database.display().to_string(), "records": restored.checked.records,
                "sessions_ended": restored.sessions, "sign_ins_ended": restored.sign_ins, "records_lost": restored.lost,
            })
        );
    } else {
        println!("{}: {}", restored.database.display(), said(&restored.checked));
        println!("ended: {} sessions, {} sign-ins", restored.sessions, restored.sign_ins);
    }
    if restored.lost > 0 {
        eprintln!(
            "stint-broker: {} records that this folder knew of came after the backup and are gone",
            restored.lost
        );
    }
    eprintln!(
        "stint-broker: what was revoked after the backup is as it was: look through people, logins and credentials"
    );
    Ok(ExitCode::SUCCESS)
}

fn said(checked: &Checked) -> String {
    let key = if checked.opens { ", the key opens it" } else { "" };
    format!("sound: {} records, {} bytes{key}", checked.records, checked.bytes)
}
