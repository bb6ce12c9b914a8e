//! A person's own account: passkeys, password, codes, and where they are signed in.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{Account, Code};

use super::answer::{Form, Reply, complaint, page as answer, see};
use super::layout::{self, Place};
use super::step_up;
use super::table::table;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::{App, Error};
use crate::identity::MIN_PASSWORD;
use crate::secret::Secret;

pub(super) const HERE: &str = "/console/account";

/// What was wrong, with which form of the page, and what was typed there.
#[derive(Default)]
struct Wrong<'a> {
    form: &'a str,
    error: Option<&'a Error>,
    name: &'a str,
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Reply {
    shown(&app, &visitor, StatusCode::OK, &Wrong::default()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddPasskey {
    name: String,
    passkey: String,
}

pub(super) async fn add_passkey(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<AddPasskey>,
) -> Reply {
    let done = app.add_passkey(&visitor.caller, &form.name, &form.passkey).await;
    became(&app, &visitor, done, "passkey", &form.name).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    name: String,
}

pub(super) async fn rename_passkey(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<Rename>,
) -> Reply {
    let done = app.rename_passkey(&visitor.caller, &id, &form.name).await;
    became(&app, &visitor, done, &id, &form.name).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn remove_passkey(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    let done = app.remove_passkey(&visitor.caller, &id).await;
    became(&app, &visitor, done, &id, "").await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    password: String,
}

pub(super) async fn set_password(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<Password>,
) -> Reply {
    let done = app.set_password(&visitor.caller, Secret::from(form.password)).await;
    became(&app, &visitor, done, "password", "").await
}

pub(super) async fn remove_password(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    let done = app.remove_password(&visitor.caller).await;
    became(&app, &visitor, done, "password", "").await
}

pub(super) async fn end_sign_in(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.end_own_sign_in(&visitor.caller, &id).await?;
    Ok(see(HERE))
}

pub(super) async fn end_login(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.end_own_login(&visitor.caller, &id).await?;
    Ok(see(HERE))
}

/// The page that shows what became of a form, or the form again.
async fn became(
    app: &App,
    visitor: &Visitor,
    done: Result<(), Error>,
    form: &str,
    name: &str,
) -> Result<Response, super::answer::Failure> {
    match done {
        Ok(()) => Ok(see(HERE)),
        Err(error) if matches!(error.code, Code::InvalidInput | Code::Conflict) => {
            let wrong = Wrong { form, error: Some(&error), name };
            shown(app, visitor, super::answer::status(&error), &wrong).await
        }
        Err(error) => match step_up::detour(&error, HERE) {
            Some(detour) => Ok(detour),
            None => Err(error.into()),
        },
    }
}

async fn shown(app: &App, visitor: &Visitor, status: StatusCode, wrong: &Wrong<'_>) -> Reply {
    let account = app.account(&visitor.caller).await?;
    let proven = app.is_proven(&visitor.caller);
    let of = |form: &str| complaint(wrong.error.filter(|_| wrong.form == form));
    let body = html! {
        h1 { "Your account" }
        p { "You are " strong { (account.person.name) } ", " (account.person.role) "." }
        @if !proven {
            p.notice { "To change how you get in, first " a href="/console/prove?next=/console/account" { "prove that it is you" } "." }
        }
        h2 #passkeys { "Passkeys" }
        (passkeys(app, &account, proven, wrong))
        @if proven && app.has_passkeys() { (add_form(&of("passkey"), if wrong.form == "passkey" { wrong.name } else { "" })) }
        h2 #password { "Password" }
        (password(&account, proven, &of("password")))
        h2 #codes { "One-time codes" }
        (one_time_codes(&account, proven))
        h2 #recovery { "Recovery codes" }
        (recovery_codes(&account, proven))
        @if app.sso_name().is_some() || account.person.single_sign_on {
            h2 #single-sign-on { "Single sign-on" }
            (single_sign_on(app, &account, proven))
        }
        h2 #sign-ins { "Browsers that are signed in" }
        (sign_ins(app, &account, HERE))
        h2 #logins { "Logins on machines" }
        (logins(app, &account, HERE))
        (text::command("stint person show"))
    };
    Ok(answer(status, layout::page(visitor, Place::Account, "Your account", body)))
}

fn passkeys(app: &App, account: &Account, proven: bool, wrong: &Wrong<'_>) -> Markup {
    let now = app.clock().now();
    html! {
        @if !app.has_passkeys() {
            p.notice.warn { "Browsers have no passkeys at an address. Start the broker with a public URL on a host name, such as "
                code { "http://localhost:7380" } ", and open the console there." }
        } @else if account.keys.is_empty() {
            p { "You have none. A passkey cannot be typed into the wrong page, and no code is needed with it: add one." }
        }
        @if !account.keys.is_empty() {
            ul.cards {
                @for key in &account.keys {
                    li.card {
                        h3 { (Shown(&key.name)) }
                        div.row {
                            span.badge { @if key.synced { "synced" } @else { "this device only" } }
                            span.dim { "added " (text::when(key.created_at, now)) }
                            span.dim { @match key.used_at { Some(at) => { "last used " (text::when(at, now)) } None => { "not used yet" } } }
                        }
                        (complaint(wrong.error.filter(|_| wrong.form == key.id)))
                        div.actions {
                            form method="post" action={ "/console/account/passkeys/" (key.id) "/rename" } {
                                label for={ "name-" (key.id) } { "Name" }
                                input id={ "name-" (key.id) } name="name" value=(key.name) maxlength="60" required;
                                div.actions { button.quiet type="submit" { "Rename" } }
                            }
                            @if proven {
                                form method="post" action={ "/console/account/passkeys/" (key.id) "/remove" } {
                                    button.danger type="submit" { "Remove" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn add_form(complaint: &Markup, name: &str) -> Markup {
    html! {
        form.narrow method="post" action="/console/account/passkeys" {
            (complaint)
            label for="passkey-name" { "Name of the new passkey" }
            input #passkey-name name="name" value=(name) maxlength="60" required aria-describedby="passkey-hint";
            p.hint #passkey-hint { "So that you know it again: the phone, the key ring, the manager that it lies in." }
            input name="passkey" hidden;
            div.actions {
                button type="button" hidden data-passkey="create" data-options="/console/account/passkeys/options" { "Add a passkey" }
            }
            p.field-error role="alert" data-passkey-said {}
            noscript { p.hint { "Adding a passkey needs a script, which this browser does not run." } }
        }
    }
}

fn password(account: &Account, proven: bool, complaint: &Markup) -> Markup {
    html! {
        p { @if account.person.password { "You have one." } @else { "You have none." } }
        (complaint)
        @if proven {
            form.narrow method="post" action="/console/account/password" {
                input type="text" name="username" value=(account.person.name) autocomplete="username" hidden disabled;
                label for="new-password" { "New password" }
                input #new-password name="password" type="password" autocomplete="new-password" minlength=(MIN_PASSWORD) required aria-describedby="password-hint";
                p.hint #password-hint { "At least " (MIN_PASSWORD) " characters: four words that do not belong together are easy to keep. Your other browsers are signed out." }
                div.actions { button type="submit" { @if account.person.password { "Change" } @else { "Set" } } }
            }
            @if account.person.password {
                form method="post" action="/console/account/password/remove" {
                    div.actions { button.danger type="submit" { "Remove the password" } }
                }
            }
        }
    }
}

fn one_time_codes(account: &Account, proven: bool) -> Markup {
    html! {
        @if account.person.one_time_codes {
            p { "Your password is not enough: a code from your app goes with it." }
            @if proven {
                form method="post" action="/console/account/codes/remove" {
                    div.actions { button.danger type="submit" { "Remove the codes" } }
                }
            }
        } @else {
            p { "None. A code from an app on your phone goes with your password, so that the password alone lets nobody in." }
            @if proven {
                form method="post" action="/console/account/codes/offer" {
                    div.actions { button.quiet type="submit" { "Set up codes" } }
                }
            }
        }
    }
}

fn recovery_codes(account: &Account, proven: bool) -> Markup {
    html! {
        p { "Left: " strong { (account.person.recovery_codes) } ". Each lets you in once, in place of a passkey or a code that you lost." }
        @if proven {
            form method="post" action="/console/account/recovery-codes" {
                div.actions { button.quiet type="submit" { @if account.person.recovery_codes > 0 { "Make new ones in their place" } @else { "Make ten" } } }
            }
        }
    }
}

fn single_sign_on(app: &App, account: &Account, proven: bool) -> Markup {
    let own = account.person.password || !account.keys.is_empty();
    html! {
        @if account.person.single_sign_on {
            p { @match app.sso_name() {
                Some(name) => { "You get in by " strong { (Shown(name)) } ". Your role follows your groups there at each sign-in." }
                None => { "You got in by single sign-on, which this broker has not set up any more." }
            } }
            @if proven && own {
                form method="post" action="/console/account/sso/unlink" {
                    div.actions { button.danger type="submit" { "Untie from it" } }
                }
            }
        } @else if let Some(name) = app.sso_name() {
            p { "You do not get in by " strong { (Shown(name)) } ". Tied to who you are there, your role follows your groups at each sign-in." }
            div.actions { a.button.quiet href="/console/sso/link" { "Tie yourself to " (Shown(name)) } }
        }
    }
}

/// The browsers of a person, each with a button that ends it. `under` is the page's address.
pub(super) fn sign_ins(app: &App, account: &Account, under: &str) -> Markup {
    let now = app.clock().now();
    html! {
        @if account.sign_ins.is_empty() { p.dim { "None." } } @else {
            (table("Browsers that are signed in", ["Browser", "From", "By", "Signed in", "Until", "End"], account.sign_ins.iter().map(|row| [
                html! { (Shown(&row.device)) @if row.current { " " span.badge.state-live { "this one" } } },
                html! { (Shown(&row.address)) },
                html! { (Shown(&row.method)) },
                text::when(row.created_at, now),
                text::when(row.expires_at, now),
                html! { form.inline method="post" action={ (under) "/sign-ins/" (row.id) "/end" } {
                    button.danger type="submit" aria-label={ "End the sign-in from " (row.address) } { "End" }
                } },
            ])))
        }
    }
}

/// The logins of a person on machines, each with a button that ends it.
pub(super) fn logins(app: &App, account: &Account, under: &str) -> Markup {
    let now = app.clock().now();
    html! {
        @if account.logins.is_empty() { p { "None. " code { "stint login" } " makes one on the machine where it is typed." } } @else {
            (table("Logins on machines", ["Machine", "Client", "Made", "End"], account.logins.iter().map(|row| [
                html! { (Shown(row.device.as_deref().unwrap_or("a machine that does not say its name"))) },
                html! { code { (row.client_id) } },
                text::when(row.created_at, now),
                html! { form.inline method="post" action={ (under) "/logins/" (row.client_id) "/end" } {
                    button.danger type="submit" aria-label={ "End the login " (row.client_id) } { "End" }
                } },
            ])))
        }
    }
}
