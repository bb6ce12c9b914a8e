use clap::{Args, Subcommand};
use stint_api::{EndSessions, EndedSessions, Session, SessionState};

use super::context::Context;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Sessions that live
    List {
        /// Ended ones too
        #[arg(long)]
        all: bool,
        /// Only those of this agent
        #[arg(long, value_name = "NAME")]
        agent: Option<String>,
        /// Only those in this environment
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// How many at most; of those that ended, 50 where nothing is said
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: Option<u16>,
        /// Only those before this one
        #[arg(long, value_name = "ID")]
        before: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// One session
    Show {
        id: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// End a session: its tokens are refused from the next request on
    End {
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// The kill switch: end every session
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        match self.action {
            Action::List { all, agent, environment, limit, before, json } => {
                let given = [("agent", agent), ("environment", environment), ("before", before)];
                let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
                let limit = limit.or(all.then_some(50));
                let list = broker.sessions(all, limit, &given.collect::<Vec<_>>()).await?;
                if json {
                    return output::json(&list);
                }
                show_list(&list.sessions, all, context)?;
                if let Some(next) = list.next {
                    output::hint(format!("older ones: the same command with --before {next}"));
                }
                Ok(())
            }
            Action::Show { id, json } => {
                let session = broker.session(&id).await?;
                if json { output::json(&session) } else { show(&session, context) }
            }
            Action::End { id, json, .. } => {
                let end = EndSessions::default();
                let ended = match &id {
                    Some(id) => broker.end_session(id, &end).await?,
                    None => broker.end_all_sessions(&end).await?,
                };
                if json { output::json(&ended) } else { show_ended(&ended, id.as_deref()) }
            }
        }
    }
}

fn show_list(sessions: &[Session], all: bool, context: &Context) -> Result<(), Failure> {
    if sessions.is_empty() {
        output::line(if all { "no sessions yet" } else { "no live sessions" });
        output::hint("start one: `stint run --environment NAME --agent NAME -- CMD`");
        return Ok(());
    }
    let now = context.clock.now();
    let rows = sessions.iter().map(|session| {
        let state = match session.state {
            SessionState::Live => format!("live, ends {}", output::relative(session.expires_at, now)),
            SessionState::Ended => session.end_reason.clone().unwrap_or_else(|| "ended".to_owned()),
        };
        vec![
            session.id.clone(),
            session.environment.clone(),
            session.agent.clone(),
            session.command.clone().unwrap_or_default(),
            output::relative(session.started_at, now),
            state,
        ]
    });
    output::table(&["session", "environment", "agent", "command", "started", "state"], rows.collect());
    output::hint("`stint session end ID` ends one, `stint session end --all` all of them");
    Ok(())
}

fn show(session: &Session, context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    let budget = session.budget.map(|budget| {
        let of = |(name, stint_api::Budgeted { used, limit }): (&str, _)| match limit {
            0 => format!("{used} {name}"),
            limit => format!("{used} of {limit} {name}"),
        };
        budget.each().map(of).join(", ")
    });
    output::pairs(&[
        ("session", session.id.clone()),
        ("environment", format!("{} ({})", session.environment, session.tier)),
        ("agent", session.agent.clone()),
        ("for", session.subject.clone()),
        ("command", session.command.clone().unwrap_or_default()),
        ("confined", session.confinement.to_string()),
        ("within", session.parent.clone().unwrap_or_default()),
        ("credentials", session.credentials.join(", ")),
        ("started", format!("{} ({})", session.started_at, output::relative(session.started_at, now))),
        ("expires", format!("{} ({})", session.expires_at, output::relative(session.expires_at, now))),
        ("ended", session.ended_at.map(|at| at.to_string()).unwrap_or_default()),
        ("budget", budget.unwrap_or_default()),
        ("reason", session.end_reason.clone().unwrap_or_default()),
    ]);
    if session.state == SessionState::Live {
        output::hint(format!("`stint session end {}` ends it now", session.id));
    }
    Ok(())
}

fn show_ended(ended: &EndedSessions, asked: Option<&str>) -> Result<(), Failure> {
    match (ended.ended.as_slice(), asked) {
        ([], Some(id)) => output::line(format!("session {id} had ended before")),
        ([], None) => output::line("no session was live"),
        (ids, _) => ids.iter().for_each(|id| output::line(format!("ended {id}"))),
    }
    Ok(())
}
