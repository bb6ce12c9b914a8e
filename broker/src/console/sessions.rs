//! Sessions: those that live with what they do, all of them, one of them; and how they are ended.

use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{Approval, Budgeted, Confinement, Session, SessionBudget, SessionState};

use super::answer::{Form, Reply, ok, see};
use super::approvals;
use super::layout::{self, Place};
use super::parts::{count, may_administer as is_owner};
use super::records::Stream;
use super::table::table;
use super::text::{self, Name, Shown};
use super::visitor::Visitor;
use crate::app::{App, SessionFilter};

/// Records that a page shows of a session.
const RECORDS: i64 = 50;
/// Lines that the page of what happens now shows of each session.
const LATEST: usize = 5;
/// Lines of what happens now.
const LINES: usize = 50;
/// Records that are looked at for them: tokens, look-ups and outcomes lie between.
const LOOKED_AT: i64 = 200;
/// Live sessions that are shown with what they do.
const FOLLOWED: usize = 20;
/// Sessions of one page.
const PAGE: i64 = 50;
/// Approvals that a page shows of a session.
const APPROVALS: i64 = 20;

/// What is asked for in the address of what happens now.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shows {
    /// `all` for housekeeping too.
    #[serde(default)]
    records: String,
}

pub(super) async fn now(State(app): State<App>, visitor: Visitor, Query(shows): Query<Shows>) -> Reply {
    let sessions = app.sessions(false).await?.sessions;
    let mut followed = Vec::new();
    for session in sessions.iter().take(FOLLOWED) {
        followed.push((session, app.audit_page(None, RECORDS, None, Some(&session.id)).await?.records));
    }
    let records = app.audit_page(None, LOOKED_AT, None, None).await?.records;
    let at = app.clock().now();
    let may = may_end(&visitor);
    let (all, rules) = (shows.records == "all", is_owner(&visitor));
    let stream = Stream::new(&records, at).of(&sessions).with_rules(rules);
    let body = html! {
        h1 { "Now" }
        @if sessions.is_empty() {
            (text::empty("No session is live", html! {
                p { "An agent gets one with " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else {
            @if may {
                div.actions.first { a.button.danger href="/console/sessions/end-all" { (end_all_words(sessions.len())) } }
            }
            ul.cards {
                @for (session, records) in &followed {
                    li.card {
                        h2 { a data-item href={ "/console/sessions/" (session.id) } { (session.agent) " in " (session.environment) } }
                        div.row {
                            (text::tier(session.tier)) (confined(session))
                            span { "for " (subject(session)) }
                            span.dim { "started " (text::when(session.started_at, at)) ", ends " (text::when(session.expires_at, at)) }
                        }
                        @if let Some(command) = &session.command { p { code { (Name(command)) } } }
                        (Stream::new(records, at).of([*session]).latest(LATEST))
                        @if may { (end_form(&session.id, &format!("End this session, of {} in {}", session.agent, session.environment))) }
                    }
                }
            }
            @if sessions.len() > FOLLOWED {
                p { "And " (sessions.len() - FOLLOWED) " more: " a href="/console/sessions?state=live" { "all live sessions" } }
            }
        }
        h2 #happens { "As it happens" }
        (stream.table(LINES, all))
        p.hint {
            @if all { a href="/console/now#happens" { "Leave out tokens, renewals and look-ups" } }
            @else if stream.housekeeping() > 0 {
                "Left out: " (count(stream.housekeeping(), "record")) " of tokens, renewals and look-ups. "
                a href="/console/now?records=all#happens" { "Show them too" }
            }
        }
        p { a href="/console/audit" { "Search all records" } }
        (text::command("stint session list"))
    };
    Ok(ok(layout::page(&visitor, Place::Now, "Now", body)))
}

/// Whom a session works for, by name.
fn subject(session: &Session) -> Markup {
    html! { (Name(session.subject.strip_prefix("person:").unwrap_or(&session.subject))) }
}

/// What is asked for in the address; what is empty filters nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    before: String,
}

pub(super) async fn list(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply {
    let state = match asked.state.as_str() {
        "live" => Some(SessionState::Live),
        "ended" => Some(SessionState::Ended),
        _ => None,
    };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let filter = SessionFilter {
        state,
        agent: some(&asked.agent),
        environment: some(&asked.environment),
        before: some(&asked.before),
    };
    let list = app.sessions_page(&filter, PAGE).await?;
    let at = app.clock().now();
    let filtered = state.is_some() || filter.agent.is_some() || filter.environment.is_some();
    let agents = app.agents().await?.agents.into_iter().map(|agent| agent.name).collect();
    let body = html! {
        h1 { "Sessions" }
        (filters(&app, agents, &asked))
        @if list.sessions.is_empty() && (filtered || filter.before.is_some()) {
            (text::empty("No session fits", html! { p { a href="/console/sessions" { "Show all of them" } } }))
        } @else if list.sessions.is_empty() {
            (text::empty("There was no session yet", html! {
                p { "An agent gets one with " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else {
            (listed(&list.sessions, at))
        }
        @if let Some(next) = &list.next { p { a rel="next" href=(older(&asked, next)) { "Older sessions" } } }
        (text::command("stint session list --all"))
    };
    Ok(ok(layout::page(&visitor, Place::Sessions, "Sessions", body)))
}

fn filters(app: &App, agents: Vec<String>, asked: &Asked) -> Markup {
    let choice = |id: &str, name: &str, chosen: &str, options: Vec<String>| {
        html! {
            div {
                label for=(id) { (name) }
                select id=(id) name=(id) data-search[id == "state"] {
                    option value="" { "all" }
                    @for option in &options { option value=(option) selected[option == chosen] { (option) } }
                }
            }
        }
    };
    let environments = app.environments().environments.into_iter().map(|known| known.name).collect();
    html! {
        form.filters method="get" action="/console/sessions" {
            (choice("state", "State", &asked.state, vec!["live".to_owned(), "ended".to_owned()]))
            (choice("agent", "Agent", &asked.agent, agents))
            (choice("environment", "Environment", &asked.environment, environments))
            button.quiet type="submit" { "Show" }
        }
    }
}

fn older(asked: &Asked, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in
        [("state", &asked.state), ("agent", &asked.agent), ("environment", &asked.environment)]
    {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    query.append_pair("before", next);
    format!("/console/sessions?{}", query.finish())
}

fn listed(sessions: &[Session], at: DateTime<Utc>) -> Markup {
    let heads = ["Session", "Environment", "State", "Started", "Ended", "For", "Command"];
    table("Sessions", heads, sessions.iter().map(|session| [
        html! { a data-item href={ "/console/sessions/" (session.id) } { (session.agent) " " code.dim { (short(&session.id)) } } },
        html! { (session.environment) " " (text::tier(session.tier)) },
        state(session),
        text::when(session.started_at, at),
        html! { @if let Some(ended) = session.ended_at { (text::when(ended, at)) " " span.dim { (Shown(&why(session))) } } },
        subject(session),
        html! { @if let Some(command) = &session.command { code { (Name(command)) } } },
    ]))
}

/// Why a session ended, in words.
fn why(session: &Session) -> String {
    session.end_reason.as_deref().unwrap_or_default().replace('_', " ")
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Reply {
    let session = app.session(&id).await?;
    let records = app.audit_page(None, RECORDS, None, Some(&session.id)).await?.records;
    let asked = app.approvals_of(&session.id, APPROVALS).await?.approvals;
    let at = app.clock().now();
    let live = session.state == SessionState::Live && session.expires_at > at;
    let body = html! {
        h1 { "Session of " (session.agent) " in " (session.environment) }
        div.row { (state(&session)) (text::tier(session.tier)) (confined(&session)) }
        h2 { "What it is" }
        dl.facts {
            dt { "Id" } dd { code { (session.id) } }
            dt { "Agent" } dd { a href={ "/console/agents/" (session.agent) } { (session.agent) } }
            dt { "Environment" } dd { a href={ "/console/environments/" (session.environment) } { (session.environment) } }
            dt { "For" } dd { (subject(&session)) }
            @if let Some(parent) = &session.parent { dt { "Within" } dd { a href={ "/console/sessions/" (parent) } { code { (parent) } } } }
            @if let Some(command) = &session.command { dt { "Command" } dd { code { (Shown(command)) } } }
            dt { "Credentials" } dd { @for name in &session.credentials { a href={ "/console/credentials/" (name) } { (name) } " " } @if session.credentials.is_empty() { "none" } }
            dt { "Started" } dd { (text::when(session.started_at, at)) }
            @if live { dt { "Ends" } dd { (text::when(session.expires_at, at)) } }
            @if let Some(budget) = &session.budget { dt { "Budget" } dd { (spent(budget)) } }
            @if let Some(ended) = session.ended_at {
                dt { "Ended" } dd { (text::when(ended, at)) " " span.dim { (Shown(&why(&session))) } }
            }
        }
        @if live && may_end(&visitor) { (end_form(&session.id, "End this session")) }
        @if !asked.is_empty() { (asked_for(&asked, at)) }
        h2 #trail { "What it did" }
        (Stream::new(&records, at).of([&session]).with_rules(is_owner(&visitor)).table(LINES, true))
        p { a href={ "/console/audit?session=" (session.id) } { "Everything on record about it" } }
        (text::command(&format!("stint audit list --session {}", session.id)))
        @if live { (text::command(&format!("stint session end {}", session.id))) }
    };
    Ok(ok(layout::page(&visitor, Place::Sessions, "Session", body)))
}

/// What is used of each budget, and of how much.
fn spent(budget: &SessionBudget) -> Markup {
    html! {
        ul {
            @for (name, Budgeted { used, limit }) in budget.each() {
                li {
                    (used) @if limit > 0 { " of " (limit) } " " (name)
                    @if limit > 0 && used >= limit { " " span.badge.state-waiting { "each further one waits for a person" } }
                }
            }
        }
    }
}

fn asked_for(asked: &[Approval], at: DateTime<Utc>) -> Markup {
    html! {
        h2 { "What it asked for" }
        ul {
            @for approval in asked {
                li { a data-item href={ "/console/approvals/" (approval.id) } { (approvals::what(approval)) } " "
                    (approvals::state(approval.state)) " " span.dim { (text::when(approval.requested_at, at)) } }
            }
        }
    }
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
                button.danger type="submit" disabled[count == 0] { (end_all_words(count)) " now" }
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

fn end_all_words(count: usize) -> String {
    match count {
        1 => "End the one live session".to_owned(),
        count => format!("End all {count} live sessions"),
    }
}

fn may_end(visitor: &Visitor) -> bool {
    matches!(visitor.caller.role.as_str(), "owner" | "approver" | "operator")
}

fn end_form(id: &str, label: &str) -> Markup {
    html! {
        form.actions method="post" action={ "/console/sessions/" (id) "/end" } {
            button.danger type="submit" aria-label=(label) { "End this session" }
        }
    }
}

fn confined(session: &Session) -> Markup {
    let words = match session.confinement {
        Confinement::Full => "confined",
        Confinement::Partly => "partly confined",
        Confinement::None => "not confined",
    };
    html! { span.badge { (words) } }
}

fn state(session: &Session) -> Markup {
    let word = match session.state {
        SessionState::Live => "live",
        SessionState::Ended => "ended",
    };
    html! { span class={ "badge state-" (word) } { (word) } }
}

/// An id as long as is needed to recognise it.
fn short(id: &str) -> String {
    let cut = id.chars().count().saturating_sub(8);
    format!("…{}", id.chars().skip(cut).collect::<String>())
}
