//! Proving again who one is: fields for a form that does what cannot be put back, and a page of its own.

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, complaint, ok, page as answer, see, status};
use super::layout::{self, Place};
use super::sign_in::own;
use super::text::Shown;
use super::visitor::Visitor;
use crate::app::{App, Error, Proof};
use crate::secret::Secret;

/// The fields by which a visitor proves who they are: a passkey by a button, where a script runs; a password without.
///
/// They stand in a form, which takes `password`, `code` and `passkey` and hands them to `proof`. `back` is the page of the
/// form, for who proves it elsewhere, by single sign-on.
pub(super) async fn fields(app: &App, visitor: &Visitor, back: &str) -> Result<Markup, Error> {
    some_fields(app, visitor, back, true).await
}

/// The same for a form that takes a proof only for some of what can be chosen in it.
pub(super) async fn fields_if(app: &App, visitor: &Visitor, back: &str) -> Result<Markup, Error> {
    some_fields(app, visitor, back, false).await
}

async fn some_fields(app: &App, visitor: &Visitor, back: &str, always: bool) -> Result<Markup, Error> {
    let ways = app.account(&visitor.caller).await?.person;
    let provider = app.sso_name().filter(|_| ways.single_sign_on);
    let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let passkeys = ways.passkeys > 0 && app.has_passkeys();
    Ok(html! {
        input name="passkey" hidden;
        @if passkeys {
            div.actions {
                button.quiet type="button" hidden data-passkey="get" data-options="/console/prove/options" { "Use your passkey" }
            }
            p.field-error role="alert" data-passkey-said {}
        }
        @if ways.password {
            @if passkeys { p.or { "or" } }
            label for="proof-password" { "Your password" }
            input #proof-password name="password" type="password" autocomplete="current-password" required[always] data-instead;
            @if ways.one_time_codes {
                label for="proof-code" { "Code from your app" }
                input #proof-code name="code" inputmode="numeric" autocomplete="one-time-code" required[always] data-instead;
            }
        } @else if passkeys && provider.is_none() {
            noscript { p.notice.warn { "Your passkey needs a script, which this browser does not run. Add a password to your account to do without." } }
        } @else if !passkeys && provider.is_none() {
            p.notice.warn { "You have nothing to prove with who you are. An owner can make you a link on the page People." }
        }
        @if let Some(name) = provider {
            @if passkeys || ways.password { p.or { "or" } }
            div.actions { a.button.quiet href={ "/console/sso/prove?next=" (back) } { "Prove it with " (Shown(name)) } }
        }
    })
}

/// What was shown in those fields, if anything was.
pub(super) fn proof(password: String, code: String, passkey: String) -> Option<Proof> {
    (!password.is_empty() || !passkey.is_empty()).then(|| Proof {
        password: Secret::from(password),
        code,
        passkey,
    })
}

/// A visitor who has proven it, where something was shown in those fields.
pub(super) async fn shown(app: &App, visitor: &mut Visitor, proof: Option<Proof>) -> Result<(), Error> {
    if let Some(proof) = proof {
        visitor.caller = app.prove_again(&visitor.caller, proof).await?;
    }
    Ok(())
}

/// Where to go on after an error: the page that lets a visitor prove who they are and comes back, or nowhere.
pub(super) fn detour(error: &Error, back: &str) -> Option<axum::response::Response> {
    let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    (error.code == Code::StepUpRequired).then(|| see(&format!("/console/prove?next={back}")))
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(query): Query<Next>) -> Reply {
    let fields = fields(&app, &visitor, &query.next).await?;
    Ok(ok(prove_page(&visitor, &fields, &query.next, None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prove {
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn prove(State(app): State<App>, visitor: Visitor, Form(form): Form<Prove>) -> Reply {
    let next = own(&form.next).to_owned();
    let proven = match proof(form.password, form.code, form.passkey) {
        Some(proof) => app.prove_again(&visitor.caller, proof).await.map(|_| ()),
        None => Err(Error::new(Code::InvalidInput, "use your passkey, or type your password")),
    };
    match proven {
        Ok(()) => Ok(see(&next)),
        Err(error) => {
            let fields = fields(&app, &visitor, &next).await?;
            Ok(answer(status(&error), prove_page(&visitor, &fields, &next, Some(&error))))
        }
    }
}

fn prove_page(visitor: &Visitor, fields: &Markup, next: &str, error: Option<&Error>) -> Markup {
    let body = html! {
        h1 { "Prove that it is you" }
        p { "What comes next changes who may do what, so it takes more than an open browser. It holds for five minutes." }
        form.narrow method="post" action="/console/prove" {
            (complaint(error))
            input type="hidden" name="next" value=(next);
            (fields)
            div.actions { button type="submit" { "Go on" } }
        }
    };
    layout::page(visitor, Place::Account, "Prove that it is you", body)
}
