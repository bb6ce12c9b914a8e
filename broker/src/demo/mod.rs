//! (room under construction)

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Stay up when done, to be explored
    #[arg(long)]
    pub keep: bool,
}

pub async fn run(_args: DemoArgs) -> Result<ExitCode, String> {
    Err("not yet".to_owned())
}
