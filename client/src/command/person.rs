use clap::{Args, Subcommand};
use stint_api::{Account, ChangeRole, Invite, Invited, Person, PersonList};

use super::context::Context;
use crate::exit::Failure;
use crate::output;

/// People: invite, change and remove them.
#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All people, and the links that were not used yet
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// How a person gets in, and where they are in
    Show {
        /// Name of the person [default: yourself]
        name: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a link by which a new person enrols
    Invite {
        name: String,
        /// owner, approver, operator or auditor
        #[arg(long)]
        role: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a link by which a person who is there already gets a way in
    Link {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Withdraw a link that was not used yet
    Withdraw { name: String },
    /// Give a person another role
    Role { name: String, role: String },
    /// Remove a person: what they are signed in to ends, and their sessions
    Remove { name: String },
    /// End a sign-in (sin_…) or a login on a machine (cli_…)
    End {
        id: String,
        /// Whose it is [default: your own]
        #[arg(long, value_name = "NAME")]
        of: Option<String>,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        match self.action {
            Action::List { json } => {
                let list = broker.people().await?;
                if json { output::json(&list) } else { show_list(&list, context) }
            }
            Action::Show { name, json } => {
                let account = broker.account(name.as_deref()).await?;
                if json { output::json(&account) } else { show(&account, context) }
            }
            Action::Invite { name, role, json } => {
                context.not_in_a_session("inviting somebody")?;
                shown_once(&broker.invite(&Invite { person: name, role }).await?, json)
            }
            Action::Link { name, json } => {
                context.not_in_a_session("making somebody a way in")?;
                shown_once(&broker.enrol_anew(&name).await?, json)
            }
            Action::Withdraw { name } => {
                context.not_in_a_session("withdrawing a link")?;
                broker.withdraw_invitation(&name).await?;
                output::line(format!("withdrew the link of {name}"));
                Ok(())
            }
            Action::Role { name, role } => {
                context.not_in_a_session("changing a role")?;
                let account = broker.change_role(&name, &ChangeRole { role }).await?;
                output::line(format!("{} is {} now", account.person.name, account.person.role));
                Ok(())
            }
            Action::Remove { name } => {
                context.not_in_a_session("removing somebody")?;
                broker.remove_person(&name).await?;
                output::line(format!("removed {name}"));
                Ok(())
            }
            Action::End { id, of } => {
                context.not_in_a_session("ending a sign-in or a login")?;
                if id.starts_with("sin_") {
                    broker.end_sign_in(of.as_deref(), &id).await?;
                } else {
                    broker.end_login(of.as_deref(), &id).await?;
                }
                output::line(format!("ended {id}"));
                Ok(())
            }
        }
    }
}

fn shown_once(invited: &Invited, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(invited);
    }
    output::line(&invited.url);
    output::hint(format!(
        "it works once, for a day: give it to {} and nobody else, it is not shown again",
        invited.person
    ));
    Ok(())
}

fn show_list(list: &PersonList, context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    let rows = list.people.iter().map(|person| {
        let seen = person.signed_in_at.map(|at| output::relative(at, now)).unwrap_or_default();
        vec![person.name.clone(), person.role.clone(), ways(person), seen]
    });
    output::table(&["person", "role", "gets in by", "last sign-in"], rows.collect());
    for invitation in &list.invitations {
        let ends = output::relative(invitation.expires_at, now);
        output::note(format!("{} was invited by {}, ends {ends}", invitation.person, invitation.invited_by));
    }
    output::hint("one of them: `stint person show NAME`");
    Ok(())
}

fn show(account: &Account, context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    let person = &account.person;
    output::pairs(&[
        ("person", person.name.clone()),
        ("role", person.role.clone()),
        ("gets in by", ways(person)),
        ("recovery codes", person.recovery_codes.to_string()),
    ]);
    let sign_ins = account.sign_ins.iter().map(|row| {
        vec![row.id.clone(), row.device.clone(), row.address.clone(), output::relative(row.created_at, now)]
    });
    output::table(&["sign-in", "browser", "from", "since"], sign_ins.collect());
    let logins = account.logins.iter().map(|row| {
        let device = row.device.clone().unwrap_or_default();
        vec![row.client_id.clone(), device, output::relative(row.created_at, now)]
    });
    output::table(&["login", "machine", "since"], logins.collect());
    output::hint("end one: `stint person end ID`");
    Ok(())
}

fn ways(person: &Person) -> String {
    let passkeys = match person.passkeys {
        0 => None,
        1 => Some("a passkey".to_owned()),
        count => Some(format!("{count} passkeys")),
    };
    let password = match (person.password, person.one_time_codes) {
        (false, _) => None,
        (true, false) => Some("a password".to_owned()),
        (true, true) => Some("a password and codes".to_owned()),
    };
    let ways: Vec<String> = passkeys.into_iter().chain(password).collect();
    if ways.is_empty() { "a login on a machine only".to_owned() } else { ways.join(", ") }
}
