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
    Activity,
    Audit,
}

/// The navigation, in order: what waits, what happens, what is.
const PLACES: &[(Place, &str, &str)] = &[
    (Place::Approvals, "/console/", "Approvals"),
    (Place::Now, "/console/now", "Now"),
    (Place::Sessions, "/console/sessions", "Sessions"),
    (Place::Activity, "/console/activity", "Activity"),
    (Place::Audit, "/console/audit", "Audit"),
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
                nav aria-label="Console" {
                    ul {
                        @for (own, path, name) in PLACES {
                            li { a href=(path) aria-current=[(*own == place).then_some("page")] { (name) } }
                        }
                    }
                }
                form.sign-out method="post" action="/console/sign-out" {
                    span.who { (person) span.dim { " · " (visitor.caller.role) } }
                    button.quiet type="submit" { "Sign out" }
                }
            }
            main #main tabindex="-1" data-live=(visitor.at) { (body) }
        },
    )
}

/// A page for nobody in particular.
pub(super) fn bare(title: &str, body: Markup) -> Markup {
    document(title, html! { main #main.narrow { p.brand { "Stint" } (body) } })
}

fn document(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Stint" }
                link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::path("console.css"));
                script src=(assets::path("console.js")) defer {}
            }
            body { (body) }
        }
    }
}
