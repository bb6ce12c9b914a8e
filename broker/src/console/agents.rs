//! Agents: all of them, a new one, one with its sessions; changed and removed.

use axum::extract::{Path, State};
use maud::{Markup, html};
use stint_api::{AddAgent, AgentDetail, AuditQuery, Code, EditAgent, SessionState};

use super::answer::{Form, Reply, ok, page as answer, see};
use super::layout::{self, Place};
use super::parts::{self, Fields};
use super::table::table;
use super::text::{self, Name, Shown};
use super::trail::trail;
use super::visitor::Visitor;
use crate::app::{App, Error};

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let agents = app.agents().await?.agents;
    let now = app.clock().now();
    let may = parts::may_administer(&visitor);
    let body = html! {
        h1 { "Agents" }
        @if agents.is_empty() {
            (text::empty("No agent is registered", html! {
                p { "An agent is what " code { "stint run --agent NAME" } " starts: it gets sessions, and never a provider's secret." }
                @if may { p { a.button href="/console/new/agent" { "Add an agent" } } }
            }))
        } @else {
            @if may { p.actions { a.button href="/console/new/agent" { "Add an agent" } } }
            (table("Agents", ["Agent", "Live sessions", "Last session", "May ask for by itself", "Own key", "Added"], agents.iter().map(|agent| [
                html! { a data-item href={ "/console/agents/" (agent.name) } { (agent.name) } },
                html! { (agent.sessions_live) },
                html! { @match agent.seen_at { Some(at) => { (text::when(at, now)) } None => { span.dim { "never" } } } },
                names(&agent.environments, "none"),
                html! { @if agent.has_key { "yes" } @else { "no: people start it" } },
                text::when(agent.created_at, now),
            ])))
        }
        (text::command("stint agent list"))
    };
    Ok(ok(layout::page(&visitor, Place::Agents, "Agents", body)))
}

const NEW: &[&str] = &["name", "key", "environments"];

pub(super) async fn new(State(app): State<App>, visitor: Visitor) -> Reply {
    Ok(ok(new_page(&app, &visitor, &Fields::default(), None)))
}

pub(super) async fn add(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(NEW)?;
    let added = async {
        let key = form.given("key").map(|text| serde_json::from_str(&text)).transpose();
        let key = key.map_err(|error| {
            Error::new(Code::InvalidInput, format!("this is no JWK: {error}")).about("key")
        })?;
        private(key.as_ref())?;
        app.add_agent(
            &visitor.caller,
            AddAgent { name: form.get("name").to_owned(), key, environments: form.all("environments") },
        )
        .await
    };
    match added.await {
        Ok(agent) => Ok(see(&format!("/console/agents/{}", agent.name))),
        Err(error) => Ok(answer(parts::status(&error), new_page(&app, &visitor, &form, Some(&error)))),
    }
}

/// A private key that was pasted by mistake goes no further, and is not shown again.
fn private(key: Option<&serde_json::Value>) -> Result<(), Error> {
    let holds = |name: &&str| key.is_some_and(|key| key.get(name).is_some());
    match ["d", "p", "q", "k"].iter().any(holds) {
        false => Ok(()),
        true => Err(Error::new(
            Code::InvalidInput,
            "this is a private key: it was not kept, and should be replaced",
        )
        .hint("give the public half: the same JWK without the member 'd'")
        .about("key")),
    }
}

fn new_page(app: &App, visitor: &Visitor, typed: &Fields, error: Option<&Error>) -> Markup {
    let is_private = serde_json::from_str(typed.get("key")).is_ok_and(|key| private(Some(&key)).is_err());
    let key = if is_private { "" } else { typed.get("key") };
    let body = html! {
        h1 { "Add an agent" }
        @if !parts::may_administer(visitor) { (parts::looks_on(visitor)) } @else {
            (parts::complaint(error, NEW))
            form.narrow method="post" action="/console/new/agent" {
                (parts::line("name", "Name", "Small letters, digits and - _ . only. Policies and the audit trail name the agent by it.", typed.get("name"), error, true))
                fieldset {
                    legend { "Environments that it may ask for by itself" }
                    (choices(app, &typed.all("environments")))
                    (parts::beside("environments", "Only an agent with a key of its own asks by itself. People may start it anywhere that policy allows.", error))
                }
                label for="key" { "Its public key, a JWK (optional)" }
                textarea #key name="key" rows="4" spellcheck="false" autocomplete="off" aria-describedby=(parts::described("key", error)) { (key) }
                (parts::beside("key", "With a key the agent signs in by itself, in a pipeline for example. Without one it runs under a person's login.", error))
                div.actions { button type="submit" { "Add" } a.button.quiet href="/console/agents" { "Back" } }
            }
        }
        (text::command("stint agent add NAME --environment ENVIRONMENT --key FILE"))
    };
    layout::page(visitor, Place::Agents, "Add an agent", body)
}

/// A box for every environment.
fn choices(app: &App, chosen: &[String]) -> Markup {
    let environments = app.environments().environments;
    html! {
        @if environments.is_empty() { p.dim { "There is no environment yet." } }
        @for environment in &environments {
            label.choice {
                input type="checkbox" name="environments" value=(environment.name) checked[chosen.contains(&environment.name)];
                " " (environment.name) " " (text::tier(environment.tier))
            }
        }
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let detail = app.agent_detail(&name).await?;
    let chosen = detail.agent.environments.clone();
    Ok(ok(one(&app, &visitor, &detail, &chosen, None).await?))
}

pub(super) async fn edit(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(&["environments", "was"])?;
    let edit = EditAgent { environments: form.all("environments"), was: Some(form.all("was")) };
    match app.edit_agent(&visitor.caller, &name, edit).await {
        Ok(_) => Ok(see(&format!("/console/agents/{name}"))),
        Err(error) => {
            let detail = app.agent_detail(&name).await?;
            Ok(answer(
                parts::status(&error),
                one(&app, &visitor, &detail, &form.all("environments"), Some(&error)).await?,
            ))
        }
    }
}

async fn one(
    app: &App,
    visitor: &Visitor,
    detail: &AgentDetail,
    chosen: &[String],
    error: Option<&Error>,
) -> Result<Markup, Error> {
    let (agent, now) = (&detail.agent, app.clock().now());
    let about = AuditQuery { agent: Some(agent.name.clone()), ..AuditQuery::default() };
    let trail = trail(app, visitor, about).await?;
    let body = html! {
        h1 { "Agent " (agent.name) }
        dl.facts {
            dt { "May ask for by itself" } dd { (names(&agent.environments, "no environment")) }
            dt { "Own key" } dd { @if agent.has_key { "yes" } @else { "no: it runs under people's logins" } }
            dt { "Client id" } dd { code { (agent.client_id) } }
            dt { "Live sessions" } dd { (agent.sessions_live) }
            dt { "Last session" } dd { @match agent.seen_at { Some(at) => { (text::when(at, now)) } None => { "never" } } }
            dt { "Added" } dd { (text::when(agent.created_at, now)) }
        }
        @if parts::may_administer(visitor) {
            h2 { "Change" }
            (parts::complaint(error, &["environments"]))
            form method="post" action={ "/console/agents/" (agent.name) "/edit" } {
                fieldset {
                    legend { "Environments that it may ask for by itself" }
                    @for name in &agent.environments { input type="hidden" name="was" value=(name); }
                    (choices(app, chosen))
                    (parts::beside("environments", "Its live sessions go on: each was started for one environment.", error))
                }
                div.actions {
                    button type="submit" { "Save" }
                    a.button.danger href={ "/console/agents/" (agent.name) "/remove" } { "Remove this agent" }
                }
            }
        }
        h2 { "Its sessions" }
        (sessions(detail, now))
        h2 { "What changed" }
        (parts::history(&detail.changes, now))
        (trail)
        (text::command(&format!("stint agent show {}", agent.name)))
    };
    Ok(layout::page(visitor, Place::Agents, &format!("Agent {}", agent.name), body))
}

fn sessions(detail: &AgentDetail, now: chrono::DateTime<chrono::Utc>) -> Markup {
    html! {
        @if detail.sessions.is_empty() {
            p.dim { "None yet. " code { "stint run --environment NAME --agent " (detail.agent.name) " -- COMMAND" } " starts one." }
        } @else {
            (table("Sessions", ["Started", "State", "Environment", "For", "Command"], detail.sessions.iter().map(|session| {
                let live = session.state == SessionState::Live && session.expires_at > now;
                [
                    html! { a data-item href={ "/console/sessions/" (session.id) } { (text::when(session.started_at, now)) } },
                    html! {
                        @if live { span.badge.state-live { "live" } } @else {
                            span.badge.state-ended { "ended" } " " span.dim { (Shown(&session.end_reason.as_deref().unwrap_or_default().replace('_', " "))) }
                        }
                    },
                    html! { (session.environment) " " (text::tier(session.tier)) },
                    html! { (Name(session.subject.strip_prefix("person:").unwrap_or(&session.subject))) },
                    html! { @if let Some(command) = &session.command { code { (Name(command)) } } },
                ]
            })))
        }
    }
}

pub(super) async fn ask_remove(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let agent = app.agent_detail(&name).await?.agent;
    let live = usize::try_from(agent.sessions_live).unwrap_or_default();
    let body = html! {
        h1 { "Remove agent " (agent.name) }
        @if !parts::may_administer(&visitor) { (parts::looks_on(&visitor)) } @else {
            p { "It has " strong { (parts::count(live, "live session")) } ", which end now. Its key opens nothing any more. What it did stays on record." }
            form method="post" action={ "/console/agents/" (agent.name) "/remove" } {
                div.actions {
                    button.danger type="submit" { "Remove it" }
                    a.button.quiet href={ "/console/agents/" (agent.name) } { "Back" }
                }
            }
        }
        (text::command(&format!("stint agent remove {}", agent.name)))
    };
    Ok(ok(layout::page(&visitor, Place::Agents, "Remove an agent", body)))
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    Fields(form).only(&[])?;
    app.remove_agent(&visitor.caller, &name).await?;
    Ok(see("/console/agents"))
}

fn names(names: &[String], none: &str) -> Markup {
    html! {
        @if names.is_empty() { span.dim { (none) } }
        @for (index, name) in names.iter().enumerate() {
            @if index > 0 { ", " }
            a href={ "/console/environments/" (name) } { (name) }
        }
    }
}
