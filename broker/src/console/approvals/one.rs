use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use stint_api::{Approval, ApprovalState, AuditQuery, Class, Code};

use super::super::answer::{Reply, ok};
use super::super::layout::{self, Place};
use super::super::step_up;
use super::super::text::{self, Shown};
use super::super::trail::trail;
use super::super::visitor::Visitor;
use super::super::words::deed;
use super::act::Typed;
use super::queue::{place, says, so_far};
use super::{class, may_decide, person, plain, state, thing, what, word};
use crate::app::{App, Error};

/// How long a yes may hold that is narrower than the approval's own life, in seconds.
const NARROWER: [(u32, &str); 3] = [(60, "1 minute"), (300, "5 minutes"), (600, "10 minutes")];

pub(in crate::console) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Reply {
    let approval = app.approval(&id, None).await?;
    let typed = Typed { proof: proof(&app, &visitor, &approval).await?, ..Typed::default() };
    Ok(ok(one(&app, &visitor, &approval, &typed).await?))
}

/// The fields of a fresh proof, where this visitor has to give one for this approval.
pub(super) async fn proof(
    app: &App,
    visitor: &Visitor,
    approval: &Approval,
) -> Result<Option<Markup>, Error> {
    if approval.state != ApprovalState::Waiting || !app.needs_proof(&visitor.caller, approval) {
        return Ok(None);
    }
    step_up::fields(app, visitor, &format!("/console/approvals/{}", approval.id)).await.map(Some)
}

/// What it is, then the answer to it, then every fact: on a phone the two answers are at hand wherever the page is read.
pub(super) async fn one(
    app: &App,
    visitor: &Visitor,
    approval: &Approval,
    typed: &Typed,
) -> Result<Markup, Error> {
    let now = app.clock().now();
    let waiting = approval.state == ApprovalState::Waiting;
    let about = AuditQuery { approval: Some(approval.id.clone()), ..AuditQuery::default() };
    let trail = trail(app, visitor, about).await?;
    let body = html! {
        h1 { (what(approval)) }
        div.row {
            (state(approval.state)) (text::class(approval.class)) (place(app, &approval.environment)) (so_far(approval))
            @if waiting { span { "expires " (text::when(approval.expires_at, now)) } }
        }
        @if !waiting && (typed.yes.is_some() || typed.no.is_some()) { (stale(approval, now)) }
        div class={ "approval" @if waiting || approval.decided_by.is_some() { " two" } } {
            div.brief {
                p.asks {
                    "Asked by agent " a href={ "/console/agents/" (approval.agent) } { (approval.agent) } " for " (person(approval)) ", "
                    (text::when(approval.requested_at, now)) "."
                }
                h2 { "What happens on yes" }
                p { "The broker sends exactly this request to the provider, once, with the credential "
                    code { (approval.credential) } ". Nothing else, and nothing twice." }
                (consequences(app, approval))
                @if let Some(reason) = &approval.agent_reason { (says(reason)) }
                @if approval.approvers > 1 || approval.not_before.is_some() { (votes(approval, now)) }
            }
            @if let Some(by) = &approval.decided_by { div.decide { (decision(approval, by, now)) } }
            @if waiting { (forms(app, visitor, approval, typed, now)) }
            div.whole-request {
                h2 { "The exact request" }
                (request(approval, now))
                @if visitor.caller.role == "owner" {
                    p { a href={ "/console/rules/new?approval=" (approval.id) } { "Make a rule from this request" } }
                }
            }
        }
        (trail)
        (text::command(&format!("stint approval show {}", approval.id)))
        @if waiting && may_decide(visitor) { (text::command(&format!("stint approval deny {} --reason REASON", approval.id))) }
    };
    Ok(layout::page(visitor, Place::Approvals, &plain(approval), body))
}

fn request(approval: &Approval, now: DateTime<Utc>) -> Markup {
    html! {
        dl.facts {
            dt { "Request" } dd { code { (Shown(&approval.request)) } }
            dt { "Operations" } dd { @for operation in &approval.operations { code { (Shown(operation)) } " " } }
            dt { "Asks because of" }
            dd {
                @for policy in &approval.policies {
                    p.policy { code { (Shown(policy)) }
                        @if let Some(own) = approval.advice.iter().find(|own| own.policy == *policy) { ": " (Shown(&own.advice)) } }
                }
            }
            dt { "Session" } dd { a href={ "/console/sessions/" (approval.session) } { (approval.session) } }
            dt { "Digest" } dd { code { (approval.digest) } }
            dt { "Asked" } dd { (text::when(approval.requested_at, now)) }
        }
    }
}

/// What changed since the page was opened.
fn stale(approval: &Approval, now: DateTime<Utc>) -> Markup {
    html! {
        div.notice.warn role="alert" {
            "This page was out of date, and what you said was not counted: the approval is " strong { (word(approval.state)) } " now"
            @if let Some(by) = &approval.decided_by { ", decided by " strong { (by) } }
            @if let Some(at) = approval.decided_at { " " (text::when(at, now)) }
            "."
        }
    }
}

fn decision(approval: &Approval, by: &str, now: DateTime<Utc>) -> Markup {
    html! {
        section.card aria-labelledby="decision" {
            h2 #decision { "The decision" }
            dl.facts {
                dt { "By" } dd { (by) }
                @if let Some(at) = approval.decided_at { dt { "When" } dd { (text::when(at, now)) } }
                @if let Some(reason) = &approval.reason { dt { "Reason" } dd { (Shown(reason)) } }
                @if approval.state == ApprovalState::Approved { dt { "Holds" } dd { "until " (text::when(approval.expires_at, now)) } }
            }
        }
    }
}

fn votes(approval: &Approval, now: DateTime<Utc>) -> Markup {
    html! {
        h2 { "Whose yes it takes" }
        dl.facts {
            @if approval.approvers > 1 {
                dt { "People" } dd { (approval.votes.len()) " of " (approval.approvers) " said yes; none of them may be whom the session works for" }
                dt { "Said yes" }
                dd {
                    @if approval.votes.is_empty() { "nobody yet" }
                    @for vote in &approval.votes { p.policy { strong { (vote.person) } " " (text::when(vote.at, now)) } }
                }
            }
            @if let Some(at) = approval.not_before {
                dt { "Cool-down" }
                dd { @if at > now { "however many say yes, it is not sent before " (text::when(at, now)) } @else { "over" } }
            }
        }
    }
}

/// The two answers, and on a phone a line at the foot of the screen that leads to them.
fn forms(app: &App, visitor: &Visitor, approval: &Approval, typed: &Typed, now: DateTime<Utc>) -> Markup {
    if !may_decide(visitor) {
        return html! { div.decide { p.notice { "Your role, " (visitor.caller.role) ", looks on: owners and approvers decide." } } };
    }
    let why_not = app.may_not_approve(&visitor.caller, approval);
    html! {
        nav.answers aria-label="The two answers" {
            @if why_not.is_none() { a.button href="#yes" { "Approve …" } }
            a.button.danger href="#no" { "Deny …" }
        }
        div.decide {
            @match why_not {
                Some(why) => {
                    div {
                        (complaint(typed.yes.as_ref(), "yes-error"))
                        p.notice { "You cannot approve this: " (why) "." }
                    }
                }
                None => { (yes(approval, typed, now)) }
            }
            form method="post" action={ "/console/approvals/" (approval.id) "/deny" } {
                fieldset #no {
                    legend { "No" }
                    label for="reason" { "Reason, which the agent will read" }
                    textarea #reason name="reason" rows="3" required data-deny
                        aria-describedby={ @if typed.no.is_some() { "no-error " } "no-hint" } { (typed.reason) }
                    (complaint(typed.no.as_ref(), "no-error"))
                    p.hint #no-hint { "Say what you would allow instead, and the agent can ask for that." }
                    div.actions { button.danger type="submit" { "Deny" } }
                }
            }
        }
    }
}

fn yes(approval: &Approval, typed: &Typed, now: DateTime<Utc>) -> Markup {
    // Each complaint stands beside the field that it is about.
    let wrong = |codes: &[Code]| typed.yes.as_ref().filter(|error| codes.contains(&error.code));
    let name = wrong(&[Code::ConfirmationMismatch]);
    let password = wrong(&[Code::NotAuthenticated, Code::StepUpRequired]).filter(|_| typed.proof.is_some());
    let other = typed.yes.as_ref().filter(|_| name.is_none() && password.is_none());
    let shorter = NARROWER
        .iter()
        .filter(|(seconds, _)| approval.expires_at - now > chrono::TimeDelta::seconds(i64::from(*seconds)));
    html! {
        form method="post" action={ "/console/approvals/" (approval.id) "/approve" } {
            fieldset #yes {
                legend { @if approval.approvers > 1 { "Yes, as one of " (approval.approvers) } @else { "Yes, this once" } }
                (complaint(other, "yes-error"))
                @if let Some(confirm) = &approval.confirm {
                    label for="confirm" { "Type " q { (Shown(&confirm.text)) } " to approve" }
                    input #confirm name="confirm" value=(typed.confirm) autocomplete="off" autocapitalize="none" spellcheck="false" required
                        data-approve aria-describedby=[name.map(|_| "confirm-error")];
                    (complaint(name, "confirm-error"))
                }
                @if let Some(proof) = &typed.proof {
                    (proof)
                    (complaint(password, "password-error"))
                    p.hint { "This cannot be put back, so it takes more than an open browser." }
                }
                label for="within" { "The yes holds" }
                select #within name="within" {
                    option value="" { "until the approval expires" }
                    @for (seconds, said) in shorter {
                        option value=(seconds) selected[typed.within == seconds.to_string()] { "for " (said) }
                    }
                }
                div.actions {
                    button type="submit" data-approve[approval.confirm.is_none()] { "Approve" }
                }
                p.hint { (holds_for(approval)) }
            }
        }
    }
}

/// How far a yes goes, so that nobody looks for a wider or a narrower one.
fn holds_for(approval: &Approval) -> Markup {
    html! {
        "Good for exactly this request, once, and only while its session lives: any other, and the same once more, asks again."
        @if approval.resources.len() > 1 {
            " Its " (approval.resources.len()) " parts go together: to let only some through, deny it and say which."
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
fn consequences(app: &App, approval: &Approval) -> Markup {
    html! {
        ul.cards {
            @for resource in &approval.resources {
                li class={ "card" @if approval.class >= Class::Destroy { " worst" } } {
                    h3 { (deed(&resource.operation, class(approval))) " " (thing(resource)) }
                    dl.facts {
                        @if !resource.kind.is_empty() { dt { "Kind" } dd { (Shown(&resource.kind)) } }
                        @if !resource.id.is_empty() { dt { "Id" } dd { code { (Shown(&resource.id)) } } }
                        dt { "Belongs to" }
                        dd {
                            @if resource.environments.is_empty() { "nothing that is mapped: the account as a whole" }
                            @for name in &resource.environments { (place(app, name)) " " }
                        }
                        @if !resource.consequences.is_empty() {
                            dt { "What is known of it" }
                            dd { ul { @for line in &resource.consequences { li { (Shown(line)) } } } }
                        }
                    }
                }
            }
        }
    }
}
