use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::app;
use crate::catalog::Catalog;
use crate::policy::{PolicyFile, PolicySet, builtin_files, run_cases, schema_text};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Read policies and validate them strictly against every pack
    Check(FolderArgs),
    /// Run the tests beside each policy file
    Test(FolderArgs),
    /// Print the schema that policies are written against
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// Folder of further policies, beside the guardrails and the starter policy
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

pub(super) fn run(command: PolicyCommand) -> Result<ExitCode, String> {
    let catalog = Catalog::builtin().map_err(|error| error.to_string())?;
    match command {
        PolicyCommand::Schema => {
            print!("{}", schema_text(&app::actions(&catalog)));
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Check(args) => {
            let files = files(&args)?;
            let set = PolicySet::load(&files).map_err(|error| error.to_string())?;
            let warnings = set.validate(&app::actions(&catalog)).map_err(|error| error.to_string())?;
            for warning in &warnings {
                eprintln!("stint-broker: warning: {warning}");
            }
            println!("sound: {} policies in {} files", set.ids().len(), files.len());
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Test(args) => test(&files(&args)?),
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
