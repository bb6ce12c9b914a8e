use axum::extract::State;
use maud::{Markup, html};
use stint_api::{Approval, Class};

use super::super::answer::{Reply, ok};
use super::super::layout::{self, Place};
use super::super::table::table;
use super::super::text::{self, Shown};
use super::super::visitor::Visitor;
use super::{may_decide, person, state, what};
use crate::app::{App, Error, Result};

/// Decided ones that the queue still shows.
const RECENT: usize = 20;
/// Of a group, those that are shown one by one.
const SHOWN: usize = 10;

/// A no to a group that was not taken.
pub(super) struct Tried {
    pub(super) id: String,
    pub(super) reason: String,
    pub(super) error: Error,
}

pub(in crate::console) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    Ok(ok(queue(&app, &visitor, None).await?))
}

pub(super) async fn queue(app: &App, visitor: &Visitor, tried: Option<&Tried>) -> Result<Markup> {
    let (waiting, decided) = app.approvals_to_show(RECENT).await?;
    let now = app.clock().now();
    let count = waiting.len();
    let title = if count == 0 { "Approvals".to_owned() } else { format!("Approvals ({count})") };
    let groups = groups(waiting);
    let listed = |id: &str| groups.iter().flatten().any(|approval| approval.id == id);
    let body = html! {
        h1 { "Approvals" }
        (super::super::welcome::notice(&app.welcome().await?))
        p.actions.first data-notify hidden { button.quiet type="button" { "Tell me on this desktop when something waits" } }
        @if let Some(tried) = tried.filter(|tried| !listed(&tried.id)) {
            div.notice.warn role="alert" { "This page was out of date: " (Shown(&tried.error.detail)) "." }
        }
        @if groups.is_empty() {
            (text::empty("Nothing waits for you", html! {
                p { "When an agent asks for something that only a person may allow, it is shown here, and the request is held meanwhile." }
                p { "A session starts with " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else {
            ul.cards {
                @for group in &groups { (card(app, visitor, group, tried, now)) }
            }
        }
        @if !decided.is_empty() { (lately(&decided, now)) }
        (text::command("stint approval list"))
    };
    Ok(layout::page(visitor, Place::Approvals, &title, body))
}

/// Equal wishes of one agent stand together. Most dangerous first, then newest; so are those of a group.
fn groups(mut waiting: Vec<Approval>) -> Vec<Vec<Approval>> {
    waiting.sort_by_key(|approval| std::cmp::Reverse((approval.class, approval.requested_at)));
    let mut groups: Vec<Vec<Approval>> = Vec::new();
    for approval in waiting {
        let alike = |group: &&mut Vec<Approval>| {
            group.first().is_some_and(|first| {
                first.agent == approval.agent
                    && first.operations == approval.operations
                    && first.environment == approval.environment
            })
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(approval),
            None => groups.push(vec![approval]),
        }
    }
    groups
}

fn card(
    app: &App,
    visitor: &Visitor,
    group: &[Approval],
    tried: Option<&Tried>,
    now: chrono::DateTime<chrono::Utc>,
) -> Markup {
    let Some(first) = group.first() else { return html! {} };
    html! {
        li class={ "card waiting" @if first.class >= Class::Destroy { " worst" } } {
            h2 { a data-item href={ "/console/approvals/" (first.id) } { (what(first)) } }
            div.row {
                (text::class(first.class))
                (place(app, &first.environment))
                span { "asked by agent " strong { (first.agent) } " for " (person(first)) }
                span.dim { "expires " (text::when(first.expires_at, now)) }
                (so_far(first))
            }
            @if let Some(reason) = &first.agent_reason { (says(reason)) }
            @if group.len() > 1 {
                p { "And " strong { (group.len() - 1) } " more of the same kind by this agent:" }
                ul {
                    @for other in group.iter().skip(1).take(SHOWN) {
                        li { a data-item href={ "/console/approvals/" (other.id) } { (what(other)) } " "
                            span.dim { "asked " (text::when(other.requested_at, now)) } }
                    }
                    @if group.len() > SHOWN + 1 { li { "… and " (group.len() - SHOWN - 1) " not shown here" } }
                }
                @if may_decide(visitor) { (deny_all(group, first, tried)) }
            }
        }
    }
}

fn deny_all(group: &[Approval], first: &Approval, tried: Option<&Tried>) -> Markup {
    let tried = tried.filter(|tried| group.iter().any(|approval| approval.id == tried.id));
    let (field, wrong) = (format!("reason-{}", first.id), format!("wrong-{}", first.id));
    html! {
        form method="post" action={ "/console/approvals/" (first.id) "/deny-alike" } {
            label for=(field) { "Deny all " (group.len()) " like this, for one reason that the agent will read" }
            input id=(field) name="reason" value=(tried.map_or("", |tried| &tried.reason)) required autocomplete="off"
                aria-describedby=[tried.map(|_| wrong.as_str())];
            @if let Some(tried) = tried {
                p.field-error id=(wrong) role="alert" { (Shown(&tried.error.detail)) }
            }
            div.actions { button.danger type="submit" { "Deny all " (group.len()) } }
        }
    }
}

fn lately(decided: &[Approval], now: chrono::DateTime<chrono::Utc>) -> Markup {
    html! {
        h2 { "Decided lately" }
        (table("Decided lately", ["What", "State", "By", "When", "Agent", "Environment"], decided.iter().map(|approval| [
            html! { a data-item href={ "/console/approvals/" (approval.id) } { (what(approval)) } },
            state(approval.state),
            html! { (approval.decided_by.as_deref().unwrap_or("nobody")) },
            text::when(approval.decided_at.unwrap_or(approval.requested_at), now),
            html! { (approval.agent) },
            html! { (approval.environment) },
        ])))
    }
}

/// An environment by name, with its tier.
pub(super) fn place(app: &App, name: &str) -> Markup {
    let tier = app.environments().environments.into_iter().find(|known| known.name == name);
    html! { span { "in " strong { (Shown(name)) } " " @if let Some(known) = tier { (text::tier(known.tier)) } } }
}

/// How many of those who have to say yes did.
pub(super) fn so_far(approval: &Approval) -> Markup {
    html! {
        @if approval.approvers > 1 { span.badge { (approval.votes.len()) " of " (approval.approvers) " said yes" } }
    }
}

/// The agent's own words.
pub(super) fn says(reason: &str) -> Markup {
    html! {
        figure.untrusted {
            figcaption { "The agent says, and nobody checked it:" }
            blockquote { (Shown(reason)) }
        }
    }
}
