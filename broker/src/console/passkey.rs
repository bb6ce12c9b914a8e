//! What a page's script asks for before a browser is asked for a passkey, and the sign-in by one.

use axum::extract::State;
use http::header;
use serde::Deserialize;
use stint_api::Code;

use super::answer::{Form, Reply, json, page as answer, status};
use super::sign_in;
use super::visitor::{CeremonyCookie, Stranger, Visitor, set_ceremony};
use crate::app::App;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A challenge for whoever sits at this browser.
pub(super) async fn sign_in_options(State(app): State<App>, Form(Nothing {}): Form<Nothing>) -> Reply {
    let cookie = app.fresh_cookie()?;
    let mut response = json(&app.sign_in_options(&cookie)?);
    response
        .headers_mut()
        .extend(set_ceremony(&cookie, app.issuer()).map(|value| (header::SET_COOKIE, value)));
    Ok(response)
}

pub(super) async fn prove_options(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    Ok(json(&app.prove_options(&visitor.caller).await?))
}

pub(super) async fn register_options(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    Ok(json(&app.register_options(&visitor.caller).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    token: String,
}

pub(super) async fn enrol_options(State(app): State<App>, Form(form): Form<Token>) -> Reply {
    Ok(json(&app.enrol_options(&form.token).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    passkey: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    Stranger(browser): Stranger,
    CeremonyCookie(cookie): CeremonyCookie,
    Form(form): Form<SignIn>,
) -> Reply {
    match app.sign_in_by_passkey(&form.passkey, &cookie, browser).await {
        Ok(signed_in) => Ok(sign_in::enter(&app, &signed_in, sign_in::own(&form.next))),
        Err(error) if matches!(error.code, Code::NotAuthenticated | Code::TooManyAttempts) => {
            let page = sign_in::sign_in_page(&app, &form.next, "", Some(&error));
            Ok(answer(status(&error), page))
        }
        Err(other) => Err(other.into()),
    }
}
