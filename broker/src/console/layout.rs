//! What every page has: head, navigation, and a place for the page itself.

use maud::{DOCTYPE, Markup, html};

use super::visitor::Visitor;
use super::{assets, icon};

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Approvals,
    Now,
    Sessions,
    Notifications,
    People,
    /// In the header, at the person's name.
    Account,
    Docs,
    /// A page that others lead to.
    Elsewhere,
    Alerts,
    Agents,
    Environments,
    Credentials,
    Providers,
    Settings,
    Policies,
    Activity,
    Audit,
}

/// A place, its address and its name.
type Entry = (Place, &'static str, &'static str);

/// The navigation: what people watch, what they set up, and who and how.
const GROUPS: &[(&str, &[Entry])] = &[
    (
        "Watch",
        &[
            (Place::Approvals, "/console/", "Approvals"),
            (Place::Now, "/console/now", "Now"),
            (Place::Sessions, "/console/sessions", "Sessions"),
            (Place::Activity, "/console/activity", "Activity"),
            (Place::Alerts, "/console/alerts", "Alerts"),
            (Place::Audit, "/console/audit", "Audit"),
        ],
    ),
    (
        "Set up",
        &[
            (Place::Agents, "/console/agents", "Agents"),
            (Place::Environments, "/console/environments", "Environments"),
            (Place::Credentials, "/console/credentials", "Credentials"),
            (Place::Providers, "/console/providers", "Providers"),
            (Place::Policies, "/console/policies", "Policies"),
        ],
    ),
    (
        "Run",
        &[
            (Place::People, "/console/people", "People"),
            (Place::Notifications, "/console/notifications", "Notifications"),
            (Place::Settings, "/console/settings", "Settings"),
            (Place::Docs, "/console/docs", "API"),
        ],
    ),
];

/// A page for a signed-in person. `title` is plain text.
///
/// The navigation is there twice, and one of them is shown: beside the page where there is room, and on a phone in one
/// line with what waits and a menu. Neither needs a script.
pub(super) fn page(visitor: &Visitor, place: Place, title: &str, body: Markup) -> Markup {
    let person = visitor.caller.person.as_str();
    document(
        title,
        html! {
            a.skip href="#main" { "Skip to the page" }
            div.frame {
                header.bar #nav data-waiting=(visitor.attention.approvals) {
                    a.brand href="/console/" { "Stint" }
                    nav.side aria-label="Console" { (groups(visitor, place)) }
                    nav.short aria-label="What waits" {
                        (link(visitor, place, Place::Approvals, "/console/", "Approvals"))
                        (link(visitor, place, Place::Alerts, "/console/alerts", "Alerts"))
                    }
                    details.menu {
                        summary { "Menu" }
                        nav aria-label="Console" { (groups(visitor, place)) }
                    }
                    form.sign-out method="post" action="/console/sign-out" {
                        span.who { a href="/console/account" aria-current=[(place == Place::Account).then_some("page")] { (person) } span.dim { " · " (visitor.caller.role) } }
                        button.quiet type="submit" { "Sign out" }
                    }
                }
                main #main tabindex="-1" data-live=(visitor.at) { (body) }
            }
        },
    )
}

fn groups(visitor: &Visitor, here: Place) -> Markup {
    html! {
        @for (group, places) in GROUPS {
            p.group { (group) }
            ul aria-label=(group) {
                @for (own, path, name) in *places { li { (link(visitor, here, *own, path, name)) } }
            }
        }
    }
}

/// The way to a place, with how many things wait there.
fn link(visitor: &Visitor, here: Place, own: Place, path: &str, name: &str) -> Markup {
    html! {
        a href=(path) aria-current=[(own == here).then_some("page")] {
            (icon::of(own)) (name) @if matches!(own, Place::Approvals | Place::Alerts) { span data-count { (count(visitor, own)) } }
        }
    }
}

/// How many things wait there for the visitor.
fn count(visitor: &Visitor, place: Place) -> Markup {
    let (count, what) = match place {
        Place::Approvals => (visitor.attention.approvals, "waiting"),
        Place::Alerts => (visitor.attention.alerts, "new"),
        _ => (0, ""),
    };
    html! {
        @if count > 0 { " " span.count { @if count > 99 { "99+" } @else { (count) } span.unseen { " " (what) } } }
    }
}

/// A page for nobody in particular.
pub(super) fn bare(title: &str, body: Markup) -> Markup {
    document(title, html! { main #main.narrow { p.brand { "Stint" } (body) } })
}

/// The same, which goes on to another page of ours by itself, with or without scripts.
pub(super) fn onward(title: &str, next: &str, body: Markup) -> Markup {
    let go_on = html! { meta http-equiv="refresh" content={ "0;url=" (next) }; };
    headed(title, go_on, html! { main #main.narrow { p.brand { "Stint" } (body) } })
}

fn document(title: &str, body: Markup) -> Markup {
    headed(title, html! {}, body)
}

fn headed(title: &str, more: Markup, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                (more)
                title { (title) " · Stint" }
                link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::path("console.css"));
                script src=(assets::path("console.js")) defer {}
                script src=(assets::path("passkey.js")) defer {}
            }
            body { (body) }
        }
    }
}
