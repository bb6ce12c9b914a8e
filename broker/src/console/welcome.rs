//! The first steps of a new broker, with what is done and what is next. The page follows the live stream like every
//! other, so the first session ticks its own box.

use axum::extract::State;
use maud::{Markup, html};
use stint_api::{Welcome, WelcomeStep};

use super::answer::{Reply, ok};
use super::layout::{self, Place};
use super::parts;
use super::visitor::Visitor;
use crate::app::App;

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Reply {
    let welcome = app.welcome().await?;
    let next = welcome.steps.iter().position(|step| !step.done);
    let body = html! {
        h1 { "Welcome" }
        @if welcome.done {
            p.notice.good { "Everything is in place: an agent had its first session. " a href="/console/now" { "See what happens now" } "." }
        } @else {
            p { "Five steps to an agent that works without holding a single key. This page follows along." }
        }
        ol.steps {
            @for (index, step) in welcome.steps.iter().enumerate() {
                li aria-current=[(Some(index) == next).then_some("step")] { (one(step, Some(index) == next, parts::may_administer(&visitor))) }
            }
        }
        p { a href="/console/" { "To the approvals" } }
    };
    Ok(ok(layout::page(&visitor, Place::Settings, "Welcome", body)))
}

fn one(step: &WelcomeStep, next: bool, may: bool) -> Markup {
    let (title, what, form) = words(&step.name);
    html! {
        h2 {
            (title) " "
            @if step.done { span.badge.state-live { "done" } }
            @else if next { span.badge.state-waiting { "next" } }
            @else { span.badge.state-ended { "open" } }
        }
        p { (what) }
        @if !step.done {
            @if let Some((path, label)) = form.filter(|_| may) { p { a.button.quiet href=(path) { (label) } } }
            p.hint { "At the terminal:" }
            pre tabindex="0" { @for line in &step.commands { (line) "\n" } }
        }
    }
}

type Words = (&'static str, &'static str, Option<(&'static str, &'static str)>);

fn words(step: &str) -> Words {
    match step {
        "environment" => (
            "The first environment",
            "A named place that work happens in, with a tier that says how much is at stake.",
            Some(("/console/new/environment", "Add an environment")),
        ),
        "mapping" => (
            "Something that belongs to it",
            "What is mapped to an environment is what its sessions reach. What is mapped nowhere, nobody reaches.",
            Some(("/console/environments", "Map something")),
        ),
        "credential" => (
            "The first credential",
            "Put a provider's secret into the vault. It does not come out again.",
            Some(("/console/new/credential", "Add a credential")),
        ),
        "agent" => (
            "The first agent",
            "A name for what will do the work, so that policies and the trail can speak of it.",
            Some(("/console/new/agent", "Add an agent")),
        ),
        _ => (
            "The first session",
            "Where the agent runs. It gets placeholders; this page notices when it has started.",
            None,
        ),
    }
}

/// One line for the first page, while there are steps left.
pub(super) fn notice(welcome: &Welcome) -> Markup {
    let left = welcome.steps.iter().filter(|step| !step.done).count();
    html! {
        @if left > 0 {
            p.notice { "This broker is new: " (left) @if left == 1 { " step is" } @else { " steps are" } " left until an agent works through it. " a href="/console/welcome" { "See the first steps" } "." }
        }
    }
}
