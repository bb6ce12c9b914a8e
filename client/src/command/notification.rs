use clap::{Args, Subcommand, ValueEnum};
use stint_api::{AddChannel, Channel, MailSecurity, Target, Topic};

use super::context::Context;
use super::credential::secret;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a channel: its URL, or the password of a mail account, comes from standard input or a prompt
    Add(Add),
    /// All channels, and what became of the newest notices
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Send a notice that says that it is a trial
    Try {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Tell a channel nothing any more
    Remove { name: String },
}

#[derive(Debug, Args)]
struct Add {
    name: String,
    #[arg(long)]
    kind: Kind,
    /// What it is told
    #[arg(long, value_delimiter = ',', default_value = "approval,alert")]
    topics: Vec<TopicWord>,
    /// Mail: host of the server
    #[arg(long, required_if_eq("kind", "email"))]
    server: Option<String>,
    /// Mail: port of the server [default: that of the security]
    #[arg(long)]
    port: Option<u16>,
    /// Mail: TLS from the start, by STARTTLS, or none (to this machine only)
    #[arg(long, default_value = "starttls")]
    security: Security,
    /// Mail: sender
    #[arg(long, required_if_eq("kind", "email"))]
    from: Option<String>,
    /// Mail: receivers, with commas between
    #[arg(long, required_if_eq("kind", "email"))]
    to: Option<String>,
    /// Mail: user of the server; the password is asked for
    #[arg(long)]
    user: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Webhook,
    Slack,
    Ntfy,
    Email,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TopicWord {
    Approval,
    Alert,
    Session,
    Change,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Security {
    Tls,
    Starttls,
    None,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.action {
            Action::Add(add) => add.run(context).await,
            Action::List { json } => {
                let list = context.broker()?.channels().await?;
                if json { output::json(&list) } else { show_list(&list.channels, context) }
            }
            Action::Try { name, json } => {
                let channel = context.broker()?.try_channel(&name).await?;
                if json {
                    return output::json(&channel);
                }
                match channel.deliveries.first() {
                    Some(last) if last.state == "done" => output::line(format!("{name} was told")),
                    Some(last) => {
                        let why = last.error.clone().unwrap_or_else(|| "it is under way".to_owned());
                        output::line(format!("{name} was not told yet: {}", output::clean(&why)));
                    }
                    None => {}
                }
                Ok(())
            }
            Action::Remove { name } => {
                context.not_in_a_session("removing a channel")?;
                context.broker()?.remove_channel(&name).await?;
                output::line(format!("removed {name}"));
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        context.not_in_a_session("adding a channel")?;
        let broker = context.broker()?;
        let name = self.name.clone();
        let read = || secret(&name, None).map(|text| text.to_string());
        let target = match self.kind {
            Kind::Webhook => Target::Webhook { url: read()? },
            Kind::Slack => Target::Slack { url: read()? },
            Kind::Ntfy => Target::Ntfy { url: read()?, token: None },
            Kind::Email => Target::Email {
                server: self.server.unwrap_or_default(),
                port: self.port,
                security: match self.security {
                    Security::Tls => MailSecurity::Tls,
                    Security::Starttls => MailSecurity::Starttls,
                    Security::None => MailSecurity::None,
                },
                from: self.from.unwrap_or_default(),
                to: self.to.unwrap_or_default(),
                password: self.user.is_some().then(read).transpose()?,
                user: self.user,
            },
        };
        let topics = self.topics.iter().map(|topic| match topic {
            TopicWord::Approval => Topic::Approval,
            TopicWord::Alert => Topic::Alert,
            TopicWord::Session => Topic::Session,
            TopicWord::Change => Topic::Change,
        });
        let added =
            broker.add_channel(&AddChannel { name: self.name, target, topics: topics.collect() }).await?;
        if self.json {
            return output::json(&added);
        }
        output::line(format!("added {}", added.channel.name));
        if let Some(secret) = added.signing_secret {
            output::line(format!("signing secret, shown this once: {secret}"));
        }
        output::hint(format!("next: `stint notification try {}`", added.channel.name));
        Ok(())
    }
}

fn show_list(channels: &[Channel], context: &Context) -> Result<(), Failure> {
    if channels.is_empty() {
        output::line("no channels yet");
        output::hint("add one: `stint notification add NAME --kind webhook < FILE`");
        return Ok(());
    }
    let now = context.clock.now();
    let rows = channels.iter().map(|channel| {
        let topics: Vec<&str> = channel.topics.iter().map(|topic| topic.as_str()).collect();
        let last = channel.deliveries.first();
        let last = last.map(|last| format!("{} {}", last.state, output::relative(last.created_at, now)));
        vec![
            channel.name.clone(),
            channel.kind.clone(),
            channel.place.clone(),
            topics.join(", "),
            last.unwrap_or_else(|| "never".to_owned()),
        ]
    });
    output::table(&["channel", "kind", "place", "told of", "last"], rows.collect());
    Ok(())
}
