//! The command line: one file per subcommand, each a set of arguments and what is done with them.
//!
//! The only room that reads standard input and, through `output`, writes to the terminal. It decides nothing that the
//! broker decides; it asks, shows the answer, and says what comes next.

mod activity;
mod agent;
mod alert;
mod approval;
mod audit;
mod browser;
mod completion;
mod config;
mod console;
mod context;
mod credential;
mod discovery;
mod doctor;
mod duration;
mod environment;
mod login;
mod logout;
mod notification;
mod person;
mod policy;
mod provider;
mod reach;
mod run;
mod selectors;
mod session;
mod sidecar;
mod token;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Failure;
use crate::sidecar::process;
use crate::{confine, output};
use context::Context;

/// Run an agent under a stint: a session bound to one environment, to what it needs, and to an end.
#[derive(Debug, Parser)]
#[command(name = "stint", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Base URL of the broker [default: STINT_BROKER, or the login's, or http://127.0.0.1:7380]
    #[arg(long, global = true, value_name = "URL")]
    broker: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Become a user of a broker on this machine
    Login(login::Login),
    /// Stop being one
    Logout(logout::Logout),
    /// Open the console
    Console(console::Console),
    /// Run a command in a session
    Run(run::Run),
    /// Serve a session to another container
    Sidecar(sidecar::Sidecar),
    /// Get a token for a session without a command
    Token(token::Token),
    /// See and end sessions
    Session(session::Command),
    /// See and decide what waits for a person
    Approval(approval::Command),
    /// See what went wrong lately
    Alert(alert::Command),
    /// Put provider credentials into the vault
    Credential(credential::Command),
    /// Name environments and say what belongs to them
    Environment(environment::Command),
    /// See what the broker understands of each provider
    #[command(visible_alias = "pack")]
    Provider(provider::Command),
    /// Register agents
    Agent(agent::Command),
    /// Tell people outside the console of what waits and what went wrong
    Notification(notification::Command),
    /// Read, check and change policies
    Policy(policy::Command),
    /// Count what agents asked for
    Activity(activity::Command),
    /// Invite, change and remove people
    Person(person::Command),
    /// Read the audit
    Audit(audit::Command),
    /// Show each setting and where it comes from
    Config(config::Config),
    /// Look for what keeps this machine from working
    Doctor(doctor::Doctor),
    /// Print a completion script for a shell
    Completion(completion::Completion),
}

/// The program `stint`.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // The process beside a run takes no part in the command line.
    if arguments.get(1).is_some_and(|argument| argument == process::SUBCOMMAND) {
        return match process::main(arguments.get(2..).unwrap_or_default()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let outcome = match arguments.get(1) {
        Some(argument) if argument == confine::process::SUBCOMMAND => {
            confine::process::main(arguments.get(2..).unwrap_or_default())
        }
        _ => start(Cli::parse_from(arguments)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    let mut runtime = match cli.command {
        Command::Sidecar(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        if let Command::Completion(completion) = cli.command {
            return completion.run();
        }
        let context = Context::load(cli.broker)?;
        match cli.command {
            Command::Login(login) => login.run(&context).await,
            Command::Logout(logout) => logout.run(&context).await,
            Command::Console(console) => console.run(&context).await,
            Command::Run(run) => run.run(&context).await,
            Command::Sidecar(sidecar) => sidecar.run(&context).await,
            Command::Token(token) => token.run(&context).await,
            Command::Session(command) => command.run(&context).await,
            Command::Approval(command) => command.run(&context).await,
            Command::Alert(command) => command.run(&context).await,
            Command::Credential(command) => command.run(&context).await,
            Command::Environment(command) => command.run(&context).await,
            Command::Provider(command) => command.run(&context).await,
            Command::Agent(command) => command.run(&context).await,
            Command::Notification(command) => command.run(&context).await,
            Command::Policy(command) => command.run(&context).await,
            Command::Activity(command) => command.run(&context).await,
            Command::Person(command) => command.run(&context).await,
            Command::Audit(command) => command.run(&context).await,
            Command::Config(config) => config.run(&context),
            Command::Doctor(doctor) => doctor.run(&context).await,
            Command::Completion(_) => Ok(()),
        }
    })
}
