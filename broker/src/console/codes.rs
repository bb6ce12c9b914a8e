//! One-time codes and recovery codes of one's own account.

use axum::extract::State;
use http::StatusCode;
use maud::{Markup, PreEscaped, html};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use stint_api::Code;

use super::account::HERE;
use super::answer::{Form, Reply, complaint, ok, page as answer, see, status};
use super::layout::{self, Place};
use super::step_up::detour;
use super::visitor::Visitor;
use crate::app::{App, Error};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

const PAGE: &str = "/console/account/codes";

pub(super) async fn offer(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    match app.offer_one_time_codes(&visitor.caller).await {
        Ok(()) => Ok(see(PAGE)),
        Err(error) => detour(&error, HERE).ok_or_else(|| error.into()),
    }
}

/// The secret, until the first code of it was typed.
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Reply {
    shown(&app, &visitor, StatusCode::OK, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct First {
    code: String,
}

pub(super) async fn confirm(State(app): State<App>, visitor: Visitor, Form(form): Form<First>) -> Reply {
    match app.confirm_one_time_codes(&visitor.caller, &form.code).await {
        Ok(()) => Ok(see("/console/account#codes")),
        Err(error) if matches!(error.code, Code::InvalidInput | Code::Conflict) => {
            shown(&app, &visitor, status(&error), Some(&error)).await
        }
        Err(error) => detour(&error, PAGE).ok_or_else(|| error.into()),
    }
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    match app.remove_one_time_codes(&visitor.caller).await {
        Ok(()) => Ok(see("/console/account#codes")),
        Err(error) => detour(&error, HERE).ok_or_else(|| error.into()),
    }
}

/// The one form that is answered without a redirect: a page that shows the codes has to be the answer that made them.
pub(super) async fn recovery(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    let codes = match app.make_recovery_codes(&visitor.caller).await {
        Ok(codes) => codes,
        Err(error) => return detour(&error, HERE).ok_or_else(|| error.into()),
    };
    let body = html! {
        h1 { "Your recovery codes" }
        p.notice.warn { "They are shown this once. Print them, or put them where your passwords are; those of before are worth nothing now." }
        ol.codes { @for code in &codes { li { (code) } } }
        div.actions { a.button href="/console/account" { "I have them" } }
    };
    Ok(ok(layout::page(&visitor, Place::Account, "Your recovery codes", body)))
}

async fn shown(app: &App, visitor: &Visitor, status: StatusCode, error: Option<&Error>) -> Reply {
    let offered = match app.offered_codes(&visitor.caller).await {
        Ok(Some(offered)) => offered,
        Ok(None) => return Ok(see("/console/account#codes")),
        Err(error) => return detour(&error, PAGE).ok_or_else(|| error.into()),
    };
    let (uri, text) = offered;
    let body = html! {
        h1 { "Set up one-time codes" }
        ol {
            li { p { "Open the app for codes on your phone and let it see this, or type the secret below it." }
                (qr(&uri))
                p { "Secret: " code { (text) } }
                p { a href=(uri) { "Open it in an app on this device" } } }
            li { p { "Type the code that the app shows now. From then on it is asked for with your password." }
                form.narrow method="post" action=(PAGE) {
                    (complaint(error))
                    label for="code" { "Code" }
                    input #code name="code" inputmode="numeric" autocomplete="one-time-code" required autofocus;
                    div.actions { button type="submit" { "Use these codes" } a.button.quiet href=(HERE) { "Not now" } }
                } }
        }
    };
    Ok(answer(status, layout::page(visitor, Place::Account, "Set up one-time codes", body)))
}

/// A QR code as SVG: dark squares as one path, on the light ground that the style sheet gives it, with the quiet zone of
/// four squares (ISO/IEC 18004). The text beside it says the same, so screen readers need not read it.
fn qr(text: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in 0..size {
            if code.get_module(x, y) {
                path.push_str(&format!("M{},{}h1v1h-1z", x + 4, y + 4));
            }
        }
    }
    let side = size + 8;
    PreEscaped(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code of the secret below\" \
         shape-rendering=\"crispEdges\"><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_qr_code_is_squares_and_holds_no_text() {
        let svg = super::qr("otpauth://totp/Stint:alice?secret=GEZDGNBVGY3TQOJQ<script>").into_string();
        assert!(svg.starts_with("<svg class=\"qr\"") && svg.contains("h1v1h-1z"));
        assert!(!svg.contains("otpauth") && !svg.contains("script"));
    }
}
