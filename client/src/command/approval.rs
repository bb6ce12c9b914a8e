use std::io::IsTerminal as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use stint_api::{Approval, ApprovalState, Approve, Deny};
use tokio::time::Instant;

use super::context::Context;
use super::duration;
use crate::api::Broker;
use crate::exit::{self, Failure};
use crate::output;

/// Longest time that one question to the broker stays open.
const POLL: Duration = Duration::from_secs(25);

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// What waits for a person
    List {
        /// waiting, approved, denied, used, expired or all
        #[arg(long, default_value = "waiting", value_parser = state)]
        state: StateFilter,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// One approval: who asks for what, on which real thing
    Show {
        id: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say yes to this one request
    Approve {
        id: String,
        /// Name of the resource, where the approval asks for it to be typed
        #[arg(long, value_name = "TEXT")]
        confirm: Option<String>,
        /// The yes holds only for so long, such as 5m [default: until the approval expires]
        #[arg(long, value_parser = duration::parse, value_name = "TIME")]
        within: Option<Duration>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say no
    Deny {
        id: String,
        /// And to all that wait of the same agent, operations and environment
        #[arg(long)]
        alike: bool,
        /// Why, for the one who asked
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Wait until it is decided: exit code 0 approved, 5 denied or expired, 6 still waiting
    Wait {
        id: String,
        /// Longest wait [default: until it expires]
        #[arg(long, value_parser = duration::parse)]
        timeout: Option<Duration>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy)]
struct StateFilter(Option<ApprovalState>);

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        match self.action {
            Action::List { state, json } => {
                let list = broker.approvals(state.0).await?;
                if json { output::json(&list) } else { show_list(&list.approvals, context) }
            }
            Action::Show { id, json } => {
                let approval = broker.approval(&id, None).await?;
                if json { output::json(&approval) } else { show(&approval, context) }
            }
            Action::Approve { id, confirm, within, json } => {
                context.not_in_a_session("approving")?;
                let within = within.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
                let approval = approve(&broker, &id, confirm, within, context).await?;
                let said = match approval.state {
                    ApprovalState::Waiting => format!("said yes to {id}: {}", missing(&approval)),
                    _ => format!("approved {id}: it works once, for this very request"),
                };
                answer(&approval, json, &said)
            }
            Action::Deny { id, alike: true, reason, json } => {
                context.not_in_a_session("denying")?;
                let denied = broker.deny_alike(&id, &Deny { reason }).await?;
                if json {
                    return output::json(&denied);
                }
                for approval in &denied.approvals {
                    output::line(format!("denied {}", approval.id));
                }
                Ok(())
            }
            Action::Deny { id, alike: false, reason, json } => {
                context.not_in_a_session("denying")?;
                let approval = broker.deny(&id, &Deny { reason }).await?;
                answer(&approval, json, &format!("denied {id}"))
            }
            Action::Wait { id, timeout, json } => wait(&broker, &id, timeout, json).await,
        }
    }
}

/// With a confirmation given, or typed by whoever sits at the terminal after seeing what would happen.
async fn approve(
    broker: &Broker,
    id: &str,
    confirm: Option<String>,
    within: Option<u32>,
    context: &Context,
) -> Result<Approval, Failure> {
    let confirm = match confirm {
        None if std::io::stdin().is_terminal() => {
            let approval = broker.approval(id, None).await?;
            show(&approval, context)?;
            approval.confirm.is_some().then(typed).transpose()?
        }
        given => given,
    };
    let was_given = confirm.is_some();
    broker.approve(id, &Approve { confirm, within }).await.map_err(|error| match Failure::from(error) {
        failure if was_given => failure,
        // A script that approves blindly has to look first.
        failure => failure.hint(format!("`stint approval show {id}` says what to confirm")),
    })
}

/// What is needed besides the yeses that are there.
fn missing(approval: &Approval) -> String {
    let votes = u32::try_from(approval.votes.len()).unwrap_or(u32::MAX);
    let of = format!("{votes} of {}", approval.approvers);
    match (approval.approvers.saturating_sub(votes), approval.not_before) {
        (0, Some(at)) => format!("{of}, and it goes on at {}", at.format("%H:%M:%S UTC")),
        (0, None) => format!("{of}, and it goes on"),
        (1, _) => format!("{of}, one more person has to"),
        (more, _) => format!("{of}, {more} more people have to"),
    }
}

fn typed() -> Result<String, Failure> {
    output::note("type the name of the resource to approve");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks again and again, each time for as long as the broker holds a question open.
async fn wait(broker: &Broker, id: &str, timeout: Option<Duration>, json: bool) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        let left = timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
        let poll = left.map_or(POLL, |left| left.min(POLL));
        let approval = broker.approval(id, Some(poll)).await?;
        let waiting = approval.state == ApprovalState::Waiting;
        if waiting && left.is_none_or(|left| left > POLL) {
            continue;
        }
        if waiting && timeout.is_some_and(|timeout| started.elapsed() < timeout) {
            // The broker answered early, with the last stretch still to go.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        }
        if json {
            output::json(&approval)?;
        }
        let said = approval.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        return match approval.state {
            ApprovalState::Approved | ApprovalState::Used if json => Ok(()),
            ApprovalState::Approved | ApprovalState::Used => {
                output::line(format!("approved {id}"));
                output::hint("send the same request again: the approval works once");
                Ok(())
            }
            ApprovalState::Denied => {
                Err(Failure::new(exit::DENIED, format!("approval {id} was denied{said}")))
            }
            ApprovalState::Expired => Err(Failure::new(exit::DENIED, format!("approval {id} has expired"))),
            ApprovalState::Waiting => {
                Err(Failure::new(exit::APPROVAL_PENDING, format!("approval {id} still waits for a person")))
            }
        };
    }
}

fn show_list(approvals: &[Approval], context: &Context) -> Result<(), Failure> {
    if approvals.is_empty() {
        output::line("nothing waits for a person");
        output::hint("`stint approval list --state all` shows what was decided");
        return Ok(());
    }
    let now = context.clock.now();
    let rows = approvals.iter().map(|approval| {
        vec![
            approval.id.clone(),
            state_word(approval.state).to_owned(),
            approval.operations.join(", "),
            approval.class.to_string(),
            things(approval),
            approval.environment.clone(),
            approval.agent.clone(),
            output::relative(approval.expires_at, now),
        ]
    });
    let columns = ["approval", "state", "operation", "class", "resource", "environment", "agent", "expires"];
    output::table(&columns, rows.collect());
    output::hint("`stint approval show ID` says what would happen");
    Ok(())
}

fn show(approval: &Approval, context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    output::pairs(&[
        ("approval", approval.id.clone()),
        ("state", state_word(approval.state).to_owned()),
        ("agent", format!("{} for {} in session {}", approval.agent, approval.subject, approval.session)),
        ("environment", approval.environment.clone()),
        ("request", format!("{} with {}", approval.request, approval.credential)),
        ("operations", approval.operations.join(", ")),
        ("class", approval.class.to_string()),
        ("policies", approval.policies.join(", ")),
        (
            "agent says",
            approval.agent_reason.clone().map(|text| format!("{text} (not checked)")).unwrap_or_default(),
        ),
        ("approvers", format!("{} of {} said yes", approval.votes.len(), approval.approvers)),
        ("said yes", approval.votes.iter().map(|vote| vote.person.as_str()).collect::<Vec<_>>().join(", ")),
        ("not before", approval.not_before.map(|at| format!("{at}")).unwrap_or_default()),
        ("expires", format!("{} ({})", approval.expires_at, output::relative(approval.expires_at, now))),
        ("digest", approval.digest.clone()),
        ("to confirm", approval.confirm.as_ref().map(|confirm| confirm.text.clone()).unwrap_or_default()),
        ("decided by", approval.decided_by.clone().unwrap_or_default()),
        ("reason", approval.reason.clone().unwrap_or_default()),
    ]);
    for resource in &approval.resources {
        let name = resource.name.as_deref().map(|name| format!(" '{name}'")).unwrap_or_default();
        output::line(format!(
            "\n{} {} {}{name} in {}",
            resource.operation,
            resource.kind,
            resource.id,
            resource.environments.join(", ")
        ));
        for consequence in &resource.consequences {
            output::line(format!("  {consequence}"));
        }
    }
    if approval.state == ApprovalState::Waiting {
        let id = &approval.id;
        // Names are not ours: one in a line to be copied could hold more than a name.
        match &approval.confirm {
            Some(_) => output::hint(format!("`stint approval approve {id} --confirm TEXT` with that text")),
            None => output::hint(format!("`stint approval approve {id}`")),
        }
        output::hint(format!("`stint approval deny {id} --reason TEXT`"));
    }
    Ok(())
}

fn answer(approval: &Approval, json: bool, line: &str) -> Result<(), Failure> {
    if json {
        return output::json(approval);
    }
    output::line(line);
    Ok(())
}

fn things(approval: &Approval) -> String {
    let things = approval
        .resources
        .iter()
        .map(|resource| format!("{} {}", resource.kind, resource.name.as_deref().unwrap_or(&resource.id)));
    things.collect::<Vec<_>>().join(", ")
}

fn state_word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved",
        ApprovalState::Denied => "denied",
        ApprovalState::Used => "used",
        ApprovalState::Expired => "expired",
    }
}

fn state(text: &str) -> Result<StateFilter, String> {
    Ok(StateFilter(match text {
        "all" => None,
        "waiting" => Some(ApprovalState::Waiting),
        "approved" => Some(ApprovalState::Approved),
        "denied" => Some(ApprovalState::Denied),
        "used" => Some(ApprovalState::Used),
        "expired" => Some(ApprovalState::Expired),
        _ => return Err("one of waiting, approved, denied, used, expired, all".to_owned()),
    }))
}
