use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::api;
use crate::exit::Failure;
use crate::output;

/// The broker forgets this login, and its key is removed. Sessions that it started go on until their end.
#[derive(Debug, Args)]
pub(super) struct Logout {
    /// Remove the files of this machine without asking the broker
    #[arg(long)]
    forget: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Logout {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.not_in_a_session("logout")?;
        let login = context.login()?;
        if !self.forget {
            match context.broker()?.logout().await {
                Ok(_) => {}
                // The broker knows it no longer: what is left is here.
                Err(error @ (api::Error::Problem(_) | api::Error::OAuth { .. })) if error.is_refused() => {}
                Err(error @ api::Error::Unreachable { .. }) => {
                    return Err(Failure::from(error)
                        .hint("`stint logout --forget` removes the login from this machine alone"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        context.config.home().remove_login(&login)?;
        if self.json {
            return output::json(&json!({ "client_id": login.client_id, "broker": login.broker }));
        }
        output::line(format!("logged out of {}", login.broker));
        if self.forget {
            output::note(format!("the broker still knows login {}: end it in the console", login.client_id));
        }
        Ok(())
    }
}
