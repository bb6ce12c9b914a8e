use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use stint_api::ReachLine;

use super::{DataArgs, told};
use crate::app;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::Environment;
use crate::model::Name;
use crate::policy::{self, PolicyFile, PolicySet, builtin_files, run_cases, schema_text};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Read policies and validate them strictly against every pack
    Check(FolderArgs),
    /// Run the tests beside each policy file
    Test(FolderArgs),
    /// Print the schema that policies are written against
    Schema,
    /// Say who can do what where: by agent, environment, class and place, with the deciding policies
    Reach(ReachArgs),
    /// Say which recorded requests changed policies would decide differently
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
pub(super) struct ReachArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    folder: FolderArgs,
    /// Of this agent only, registered or not
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    data: DataArgs,
    /// How far back, as 12h or 30d
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    since: String,
    /// Folder of policy files; NAME.cedar takes the place of the file in use that has this name
    #[arg(long, value_name = "DIR")]
    with: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// Folder of further policies, beside the guardrails and the starter policy
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Folder of further packs, whose operations the policies may name
    #[arg(long, value_name = "DIR")]
    packs: Option<PathBuf>,
}

pub(super) async fn run(command: PolicyCommand) -> Result<ExitCode, String> {
    match command {
        PolicyCommand::Schema => {
            let catalog = Catalog::builtin().map_err(|error| error.to_string())?;
            print!("{}", schema_text(&app::actions(&catalog)));
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Check(args) => {
            let files = files(&args)?;
            let set = PolicySet::load(&files).map_err(|error| error.to_string())?;
            let catalog = app::packs(args.packs.as_deref()).map_err(|error| error.to_string())?;
            let rows = app::actions(&catalog);
            let warnings = set.validate(&rows).map_err(|error| error.to_string())?;
            for warning in &warnings {
                eprintln!("stint-broker: warning: {warning}");
            }
            for note in policy::reach(&set, &app::Kept::of_none().world(rows))?.notes {
                eprintln!("stint-broker: note: {note}");
            }
            println!("sound: {} policies in {} files", set.ids().len(), files.len());
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Test(args) => test(&files(&args)?),
        PolicyCommand::Reach(args) => reach(args).await,
        PolicyCommand::Replay(args) => replay(args).await,
    }
}

/// Of a broker's own agents, environments and policies where its data folder is there; else of what ships, with an environment
/// for each tier.
async fn reach(args: ReachArgs) -> Result<ExitCode, String> {
    let config = args.data.config(&Environment::of_process())?;
    let packs = args.folder.packs.as_ref().or(config.packs.as_ref());
    let catalog = app::packs(packs.map(PathBuf::as_path)).map_err(|error| error.to_string())?;
    let own = match &args.folder.policies {
        Some(folder) => app::policy_files(folder).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    let kept = app::Kept::read(&config).await.map_err(told)?;
    if kept.is_none() {
        eprintln!(
            "stint-broker: there is no broker's data here: this is what ships, with an environment for each tier"
        );
    }
    let kept = kept.unwrap_or_else(app::Kept::of_none);
    let set = kept.with(own).map_err(|error| error.to_string())?;
    let agent: Option<Name> = args
        .agent
        .as_ref()
        .map(|agent| agent.parse())
        .transpose()
        .map_err(|error| format!("--agent: {error}"))?;
    let world = kept.world(app::actions(&catalog)).with_agent(agent.as_ref());
    let mut report = policy::reach(&set, &world)?;
    if let Some(agent) = &agent {
        report = report.of_agent(agent);
    }
    let notes = report.notes;
    let lines: Vec<ReachLine> = report.lines.into_iter().map(app::reach_line).collect();
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "lines": lines, "notes": notes.iter().map(ToString::to_string).collect::<Vec<_>>() })
        );
        return Ok(ExitCode::SUCCESS);
    }
    table(&ReachLine::COLUMNS, ReachLine::brief(&lines).iter().map(|line| line.cells().to_vec()).collect());
    for note in notes {
        eprintln!("stint-broker: warning: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(args: ReplayArgs) -> Result<ExitCode, String> {
    let config = args.data.config(&Environment::of_process())?;
    let since = app::since(Some(&args.since)).map_err(told)?;
    let changed = app::policy_files(&args.with).map_err(|error| error.to_string())?;
    if changed.is_empty() {
        return Err(format!("{}: there is no .cedar file in it", args.with.display()));
    }
    let replay = app::replay(&config, &Clock::system(), since, changed).await.map_err(told)?;
    if args.json {
        println!("{}", serde_json::to_string(&replay).map_err(|error| error.to_string())?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", replay.summary());
    for difference in &replay.differences {
        println!("  {}", difference.summary());
        println!("    newest: {}", difference.record);
    }
    Ok(ExitCode::SUCCESS)
}

/// Columns as wide as what stands in them.
fn table(columns: &[&str], rows: Vec<Vec<String>>) {
    let head = columns.iter().map(|column| column.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|at| width(at).unwrap_or_default()).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn files(args: &FolderArgs) -> Result<Vec<PolicyFile>, String> {
    let mut files = builtin_files();
    if let Some(folder) = &args.policies {
        files.extend(app::policy_files(folder).map_err(|error| error.to_string())?);
    }
    Ok(files)
}

fn test(files: &[PolicyFile]) -> Result<ExitCode, String> {
    let set = PolicySet::load(files).map_err(|error| error.to_string())?;
    let (mut passed, mut failed) = (0usize, 0usize);
    for file in files {
        let Some(tests) = &file.tests else {
            failed += 1;
            println!("FAIL {}: there are no tests beside it", file.name);
            continue;
        };
        let results = run_cases(&set, &file.name, tests).map_err(|fault| fault.to_string())?;
        for result in results {
            match result.fault {
                None => {
                    passed += 1;
                    println!("ok   {}: {}", file.name, result.name);
                }
                Some(fault) => {
                    failed += 1;
                    println!("FAIL {}: {}: {fault}", file.name, result.name);
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
