//! What every page has: head, navigation, and a place for the page itself.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::visitor::Visitor;

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

/// The navigation, in order: what waits, what happens, what is.
const PLACES: &[(Place, &str, &str)] = &[
    (Place::Approvals, "/console/", "Approvals"),
    (Place::Now, "/console/now", "Now"),
    (Place::Activity, "/console/activity", "Activity"),
    (Place::Sessions, "/console/sessions", "Sessions"),
    (Place::Agents, "/console/agents", "Agents"),
    (Place::People, "/console/people", "People"),
    (Place::Environments, "/console/environments", "Environments"),
    (Place::Credentials, "/console/credentials", "Credentials"),
    (Place::Providers, "/console/providers", "Providers"),
    (Place::Policies, "/console/policies", "Policies"),
    (Place::Audit, "/console/audit", "Audit"),
    (Place::Alerts, "/console/alerts", "Alerts"),
    (Place::Notifications, "/console/notifications", "Notifications"),
    (Place::Settings, "/console/settings", "Settings"),
    (Place::Docs, "/console/docs", "API"),
];

/// A page for a signed-in person. `title` is plain text.
pub(super) fn page(visitor: &Visitor, place: Place, title: &str, body: Markup) -> Markup {
    let person = visitor.caller.person.as_str();
    document(
        title,
        html! {
            a.skip href="#main" { "Skip to the page" }
            header.bar {
                a.brand href="/console/" { "Stint" }
                nav #nav aria-label="Console" data-waiting=(visitor.attention.approvals) {
                    ul {
                        @for (own, path, name) in PLACES {
                            li { a href=(path) aria-current=[(*own == place).then_some("page")] { (name) (count(visitor, *own)) } }
                        }
                    }
                }
                form.sign-out method="post" action="/console/sign-out" {
                    span.who { a href="/console/account" aria-current=[(place == Place::Account).then_some("page")] { (person) } span.dim { " · " (visitor.caller.role) } }
                    button.quiet type="submit" { "Sign out" }
                }
            }
            main #main tabindex="-1" data-live=(visitor.at) { (body) }
        },
    )
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
