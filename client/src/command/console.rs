use clap::Args;

use super::browser;
use super::context::Context;
use crate::exit::Failure;
use crate::output;

/// Prints the address, and opens it where there is a screen. On the login that set a broker up, and until its person
/// has a password or a passkey, the address lets its first visitor set one: it works once, for a day.
#[derive(Debug, Args)]
pub(super) struct Console {
    /// Only print the address
    #[arg(long)]
    no_browser: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Console {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.not_in_a_session("console")?;
        let link = context.broker()?.console_link().await?;
        if self.json {
            return output::json(&link);
        }
        output::line(&link.url);
        if !self.no_browser && browser::open(context, &link.url) {
            output::note("opened in the browser");
        }
        if let Some(until) = link.expires_at {
            let when = output::relative(until, context.clock.now());
            output::note(format!("this link lets you set a password or a passkey, once, and expires {when}"));
        }
        Ok(())
    }
}
