//! Settings: what the broker was told and where, its keys, how it is backed up, and whether single sign-on would work.
//! Nothing is changed here.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{Backup, Origin, Settings, SsoCheck, SsoSettings};

use super::answer::{Form, Reply, ok};
use super::layout::{self, Place};
use super::record::link;
use super::table::table;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::App;

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Reply {
    shown(&app, &visitor, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Asks the provider now, and shows what it says.
pub(super) async fn check_sso(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    let check = app.check_sso(&visitor.caller).await?;
    shown(&app, &visitor, Some(&check)).await
}

async fn shown(app: &App, visitor: &Visitor, check: Option<&SsoCheck>) -> Reply {
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
        h2 #backup { "Backup" }
        (backup(&settings.backup, now))
        h2 #sign-on { "Single sign-on" }
        (single_sign_on(visitor, settings.single_sign_on.as_ref(), check))
        h2 #notifications { "Notifications" }
        p { "Who is told of what waits, and where, is on the page " a href="/console/notifications" { "Notifications" } "." }
        p { a href="/console/welcome" { "The first steps" } " of a new broker." }
        (text::command("stint-broker serve --help"))
    };
    Ok(ok(layout::page(visitor, Place::Settings, "Settings", body)))
}

fn backup(backup: &Backup, now: chrono::DateTime<chrono::Utc>) -> Markup {
    html! {
        p { @match &backup.last {
            Some(last) => { "The last one was taken " (link(&last.record, text::when(last.at, now))) ", through record " (last.through) ", to " code { (Shown(&last.file)) } "." }
            None => { "None is on record. A copy that other tools make is not." }
        } }
        (table("What it takes to have this broker back", ["Part", "Where", "What it is"], backup.parts.iter().map(|part| [
            html! { (part.part) },
            html! { code { (Shown(&part.place)) } },
            html! { (part.why) },
        ])))
        p { "Whoever has the database and the key has every secret: keep them apart. On the broker's host, to take one, to try it, and to put it back:" }
        pre tabindex="0" { @for line in &backup.commands { (line) "\n" } }
        p.hint { "A restore ends every session and signs every browser out. What was revoked after the backup has to be revoked again." }
    }
}

fn single_sign_on(visitor: &Visitor, sso: Option<&SsoSettings>, check: Option<&SsoCheck>) -> Markup {
    let Some(sso) = sso else {
        return html! { p.dim { "Not set up: people sign in with what they have registered here. " code { "[sso]" }
        " in the configuration names an OpenID provider." } };
    };
    html! {
        dl.facts {
            dt { "Provider" } dd { (Shown(&sso.name)) }
            dt { "Issuer" } dd { code { (Shown(&sso.issuer)) } }
            dt { "Client" } dd { code { (Shown(&sso.client_id)) } }
            dt { "Redirect address" } dd { code { (Shown(&sso.callback)) } " " span.dim { "(to be registered at the provider)" } }
            dt { "Groups" } dd { "from the claim " code { (Shown(&sso.groups_claim)) } }
        }
        div.scroll tabindex="0" role="region" aria-label="Groups and roles" {
            table {
                thead { tr { th scope="col" { "Group" } th scope="col" { "Role" } } }
                tbody { @for (group, role) in &sso.roles { tr { td { (Shown(group)) } td { (role) } } } }
            }
        }
        @if let Some(check) = check {
            @match &check.problem {
                Some(problem) => div.notice.danger role="alert" { "It would not work now: " (Shown(problem)) "." },
                None => div.notice role="status" { "It works: the description was read, with " (check.keys) " keys that identity tokens can be checked with." },
            }
            dl.facts {
                dt { "Description" } dd { code { (Shown(&check.description)) } }
                @if let Some(url) = &check.authorization_endpoint { dt { "Sends browsers to" } dd { code { (Shown(url)) } } }
                @if let Some(url) = &check.token_endpoint { dt { "Redeems codes at" } dd { code { (Shown(url)) } } }
                dt { "PKCE" } dd { @if check.says_pkce { "the provider says that it checks it" } @else { "sent; the provider does not say that it checks it" } }
            }
        }
        @if visitor.caller.role == "owner" {
            form method="post" action="/console/settings/sso/check" { div.actions { button.quiet type="submit" { "Check" } } }
        }
    }
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
