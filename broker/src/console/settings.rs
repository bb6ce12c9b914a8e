//! Settings: what the broker was told and where, its keys, and how it is backed up. Nothing is changed here.

use axum::extract::State;
use maud::{Markup, html};
use stint_api::{Origin, Settings};

use super::answer::{Reply, ok};
use super::layout::{self, Place};
use super::table::table;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::App;

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Reply {
    let settings = app.settings().await?;
    let now = app.clock().now();
    let body = html! {
        h1 { "Settings" }
        dl.facts {
            dt { "Version" } dd { (settings.version) }
            dt { "Address" } dd { code { (settings.issuer) } }
            dt { "Vault" } dd { @if settings.sealed { "sealed" } @else { "open" } }
            dt { "Audit records" } dd { (settings.records) }
            dt { "Last signed head" } dd {
                @match &settings.checkpoint {
                    Some(checkpoint) => { "record " (checkpoint.seq) ", " (text::when(checkpoint.at, now)) }
                    None => { "none yet: one is signed every ten seconds while records are added" }
                }
            }
        }
        h2 { "Configuration" }
        p { "Read once, at the start. A flag stands over a variable, a variable over the file, the file over the default." }
        (configuration(&settings))
        h2 { "Keys in use" }
        (keys(&settings, now))
        h2 { "Backup" }
        p { "On the broker's host. Whoever has the database and the key has every secret: keep them apart." }
        pre tabindex="0" { @for line in &settings.backup { (line) "\n" } }
        h2 #sign-on { "Single sign-on" }
        p.dim { "Not set up: people sign in with what they have registered here." }
        h2 #notifications { "Notifications" }
        p { "Who is told of what waits, and where, is on the page " a href="/console/notifications" { "Notifications" } "." }
        p { a href="/console/welcome" { "The first steps" } " of a new broker." }
        (text::command("stint-broker serve --help"))
    };
    Ok(ok(layout::page(&visitor, Place::Settings, "Settings", body)))
}

fn configuration(settings: &Settings) -> Markup {
    table("Configuration", ["Key", "Value", "Set by"], settings.settings.iter().map(|setting| [
        html! { code { (setting.key) } },
        html! { (Shown(&setting.value)) },
        html! { @if setting.origin == Origin::Default { span.dim { "default" } } @else { (setting.origin.as_str()) } },
    ]))
}

fn keys(settings: &Settings, now: chrono::DateTime<chrono::Utc>) -> Markup {
    table("Keys", ["Key", "Signs", "Made", "State"], settings.keys.iter().map(|key| [
        html! { code { (key.kid) } },
        html! { @match key.purpose.as_str() { "token" => { "tokens" } "audit" => { "the audit trail" } other => { (other) } } },
        text::when(key.created_at, now),
        html! { @match key.retired_at { Some(at) => { "only verifies, since " (text::when(at, now)) } None => { "in use" } } },
    ]))
}
