//! To the OpenID provider and back: to sign in, to prove again who one is, to tie oneself to who one is there.
//!
//! The way there is a link and no form: a policy that lets forms go nowhere else also stops what a form is redirected to.

use axum::extract::{Query, State};
use axum::response::Response;
use http::header;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::Code;

use super::account::HERE;
use super::answer::{Failure, Form, Reply, complaint, page as answer, see, status};
use super::layout;
use super::sign_in::{enter, own};
use super::step_up::detour;
use super::visitor::{ProviderCookie, Stranger, Visitor, set_provider};
use crate::app::{App, Error, SsoAnswer, SsoDone, SsoKind, SsoStart};

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(State(app): State<App>, Query(query): Query<Next>) -> Reply {
    match app.begin_sso(None, SsoKind::SignIn, own(&query.next)).await {
        Ok(start) => Ok(away(&app, &start)),
        Err(error) => Ok(answer(status(&error), refused(&error))),
    }
}

pub(super) async fn prove(State(app): State<App>, visitor: Visitor, Query(query): Query<Next>) -> Reply {
    let start = app.begin_sso(Some(&visitor.caller), SsoKind::Prove, own(&query.next)).await?;
    Ok(away(&app, &start))
}

pub(super) async fn link(State(app): State<App>, visitor: Visitor) -> Reply {
    match app.begin_sso(Some(&visitor.caller), SsoKind::Link, HERE).await {
        Ok(start) => Ok(away(&app, &start)),
        Err(error) => detour(&error, "/console/sso/link").ok_or_else(|| error.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn unlink(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    match app.unlink_sso(&visitor.caller).await {
        Ok(()) => Ok(see(HERE)),
        Err(error) => detour(&error, HERE).ok_or_else(|| error.into()),
    }
}

/// What the provider sends the browser back with. Others may stand beside it, and are not looked at; one that stands twice
/// is an error (RFC 6749 s3.1).
fn read(query: &str) -> Result<SsoAnswer, Error> {
    let mut answer = SsoAnswer::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let field = match name.as_ref() {
            "code" => &mut answer.code,
            "state" => &mut answer.state,
            "iss" => &mut answer.iss,
            "error" => &mut answer.error,
            _ => continue,
        };
        if field.replace(value.into_owned()).is_some() {
            return Err(Error::new(Code::InvalidInput, "the answer of the provider says something twice"));
        }
    }
    Ok(answer)
}

pub(super) async fn callback(
    State(app): State<App>,
    Stranger(browser): Stranger,
    ProviderCookie(cookie): ProviderCookie,
    uri: http::Uri,
) -> Reply {
    let done = match read(uri.query().unwrap_or_default()) {
        Ok(said) => app.finish_sso(said, &cookie, browser).await,
        Err(error) => Err(error),
    };
    let mut response = match done {
        Ok(SsoDone::SignedIn(signed_in, next)) => {
            let mut response = answer(http::StatusCode::OK, onward(own(&next)));
            let signed = enter(&app, &signed_in, "/console/");
            response.headers_mut().extend(
                signed.headers().get(header::SET_COOKIE).map(|value| (header::SET_COOKIE, value.clone())),
            );
            response
        }
        Ok(SsoDone::Back(next)) => answer(http::StatusCode::OK, onward(own(&next))),
        Err(error) if error.code == Code::Internal => return Err(Failure(error)),
        Err(error) => answer(status(&error), refused(&error)),
    };
    if let Some(value) = set_provider("", 0, app.issuer()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn away(app: &App, start: &SsoStart) -> Response {
    let mut response = see(&start.location);
    let cookie = set_provider(&start.cookie, start.lasts.num_seconds(), app.issuer());
    response.headers_mut().extend(cookie.map(|value| (header::SET_COOKIE, value)));
    response
}

/// A page of ours between the provider and the console: browsers keep our cookie to themselves while another site leads,
/// and a redirect from here would still be led by it.
fn onward(next: &str) -> Markup {
    layout::onward(
        "Signed in",
        next,
        html! {
            h1 { "Signed in" }
            p { a href=(next) { "Go on" } }
        },
    )
}

fn refused(error: &Error) -> Markup {
    layout::bare(
        "Not signed in",
        html! {
            h1 { "Not signed in" }
            (complaint(Some(error)))
            p { a href="/console/sign-in" { "To the page to sign in" } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn an_answer_that_says_something_twice_is_none() {
        let answer = read("code=a%20b&state=s&iss=https%3A%2F%2Fid&session_state=x").unwrap();
        assert_eq!((answer.code.as_deref(), answer.iss.as_deref()), (Some("a b"), Some("https://id")));
        assert!(answer.error.is_none());
        for query in ["code=a&code=b", "state=s&code=a&state=s", "iss=a&iss=", "error=a&error=b"] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
