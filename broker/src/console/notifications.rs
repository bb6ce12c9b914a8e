//! Channels: where people are told of what waits and what went wrong.

use axum::extract::{Path, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{AddChannel, AuditQuery, Channel, MailSecurity, Target, Topic};

use super::answer::{Form, Reply, ok, page as answer, see};
use super::layout::{self, Place};
use super::parts;
use super::table::table;
use super::text::{self, Shown};
use super::trail::trail;
use super::visitor::Visitor;
use crate::app::{App, Error};

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    if !parts::may_administer(&visitor) {
        let body = html! {
            h1 { "Notifications" }
            p.notice { "Your role, " (visitor.caller.role) ", looks on: owners set up who is told of what waits, and where." }
            p { "Any open page can tell you on this desktop: ask for it on the page " a href="/console/" { "Approvals" } "." }
            (text::command("stint approval list"))
        };
        return Ok(ok(layout::page(&visitor, Place::Notifications, "Notifications", body)));
    }
    let channels = app.channels(&visitor.caller).await?.channels;
    Ok(ok(all(&app, &visitor, &channels, &Fields::default(), None)))
}

/// Every kind has the fields that it needs; those of the others stay empty.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fields {
    name: String,
    kind: String,
    url: String,
    token: String,
    server: String,
    port: String,
    security: String,
    from: String,
    to: String,
    user: String,
    password: String,
    /// Of what it tells: anything in a field is a yes.
    approval: String,
    alert: String,
    session: String,
    change: String,
}

pub(super) async fn add(State(app): State<App>, visitor: Visitor, Form(fields): Form<Fields>) -> Reply {
    let added = async {
        let add = AddChannel {
            name: fields.name.trim().to_owned(),
            target: target(&fields)?,
            topics: topics(&fields),
        };
        app.add_channel(&visitor.caller, add).await
    };
    match added.await {
        Ok(added) => match added.signing_secret {
            // Shown once, so it cannot be behind a redirect.
            Some(secret) => Ok(ok(made(&visitor, &added.channel, &secret))),
            None => Ok(see("/console/notifications")),
        },
        Err(error) => {
            let channels = app.channels(&visitor.caller).await?.channels;
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            Ok(answer(status, all(&app, &visitor, &channels, &fields, Some(&error))))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn try_out(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.try_channel(&visitor.caller, &name).await?;
    Ok(see(&format!("/console/notifications/{name}")))
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    app.remove_channel(&visitor.caller, &name).await?;
    Ok(see("/console/notifications"))
}

fn target(fields: &Fields) -> Result<Target, Error> {
    let wrong = |what: &str| Error::new(stint_api::Code::InvalidInput, what);
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let url = || some(&fields.url).ok_or_else(|| wrong("this kind of channel needs a URL"));
    match fields.kind.as_str() {
        "webhook" => Ok(Target::Webhook { url: url()? }),
        "slack" => Ok(Target::Slack { url: url()? }),
        "ntfy" => Ok(Target::Ntfy { url: url()?, token: some(&fields.token) }),
        "email" => Ok(Target::Email {
            server: some(&fields.server).ok_or_else(|| wrong("mail needs a server"))?,
            port: match some(&fields.port) {
                Some(port) => Some(port.parse().map_err(|_| wrong("the port is a number up to 65535"))?),
                None => None,
            },
            security: match fields.security.as_str() {
                "tls" => MailSecurity::Tls,
                "none" => MailSecurity::None,
                _ => MailSecurity::Starttls,
            },
            from: fields.from.clone(),
            to: fields.to.clone(),
            user: some(&fields.user),
            password: some(&fields.password),
        }),
        _ => Err(wrong("choose a kind of channel")),
    }
}

fn topics(fields: &Fields) -> Vec<Topic> {
    Topic::ALL.into_iter().filter(|topic| chosen(fields, *topic)).collect()
}

fn chosen(fields: &Fields, topic: Topic) -> bool {
    let said = match topic {
        Topic::Approval => &fields.approval,
        Topic::Alert => &fields.alert,
        Topic::Session => &fields.session,
        Topic::Change => &fields.change,
    };
    !said.is_empty()
}

fn all(app: &App, visitor: &Visitor, channels: &[Channel], fields: &Fields, error: Option<&Error>) -> Markup {
    let now = app.clock().now();
    let body = html! {
        h1 { "Notifications" }
        @if channels.is_empty() {
            (text::empty("Nobody is told of anything outside this console", html! {
                p { "Add a channel below: a webhook, Slack or one that speaks like it, ntfy, or mail." }
            }))
        }
        ul.cards {
            @for channel in channels {
                li.card {
                    h2 { a data-item href={ "/console/notifications/" (channel.name) } { (channel.name) } }
                    (about(channel))
                    @if let Some(last) = channel.deliveries.first() {
                        p { "Last told: " (Shown(&last.title)) ", " span.dim { (last.state) ", " (text::when(last.created_at, now)) } }
                    }
                }
            }
        }
        h2 { "Add a channel" }
        @if let Some(error) = error {
            div.notice.danger role="alert" id="add-error" { (Shown(&error.detail)) @if let Some(hint) = &error.hint { br; span.dim { (hint) } } }
        }
        form method="post" action="/console/notifications" {
            label for="name" { "Name" }
            input #name name="name" value=(fields.name) required autocapitalize="none" spellcheck="false";
            label for="kind" { "Kind" }
            select #kind name="kind" {
                @for (value, name) in [("webhook", "Webhook, signed"), ("slack", "Slack, Mattermost, Rocket.Chat"), ("ntfy", "ntfy"), ("email", "Mail")] {
                    option value=(value) selected[fields.kind == value] { (name) }
                }
            }
            fieldset {
                legend { "Told of" }
                @for topic in Topic::ALL {
                    @let first = fields.name.is_empty() && matches!(topic, Topic::Approval | Topic::Alert);
                    div { label for=(topic.as_str()) { input id=(topic.as_str()) type="checkbox" name=(topic.as_str()) value="yes" checked[first || chosen(fields, topic)]; " " (words(topic)) } }
                }
            }
            fieldset {
                legend { "Webhook, Slack, ntfy" }
                label for="url" { "URL" }
                input #url name="url" type="url" autocomplete="off" placeholder="https://";
                label for="token" { "Token (ntfy)" }
                input #token name="token" type="password" autocomplete="off";
            }
            fieldset {
                legend { "Mail" }
                label for="server" { "Server" } input #server name="server" value=(fields.server) autocomplete="off";
                label for="port" { "Port" } input #port name="port" value=(fields.port) inputmode="numeric";
                label for="security" { "Security" }
                select #security name="security" {
                    @for (value, name) in [("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "None, to this machine only")] {
                        option value=(value) selected[fields.security == value] { (name) }
                    }
                }
                label for="from" { "From" } input #from name="from" value=(fields.from);
                label for="to" { "To" } input #to name="to" value=(fields.to);
                label for="user" { "User" } input #user name="user" value=(fields.user) autocomplete="off";
                label for="mail-password" { "Password" } input #mail-password name="password" type="password" autocomplete="off";
            }
            p.hint { "What lets its holder post (a URL, a token, a password) goes into the vault and is not shown again. A notification leads to a page; it decides nothing." }
            div.actions { button type="submit" { "Add the channel" } }
        }
        (text::command("stint notification list"))
    };
    layout::page(visitor, Place::Notifications, "Notifications", body)
}

fn about(channel: &Channel) -> Markup {
    html! {
        div.row {
            span.badge { (channel.kind) }
            span { (Shown(&channel.place)) }
            span.dim { "told of " (channel.topics.iter().map(|topic| words(*topic)).collect::<Vec<_>>().join(", ")) }
        }
    }
}

/// One channel: what it was told, and what is on record about it.
pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let channel = app.channels(&visitor.caller).await?.channels.into_iter().find(|own| own.name == name);
    let channel = channel.ok_or_else(|| Error::not_found("channel", &name))?;
    let now = app.clock().now();
    let about_it = AuditQuery { channel: Some(channel.name.clone()), ..AuditQuery::default() };
    let trail = trail(&app, &visitor, about_it).await?;
    let own = format!("/console/notifications/{}", channel.name);
    let body = html! {
        h1 { "Channel " (channel.name) }
        (about(&channel))
        h2 { "What it was told" }
        @if channel.deliveries.is_empty() { p.dim { "Nothing yet." } } @else {
            (table("Deliveries", ["Told", "State", "Tries", "When"], channel.deliveries.iter().map(|delivery| [
                html! { (Shown(&delivery.title)) },
                html! { (delivery.state) @if let Some(error) = &delivery.error { ": " (Shown(error)) } },
                html! { (delivery.attempts) },
                text::when(delivery.created_at, now),
            ])))
        }
        div.actions {
            form.inline method="post" action={ (own) "/try" } { button.quiet type="submit" { "Send a trial" } }
            form.inline method="post" action={ (own) "/remove" } { button.danger type="submit" { "Remove" } }
        }
        (trail)
        (text::command(&format!("stint notification try {}", channel.name)))
    };
    Ok(ok(layout::page(&visitor, Place::Notifications, &format!("Channel {}", channel.name), body)))
}

fn made(visitor: &Visitor, channel: &Channel, secret: &str) -> Markup {
    let body = html! {
        h1 { "Channel " (channel.name) }
        p { "Each request is signed as Standard Webhooks describes. This is the secret that your receiver checks it with; it is shown this once." }
        pre tabindex="0" { (secret) }
        p { a.button href="/console/notifications" { "Done" } }
    };
    layout::page(visitor, Place::Notifications, "Channel", body)
}

fn words(topic: Topic) -> &'static str {
    match topic {
        Topic::Approval => "what waits for a yes",
        Topic::Alert => "alerts",
        Topic::Session => "sessions",
        Topic::Change => "changes of what is registered",
    }
}
