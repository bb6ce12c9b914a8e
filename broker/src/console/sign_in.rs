//! In and out: the first person by the setup token, everybody by name and password.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, ok, page as answer, see};
use super::layout;
use super::visitor::{Stranger, Visitor, forget_cookie, set_cookie};
use crate::app::{App, Error, SignedIn};
use crate::secret::Secret;

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn page(State(app): State<App>, Query(query): Query<Next>) -> Reply {
    if app.is_new().await? {
        return Ok(see("/console/setup"));
    }
    Ok(ok(sign_in_page(&query.next, "", None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    person: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    Stranger(browser): Stranger,
    Form(form): Form<SignIn>,
) -> Reply {
    match app.sign_in(&form.person, Secret::from(form.password), browser).await {
        Ok(signed_in) => Ok(enter(&app, &signed_in, own(&form.next))),
        Err(error) if error.code == Code::NotAuthenticated => {
            Ok(answer(StatusCode::UNAUTHORIZED, sign_in_page(&form.next, &form.person, Some(&error))))
        }
        Err(other) => Err(other.into()),
    }
}

pub(super) async fn sign_out(State(app): State<App>, visitor: Visitor) -> Reply {
    app.sign_out(&visitor.caller).await?;
    let mut response = see("/console/sign-in");
    response.headers_mut().extend(forget_cookie(app.issuer()).map(|value| (header::SET_COOKIE, value)));
    Ok(response)
}

pub(super) async fn setup_page(State(app): State<App>) -> Reply {
    if !app.is_new().await? {
        return Ok(see("/console/sign-in"));
    }
    Ok(ok(setup_form("", None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    setup_token: String,
    person: String,
    password: String,
}

pub(super) async fn setup(
    State(app): State<App>,
    Stranger(browser): Stranger,
    Form(form): Form<Setup>,
) -> Reply {
    let password = Secret::from(form.password);
    match app.setup_at_console(&form.setup_token, &form.person, password, browser).await {
        Ok(signed_in) => Ok(enter(&app, &signed_in, "/console/welcome")),
        Err(error) if matches!(error.code, Code::NotAuthenticated | Code::InvalidInput) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            Ok(answer(status, setup_form(&form.person, Some(&error))))
        }
        Err(other) => Err(other.into()),
    }
}

fn enter(app: &App, signed_in: &SignedIn, next: &str) -> Response {
    let mut response = see(next).into_response();
    response
        .headers_mut()
        .extend(set_cookie(signed_in, app.issuer()).map(|value| (header::SET_COOKIE, value)));
    response
}

/// Where to go after signing in: a page of the console, and never another site.
fn own(next: &str) -> &str {
    let plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if plain && next.starts_with("/console/") && !next.contains("//") { next } else { "/console/" }
}

fn sign_in_page(next: &str, person: &str, error: Option<&Error>) -> Markup {
    layout::bare(
        "Sign in",
        html! {
            h1 { "Sign in" }
            (complaint(error))
            form method="post" action="/console/sign-in" {
                input type="hidden" name="next" value=(next);
                label for="person" { "Name" }
                input #person name="person" value=(person) autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus;
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password" required;
                div.actions { button type="submit" { "Sign in" } }
            }
        },
    )
}

fn setup_form(person: &str, error: Option<&Error>) -> Markup {
    layout::bare(
        "Set up",
        html! {
            h1 { "Set up this broker" }
            p { "Nobody is registered yet. The broker wrote a setup token to the file " code { "setup-token" }
                " in its data folder; whoever can read it becomes the owner." }
            (complaint(error))
            form method="post" action="/console/setup" {
                label for="setup_token" { "Setup token" }
                input #setup_token name="setup_token" type="password" autocomplete="off" required autofocus;
                label for="person" { "Your name" }
                input #person name="person" value=(person) autocomplete="username" autocapitalize="none" spellcheck="false" required
                    aria-describedby="person-hint";
                p.hint #person-hint { "Small letters, digits, - _ and ." }
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="new-password" minlength="15" required
                    aria-describedby="password-hint";
                p.hint #password-hint { "At least 15 characters: four words that do not belong together are easy to keep." }
                div.actions { button type="submit" { "Set up" } }
            }
        },
    )
}

fn complaint(error: Option<&Error>) -> Markup {
    html! {
        @if let Some(error) = error {
            div.notice.danger role="alert" {
                (error.detail)
                @if let Some(hint) = &error.hint { br; span.dim { (hint) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn after_signing_in_nobody_lands_on_another_site() {
        assert_eq!(own("/console/approvals/apr_1?x=1"), "/console/approvals/apr_1?x=1");
        for next in [
            "",
            "https://evil.test/",
            "//evil.test",
            "/\\evil.test",
            "/console//evil",
            "/v1/x",
            "/console/\r\n",
        ] {
            assert_eq!(own(next), "/console/", "{next:?}");
        }
    }
}
