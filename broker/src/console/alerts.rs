//! What went wrong: credentials that do not belong to a session, echoes, refusals in a row, failures to record.

use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{Alert, AlertKind, AlertList, Code};

use super::answer::{Form, Reply, ok, see as look};
use super::layout::{self, Place};
use super::record;
use super::sentence::capital;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::{App, Error};

/// Alerts of one page.
const PAGE: i64 = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<i64>,
    #[serde(default)]
    kind: String,
}

pub(super) async fn list(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply {
    // An unknown kind in an address filters nothing.
    let kind = asked.kind.parse::<AlertKind>().ok();
    let list = app.alerts(&visitor.caller, asked.before, PAGE, kind).await?;
    let now = app.clock().now();
    let body = html! {
        h1 { "Alerts" }
        (filter(kind))
        @if list.alerts.is_empty() {
            (text::empty("No alerts", html! {
                p { "A credential that does not belong to a session, a secret in an answer, refusals in a row, a failure to record and an unconfined session in production are shown here." }
                p { "Everything else that was refused is in the " a href="/console/now" { "records" } "." }
            }))
        } @else {
            (seen_form(&list, asked.before.is_none() && kind.is_none()))
            ul.cards { @for alert in &list.alerts { (card(alert, now)) } }
            @if let Some(next) = list.next {
                p { a rel="next" href={ "/console/alerts?before=" (next) @if let Some(kind) = kind { "&kind=" (kind) } } { "Older alerts" } }
            }
        }
        (text::command("stint alert list"))
    };
    Ok(ok(layout::page(&visitor, Place::Alerts, "Alerts", body)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Until {
    until: String,
}

pub(super) async fn see(
    State(app): State<App>,
    visitor: Visitor,
    Form(Until { until }): Form<Until>,
) -> Reply {
    let wrong = |_| Error::new(Code::InvalidInput, "the number of an alert is a number");
    app.see_alerts(&visitor.caller, until.parse().map_err(wrong)?).await?;
    Ok(look("/console/alerts"))
}

fn filter(kind: Option<AlertKind>) -> Markup {
    html! {
        form.filters method="get" action="/console/alerts" {
            div {
                label for="kind" { "Kind" }
                select #kind name="kind" data-search {
                    option value="" { "all" }
                    @for known in AlertKind::ALL { option value=(known) selected[kind == Some(known)] { (title(known)) } }
                }
            }
            button.quiet type="submit" { "Show" }
        }
    }
}

/// Marks what is shown as seen: by its newest, so that one that came since stays new.
fn seen_form(list: &AlertList, newest_page: bool) -> Markup {
    html! {
        @if let (1.., true, Some(newest)) = (list.unseen, newest_page, list.alerts.first()) {
            form.actions.first method="post" action="/console/alerts/seen" {
                input type="hidden" name="until" value=(newest.id);
                button.quiet type="submit" { "Mark as seen" }
            }
        }
    }
}

fn card(alert: &Alert, now: DateTime<Utc>) -> Markup {
    html! {
        li class={ "card" @if !alert.seen { " waiting" } } {
            h2 { (title(alert.kind)) @if !alert.seen { " " span.badge { "new" } } }
            p { (Shown(&capital(&alert.detail))) }
            div.row {
                (text::when(alert.at, now))
                @if let Some(agent) = &alert.agent { span { "agent " a href={ "/console/agents/" (agent) } { (agent) } } }
                @if let Some(environment) = &alert.environment { span { "in " a href={ "/console/environments/" (environment) } { (environment) } } }
                @if let Some(session) = &alert.session { a href={ "/console/sessions/" (session) } { "Its session" } }
                (record::link(&alert.record, "Its record"))
            }
        }
    }
}

fn title(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::ForeignCredential => "A credential that the session was not given",
        AlertKind::Echo => "A secret in a provider's answer",
        AlertKind::RefusalsInARow => "Refused again and again",
        AlertKind::OverBudget => "A session over its budget",
        AlertKind::RecordingFailed => "The store could not write",
        AlertKind::UnconfinedInProduction => "Not confined, in production",
    }
}
