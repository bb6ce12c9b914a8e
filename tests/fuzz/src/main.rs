//! `./tests/fuzz/run [TARGET] [--seconds N] [--seed N]`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use stint_fuzz::{TARGETS, fuzz};

/// Mutate input for the parsers that meet untrusted bytes
#[derive(Debug, Parser)]
struct Options {
    /// One target; all where none is named
    target: Option<String>,
    /// For each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The same number makes the same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write down each input before it is tried: for one that ends the process
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let wanted = |name: &str| options.target.as_deref().is_none_or(|target| target == name);
    let mut bad = 0;
    let mut tried = 0;
    for target in TARGETS.iter().filter(|target| wanted(target.name)) {
        tried += 1;
        match fuzz(target, Duration::from_secs(options.seconds), options.seed, options.trace) {
            Ok(found) => {
                println!(
                    "{:<12} {:>9} inputs, {:>4} answers, {:>3} kept, {} broke it",
                    target.name, found.inputs, found.answers, found.kept, found.broke
                );
                bad += found.broke;
            }
            Err(error) => {
                eprintln!("stint-fuzz: {}: {error}", target.name);
                bad += 1;
            }
        }
    }
    if tried == 0 {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("stint-fuzz: there is no such target; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
