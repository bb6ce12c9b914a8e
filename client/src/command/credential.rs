use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use stint_api::{AddCredential, AddVersion, Credential};
use zeroize::Zeroizing;

use super::context::{Context, read_text};
use crate::exit::Failure;
use crate::output;

/// Largest secret, in bytes: a service account's JSON file is a few thousand.
const LARGEST_SECRET: u64 = 64 << 10;

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put a provider's secret into the vault: from standard input, a prompt or a file, never from the command line
    Add(Add),
    /// What is in the vault; never the secrets
    List {
        /// Only secrets that were taken out of a provider's answer, and wait for a person to keep or revoke them
        #[arg(long)]
        captured: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ask the provider what a credential is: whether it takes it, what it reaches, when it ends, and what is narrower
    Check {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Put a new secret in: from standard input, a prompt or a file
    Rotate {
        name: String,
        /// Read the secret from this file
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Keep a secret that was taken out of a provider's answer
    Keep {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take a credential out of use
    Revoke {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Add {
    name: String,
    /// Pack of the provider: railway, github
    #[arg(long, value_name = "PACK")]
    provider: String,
    /// Kind of credential, where the provider has several [default: the pack's]
    #[arg(long)]
    kind: Option<String>,
    /// Environment that it is pinned to; without it, any that its resources resolve to
    #[arg(long)]
    environment: Option<String>,
    /// Base URL to send to instead of the provider's own hosts
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// PEM certificates to trust for --upstream
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Store it without asking the provider whether it takes it
    #[arg(long)]
    unchecked: bool,
    /// Read the secret from this file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.action {
            Action::Add(add) => add.run(context).await,
            Action::List { captured, json } => {
                let mut list = context.broker()?.credentials().await?;
                if captured {
                    list.credentials.retain(Credential::waits);
                }
                if json { output::json(&list) } else { show_list(&list.credentials, context) }
            }
            Action::Check { name, json } => {
                context.not_in_a_session("asking a provider")?;
                let check = context.broker()?.check_credential(&name).await?;
                if json { output::json(&check) } else { super::discovery::show_check(&check) }
            }
            Action::Rotate { name, secret_file, json } => {
                context.not_in_a_session("rotating a credential")?;
                let broker = context.broker()?;
                let secret = secret(&name, secret_file.as_deref())?;
                let credential =
                    broker.rotate_credential(&name, &AddVersion { secret: secret.to_string() }).await?;
                let line =
                    format!("{name} is at version {} ({})", credential.version, credential.fingerprint);
                answer(&credential, json, &line, None)
            }
            Action::Keep { name, json } => {
                context.not_in_a_session("keeping a captured secret")?;
                let credential = context.broker()?.keep_credential(&name).await?;
                answer(&credential, json, &format!("kept {name}"), None)
            }
            Action::Revoke { name, json } => {
                context.not_in_a_session("revoking a credential")?;
                let credential = context.broker()?.revoke_credential(&name).await?;
                answer(&credential, json, &format!("revoked {name}"), Some("revoke it at the provider too"))
            }
        }
    }
}

impl Add {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        context.not_in_a_session("adding a credential")?;
        let broker = context.broker()?;
        let secret = secret(&self.name, self.secret_file.as_deref())?;
        let add = AddCredential {
            name: self.name,
            provider: self.provider,
            kind: self.kind,
            environment: self.environment,
            upstream: self.upstream,
            upstream_ca: self.upstream_ca.as_deref().map(read_text).transpose()?,
            unchecked: self.unchecked,
            secret: secret.to_string(),
        };
        let credential = broker.add_credential(&add).await?;
        let line = format!("added {} ({}, {})", credential.name, credential.provider, credential.fingerprint);
        answer(
            &credential,
            self.json,
            &line,
            Some("next: `stint run --environment NAME --agent NAME -- CMD`"),
        )
    }
}

/// A secret from a file, a prompt without echo, or standard input. The end of the last line is not part of it.
pub(super) fn secret(name: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    if let Some(path) = file {
        let open = std::fs::File::open(path);
        let open = open.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        open.take(LARGEST_SECRET + 1).read_to_end(&mut bytes)?;
    } else if std::io::stdin().is_terminal() {
        let typed =
            Zeroizing::new(rpassword::prompt_password(format!("secret for {}: ", output::clean(name)))?);
        bytes.extend_from_slice(typed.as_bytes());
    } else {
        std::io::stdin().take(LARGEST_SECRET + 1).read_to_end(&mut bytes)?;
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_SECRET {
        return Err(Failure::usage("the secret is longer than 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::usage("the secret is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.trim() {
        "" => {
            Err(Failure::usage("the secret is empty")
                .hint("pipe it in: `stint credential add NAME ... < FILE`"))
        }
        _ => Ok(Zeroizing::new(text.to_owned())),
    }
}

fn show_list(credentials: &[Credential], context: &Context) -> Result<(), Failure> {
    if credentials.is_empty() {
        output::line("no credentials yet");
        output::hint("add one: `stint credential add NAME --provider PACK --environment NAME`");
        return Ok(());
    }
    let now = context.clock.now();
    let rows = credentials.iter().map(|credential| {
        let used = credential.used_at.map_or_else(|| "never".to_owned(), |at| output::relative(at, now));
        let state = match (credential.revoked_at, &credential.captured) {
            (Some(at), _) => format!("revoked {}", output::relative(at, now)),
            (None, Some(captured)) if captured.kept_at.is_none() => {
                format!("captured from {}: keep or revoke", output::clean(&captured.operation))
            }
            (None, _) => format!("in use, version {}", credential.version),
        };
        vec![
            credential.name.clone(),
            credential.provider.clone(),
            credential.kind.clone(),
            credential.environment.clone().unwrap_or_else(|| "any".to_owned()),
            credential.fingerprint.clone(),
            output::relative(credential.created_at, now),
            used,
            state,
        ]
    });
    let columns = ["credential", "provider", "kind", "environment", "fingerprint", "added", "used", "state"];
    output::table(&columns, rows.collect());
    Ok(())
}

/// Whether a person has still to say what becomes of it.
fn answer(credential: &Credential, json: bool, line: &str, hint: Option<&str>) -> Result<(), Failure> {
    if json {
        return output::json(credential);
    }
    output::line(line);
    if let Some(hint) = hint {
        output::hint(hint);
    }
    Ok(())
}
