//! One login on a machine: raised for a quarter of an hour, or lowered again.

use axum::extract::{Path, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, complaint, ok, page as answer, see};
use super::layout::{self, Place};
use super::step_up;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::{App, ELEVATION, Error, OwnLogin};

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(client): Path<String>) -> Reply {
    let login = app.own_login(&visitor.caller, &client).await?;
    Ok(ok(one(&app, &visitor, &login, None).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raise {
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    passkey: String,
}

pub(super) async fn elevate(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(client): Path<String>,
    Form(form): Form<Raise>,
) -> Reply {
    let raised = async {
        step_up::shown(&app, &mut visitor, step_up::proof(form.password, form.code, form.passkey)).await?;
        app.elevate_login(&visitor.caller, &client).await
    };
    match raised.await {
        Ok(_) => Ok(see(&format!("/console/logins/{client}/elevate"))),
        Err(error) if error.code == Code::NotFound => Err(error.into()),
        Err(error) => {
            let login = app.own_login(&visitor.caller, &client).await?;
            Ok(answer(status(&error), one(&app, &visitor, &login, Some(&error)).await?))
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

async fn one(app: &App, visitor: &Visitor, login: &OwnLogin, error: Option<&Error>) -> Result<Markup, Error> {
    let now = app.clock().now();
    let proof = match visitor.caller.is_proven(now) || login.elevated_until.is_some() {
        true => None,
        false => {
            let here = format!("/console/logins/{}/elevate", login.client);
            Some(step_up::fields(app, visitor, &here).await?)
        }
    };
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
                @if let Some(fields) = &proof { (fields) }
                div.actions { button.danger type="submit" { "Let it administer for " (minutes) " minutes" } }
            }
        }
        (text::command("stint login status"))
    };
    Ok(layout::page(visitor, Place::Elsewhere, "Let a login administer", body))
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}
