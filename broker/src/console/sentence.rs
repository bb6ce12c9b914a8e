//! What a record's facts come to in plain words: parsed facts alone, and every name of somebody else's as text.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;
use stint_api::Class;

use super::parts::count;
use super::record::{id, plain, string, strings, value};
use super::text::{self, Name, Shown};
use super::words::deed;

/// Things that a line names; the rest is counted.
const NAMED: usize = 3;
/// Characters of a reason in a line; the whole is on the page of its record.
const REASON: usize = 160;

/// A request in words: each operation once, with the names of what it touches. What is not of `home`, the
/// session's environment, says where it is.
pub(super) fn request(facts: &Value, home: &str) -> Markup {
    let operations = strings(facts, "operations");
    let class = class(facts).filter(|_| operations.len() == 1);
    let resources = facts.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named: Vec<(&str, Vec<&str>)> = resources
        .iter()
        .filter_map(|resource| {
            // An environment by its id says less than its name, which stands beside it.
            if string(resource, "kind") == "environment"
                && value(resource, "name").is_none()
                && strings(resource, "environments") == [home]
            {
                return None;
            }
            let name = value(resource, "name").or_else(|| value(resource, "id"))?;
            let away = strings(resource, "environments").into_iter().filter(|place| *place != home);
            Some((name, if home.is_empty() { Vec::new() } else { away.collect() }))
        })
        .collect();
    let more = named.len().saturating_sub(NAMED);
    html! {
        @for (at, operation) in operations.iter().take(NAMED).enumerate() {
            @if at > 0 { ", " }
            span title=(text::visible(operation)) { (Shown(&deed(operation, class))) }
        }
        @if operations.len() > NAMED { " and " (count(operations.len() - NAMED, "more operation")) }
        @if operations.is_empty() { @match value(facts, "path") {
            Some(path) => { "A request to " code { (Name(path)) } }
            None => { "A request" }
        } }
        @for (at, (name, away)) in named.iter().take(NAMED).enumerate() {
            @if at > 0 { "," } " " strong { (Name(name)) }
            @if !away.is_empty() { " of " @for place in away { (Name(place)) } }
        }
        @if more > 0 { " and " (more) " more" }
    }
}

/// What came back, in a few words that do not break apart.
pub(super) fn answered(facts: &Value) -> Markup {
    html! {
        span.whole {
            @if let Some(status) = plain(facts, "status") { "answered " (status) }
            @else if let Some(code) = value(facts, "code") { (Shown(&spaced(code))) }
            @if let Some(ms) = plain(facts, "ms") { " in " (ms) " ms" }
        }
        @if facts.get("redacted").and_then(Value::as_bool) == Some(true) { ", the credential taken out" }
        @if let Some(fault) = value(facts, "fault") { ", " (Shown(fault)) }
    }
}

pub(super) fn to(path: &str, name: &str) -> Markup {
    html! { @match id(name) { Some(own) => a href={ (path) (own) } { (own) }, None => (Name(name)) } }
}

pub(super) fn short(text: &str) -> Markup {
    let cut: String = text.chars().take(REASON).collect();
    html! { (Shown(&cut)) @if cut.len() < text.len() { "…" } }
}

pub(super) fn moment(body: &Value, now: DateTime<Utc>) -> Markup {
    html! { @if let Ok(moment) = string(body, "at").parse() { (text::when(moment, now)) } }
}

pub(super) fn facts(body: &Value) -> &Value {
    body.get("facts").unwrap_or(&Value::Null)
}

pub(super) fn class(facts: &Value) -> Option<Class> {
    value(facts, "class")?.parse().ok()
}

pub(super) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

pub(super) fn last(kind: &str) -> &str {
    kind.rsplit('_').next().unwrap_or(kind)
}

/// With a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
