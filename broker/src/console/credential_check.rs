//! What the provider says of a credential now: asked when a person presses the button, shown once, kept nowhere.

use axum::extract::{Path, State};
use maud::{Markup, html};
use stint_api::CredentialCheck;

use super::answer::{Form, Reply, ok, see};
use super::layout::{self, Place};
use super::parts::Fields;
use super::text::{self, Shown};
use super::tree;
use super::visitor::Visitor;
use crate::app::App;

pub(super) async fn check(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    Fields(form).only(&[])?;
    let check = app.check_credential(&visitor.caller, &name).await?;
    Ok(ok(page(&app, &visitor, &check)))
}

/// Read what it sees, and show it where it can be mapped.
pub(super) async fn discover(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    Fields(form).only(&[])?;
    app.discover(&visitor.caller, &name).await?;
    Ok(see("/console/environments#unmapped"))
}

/// The two buttons of a credential's page.
pub(super) fn buttons(own: &str) -> Markup {
    html! {
        h2 { "At the provider" }
        p { "Ask the provider what this credential is and reaches. Read-only look-ups, each on record; they count against the provider's limits." }
        div.row {
            form.inline method="post" action={ (own) "/check" } { button.quiet type="submit" { "Check it" } }
            form.inline method="post" action={ (own) "/discover" } { button.quiet type="submit" { "Find what can be mapped" } }
        }
    }
}

fn page(app: &App, visitor: &Visitor, check: &CredentialCheck) -> Markup {
    let own = format!("/console/credentials/{}", check.credential);
    let now = app.clock().now();
    let body = html! {
        h1 { "Check of credential " (check.credential) }
        @match check.accepted {
            Some(true) => { p.notice.good { "The provider takes it." } }
            Some(false) => { p.notice.danger { "The provider does not take it: it was revoked there, has ended, or is of another kind." } }
            None => { p.notice.warn { "Whether the provider takes it could not be found out." } }
        }
        dl.facts {
            dt { "Provider" } dd { (check.provider) }
            dt { "Kind" } dd { (check.kind) }
            @if let Some(name) = &check.name { dt { "Whose" } dd { (Shown(name)) } }
            dt { "Ends" } dd { @match check.expires_at { Some(at) => { (text::when(at, now)) } None => { "not, or the provider does not say" } } }
        }
        @if !check.says.is_empty() { ul { @for said in &check.says { li { (Shown(said)) } } } }
        @if !check.narrower.is_empty() {
            h2 { "Something narrower would do" }
            ul { @for narrower in &check.narrower { li { (Shown(narrower)) } } }
        }
        h2 { "What it reaches" }
        @if check.reaches.is_empty() { p.dim { "Nothing that could be listed." } } @else { (tree::seen(&check.reaches)) }
        @if !check.problems.is_empty() {
            h2 { "What could not be found out" }
            ul { @for problem in &check.problems { li.field-error { (Shown(problem)) } } }
        }
        p { a.button.quiet href=(own) { "Back to it" } }
        (text::command(&format!("stint credential check {}", check.credential)))
    };
    layout::page(visitor, Place::Credentials, "Check of a credential", body)
}
