use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use stint_api::Setup;
use zeroize::Zeroizing;

use super::context::{Context, read_text};
use crate::api;
use crate::exit::Failure;
use crate::{home, output};

/// The key is made here and never leaves this machine: the broker learns its public half.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// File that a new broker wrote in its data folder; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    setup_token_file: PathBuf,
    /// Name of the person [default: the user of this machine, or admin]
    #[arg(long)]
    name: Option<String>,
    /// Where this login is, for the list of logins [default: the machine's name]
    #[arg(long)]
    device: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Login {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.not_in_a_session("login")?;
        let setup_token = self.setup_token()?;
        let person = self.person(context);
        let home = context.config.home();
        let before = home.login()?;

        let key = api::new_key(&context.clock)?;
        let file = format!("login-{}.key", key.public().thumbprint());
        // Written before it is used: the setup token works once, and its key must not get lost on the way.
        home.create_key(&file, &api::key_to_text(&key))?;
        let setup = Setup {
            setup_token: setup_token.to_string(),
            person,
            key: key.public().to_value(),
            device: self.device.clone().or_else(machine),
        };
        let done = match api::setup(&context.transport()?, context.base(), &setup).await {
            Ok(done) => done,
            Err(error) => {
                home.remove_key(&file);
                return Err(error.into());
            }
        };
        let login = home::Login {
            // Proofs name the URL that is called, and the broker knows itself by its issuer.
            broker: done.issuer.trim_end_matches('/').to_owned(),
            person: done.person,
            client_id: done.client_id,
            issuer: done.issuer,
            token_endpoint: done.token_endpoint,
            key: file,
        };
        home.save_login(&login, &context.clock)?;
        if let Some(before) = before.filter(|before| before.key != login.key) {
            home.remove_key(&before.key);
        }
        if self.json {
            return output::json(&login);
        }
        output::line(format!("logged in to {} as {}", login.broker, login.person));
        if login.broker != context.base() {
            output::note(format!("the broker calls itself {}, so that is used from now on", login.broker));
        }
        output::hint("next: `stint environment add staging --tier staging`");
        Ok(())
    }

    fn setup_token(&self) -> Result<Zeroizing<String>, Failure> {
        let mut text = Zeroizing::new(String::new());
        if self.setup_token_file.as_os_str() == "-" {
            std::io::stdin().take(4096).read_to_string(&mut text)?;
        } else {
            text = Zeroizing::new(read_text(&self.setup_token_file)?);
        }
        match text.trim() {
            "" => Err(Failure::usage("the setup token's file is empty")),
            token => Ok(Zeroizing::new(token.to_owned())),
        }
    }

    /// The name given; else this machine's user as a name, where it is one; else `admin`.
    fn person(&self, context: &Context) -> String {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let known = || {
            let name = context.config.variable("USER")?.to_string_lossy().to_lowercase();
            let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
            (first && name.len() <= 64 && name.chars().all(fits)).then_some(name)
        };
        self.name.clone().or_else(known).unwrap_or_else(|| "admin".to_owned())
    }
}

fn machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
