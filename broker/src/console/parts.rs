//! What the pages of registered things share: fields with what is wrong beside them, and what changed.

use chrono::{DateTime, Utc};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;
use stint_api::{AuditRecord, Code};

use super::answer::Failure;
use super::record::link;
use super::sentence::capital;
use super::table::table;
use super::text::{self, Name, Shown};
use super::visitor::Visitor;
use crate::app::Error;

/// What a form held. A field may be there several times.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// Refuses a form with a field that it does not have.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Failure> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some((name, _)) => {
                let shown: String = name.chars().take(40).collect();
                Err(Failure(Error::new(Code::InvalidInput, format!("the form has no field {shown:?}"))))
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// What was typed, if it was more than spaces.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.get(name).trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect()
    }
}

/// Whether a person may change what is registered.
pub(super) fn may_administer(visitor: &Visitor) -> bool {
    visitor.caller.role == "owner"
}

pub(super) fn looks_on(visitor: &Visitor) -> Markup {
    html! { p.notice { "Your role, " (visitor.caller.role) ", looks on: owners change what is registered." } }
}

/// The status of a page that shows a form again.
pub(super) fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// What is wrong with a form as a whole, or with a field that it does not show.
pub(super) fn complaint(error: Option<&Error>, fields: &[&str]) -> Markup {
    let whole = error.filter(|error| !error.field.is_some_and(|field| fields.contains(&field)));
    html! {
        @if let Some(error) = whole {
            div.notice.danger role="alert" {
                (Shown(&error.detail))
                @if let Some(hint) = &error.hint { br; span.dim { (Shown(hint)) } }
            }
        }
    }
}

/// What is wrong with one field.
pub(super) fn wrong<'a>(error: Option<&'a Error>, field: &str) -> Option<&'a Error> {
    error.filter(|error| error.field == Some(field))
}

/// The ids that describe a field, for `aria-describedby`.
pub(super) fn described(field: &str, error: Option<&Error>) -> String {
    match wrong(error, field) {
        Some(_) => format!("{field}-error {field}-hint"),
        None => format!("{field}-hint"),
    }
}

/// What is wrong with a field, and what it takes; below the field.
pub(super) fn beside(field: &str, hint: &str, error: Option<&Error>) -> Markup {
    html! {
        @if let Some(error) = wrong(error, field) {
            p.field-error id={ (field) "-error" } role="alert" {
                (Shown(&error.detail)) @if let Some(hint) = &error.hint { " " span { "(" (Shown(hint)) ")" } }
            }
        }
        p.hint id={ (field) "-hint" } { (hint) }
    }
}

/// A line of text with its label.
pub(super) fn line(
    field: &str,
    label: &str,
    hint: &str,
    value: &str,
    error: Option<&Error>,
    required: bool,
) -> Markup {
    html! {
        label for=(field) { (label) }
        input id=(field) name=(field) value=(value) autocomplete="off" autocapitalize="none" spellcheck="false"
            required[required] aria-describedby=(described(field, error))
            aria-invalid=[wrong(error, field).map(|_| "true")];
        (beside(field, hint, error))
    }
}

/// Records of changes to one thing, with every fact.
pub(super) fn history(records: &[AuditRecord], now: DateTime<Utc>) -> Markup {
    let row = |record: &AuditRecord| {
        let body = &record.body;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let actor = text("actor");
        [
            link(&text("id"), capital(&text("kind").replace('_', " "))),
            html! { (Name(actor.strip_prefix("person:").unwrap_or(&actor))) },
            html! { @for (name, value) in body["facts"].as_object().into_iter().flatten() {
                span.fact { span.dim { (name.replace('_', " ")) ": " } (Name(&said(value))) } " "
            } },
            html! { @if let Ok(at) = text("at").parse() { (text::when(at, now)) } },
        ]
    };
    html! {
        @if records.is_empty() { p.dim { "Nothing lately." } }
        @else { (table("Changes", ["What", "By", "Facts", "When"], records.iter().map(row))) }
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(said).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// How many of something: `1 session`, `2 sessions`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_the_form_does_not_have_is_refused() {
        let fields = || {
            Fields(vec![
                ("name".into(), "a".into()),
                ("environments".into(), "b".into()),
                ("environments".into(), "c".into()),
            ])
        };
        let known = fields().only(&["name", "environments"]).unwrap();
        assert_eq!(
            (known.get("name"), known.all("environments")),
            ("a", vec!["b".to_owned(), "c".to_owned()])
        );
        assert!(fields().only(&["name"]).is_err());
    }

    #[test]
    fn what_is_wrong_stands_beside_its_field_or_above_the_form() {
        let error = Error::new(Code::InvalidInput, "<b>").about("name");
        let page = line("name", "Name", "a hint", "typed", Some(&error), true).into_string();
        assert!(
            page.contains("name-error") && page.contains("&lt;b&gt;") && page.contains("value=\"typed\""),
            "{page}"
        );
        assert_eq!(complaint(Some(&error), &["name"]).into_string(), "");
        assert!(complaint(Some(&error), &["other"]).into_string().contains("&lt;b&gt;"));
    }
}
