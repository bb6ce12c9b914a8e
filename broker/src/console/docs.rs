//! The API, as it describes itself: a page made of the table of calls, without a script.

use maud::{Markup, html};
use serde_json::Value;
use stint_api::openapi::{self, Call};

use axum::extract::State;

use super::answer::{Reply, ok};
use super::layout::{self, Place};
use super::text;
use super::visitor::Visitor;
use crate::app::App;

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Reply {
    let document = openapi::document(app.issuer(), env!("CARGO_PKG_VERSION"));
    let calls = openapi::calls();
    let mut groups: Vec<&str> = Vec::new();
    for call in &calls {
        if !groups.contains(&call.group) {
            groups.push(call.group);
        }
    }
    let body = html! {
        h1 { "API" }
        p { "What the console does, a program can do too: " a href="/v1/openapi.json" { "the whole description as OpenAPI 3.1" } "." }
        p { (at(&document, &["info", "description"]).as_str().unwrap_or_default()) }
        nav aria-label="Groups of calls" {
            ul { @for group in &groups { li { a href={ "#group-" (group) } { (group) } } } }
        }
        @for group in &groups {
            h2 id={ "group-" (group) } { (group) }
            @for call in calls.iter().filter(|call| call.group == *group) { (one(call, &document)) }
        }
        h2 #schemas { "Types" }
        @if let Some(schemas) = at(&document, &["components", "schemas"]).as_object() {
            @for (name, schema) in schemas { (schema_of(name, schema)) }
        }
        (text::command("stint token --headers METHOD URL"))
    };
    Ok(ok(layout::page(&visitor, Place::Docs, "API", body)))
}

fn one(call: &Call, document: &Value) -> Markup {
    let method = call.method.to_ascii_lowercase();
    let operation = at(document, &["paths", call.path, &method]);
    let id = at(operation, &["operationId"]).as_str().unwrap_or_default();
    html! {
        section.card id=(id) aria-labelledby={ (id) "-name" } {
            h3 id={ (id) "-name" } { code { (call.method) " " (call.path) } }
            p { (call.summary) "." }
            dl.facts {
                dt { "Needs" } dd { (call.who.needs()) }
                @if !call.who.roles().is_empty() { dt { "Roles" } dd { (call.who.roles().join(", ")) } }
                @if !call.query.is_empty() {
                    dt { "Query" }
                    dd { ul { @for parameter in &call.query { li { code { (parameter.name) } " " span.dim { (parameter.kind) } " " (parameter.about) } } } }
                }
                @if let Some(content) = at(operation, &["requestBody", "content"]).as_object() {
                    @for (media, what) in content { dt { "Takes" } dd { code { (media) } " " (kind(at(what, &["schema"]))) (members(at(what, &["schema"]))) } }
                }
                @if let Some(content) = at(operation, &["responses", "200", "content"]).as_object() {
                    @for (media, what) in content { dt { "Gives" } dd { code { (media) } " " (kind(at(what, &["schema"]))) } }
                }
                @if !call.is_oauth() && !call.codes().is_empty() {
                    dt { "Problems" }
                    dd { @for code in call.codes() { code title=(code.title()) { (code.as_str()) } " " span.dim { (code.status()) } " " } }
                }
            }
        }
    }
}

fn schema_of(name: &str, schema: &Value) -> Markup {
    html! {
        section.card id={ "type-" (name) } aria-labelledby={ "type-" (name) "-name" } {
            h3 id={ "type-" (name) "-name" } { code { (name) } }
            @if let Some(about) = at(schema, &["description"]).as_str() { p { (about) } }
            (members(schema))
            @if let Some(words) = at(schema, &["enum"]).as_array() {
                p { @for word in words { code { (word.as_str().unwrap_or_default()) } " " } }
            }
        }
    }
}

fn members(schema: &Value) -> Markup {
    let required = |name: &str| {
        at(schema, &["required"])
            .as_array()
            .is_some_and(|names| names.iter().any(|required| required == name))
    };
    html! {
        @if let Some(properties) = at(schema, &["properties"]).as_object().filter(|properties| !properties.is_empty()) {
            ul {
                @for (name, member) in properties {
                    li {
                        code { (name) } " " (kind(member))
                        @if !required(name) { " " span.dim { "optional" } }
                        @if let Some(about) = at(member, &["description"]).as_str() { " " (about) }
                    }
                }
            }
        }
    }
}

/// The type of a schema in a word, with a way to where it is told.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = at(schema, &["$ref"]).as_str().and_then(|path| path.rsplit('/').next()) {
        return html! { a href={ "#type-" (name) } { (name) } };
    }
    if let Some(choices) = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| at(schema, &[word]).as_array())
    {
        let known: Vec<Markup> =
            choices.iter().filter(|choice| at(choice, &["type"]) != "null").map(kind).collect();
        return html! { @for choice in &known { (choice) " " } };
    }
    let word = match at(schema, &["type"]) {
        Value::Array(words) => words.iter().filter_map(Value::as_str).find(|word| *word != "null"),
        one => one.as_str(),
    };
    html! {
        @match word {
            Some("array") => { "list of " (kind(at(schema, &["items"]))) }
            Some(word) => { span.dim { (at(schema, &["format"]).as_str().unwrap_or(word)) } }
            None => { span.dim { "anything" } }
        }
    }
}

/// What is under these names, null where nothing is.
fn at<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    names.iter().fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
}
