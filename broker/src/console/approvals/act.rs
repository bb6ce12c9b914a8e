use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Approve, Code, Deny};

use super::super::answer::{Form, Reply, page as answer, see};
use super::super::step_up;
use super::super::visitor::Visitor;
use super::{one, queue};
use crate::app::{App, Error};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct Yes {
    #[serde(default)]
    confirm: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    passkey: String,
    /// Seconds, or nothing for the approval's own life.
    #[serde(default)]
    within: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct No {
    #[serde(default)]
    reason: String,
}

/// What a person typed, and what was wrong with it.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) confirm: String,
    pub(super) within: String,
    pub(super) reason: String,
    pub(super) yes: Option<Error>,
    pub(super) no: Option<Error>,
    /// What asks for a fresh proof of who approves, where the approval takes one.
    pub(super) proof: Option<maud::Markup>,
}

pub(in crate::console) async fn approve(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<Yes>,
) -> Reply {
    let decided = async {
        let within = match form.within.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Error::new(Code::InvalidInput, "how long the yes holds is a number of seconds")
            })?),
        };
        let proof = step_up::proof(form.password, form.code, form.passkey);
        step_up::shown(&app, &mut visitor, proof).await?;
        let confirm = Some(form.confirm.clone()).filter(|text| !text.is_empty());
        app.approve(&visitor.caller, &id, Approve { confirm, within }).await
    };
    match decided.await {
        Ok(_) => Ok(see(&format!("/console/approvals/{id}"))),
        Err(error) => {
            let typed =
                Typed { confirm: form.confirm, within: form.within, yes: Some(error), ..Typed::default() };
            refused(&app, &visitor, &id, typed).await
        }
    }
}

pub(in crate::console) async fn deny(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<No>,
) -> Reply {
    match app.deny(&visitor.caller, &id, Deny { reason: form.reason.clone() }).await {
        Ok(_) => Ok(see(&format!("/console/approvals/{id}"))),
        Err(error) => {
            let typed = Typed { reason: form.reason, no: Some(error), ..Typed::default() };
            refused(&app, &visitor, &id, typed).await
        }
    }
}

/// One no for all of a group.
pub(in crate::console) async fn deny_alike(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<No>,
) -> Reply {
    match app.deny_alike(&visitor.caller, &id, Deny { reason: form.reason.clone() }).await {
        Ok(_) => Ok(see("/console/")),
        Err(error) if error.code == Code::NotFound => Err(error.into()),
        Err(error) => {
            let code = status(&error);
            let tried = queue::Tried { id, reason: form.reason, error };
            Ok(answer(code, queue::queue(&app, &visitor, Some(&tried)).await?))
        }
    }
}

/// The same page with what was typed and what was wrong; where the approval changed meanwhile, the page says so.
async fn refused(app: &App, visitor: &Visitor, id: &str, typed: Typed) -> Reply {
    let approval = app.approval(id, None).await?;
    let status = typed.yes.as_ref().or(typed.no.as_ref()).map_or(StatusCode::BAD_REQUEST, status);
    let typed = Typed { proof: one::proof(app, visitor, &approval).await?, ..typed };
    Ok(answer(status, one::one(app, visitor, &approval, &typed).await?))
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}
