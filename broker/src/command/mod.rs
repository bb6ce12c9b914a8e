//! The command line of `stint-broker`: reads arguments, calls one use case, says what came of it.
//!
//! Data goes to stdout, everything else to stderr with `stint-broker:` before it. Exit codes: 0, 1 failure, 2 usage.

mod audit;
mod backup;
mod pack;
mod policy;
mod serve;
mod unseal;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use ipnet::IpNet;

use crate::config::{Config, Environment, Flags, parse_duration};

/// The broker of Stint: vault, policy, gateway and audit
#[derive(Debug, Parser)]
#[command(name = "stint-broker", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the broker
    Serve(ServeArgs),
    /// Show the incident, and Stint stopping it, against a stand-in of the provider: needs nothing else
    Demo(crate::demo::DemoArgs),
    /// Say whether a running broker is ready
    Status(UrlArgs),
    /// Give the passphrase to a sealed broker
    Unseal(unseal::UnsealArgs),
    /// Verify or export the audit trail
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Copy the embedded database to a new file, whether the broker runs or not, and check the copy
    Backup(backup::BackupArgs),
    /// Check a backup, and put it in place of a database that is gone
    Restore(backup::RestoreArgs),
    /// Look at packs, and ask what a request would do
    #[command(subcommand)]
    Pack(pack::PackCommand),
    /// Check and test policies
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Print a completion script for a shell
    Completion { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
struct UrlArgs {
    /// Where the broker listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7380")]
    broker: String,
}

/// Which broker: its data folder and everything that opens it.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder [default: $XDG_DATA_HOME/stint]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// PostgreSQL URL, instead of the embedded database
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Where the key comes from: key-file, passphrase or environment
    #[arg(long, value_name = "KIND")]
    seal: Option<String>,
    /// File that holds the passphrase, for the passphrase seal
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address to listen on [default: 127.0.0.1:7380]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Origin that clients use, where it is not the listen address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Certificate chain (PEM), to end TLS here
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A proxy in front ends TLS
    #[arg(long)]
    behind_tls_proxy: bool,
    /// Private address range that may be an upstream; may be given again
    #[arg(long, value_name = "CIDR")]
    allow_private_upstreams: Vec<IpNet>,
    /// How long a request is held while a person decides, such as 20s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    approval_hold: Option<Duration>,
    /// Folder of further policies
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

/// Whoever reads what is printed has read enough (`… | head`): that is no failure of ours. The library panics where it
/// cannot print, and says so in these words alone.
fn end_with_the_reader() {
    let otherwise = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        if text.starts_with("failed printing to stdout: Broken pipe") {
            std::process::exit(0);
        }
        otherwise(panic);
    }));
}

/// Run the program; the code is its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Serve(_) | Command::Demo(_)) {
        end_with_the_reader();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime could not start: {error}")),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::serve(args).await,
            Command::Demo(args) => crate::demo::run(args).await,
            Command::Status(args) => unseal::status(&args.broker).await,
            Command::Unseal(args) => unseal::unseal(args).await,
            Command::Audit(command) => audit::run(command).await,
            Command::Backup(args) => backup::backup(args).await,
            Command::Restore(args) => backup::restore(args).await,
            Command::Pack(command) => pack::run(command),
            Command::Policy(command) => policy::run(command).await,
            Command::Completion { shell } => {
                clap_complete::generate(shell, &mut Cli::command(), "stint-broker", &mut std::io::stdout());
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    match outcome {
        Ok(code) => code,
        Err(text) => fail(&text),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("stint-broker: {text}");
    ExitCode::FAILURE
}

impl DataArgs {
    fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            database: self.database.clone(),
            seal: self.seal.clone(),
            ..Flags::default()
        }
    }

    fn config(&self, environment: &Environment) -> Result<Config, String> {
        Config::read(self.flags(), environment).map_err(|error| error.to_string())
    }
}

/// What went wrong, with what to do next below it.
fn told(error: crate::app::Error) -> String {
    match error.hint {
        Some(hint) => format!("{}\nhint: {hint}", error.detail),
        None => error.detail,
    }
}
