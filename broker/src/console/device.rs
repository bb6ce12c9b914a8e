//! A machine asks to be let in (RFC 8628 s3.3): a person compares what they see with what is in front of them.

use axum::extract::{Query, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, complaint, ok, page as answer, see};
use super::layout::{self, Place};
use super::step_up;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::{App, Error, WaitingDevice};
use crate::model::DeviceState;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    user_code: String,
}

/// Without a code the form to type it; with one, the machine that shows it.
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(query): Query<Asked>) -> Reply {
    if query.user_code.trim().is_empty() {
        return Ok(ok(type_it(&visitor, "", None)));
    }
    match app.device_waiting(&visitor.caller, &query.user_code).await {
        Ok(device) => Ok(ok(one(&app, &visitor, &device, None).await?)),
        Err(error) => unknown(&visitor, &query.user_code, error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    user_code: String,
}

pub(super) async fn typed(State(app): State<App>, visitor: Visitor, Form(form): Form<Typed>) -> Reply {
    match app.device_waiting(&visitor.caller, &form.user_code).await {
        Ok(device) => Ok(see(&format!("/console/device?user_code={}", device.user_code))),
        Err(error) => unknown(&visitor, &form.user_code, error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Yes {
    user_code: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    passkey: String,
}

pub(super) async fn approve(State(app): State<App>, mut visitor: Visitor, Form(form): Form<Yes>) -> Reply {
    let decided = async {
        step_up::shown(&app, &mut visitor, step_up::proof(form.password, form.code, form.passkey)).await?;
        app.approve_device(&visitor.caller, &form.user_code).await
    };
    match decided.await {
        Ok(device) => Ok(see(&format!("/console/device?user_code={}", device.user_code))),
        Err(error) => refused(&app, &visitor, &form.user_code, error).await,
    }
}

pub(super) async fn deny(State(app): State<App>, visitor: Visitor, Form(form): Form<Typed>) -> Reply {
    match app.deny_device(&visitor.caller, &form.user_code).await {
        Ok(device) => Ok(see(&format!("/console/device?user_code={}", device.user_code))),
        Err(error) => refused(&app, &visitor, &form.user_code, error).await,
    }
}

/// The same page with what was wrong; where the machine does not wait any more, the page says so.
async fn refused(app: &App, visitor: &Visitor, code: &str, error: Error) -> Reply {
    if matches!(error.code, Code::NotFound | Code::Busy) {
        return unknown(visitor, code, error);
    }
    match app.device_waiting(&visitor.caller, code).await {
        Ok(device) => Ok(answer(status(&error), one(app, visitor, &device, Some(&error)).await?)),
        Err(error) => unknown(visitor, code, error),
    }
}

fn unknown(visitor: &Visitor, code: &str, error: Error) -> Reply {
    if matches!(error.code, Code::NotFound | Code::Busy) {
        return Ok(answer(status(&error), type_it(visitor, code, Some(&error))));
    }
    Err(error.into())
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

fn type_it(visitor: &Visitor, code: &str, error: Option<&Error>) -> Markup {
    let body = html! {
        h1 { "Let a machine in" }
        p { "A terminal that runs " code { "stint login" } " shows a code. Type it here to see which machine asks." }
        form method="post" action="/console/device" {
            (complaint(error))
            label for="user_code" { "Code" }
            input #user_code name="user_code" value=(code) autocomplete="off" autocapitalize="characters" spellcheck="false"
                maxlength="20" required autofocus aria-describedby="user-code-hint";
            p.hint #user-code-hint { "Eight letters, with or without the dash." }
            div.actions { button type="submit" { "Continue" } }
        }
        (text::command("stint login"))
    };
    layout::page(visitor, Place::Elsewhere, "Let a machine in", body)
}

async fn one(
    app: &App,
    visitor: &Visitor,
    device: &WaitingDevice,
    error: Option<&Error>,
) -> Result<Markup, Error> {
    let now = app.clock().now();
    let proof = match visitor.caller.is_proven(now) || device.state != DeviceState::Waiting {
        true => None,
        false => {
            let here = format!("/console/device?user_code={}", device.user_code);
            Some(step_up::fields(app, visitor, &here).await?)
        }
    };
    let waiting = device.state == DeviceState::Waiting;
    let body = html! {
        h1 { "Let a machine in" }
        (outcome(device))
        dl.facts {
            dt { "Code" } dd { strong { code { (Shown(&device.user_code)) } } }
            dt { "Connects from" } dd { code { (Shown(&device.address)) } }
            dt { "Calls itself" } dd {
                @if device.device.is_empty() { "nothing" } @else { (Shown(&device.device)) }
                " " span.dim { "(anybody can claim a name)" }
            }
            dt { "Program" } dd {
                @if device.program.is_empty() { "does not say" } @else { (Shown(&device.program)) }
                " " span.dim { "(as it says)" }
            }
            dt { "Asked" } dd { (text::when(device.asked_at, now)) }
            @if waiting { dt { "Expires" } dd { (text::when(device.expires_at, now)) } }
        }
        h2 { "What it gets" }
        p { "A login as " strong { (visitor.caller.person) } " that starts the sessions that policy allows, and sees and ends those. "
            "It approves nothing, changes nothing, and reads nothing of others." }
        @if waiting { (forms(device, proof.as_ref(), error)) }
        (text::command("stint login"))
    };
    Ok(layout::page(visitor, Place::Elsewhere, "Let a machine in", body))
}

fn outcome(device: &WaitingDevice) -> Markup {
    html! {
        @match device.state {
            DeviceState::Waiting => {
                div.notice.warn {
                    "Only go on if you started " code { "stint login" } " yourself, just now, and its terminal shows this very code. "
                    "Whoever sent you this link may be the one who gets in."
                }
            }
            DeviceState::Approved | DeviceState::Used => { div.notice role="status" { "Let in. The terminal goes on by itself; you can close this page." } }
            DeviceState::Denied => { div.notice role="status" { "Kept out. The terminal is told." } }
        }
    }
}

fn forms(device: &WaitingDevice, proof: Option<&Markup>, error: Option<&Error>) -> Markup {
    html! {
        div.decide {
            form method="post" action="/console/device/approve" {
                fieldset {
                    legend { "Yes, this is mine" }
                    (complaint(error))
                    input type="hidden" name="user_code" value=(device.user_code);
                    @if let Some(fields) = proof {
                        p.hint { "A login outlives this browser, so it takes more than an open one." }
                        (fields)
                    }
                    div.actions { button type="submit" { "Let it in" } }
                }
            }
            form method="post" action="/console/device/deny" {
                fieldset {
                    legend { "No" }
                    input type="hidden" name="user_code" value=(device.user_code);
                    div.actions { button.danger type="submit" { "Keep it out" } }
                }
            }
        }
    }
}
