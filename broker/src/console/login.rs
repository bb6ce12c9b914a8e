//! One login on a machine: raised for a quarter of an hour, or lowered again; and the first way in, by a link.

use axum::extract::{Path, Query, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, complaint, ok, page as answer, see};
use super::layout::{self, Place};
use super::sign_in::enter;
use super::text::{self, Shown};
use super::visitor::{Stranger, Visitor};
use crate::app::{App, ELEVATION, Error, OwnLogin};
use crate::secret::Secret;

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(client): Path<String>) -> Reply {
    let login = app.own_login(&visitor.caller, &client).await?;
    Ok(ok(one(&app, &visitor, &login, None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raise {
    #[serde(default)]
    password: String,
}

pub(super) async fn elevate(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(client): Path<String>,
    Form(form): Form<Raise>,
) -> Reply {
    let raised = async {
        if !form.password.is_empty() {
            visitor.caller = app.prove_again(&visitor.caller, Secret::from(form.password)).await?;
        }
        app.elevate_login(&visitor.caller, &client).await
    };
    match raised.await {
        Ok(_) => Ok(see(&format!("/console/logins/{client}/elevate"))),
        Err(error) if error.code == Code::NotFound => Err(error.into()),
        Err(error) => {
            let login = app.own_login(&visitor.caller, &client).await?;
            Ok(answer(status(&error), one(&app, &visitor, &login, Some(&error))))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn lower(
    State(app): State<App>,
    visitor: Visitor,
    Path(client): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.lower_login(&visitor.caller, &client).await?;
    Ok(see(&format!("/console/logins/{client}/elevate")))
}

fn one(app: &App, visitor: &Visitor, login: &OwnLogin, error: Option<&Error>) -> Markup {
    let now = app.clock().now();
    let minutes = ELEVATION.num_minutes();
    let body = html! {
        h1 { "Let a login administer" }
        dl.facts {
            dt { "Login" } dd { code { (login.client) } }
            dt { "Machine" } dd { @if let Some(device) = &login.device { (Shown(device)) } @else { "has no name" } }
            dt { "Made" } dd { (text::when(login.created_at, now)) " by " (match login.kind.as_str() { "setup" => "the setup token", _ => "a code" }) }
            dt { "Administers" } dd { @if let Some(until) = login.elevated_until { strong { "yes" } ", which ends " (text::when(until, now)) } @else { "no" } }
        }
        @if login.elevated_until.is_some() {
            form method="post" action={ "/console/logins/" (login.client) "/lower" } {
                div.actions { button type="submit" { "End it now" } }
            }
        } @else {
            p { "For " (minutes) " minutes everything that holds the key of this login adds, maps, rotates and removes as "
                strong { (visitor.caller.person) } ". Agents on that machine may hold it too. It still approves nothing that cannot be put back." }
            form method="post" action={ "/console/logins/" (login.client) "/elevate" } {
                (complaint(error))
                @if !visitor.caller.is_proven(now) {
                    label for="password" { "Your password" }
                    input #password name="password" type="password" autocomplete="current-password" required;
                    (super::step_up::link(&format!("/console/logins/{}/elevate", login.client)))
                }
                div.actions { button.danger type="submit" { "Let it administer for " (minutes) " minutes" } }
            }
        }
        (text::command("stint login status"))
    };
    layout::page(visitor, Place::Elsewhere, "Let a login administer", body)
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    link: String,
}

/// The page that a link of `stint console` opens. To open it changes nothing.
pub(super) async fn welcome(State(app): State<App>, Query(query): Query<Link>) -> Reply {
    let person = app.console_link_of(&query.link).await?;
    Ok(ok(welcome_form(&person, &query.link, None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    link: String,
    password: String,
}

pub(super) async fn begin(
    State(app): State<App>,
    Stranger(browser): Stranger,
    Form(form): Form<Begin>,
) -> Reply {
    let person = app.console_link_of(&form.link).await?;
    match app.use_console_link(&form.link, Secret::from(form.password), browser).await {
        Ok(signed_in) => Ok(enter(&app, &signed_in, "/console/")),
        Err(error) if error.code == Code::InvalidInput => {
            Ok(answer(status(&error), welcome_form(&person, &form.link, Some(&error))))
        }
        Err(other) => Err(other.into()),
    }
}

fn welcome_form(person: &str, link: &str, error: Option<&Error>) -> Markup {
    layout::bare(
        "Welcome",
        html! {
            h1 { "Welcome, " (Shown(person)) }
            p { "Set a password, and this browser is signed in. From then on what cannot be put back is approved here, and the "
                "login on your machine administers only while you let it." }
            (complaint(error))
            form method="post" action="/console/begin" {
                input type="hidden" name="link" value=(link);
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="new-password" minlength="15" required autofocus
                    aria-describedby="password-hint";
                p.hint #password-hint { "At least 15 characters: four words that do not belong together are easy to keep." }
                div.actions { button type="submit" { "Set it and go on" } }
            }
        },
    )
}
