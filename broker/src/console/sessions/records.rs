//! Audit records as lines of a page.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use stint_api::AuditRecord;

use super::super::text::{self, Shown};
use super::super::words::deed;

/// What a session did last, a line for each request.
pub(super) fn latest(records: &[AuditRecord], at: DateTime<Utc>) -> Markup {
    html! {
        @if records.is_empty() { p.dim { "It has done nothing yet." } } @else {
            ol.latest {
                @for record in records {
                    @let body = &record.body;
                    li {
                        (moment(body, at)) " "
                        span class={ "badge kind-" (tone(body)) } { (kind(body)) } " "
                        (subject(&body["facts"]))
                    }
                }
            }
        }
    }
}

/// Records as lines: when, what, on what, with which outcome.
pub(super) fn trail(records: &[AuditRecord], at: DateTime<Utc>) -> Markup {
    html! {
        @if records.is_empty() { p.dim { "Nothing yet." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Records" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Facts" } th scope="col" { "By" } } }
                    tbody {
                        @for record in records {
                            @let body = &record.body;
                            tr {
                                td { (moment(body, at)) }
                                td { (kind(body)) (rule_link(body)) }
                                td { (facts(&body["facts"])) }
                                td { (Shown(body["actor"].as_str().unwrap_or_default())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// From a request that policy judged to a rule about it.
pub(super) fn rule_link(body: &serde_json::Value) -> Markup {
    let judged = matches!(body["kind"].as_str(), Some("request_refused" | "request_decided"));
    let resources = body.pointer("/facts/resources").and_then(serde_json::Value::as_array);
    let touched = resources.is_some_and(|resources| !resources.is_empty());
    html! {
        @if judged && touched && let Some(id) = body["id"].as_str() {
            " " a href={ "/console/rules/new?record=" (id) } { "Make a rule" }
        }
    }
}

fn moment(body: &serde_json::Value, at: DateTime<Utc>) -> Markup {
    html! { @if let Some(moment) = body["at"].as_str().and_then(|text| text.parse().ok()) { (text::when(moment, at)) } }
}

fn kind(body: &serde_json::Value) -> String {
    body["kind"].as_str().unwrap_or_default().replace('_', " ")
}

fn tone(body: &serde_json::Value) -> &'static str {
    match body["kind"].as_str() {
        Some("request_refused" | "approval_denied") => "bad",
        Some("request_decided" | "request_closed" | "approval_used" | "approval_approved") => "good",
        _ => "plain",
    }
}

/// What a request did and to what, or why it did not.
fn subject(facts: &serde_json::Value) -> Markup {
    let operations = strings(&facts["operations"]);
    let class = facts["class"].as_str().and_then(|class| class.parse().ok());
    let class = class.filter(|_| operations.len() == 1);
    let names: Vec<&str> = facts["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|resource| resource["name"].as_str().or_else(|| resource["id"].as_str()))
        .filter(|name| !name.is_empty())
        .take(3)
        .collect();
    html! {
        @for operation in &operations { (deed(operation, class)) " " }
        @for name in names { strong { (Shown(name)) } " " }
        @for name in ["code", "status", "reason"] {
            @if let Some(value) = fact(facts, name) { span.dim { (name) ": " } (Shown(&value)) " " }
        }
    }
}

/// The facts by which a person recognises a record.
pub(in crate::console) fn facts(facts: &serde_json::Value) -> Markup {
    let operations = strings(&facts["operations"]);
    html! {
        @for operation in &operations { code { (Shown(operation)) } " " }
        @if operations.is_empty() && let Some(path) = fact(facts, "path") { code { (Shown(&path)) } " " }
        @for name in ["code", "status", "reason", "person", "environment", "credential"] {
            @if let Some(value) = fact(facts, name) { span.dim { (name) ": " } (Shown(&value)) " " }
        }
    }
}

fn strings(value: &serde_json::Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(|value| value.as_str()).collect()
}

fn fact(facts: &serde_json::Value, name: &str) -> Option<String> {
    let value = &facts[name];
    let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text.or_else(|| value.as_u64().map(|number| number.to_string()))
}
