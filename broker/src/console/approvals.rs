//! What waits for a person's yes, and the page on which they give it or not.

use axum::extract::{Path, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{Approval, ApprovalState, Approve, Class, Code, Deny};

use super::answer::{Form, Reply, ok, page as answer, see};
use super::layout::{self, Place};
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::{App, Error};
use crate::secret::Secret;

/// Decided ones that the queue still shows.
const RECENT: usize = 20;

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let mut approvals = app.approvals(None).await?.approvals;
    // Newest and most dangerous first.
    approvals.sort_by_key(|approval| std::cmp::Reverse((approval.class, approval.requested_at)));
    let (waiting, mut decided): (Vec<Approval>, Vec<Approval>) =
        approvals.into_iter().partition(|approval| approval.state == ApprovalState::Waiting);
    decided.sort_by_key(|approval| std::cmp::Reverse(approval.decided_at.unwrap_or(approval.requested_at)));
    decided.truncate(RECENT);
    let now = app.clock().now();
    let title =
        if waiting.is_empty() { "Approvals".to_owned() } else { format!("Approvals ({})", waiting.len()) };
    let body = html! {
        h1 { "Approvals" }
        @if waiting.is_empty() {
            (text::empty("Nothing waits for you", html! {
                p { "When an agent asks for something that only a person may allow, it is shown here, and the request is held meanwhile." }
                p { "A session starts with " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else {
            ul.cards {
                @for approval in &waiting {
                    li class={ "card waiting" @if approval.class >= Class::Destroy { " worst" } } {
                        h2 { a data-item href={ "/console/approvals/" (approval.id) } { (what(approval)) } }
                        div.row {
                            (text::class(approval.class))
                            span { "in " strong { (approval.environment) } }
                            span { "asked by agent " strong { (approval.agent) } " for " (approval.subject) }
                            span.dim { "expires " (text::when(approval.expires_at, now)) }
                        }
                    }
                }
            }
        }
        @if !decided.is_empty() {
            h2 { "Decided lately" }
            div.scroll tabindex="0" role="region" aria-label="Decided lately" {
                table {
                    thead { tr { th { "What" } th { "State" } th { "By" } th { "When" } th { "Agent" } } }
                    tbody {
                        @for approval in &decided {
                            tr {
                                td { a data-item href={ "/console/approvals/" (approval.id) } { (what(approval)) } }
                                td { (state(approval.state)) }
                                td { (approval.decided_by.as_deref().unwrap_or("nobody")) }
                                td { (text::when(approval.decided_at.unwrap_or(approval.requested_at), now)) }
                                td { (approval.agent) }
                            }
                        }
                    }
                }
            }
        }
        (text::command("stint approval list"))
    };
    Ok(ok(layout::page(&visitor, Place::Approvals, &title, body)))
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Reply {
    let approval = app.approval(&id, None).await?;
    Ok(ok(one(&app, &visitor, &approval, &Typed::default())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Yes {
    #[serde(default)]
    confirm: String,
    #[serde(default)]
    password: String,
}

pub(super) async fn approve(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<Yes>,
) -> Reply {
    let decided = async {
        if !form.password.is_empty() {
            visitor.caller = app.prove_again(&visitor.caller, Secret::from(form.password)).await?;
        }
        let confirm = Some(form.confirm.clone()).filter(|text| !text.is_empty());
        app.approve(&visitor.caller, &id, Approve { confirm }).await
    };
    match decided.await {
        Ok(_) => Ok(see(&format!("/console/approvals/{id}"))),
        Err(error) => {
            refused(
                &app,
                &visitor,
                &id,
                Typed { confirm: form.confirm, yes: Some(error), ..Typed::default() },
            )
            .await
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct No {
    #[serde(default)]
    reason: String,
}

pub(super) async fn deny(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<No>,
) -> Reply {
    match app.deny(&visitor.caller, &id, Deny { reason: form.reason.clone() }).await {
        Ok(_) => Ok(see(&format!("/console/approvals/{id}"))),
        Err(error) => {
            refused(&app, &visitor, &id, Typed { reason: form.reason, no: Some(error), ..Typed::default() })
                .await
        }
    }
}

/// What a person typed, and what was wrong with it.
#[derive(Default)]
struct Typed {
    confirm: String,
    reason: String,
    yes: Option<Error>,
    no: Option<Error>,
}

/// The same page with what was typed and what was wrong; where the approval changed meanwhile, the page says so.
async fn refused(app: &App, visitor: &Visitor, id: &str, typed: Typed) -> Reply {
    let approval = app.approval(id, None).await?;
    let code = typed.yes.as_ref().or(typed.no.as_ref()).map_or(Code::Internal, |error| error.code);
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    Ok(answer(status, one(app, visitor, &approval, &typed)))
}

fn one(app: &App, visitor: &Visitor, approval: &Approval, typed: &Typed) -> Markup {
    let now = app.clock().now();
    let title = plain_title(approval);
    let may = matches!(visitor.caller.role.as_str(), "owner" | "approver");
    let waiting = approval.state == ApprovalState::Waiting;
    let body = html! {
        h1 { (what(approval)) }
        div.row {
            (state(approval.state)) (text::class(approval.class))
            @if waiting { span { "expires " (text::when(approval.expires_at, now)) } }
        }
        @if !waiting && (typed.yes.is_some() || typed.no.is_some()) {
            div.notice.warn role="alert" { "This page was out of date: the approval is " (word(approval.state)) " now"
                @if let Some(by) = &approval.decided_by { ", by " strong { (by) } } "." }
        }
        h2 { "What happens on yes" }
        (consequences(approval))
        h2 { "Who asks" }
        dl.facts {
            dt { "Agent" } dd { (approval.agent) }
            dt { "For" } dd { (approval.subject) }
            dt { "Session" } dd { a href={ "/console/sessions/" (approval.session) } { (approval.session) } }
            dt { "Environment of the session" } dd { (approval.environment) }
        }
        h2 { "The exact request" }
        dl.facts {
            dt { "Request" } dd { code { (Shown(&approval.request)) } }
            dt { "Operations" } dd { @for operation in &approval.operations { code { (Shown(operation)) } " " } }
            dt { "Credential" } dd { (approval.credential) }
            dt { "Asks because of" } dd { @for policy in &approval.policies { code { (Shown(policy)) } " " } }
            dt { "Digest" } dd { code { (approval.digest) } }
            dt { "Asked" } dd { (text::when(approval.requested_at, now)) }
        }
        @if let Some(by) = &approval.decided_by {
            h2 { "The decision" }
            dl.facts {
                dt { "By" } dd { (by) }
                @if let Some(at) = approval.decided_at { dt { "When" } dd { (text::when(at, now)) } }
                @if let Some(reason) = &approval.reason { dt { "Reason" } dd { (Shown(reason)) } }
            }
        }
        @if waiting && may { (forms(app, visitor, approval, typed)) }
        @if waiting && !may { p.notice { "Your role, " (visitor.caller.role) ", looks on: owners and approvers decide." } }
        @if visitor.caller.role == "owner" {
            p { a href={ "/console/rules/new?approval=" (approval.id) } { "Make a rule from this request" } }
        }
        (text::command(&format!("stint approval show {}", approval.id)))
    };
    layout::page(visitor, Place::Approvals, &title, body)
}

fn forms(app: &App, visitor: &Visitor, approval: &Approval, typed: &Typed) -> Markup {
    let proof = app.needs_proof(&visitor.caller, approval);
    html! {
        div.decide {
            form method="post" action={ "/console/approvals/" (approval.id) "/approve" } {
                fieldset {
                    legend { "Yes, this once" }
                    (complaint(typed.yes.as_ref(), "yes-error"))
                    @if let Some(confirm) = &approval.confirm {
                        label for="confirm" { "Type " q { (Shown(&confirm.text)) } " to approve" }
                        input #confirm name="confirm" value=(typed.confirm) autocomplete="off" autocapitalize="none" spellcheck="false" required
                            data-approve aria-describedby=[typed.yes.as_ref().map(|_| "yes-error")];
                    }
                    @if proof {
                        label for="password" { "Your password" }
                        input #password name="password" type="password" autocomplete="current-password" required;
                        p.hint { "This cannot be put back, so it takes more than an open browser." }
                    }
                    div.actions {
                        button type="submit" data-approve[approval.confirm.is_none()] { "Approve" }
                    }
                    p.hint { "Good for exactly this request, once, until it expires." }
                }
            }
            form method="post" action={ "/console/approvals/" (approval.id) "/deny" } {
                fieldset {
                    legend { "No" }
                    (complaint(typed.no.as_ref(), "no-error"))
                    label for="reason" { "Reason, which the agent will read" }
                    textarea #reason name="reason" rows="3" required data-deny
                        aria-describedby=[typed.no.as_ref().map(|_| "no-error")] { (typed.reason) }
                    div.actions { button.danger type="submit" { "Deny" } }
                }
            }
        }
    }
}

fn complaint(error: Option<&Error>, id: &str) -> Markup {
    html! {
        @if let Some(error) = error {
            div.notice.danger id=(id) role="alert" { (Shown(&error.detail)) }
        }
    }
}

/// Every thing that is touched: what it is, where it belongs, and what goes with it.
fn consequences(approval: &Approval) -> Markup {
    html! {
        ul.cards {
            @for resource in &approval.resources {
                li class={ "card" @if approval.class >= Class::Destroy { " worst" } } {
                    h3 { (words(&resource.operation)) " " (thing(resource)) }
                    dl.facts {
                        @if !resource.kind.is_empty() { dt { "Kind" } dd { (Shown(&resource.kind)) } }
                        @if !resource.id.is_empty() { dt { "Id" } dd { code { (Shown(&resource.id)) } } }
                        dt { "Belongs to" }
                        dd {
                            @if resource.environments.is_empty() { "nothing that is mapped: the account as a whole" }
                            @for name in &resource.environments { strong { (Shown(name)) } " " }
                        }
                        @if !resource.consequences.is_empty() {
                            dt { "Goes with it" }
                            dd { ul { @for line in &resource.consequences { li { (Shown(line)) } } } }
                        }
                    }
                }
            }
        }
    }
}

/// The heading of an approval, from parsed facts alone.
fn what(approval: &Approval) -> Markup {
    let first = approval.resources.first();
    let more = approval.resources.len().saturating_sub(1);
    html! {
        @match first {
            Some(resource) => { (words(&resource.operation)) " " (thing(resource)) }
            None => { @for operation in &approval.operations { (words(operation)) " " } }
        }
        @if more > 0 { span.dim { " and " (more) " more" } }
    }
}

fn thing(resource: &stint_api::TouchedResource) -> Markup {
    html! {
        @match (&resource.name, resource.id.is_empty()) {
            (Some(name), _) => { strong { (Shown(name)) } }
            (None, false) => { code { (Shown(&resource.id)) } }
            (None, true) => {}
        }
    }
}

/// `railway:volumeDelete` as words: `volume delete at railway`.
fn words(operation: &str) -> String {
    let (provider, name) = operation.split_once(':').unwrap_or(("", operation));
    let mut words = String::new();
    for c in name.chars() {
        match c {
            '/' | '-' | '_' | '.' => words.push(' '),
            c if c.is_ascii_uppercase() => {
                words.push(' ');
                words.push(c.to_ascii_lowercase());
            }
            c => words.push(c),
        }
    }
    if provider.is_empty() { words } else { format!("{}: {}", provider, words.trim()) }
}

fn plain_title(approval: &Approval) -> String {
    approval.operations.first().map_or_else(|| "Approval".to_owned(), |operation| words(operation))
}

fn state(state: ApprovalState) -> Markup {
    html! { span class={ "badge state-" (word(state)) } { (word(state)) } }
}

fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved",
        ApprovalState::Denied => "denied",
        ApprovalState::Used => "used",
        ApprovalState::Expired => "expired",
    }
}
