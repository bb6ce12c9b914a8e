//! In and out: the first person by the setup token, everybody by name and password.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::header;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, complaint, ok, page as answer, see, status};
use super::layout;
use super::text::Shown;
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
    Ok(ok(sign_in_page(&app, &query.next, "", None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    person: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    Stranger(browser): Stranger,
    Form(form): Form<SignIn>,
) -> Reply {
    match app.sign_in(&form.person, Secret::from(form.password), &form.code, browser).await {
        Ok(signed_in) => Ok(enter(&app, &signed_in, own(&form.next))),
        Err(error) if matches!(error.code, Code::NotAuthenticated | Code::TooManyAttempts) => {
            Ok(answer(status(&error), sign_in_page(&app, &form.next, &form.person, Some(&error))))
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
            Ok(answer(status(&error), setup_form(&form.person, Some(&error))))
        }
        Err(other) => Err(other.into()),
    }
}

pub(super) fn enter(app: &App, signed_in: &SignedIn, next: &str) -> Response {
    let mut response = see(next).into_response();
    response
        .headers_mut()
        .extend(set_cookie(signed_in, app.issuer()).map(|value| (header::SET_COOKIE, value)));
    response
}

/// Where to go after signing in: a page of the console, and never another site.
pub(super) fn own(next: &str) -> &str {
    let plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if plain && next.starts_with("/console/") && !next.contains("//") { next } else { "/console/" }
}

pub(super) fn sign_in_page(app: &App, next: &str, person: &str, error: Option<&Error>) -> Markup {
    let passkeys = app.has_passkeys();
    layout::bare(
        "Sign in",
        html! {
            h1 { "Sign in" }
            (complaint(error))
            @if passkeys {
                form method="post" action="/console/sign-in/passkey" {
                    input type="hidden" name="next" value=(next);
                    input name="passkey" hidden;
                    div.actions {
                        button type="button" hidden data-passkey="get" data-options="/console/sign-in/passkey/options" { "Sign in with a passkey" }
                    }
                    p.field-error role="alert" data-passkey-said {}
                }
                p.or { "or" }
            }
            @if let Some(name) = app.sso_name() {
                div.actions { a.button href={ "/console/sso/sign-in?next=" (escaped(next)) } { "Sign in with " (Shown(name)) } }
                p.or { "or" }
            }
            form method="post" action="/console/sign-in" {
                input type="hidden" name="next" value=(next);
                label for="person" { "Name" }
                input #person name="person" value=(person) autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus;
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password";
                label for="code" { "Code, if you have codes" }
                input #code name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" aria-describedby="code-hint";
                p.hint #code-hint { "The one that your app shows now. A recovery code does instead, or in place of a passkey that you lost." }
                div.actions { button type="submit" { "Sign in" } }
            }
            @if !passkeys {
                p.hint { "Passkeys need a host name: this broker is reached by an address. Start it with a public URL such as "
                    code { "http://localhost:7380" } " to use them." }
            }
        },
    )
}

fn escaped(next: &str) -> String {
    form_urlencoded::byte_serialize(next.as_bytes()).collect()
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
