//! One record of the audit, as the request in it was understood.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;
use stint_api::{AuditEntry, AuditRecord};

use super::records::told;
use super::sentence::{capital, to};
use super::table::table;
use super::text::{self, Name, Shown};

pub(super) fn shown(entry: &AuditEntry, at: DateTime<Utc>) -> Markup {
    let record = &entry.record;
    let body = &record.body;
    let facts = body.get("facts").unwrap_or(&Value::Null);
    let kind = capital(&string(body, "kind").replace('_', " "));
    html! {
        h1 { (Shown(&kind)) }
        p.lead { (told(record, at)) }
        div.row {
            span { "record " (record.seq) }
            @if let Ok(moment) = string(body, "at").parse() { span { (text::when(moment, at)) } }
            @if let Some(class) = class(facts) { (text::class(class)) }
        }
        h2 { "What it is" }
        dl.facts {
            dt { "Id" } dd { code { (Shown(string(body, "id"))) } }
            dt { "Time" } dd { (Shown(string(body, "at"))) }
            dt { "By" } dd { (Shown(string(body, "actor"))) }
            @if body.get("session").is_some() { dt { "Session" } dd { (to("/console/sessions/", string(body, "session"))) } }
            @for (name, label) in PLAIN {
                @if let Some(value) = plain(facts, name) { dt { (label) } dd { (thing(name, &value)) } }
            }
            @for (name, label) in [("operations", "Operations"), ("policies", "Deciding policies")] {
                @let list = strings(facts, name);
                @if !list.is_empty() { dt { (label) } dd { @for item in list { code { (Shown(item)) } " " } } }
            }
            @if let Some(approval) = plain(facts, "approval") { dt { "Approval" } dd { (to("/console/approvals/", &approval)) } }
            @if let Some(digest) = plain(facts, "digest") { dt { "Digest of the request" } dd { code { (Shown(&digest)) } } }
        }
        (touched(facts))
        (beside(entry, at))
        h2 { "In the chain" }
        dl.facts {
            dt { "Position" } dd { (record.seq) }
            dt { "Hash" } dd { code { (record.hash) } }
        }
        details #whole {
            summary { "The whole record" }
            pre tabindex="0" { @for line in pretty(body).lines() { (Shown(line)) "\n" } }
        }
        p { a href="/console/audit" { "All records" } }
        (text::command(&format!("stint audit list --record {}", id(string(body, "id")).unwrap_or("ID"))))
    }
}

/// Facts that are one value each, in the order in which a person asks for them.
const PLAIN: [(&str, &str); 22] = [
    ("code", "Reason of refusal"),
    ("detail", "In words"),
    ("agent", "Agent"),
    ("person", "Person"),
    ("environment", "Environment of the session"),
    ("credential", "Credential"),
    ("credential_version", "Version of the credential"),
    ("provider", "Provider"),
    ("method", "Method"),
    ("host", "Host"),
    ("path", "Path"),
    ("lookup", "Look-up"),
    ("job", "Job at the provider"),
    ("status", "Status of the answer"),
    ("ms", "Milliseconds to the answer"),
    ("bytes", "Bytes of the answer"),
    ("redacted", "The credential was in the answer and taken out"),
    ("fault", "Fault"),
    ("reason", "Reason"),
    ("selector", "Resource"),
    ("confinement", "Confinement"),
    ("parent", "Within the session"),
];

/// Every thing that the request touched, where it belongs, and what goes with it.
fn touched(facts: &Value) -> Markup {
    let resources = facts.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    html! {
        @if !resources.is_empty() {
            h2 { "What it touched" }
            (table("What it touched", ["Name", "Operation", "Kind", "Id", "Belongs to", "Goes with it"], resources.iter().map(|resource| [
                html! { (Name(value(resource, "name").unwrap_or("without a name"))) },
                html! { code { (Shown(string(resource, "operation"))) } },
                html! { (Shown(string(resource, "kind"))) },
                html! { code { (Name(string(resource, "id"))) } },
                html! {
                    @let environments = strings(resource, "environments");
                    @if environments.is_empty() { "nothing that is mapped" }
                    @for name in environments { strong { (Name(name)) } " " }
                },
                html! { @for line in strings(resource, "consequences") { (Shown(line)) br; } },
            ])))
        }
    }
}

/// The request before an outcome, the outcome after a request.
fn beside(entry: &AuditEntry, at: DateTime<Utc>) -> Markup {
    let line = |record: &AuditRecord| {
        let own = string(&record.body, "id").to_owned();
        let kind = string(&record.body, "kind").replace('_', " ");
        html! {
            (link(&own, Shown(&kind)))
            @if let Ok(moment) = string(&record.body, "at").parse() { ", " (text::when(moment, at)) }
            @if let Some(facts) = record.body.get("facts") {
                @for name in ["status", "code", "ms"] {
                    @if let Some(value) = plain(facts, name) { " " span.dim { (name) ": " } (Shown(&value)) }
                }
            }
        }
    };
    let waits = string(&entry.record.body, "kind") == "request_decided" && entry.outcome.is_none();
    html! {
        @if let Some(intent) = &entry.intent { h2 { "The request" } p { (line(intent)) } }
        @if let Some(outcome) = &entry.outcome { h2 { "What became of it" } p { (line(outcome)) } }
        @if waits { h2 { "What became of it" } p.dim { "Not recorded yet: the answer has not ended, or the broker stopped before it did." } }
    }
}

/// A fact, with the way to what it names.
fn thing(name: &str, value: &str) -> Markup {
    match name {
        "agent" => to("/console/agents/", value),
        "environment" => to("/console/environments/", value),
        "credential" => to("/console/credentials/", value),
        "provider" => to("/console/providers/", value),
        _ => html! { (Shown(value)) },
    }
}

/// The way to a record's page.
pub(super) fn link(record: &str, name: impl maud::Render) -> Markup {
    html! {
        @match id(record) {
            Some(id) => a data-item href={ "/console/audit/" (id) } { (name) },
            None => (name)
        }
    }
}

/// An id that may stand in an address. What is in a record may be anything, where somebody wrote to the database.
pub(super) fn id(text: &str) -> Option<&str> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    Some(text).filter(|text| plain && !text.is_empty())
}

/// A text that is there and is not empty.
pub(super) fn value<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    Some(string(object, name)).filter(|text| !text.is_empty())
}

fn class(facts: &Value) -> Option<stint_api::Class> {
    serde_json::from_value(facts.get("class")?.clone()).ok()
}

pub(super) fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn strings<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    value.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn plain(facts: &Value, name: &str) -> Option<String> {
    match facts.get(name)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn pretty(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_agent_chose_stays_text_on_the_page_of_its_record() {
        let evil = "<script>alert(1)</script>\u{202e}";
        let record = AuditRecord {
            seq: 7,
            hash: "00".to_owned(),
            body: json!({
                "id": "rec_1", "at": "2026-11-22T12:00:00Z", "kind": "request_refused", "actor": evil, "session": "javascript:alert(1)",
                "facts": { "path": evil, "operations": [evil], "approval": "../x", "resources": [{ "id": evil, "name": evil, "environments": [evil] }] },
            }),
        };
        let entry = AuditEntry { record, intent: None, outcome: None };
        let page = shown(&entry, DateTime::from_timestamp(1_795_348_800, 0).unwrap()).into_string();
        assert!(!page.contains("<script>") && !page.contains('\u{202e}'), "{page}");
        assert!(
            !page.contains("href=\"/console/sessions/javascript")
                && !page.contains("href=\"/console/approvals/../x")
        );
        assert!(page.contains("U+202E"));
    }
}
