//! People: who may sign in, with which role and by what; invited and removed by owners.

use axum::extract::{Path, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{AuditQuery, Code, Invite, Invited, Person, PersonList};

use super::account::{logins, sign_ins};
use super::answer::{Form, Reply, complaint, ok, page as answer, see, status};
use super::layout::{self, Place};
use super::parts::count;
use super::step_up::detour;
use super::table::table;
use super::text::{self, Shown};
use super::trail::trail;
use super::visitor::Visitor;
use crate::app::{App, Error};

const HERE: &str = "/console/people";
const ROLES: [(&str, &str); 4] = [
    ("auditor", "looks on"),
    ("operator", "starts and ends sessions"),
    ("approver", "approves, works"),
    ("owner", "administers, approves, works"),
];

/// What was typed into the form for an invitation, and what was wrong with it.
#[derive(Default)]
struct Typed<'a> {
    person: &'a str,
    role: &'a str,
    error: Option<&'a Error>,
}

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let people = app.people().await?;
    Ok(ok(all(&app, &visitor, &people, &Typed::default())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guest {
    person: String,
    role: String,
}

pub(super) async fn invite(State(app): State<App>, visitor: Visitor, Form(form): Form<Guest>) -> Reply {
    let invite = Invite { person: form.person.clone(), role: form.role.clone() };
    match app.invite(&visitor.caller, invite).await {
        Ok(invited) => Ok(ok(link(&app, &visitor, &invited))),
        Err(error) if matches!(error.code, Code::InvalidInput | Code::Conflict) => {
            let people = app.people().await?;
            let typed = Typed { person: &form.person, role: &form.role, error: Some(&error) };
            Ok(answer(status(&error), all(&app, &visitor, &people, &typed)))
        }
        Err(error) => detour(&error, HERE).ok_or_else(|| error.into()),
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    one(&app, &visitor, &name, StatusCode::OK, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn enrol_anew(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    match app.enrol_anew(&visitor.caller, &name).await {
        Ok(invited) => Ok(ok(link(&app, &visitor, &invited))),
        Err(error) => detour(&error, &at(&name)).ok_or_else(|| error.into()),
    }
}

pub(super) async fn withdraw(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.withdraw_invitation(&visitor.caller, &name).await?;
    Ok(see(HERE))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    role: String,
}

pub(super) async fn change_role(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Role>,
) -> Reply {
    let changed = app.change_role(&visitor.caller, &name, &form.role).await;
    became(&app, &visitor, &name, changed, &at(&name)).await
}

/// A removal asks once, and says what goes with it.
pub(super) async fn ask_remove(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let account = app.account_of_person(&visitor.caller, &name).await?;
    let sessions = app.sessions(false).await?.sessions;
    let subject = format!("person:{}", account.person.name);
    let sessions = sessions.iter().filter(|session| session.subject == subject).count();
    let body = html! {
        h1 { "Remove " (account.person.name) }
        p { "With them end " strong { (count(account.sign_ins.len(), "sign-in")) } ", " strong { (count(account.logins.len(), "login")) } " on machines and "
            strong { (count(sessions, "session")) } ". The name is not given to anybody else: what is on record of it stays theirs." }
        form method="post" action={ (at(&name)) "/remove" } {
            div.actions {
                button.danger type="submit" { "Remove " (account.person.name) }
                a.button.quiet href=(at(&name)) { "Back" }
            }
        }
    };
    Ok(ok(layout::page(&visitor, Place::People, "Remove a person", body)))
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    let removed = app.remove_person(&visitor.caller, &name).await;
    became(&app, &visitor, &name, removed, HERE).await
}

pub(super) async fn end_sign_in(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.end_sign_in_of(&visitor.caller, &name, &id).await?;
    Ok(see(&at(&name)))
}

pub(super) async fn end_login(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, id)): Path<(String, String)>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.end_login_of(&visitor.caller, &name, &id).await?;
    Ok(see(&at(&name)))
}

/// `name` has been one in an address, so nothing of it needs escaping here but what an attacker typed.
fn at(name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("{HERE}/{name}")
}

async fn became(app: &App, visitor: &Visitor, name: &str, done: Result<(), Error>, next: &str) -> Reply {
    match done {
        Ok(()) => Ok(see(next)),
        Err(error) if matches!(error.code, Code::InvalidInput | Code::Conflict) => {
            one(app, visitor, name, status(&error), Some(&error)).await
        }
        Err(error) => detour(&error, &at(name)).ok_or_else(|| error.into()),
    }
}

fn all(app: &App, visitor: &Visitor, list: &PersonList, typed: &Typed<'_>) -> Markup {
    let now = app.clock().now();
    let owner = is_owner(visitor);
    let body = html! {
        h1 { "People" }
        (table("People", ["Name", "Role", "Gets in by", "Last sign-in", "Since"], list.people.iter().map(|person| [
            html! { @if owner { a data-item href={ (HERE) "/" (person.name) } { (person.name) } } @else { (person.name) } },
            html! { (person.role) },
            ways(person),
            html! { @match person.signed_in_at { Some(at) => (text::when(at, now)), None => span.dim { "never" } } },
            text::when(person.created_at, now),
        ])))
        @if !list.invitations.is_empty() {
            h2 { "Links that were not used yet" }
            (table("Links that were not used yet", ["For", "As", "By", "Ends", "Withdraw"], list.invitations.iter().map(|invitation| [
                html! { (invitation.person) },
                html! { (invitation.role.as_deref().unwrap_or("who they are")) },
                html! { (invitation.invited_by) },
                text::when(invitation.expires_at, now),
                html! { @if owner { form.inline method="post" action={ (HERE) "/" (invitation.person) "/withdraw" } {
                    button.danger.small type="submit" aria-label={ "Withdraw the link of " (invitation.person) } { "Withdraw" }
                } } @else { span.dim { "owners do" } } },
            ])))
        }
        @if owner {
            h2 { "Invite somebody" }
            form.narrow method="post" action=(HERE) {
                (complaint(typed.error))
                label for="person" { "Name" }
                input #person name="person" value=(typed.person) autocomplete="off" autocapitalize="none" spellcheck="false" required aria-describedby="person-hint";
                p.hint #person-hint { "Small letters, digits, - _ and . It is theirs for good." }
                label for="role" { "Role" }
                (role_field("role", typed.role))
                div.actions { button type="submit" { "Make a link" } }
                p.hint { "The link works once, for a day. Give it to nobody else: whoever opens it becomes that person." }
            }
        } @else { p.hint { "Owners invite and remove." } }
        (text::command("stint person list"))
    };
    layout::page(visitor, Place::People, "People", body)
}

async fn one(app: &App, visitor: &Visitor, name: &str, status: StatusCode, error: Option<&Error>) -> Reply {
    let account = app.account_of_person(&visitor.caller, name).await?;
    let now = app.clock().now();
    let person = &account.person;
    let under = at(&person.name);
    let about = AuditQuery { person: Some(person.name.clone()), ..AuditQuery::default() };
    let trail = trail(app, visitor, about).await?;
    let body = html! {
        h1 { (person.name) }
        (complaint(error))
        @if !app.is_proven(&visitor.caller) {
            p.notice { "To change anything here, first " a href={ "/console/prove?next=" (under) } { "prove that it is you" } "." }
        }
        dl.facts {
            dt { "Role" } dd { (person.role) }
            dt { "Gets in by" } dd { (ways(person)) }
            dt { "Passkeys" } dd { @if account.keys.is_empty() { "none" } @for key in &account.keys { (Shown(&key.name)) " " } }
            dt { "Since" } dd { (text::when(person.created_at, now)) }
            dt { "Last sign-in" } dd { @match person.signed_in_at { Some(at) => (text::when(at, now)), None => "never" } }
        }
        h2 { "Role" }
        form.narrow method="post" action={ (under) "/role" } {
            @if person.single_sign_on { p.hint { "It follows their groups at single sign-on, each time they sign in by it." } }
            label for="role" { "Role" }
            (role_field("role", &person.role))
            div.actions { button type="submit" { "Change" } }
        }
        h2 { "Browsers that are signed in" }
        (sign_ins(app, &account, &under))
        h2 { "Logins on machines" }
        (logins(app, &account, &under))
        h2 { "A way in" }
        p { "Whoever lost what they get in by, or has nothing yet, enrols by a link. Using it signs their browsers out and forgets their codes." }
        form method="post" action={ (under) "/enrol" } { div.actions { button.quiet type="submit" { "Make a link for " (person.name) } } }
        h2 { "Remove" }
        div.actions { a.button.danger href={ (under) "/remove" } { "Remove " (person.name) } }
        (trail)
        (text::command(&format!("stint person show {}", person.name)))
    };
    Ok(answer(status, layout::page(visitor, Place::People, &person.name, body)))
}

/// The link, on the answer that made it: it is not kept, so no other page can show it.
fn link(app: &App, visitor: &Visitor, invited: &Invited) -> Markup {
    let now = app.clock().now();
    let body = html! {
        h1 { "A link for " (invited.person) }
        p.notice.warn { "It is shown this once. Give it to " strong { (invited.person) } " and nobody else: whoever opens it first becomes them." }
        label for="link" { "Link" }
        input #link value=(invited.url) readonly autofocus;
        p.hint { "It works once, and ends " (text::when(invited.expires_at, now)) "." }
        div.actions { a.button href=(HERE) { "To the people" } }
    };
    layout::page(visitor, Place::People, "A link", body)
}

fn role_field(id: &str, chosen: &str) -> Markup {
    html! {
        select id=(id) name="role" required {
            @for (role, what) in ROLES { option value=(role) selected[role == chosen] { (role) ": " (what) } }
        }
    }
}

fn ways(person: &Person) -> Markup {
    html! {
        @if person.passkeys > 0 { span.badge { (person.passkeys) @if person.passkeys == 1 { " passkey" } @else { " passkeys" } } " " }
        @if person.password { span.badge { @if person.one_time_codes { "password and codes" } @else { "password" } } " " }
        @if person.single_sign_on { span.badge { "single sign-on" } " " }
        @if person.passkeys == 0 && !person.password && !person.single_sign_on { span.badge.state-waiting { "a login on a machine only" } }
    }
}

fn is_owner(visitor: &Visitor) -> bool {
    visitor.caller.role == "owner"
}
