//! Sessions: those that live with what they do, all of them, one of them; and how they are ended.

use axum::extract::{Path, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{AuditRecord, Session, SessionState};

use super::answer::{Form, Reply, ok, see};
use super::layout::{self, Place};
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::App;

/// Records that a page shows of a session.
const RECORDS: i64 = 50;

pub(super) async fn now(State(app): State<App>, visitor: Visitor) -> Reply {
    let sessions = app.sessions(false).await?.sessions;
    let records = app.audit_page(None, RECORDS, None, None).await?.records;
    let at = app.clock().now();
    let may = may_end(&visitor);
    let body = html! {
        h1 { "Now" }
        @if sessions.is_empty() {
            (text::empty("No session is live", html! {
                p { "An agent gets one with " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else {
            ul.cards {
                @for session in &sessions {
                    li.card {
                        h2 { a data-item href={ "/console/sessions/" (session.id) } { (session.agent) " in " (session.environment) } }
                        div.row {
                            (text::tier(session.tier))
                            @if session.confined { span.badge { "confined" } }
                            span { "for " (session.subject) }
                            span.dim { "started " (text::when(session.started_at, at)) ", ends " (text::when(session.expires_at, at)) }
                        }
                        @if let Some(command) = &session.command { p { code { (Shown(command)) } } }
                        @if may { (end_form(&session.id)) }
                    }
                }
            }
            @if may {
                div.actions { a.button.danger href="/console/sessions/end-all" { "End every session" } }
            }
        }
        h2 { "As it happens" }
        (trail(&records, at))
        (text::command("stint session list"))
    };
    Ok(ok(layout::page(&visitor, Place::Now, "Now", body)))
}

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let sessions = app.sessions(true).await?.sessions;
    let at = app.clock().now();
    let body = html! {
        h1 { "Sessions" }
        @if sessions.is_empty() {
            (text::empty("There was no session yet", html! {
                p { "An agent gets one with " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Sessions" {
                table {
                    thead { tr { th { "Session" } th { "Agent" } th { "Environment" } th { "State" } th { "Started" } th { "Ended" } th { "For" } } }
                    tbody {
                        @for session in &sessions {
                            tr {
                                td { a data-item href={ "/console/sessions/" (session.id) } { (short(&session.id)) } }
                                td { (session.agent) }
                                td { (session.environment) " " (text::tier(session.tier)) }
                                td { (state(session)) }
                                td { (text::when(session.started_at, at)) }
                                td { @if let Some(ended) = session.ended_at { (text::when(ended, at)) " " span.dim { (Shown(session.end_reason.as_deref().unwrap_or_default())) } } }
                                td { (session.subject) }
                            }
                        }
                    }
                }
            }
        }
        (text::command("stint session list --all"))
    };
    Ok(ok(layout::page(&visitor, Place::Sessions, "Sessions", body)))
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Reply {
    let session = app.session(&id).await?;
    let records = app.audit_page(None, RECORDS, None, Some(&session.id)).await?.records;
    let at = app.clock().now();
    let live = session.state == SessionState::Live && session.expires_at > at;
    let body = html! {
        h1 { "Session of " (session.agent) " in " (session.environment) }
        div.row { (state(&session)) (text::tier(session.tier)) @if session.confined { span.badge { "confined" } } @else { span.badge { "not confined" } } }
        h2 { "What it is" }
        dl.facts {
            dt { "Id" } dd { code { (session.id) } }
            dt { "For" } dd { (session.subject) }
            @if let Some(command) = &session.command { dt { "Command" } dd { code { (Shown(command)) } } }
            dt { "Credentials" } dd { @for name in &session.credentials { code { (name) } " " } @if session.credentials.is_empty() { "none" } }
            dt { "Started" } dd { (text::when(session.started_at, at)) }
            @if live { dt { "Ends" } dd { (text::when(session.expires_at, at)) } }
            @if let Some(ended) = session.ended_at {
                dt { "Ended" } dd { (text::when(ended, at)) " " span.dim { (Shown(session.end_reason.as_deref().unwrap_or_default())) } }
            }
        }
        @if live && may_end(&visitor) { (end_form(&session.id)) }
        h2 { "What it did" }
        (trail(&records, at))
        (text::command(&format!("stint audit list --session {}", session.id)))
    };
    Ok(ok(layout::page(&visitor, Place::Sessions, "Session", body)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn end(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.end_session(&visitor.caller, &id, None).await?;
    Ok(see(&format!("/console/sessions/{id}")))
}

/// The kill switch asks once.
pub(super) async fn ask_end_all(State(app): State<App>, visitor: Visitor) -> Reply {
    let count = app.sessions(false).await?.sessions.len();
    let body = html! {
        h1 { "End every session" }
        p { "Live now: " strong { (count) } ". Each loses its tokens at the next request; what it waits for is denied. Agents have to be started anew." }
        form method="post" action="/console/sessions/end-all" {
            div.actions {
                button.danger type="submit" { "End every session now" }
                a.button.quiet href="/console/now" { "Back" }
            }
        }
        (text::command("stint session end --all"))
    };
    Ok(ok(layout::page(&visitor, Place::Now, "End every session", body)))
}

pub(super) async fn end_all(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.end_all_sessions(&visitor.caller).await?;
    Ok(see("/console/now"))
}

fn may_end(visitor: &Visitor) -> bool {
    matches!(visitor.caller.role.as_str(), "owner" | "approver" | "operator")
}

fn end_form(id: &str) -> Markup {
    html! {
        form.actions method="post" action={ "/console/sessions/" (id) "/end" } {
            button.danger type="submit" { "End this session" }
        }
    }
}

fn state(session: &Session) -> Markup {
    let word = match session.state {
        SessionState::Live => "live",
        SessionState::Ended => "ended",
    };
    html! { span class={ "badge state-" (word) } { (word) } }
}

/// Records as lines: when, what, on what, with which outcome.
pub(super) fn trail(records: &[AuditRecord], at: chrono::DateTime<chrono::Utc>) -> Markup {
    html! {
        @if records.is_empty() { p.dim { "Nothing yet." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Records" {
                table {
                    thead { tr { th { "When" } th { "What" } th { "Facts" } th { "By" } } }
                    tbody {
                        @for record in records {
                            @let body = &record.body;
                            @let kind = body["kind"].as_str().unwrap_or_default();
                            tr {
                                td { @if let Some(moment) = body["at"].as_str().and_then(|text| text.parse().ok()) { (text::when(moment, at)) } }
                                td { (kind.replace('_', " ")) }
                                td { (facts(&body["facts"])) }
                                td { (Shown(body["actor"].as_str().unwrap_or_default())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The facts by which a person recognises a record.
pub(super) fn facts(facts: &serde_json::Value) -> Markup {
    let text = |name: &str| facts[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let operations: Vec<&str> =
        facts["operations"].as_array().into_iter().flatten().filter_map(|value| value.as_str()).collect();
    html! {
        @for operation in &operations { code { (Shown(operation)) } " " }
        @if operations.is_empty() && let Some(path) = text("path") { code { (Shown(&path)) } " " }
        @for name in ["code", "status", "reason", "person", "environment", "credential"] {
            @if let Some(value) = text(name).or_else(|| facts[name].as_u64().map(|number| number.to_string())) {
                span.dim { (name) ": " } (Shown(&value)) " "
            }
        }
    }
}

/// An id as long as is needed to recognise it.
fn short(id: &str) -> String {
    let cut = id.chars().count().saturating_sub(8);
    format!("…{}", id.chars().skip(cut).collect::<String>())
}
