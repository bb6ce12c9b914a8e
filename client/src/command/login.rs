use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use serde_json::json;
use stint_api::Setup;
use zeroize::Zeroizing;

use super::browser;
use super::context::{Context, read_text};
use crate::api::{self, Decision, Device, SigningKey};
use crate::exit::{self, Failure};
use crate::{home, output};

/// Asks a person to let this machine in: shows a code, and waits until somebody who is signed in to the console says yes.
/// Such a login starts sessions, and sees and ends its own.
///
/// With --setup-token-file it makes the first user of a new broker instead. Either way the key is made here and never
/// leaves this machine: the broker learns its public half.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Login {
    #[command(subcommand)]
    what: Option<What>,
    /// File that a new broker wrote in its data folder; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    setup_token_file: Option<PathBuf>,
    /// Name of the person [default: the user of this machine, or admin]
    #[arg(long, requires = "setup_token_file")]
    name: Option<String>,
    /// Where this login is, for the list of logins [default: the machine's name]
    #[arg(long)]
    device: Option<String>,
    /// Only print the address to open
    #[arg(long, conflicts_with = "setup_token_file")]
    no_browser: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Who this machine is at the broker, and how far that reaches
    Status(Status),
}

#[derive(Debug, Args)]
struct Status {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Login {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(What::Status(status)) = self.what {
            return status.run(context).await;
        }
        context.not_in_a_session("login")?;
        let home = context.config.home();
        let before = home.login()?;
        // Whoever lets go of a login that does more for one that does less has to say so.
        if let (None, Some(before)) = (&self.setup_token_file, &before) {
            let message = format!("this machine is logged in to {} as {}", before.broker, before.person);
            return Err(Failure::new(exit::FAILURE, message).hint("`stint logout` first"));
        }
        let key = api::new_key(&context.clock)?;
        let file = format!("login-{}.key", key.public().thumbprint());
        let setup_token = self.setup_token_file.as_deref().map(setup_token).transpose()?;
        // Written before it is used: a setup token or a yes works once, and its key must not get lost on the way.
        home.create_key(&file, &api::key_to_text(&key))?;
        let made = match setup_token {
            Some(token) => self.set_up(context, key, token, file.clone()).await,
            None => self.be_let_in(context, key, file.clone()).await,
        };
        let login = made.inspect_err(|_| home.remove_key(&file))?;
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
        match self.setup_token_file {
            Some(_) => output::hint("next: `stint environment add staging --tier staging`"),
            None => output::hint("next: `stint run --environment NAME --agent NAME -- COMMAND`"),
        }
        Ok(())
    }

    async fn set_up(
        &self,
        context: &Context,
        key: SigningKey,
        setup_token: Zeroizing<String>,
        file: String,
    ) -> Result<home::Login, Failure> {
        let setup = Setup {
            setup_token: setup_token.to_string(),
            person: self.person(context),
            key: key.public().to_value(),
            device: self.device.clone().or_else(machine),
        };
        let done = api::setup(&context.transport()?, context.base(), &setup).await?;
        Ok(home::Login {
            // Proofs name the URL that is called, and the broker knows itself by its issuer.
            broker: done.issuer.trim_end_matches('/').to_owned(),
            person: done.person,
            client_id: done.client_id,
            issuer: done.issuer,
            token_endpoint: done.token_endpoint,
            key: file,
        })
    }

    /// RFC 8628: the code is shown, and the broker asked every few seconds what became of it.
    async fn be_let_in(
        &self,
        context: &Context,
        key: SigningKey,
        file: String,
    ) -> Result<home::Login, Failure> {
        let name = self.device.clone().or_else(machine).unwrap_or_default();
        let device =
            Device::ask(context.transport()?, context.base(), key, &name, context.clock.clone()).await?;
        let asked = device.asked();
        output::note(format!("open {} and enter the code {}", asked.verification_uri, asked.user_code));
        output::note(format!("or open {}", asked.verification_uri_complete));
        if !self.no_browser && browser::open(context, &asked.verification_uri_complete) {
            output::note("opened in the browser: check that it shows the same code");
        }
        let (client_id, person) = wait(context, &device).await?;
        let identity = device.identity();
        Ok(home::Login {
            broker: identity.issuer.trim_end_matches('/').to_owned(),
            person,
            client_id,
            issuer: identity.issuer.clone(),
            token_endpoint: identity.token_endpoint.clone(),
            key: file,
        })
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

/// Until a person has decided, or the code is over.
async fn wait(context: &Context, device: &Device) -> Result<(String, String), Failure> {
    let asked = device.asked();
    let life = i64::try_from(asked.expires_in).unwrap_or(600);
    let until = context.clock.now() + TimeDelta::seconds(life);
    let mut interval = Duration::from_secs(asked.interval.clamp(1, 60));
    loop {
        let now = context.clock.now();
        output::progress(format!("waiting for a person; the code expires {}", output::relative(until, now)));
        tokio::time::sleep(interval).await;
        let decision = device.decision().await;
        output::progress_done();
        match decision {
            Ok(Decision::LetIn { client_id, person }) => return Ok((client_id, person)),
            Ok(Decision::Waiting) => {}
            Ok(Decision::SlowDown) => interval += Duration::from_secs(5),
            Err(api::Error::OAuth { error, .. }) if error == "access_denied" => {
                return Err(Failure::new(exit::DENIED, "a person said no: this machine was not let in"));
            }
            Err(api::Error::OAuth { error, .. }) if error == "expired_token" => {
                return Err(Failure::new(exit::APPROVAL_PENDING, "nobody said yes in time")
                    .hint("`stint login` makes a new code"));
            }
            // The broker may come back before the code is over.
            Err(error) if error.is_passing() && context.clock.now() < until => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Status {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let login = context.login()?;
        let who = context.broker()?.whoami().await?;
        if self.json {
            return output::json(&json!({ "broker": login.broker, "login": who }));
        }
        let reach = who.reaches.map(|reaches| {
            let words = [
                (true, "starts sessions"),
                (reaches.reads, "reads"),
                (reaches.approves, "approves"),
                (reaches.destroys, "approves what cannot be put back"),
                (reaches.administers, "administers"),
            ];
            let words: Vec<&str> = words.iter().filter(|(can, _)| *can).map(|(_, word)| *word).collect();
            words.join(", ")
        });
        output::pairs(&[
            ("broker", login.broker.clone()),
            ("person", who.person),
            ("role", who.role),
            ("login", who.client_id.clone()),
            ("reach", reach.unwrap_or_default()),
        ]);
        if who.reaches.is_some_and(|reaches| !reaches.administers) {
            output::hint(format!(
                "to let it administer for a while: {}/console/logins/{}/elevate",
                login.broker, who.client_id
            ));
        }
        Ok(())
    }
}

fn setup_token(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    if file.as_os_str() == "-" {
        std::io::stdin().take(4096).read_to_string(&mut text)?;
    } else {
        text = Zeroizing::new(read_text(file)?);
    }
    match text.trim() {
        "" => Err(Failure::usage("the setup token's file is empty")),
        token => Ok(Zeroizing::new(token.to_owned())),
    }
}

fn machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
