//! The page that an invitation opens: how a person gets in for the first time.

use axum::extract::{Query, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, complaint, ok, page as answer, status};
use super::layout;
use super::sign_in::enter;
use super::text;
use super::visitor::Stranger;
use crate::app::{App, Enrolment, Error};
use crate::identity::MIN_PASSWORD;
use crate::secret::Secret;

#[derive(Debug, Deserialize)]
pub(super) struct Token {
    #[serde(default)]
    token: String,
}

pub(super) async fn page(State(app): State<App>, Query(query): Query<Token>) -> Reply {
    match app.enrolment(&query.token).await {
        Ok(enrolment) => Ok(ok(enrol_page(&app, &enrolment, &query.token, "", None))),
        Err(error) if error.code == Code::NotFound => Ok(answer(StatusCode::NOT_FOUND, over(&error))),
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enrol {
    token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    name: String,
}

pub(super) async fn enrol(
    State(app): State<App>,
    Stranger(browser): Stranger,
    Form(form): Form<Enrol>,
) -> Reply {
    let done = if form.passkey.is_empty() {
        app.enrol_with_password(&form.token, Secret::from(form.password), browser).await
    } else {
        app.enrol_with_passkey(&form.token, &form.name, &form.passkey, browser).await
    };
    match done {
        Ok(signed_in) => Ok(enter(&app, &signed_in, "/console/account")),
        Err(error) if error.code == Code::NotFound => Ok(answer(StatusCode::NOT_FOUND, over(&error))),
        Err(error) if matches!(error.code, Code::InvalidInput | Code::Conflict) => {
            let enrolment = app.enrolment(&form.token).await?;
            let page = enrol_page(&app, &enrolment, &form.token, &form.name, Some(&error));
            Ok(answer(status(&error), page))
        }
        Err(other) => Err(other.into()),
    }
}

fn enrol_page(app: &App, enrolment: &Enrolment, token: &str, name: &str, error: Option<&Error>) -> Markup {
    let now = app.clock().now();
    layout::bare(
        "Welcome",
        html! {
            h1 { "Welcome, " (enrolment.person) }
            @match &enrolment.role {
                Some(role) => p { "You were invited to this broker as " strong { (role) } ". Choose how you get in from now on." },
                None if enrolment.own => p { "Choose how you get in from now on. What cannot be put back is approved here then, and the login on your "
                    "machine administers only while you let it." },
                None => p { "Choose how you get in from now on. Your browsers that are signed in are signed out, and your codes are forgotten." },
            }
            p.hint { "The link works once, and ends " (text::when(enrolment.expires_at, now)) "." }
            (complaint(error))
            @if app.has_passkeys() {
                form method="post" action="/console/enrol" {
                    input type="hidden" name="token" value=(token);
                    label for="passkey-name" { "Name of your passkey" }
                    input #passkey-name name="name" value=(name) maxlength="60" required aria-describedby="passkey-hint";
                    p.hint #passkey-hint { "The phone, the key ring or the manager that it lies in." }
                    input name="passkey" hidden;
                    div.actions {
                        button type="button" hidden data-passkey="create" data-options="/console/enrol/options" { "Use a passkey" }
                    }
                    p.field-error role="alert" data-passkey-said {}
                    noscript { p.hint { "A passkey needs a script, which this browser does not run." } }
                }
                p.or { "or" }
            }
            form method="post" action="/console/enrol" {
                input type="hidden" name="token" value=(token);
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="new-password" minlength=(MIN_PASSWORD) required aria-describedby="password-hint";
                p.hint #password-hint { "At least " (MIN_PASSWORD) " characters: four words that do not belong together are easy to keep." }
                div.actions { button type="submit" { "Use a password" } }
            }
        },
    )
}

fn over(error: &Error) -> Markup {
    layout::bare(
        "This link is over",
        html! {
            h1 { "This link is over" }
            p { (error.detail) "." }
            @if let Some(hint) = &error.hint { p.hint { (hint) } }
            p { a href="/console/sign-in" { "Sign in" } }
        },
    )
}
