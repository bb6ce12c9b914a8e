//! `stint-bench`: load on the real broker, through its public doors, beside floors that are measured in the same run.
//!
//! The broker runs as its own process on one core; whoever loads it, and the provider that it talks to, share another.
//! Absolute figures are of this machine in this moment: what is written down are ratios to the floors.

mod answer;
mod audit;
mod cores;
mod floors;
mod load;
mod micro;
mod options;
mod process;
mod proxy;
mod report;
mod requests;
mod rounds;
mod run;
mod scenario;
mod upstream;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

use options::{Options, What};

/// What went wrong, in words: a bench has nobody who could act on more.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stint-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if options.what == What::Proxy {
        return proxy::serve(options.upstream.ok_or("--upstream is missing")?);
    }
    cores::mine();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if options.what == What::Audit {
        return runtime.block_on(audit::run(options));
    }
    if options.what == What::Run {
        return runtime.block_on(run::run(options));
    }
    let report = runtime.block_on(scenario::run(options))?;
    if options.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.table());
    }
    if let Some(path) = &options.write {
        std::fs::write(path, report.document())?;
        eprintln!("stint-bench: written to {}", path.display());
    }
    Ok(())
}
