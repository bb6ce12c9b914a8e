//! The audit: searched, the state of its chain, one record as it was understood, and the way out with it.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{AuditPage, AuditQuery, Chain, Code, Verification};

use super::answer::{Failure, Form, Reply, page as answer, see};
use super::layout::{self, Place};
use super::parts::may_administer;
use super::text::{self, Shown};
use super::visitor::Visitor;
use super::{record, records::Stream};
use crate::app::{App, Error};

/// Records that "verify the newest" looks at.
const NEWEST: i64 = 1000;

pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Reply {
    let wrong = |error: QueryRejection| Error::new(Code::InvalidInput, error.body_text());
    let Query(query) = query.map_err(|error| Failure(wrong(error)))?;
    searched(&app, &visitor, &query, None).await
}

/// The page; a search that cannot be made is shown again with what is wrong beside its field.
async fn searched(app: &App, visitor: &Visitor, query: &AuditQuery, above: Option<&Error>) -> Reply {
    let (page, wrong) = match app.search(query).await {
        Ok(page) => (Some(page), None),
        Err(error) if error.code == Code::InvalidInput => (None, Some(error)),
        Err(other) => return Err(other.into()),
    };
    let chain = app.chain().await?;
    let at = app.clock().now();
    let code = wrong.as_ref().or(above).map(|error| error.code.status());
    let status = code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    let body = html! {
        h1 { "Audit" }
        @if let Some(error) = above { (complaint(error, "above")) }
        (fields(query, wrong.as_ref()))
        @if let Some(page) = &page { (results(query, page, may_administer(visitor), at)) }
        (state(&chain, at))
        (text::command(&line(query)))
    };
    Ok(answer(status, layout::page(visitor, Place::Audit, "Audit", body)))
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Reply {
    let entry = app.audit_entry(&id).await?;
    let body = record::shown(&entry, app.clock().now());
    Ok(answer(StatusCode::OK, layout::page(&visitor, Place::Audit, "Record", body)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extent {
    extent: String,
}

pub(super) async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    Form(Extent { extent }): Form<Extent>,
) -> Reply {
    let begun = match extent.as_str() {
        "newest" => app.verify_last(NEWEST).await,
        _ => app.verify_all().await,
    };
    match begun {
        Ok(_) => Ok(see("/console/audit#chain")),
        Err(error) => searched(&app, &visitor, &AuditQuery::default(), Some(&error)).await,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) async fn export(
    State(app): State<App>,
    visitor: Visitor,
    Form(Nothing {}): Form<Nothing>,
) -> Reply {
    let exporter = app.export_audit(&visitor.caller).await?;
    let mut response = Response::new(Body::from_stream(exporter.pieces()));
    for (name, value) in [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"stint-audit.jsonl\""),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Says that newest records are not searched or counted yet.
pub(super) fn behind(records: i64) -> Markup {
    html! {
        @if records > 0 {
            div.notice.warn role="status" { "The newest " (records) " records are still being read and are not in this yet. Load the page again in a moment." }
        }
    }
}

/// Name, label and hint of every field.
const FIELDS: [(&str, &str, &str); 17] = [
    ("kind", "Kind", "request_refused"),
    ("agent", "Agent", ""),
    ("environment", "Environment", ""),
    ("operation", "Operation", "railway:volumeDelete"),
    ("resource", "Resource id", ""),
    ("code", "Reason of refusal", "denied"),
    ("from", "From, UTC", "2026-11-22T12:00"),
    ("to", "Before, UTC", "2026-11-23"),
    ("person", "Person", ""),
    ("session", "Session", "ses_…"),
    ("provider", "Provider", "railway"),
    ("class", "Class", "destroy"),
    ("credential", "Credential", ""),
    ("approval", "Approval", "apr_…"),
    ("policy", "Policy file", ""),
    ("channel", "Channel", ""),
    ("record", "Record", "rec_…"),
];

/// So many of them are always there; the others are a click away, unless they are in use.
const FIRST: usize = 8;

/// Kinds that are looked for most; any other may be typed.
const KINDS: [&str; 14] = [
    "request_decided",
    "request_refused",
    "request_closed",
    "session_started",
    "session_ended",
    "approval_requested",
    "approval_approved",
    "approval_denied",
    "credential_added",
    "credential_revoked",
    "credential_captured",
    "credential_kept",
    "signed_in",
    "sign_in_refused",
];

fn value<'q>(query: &'q AuditQuery, name: &str) -> &'q str {
    let value = match name {
        "kind" => &query.kind,
        "agent" => &query.agent,
        "person" => &query.person,
        "session" => &query.session,
        "environment" => &query.environment,
        "provider" => &query.provider,
        "operation" => &query.operation,
        "class" => &query.class,
        "code" => &query.code,
        "credential" => &query.credential,
        "resource" => &query.resource,
        "approval" => &query.approval,
        "policy" => &query.policy,
        "channel" => &query.channel,
        "record" => &query.record,
        "from" => &query.from,
        "to" => &query.to,
        _ => &None,
    };
    value.as_deref().unwrap_or_default()
}

/// The fields that are filled in, with what is in them.
fn given(query: &AuditQuery) -> impl Iterator<Item = (&'static str, &str)> {
    let all = FIELDS.into_iter().map(|(name, _, _)| (name, value(query, name).trim()));
    all.filter(|(_, value)| !value.is_empty())
}

fn fields(query: &AuditQuery, wrong: Option<&Error>) -> Markup {
    let complains = |name: &str| wrong.filter(|error| error.detail.starts_with(&format!("{name}: ")));
    let elsewhere = wrong.filter(|_| FIELDS.iter().all(|(name, _, _)| complains(name).is_none()));
    html! {
        form.search method="get" action="/console/audit" {
            @if let Some(error) = elsewhere { (complaint(error, "search-error")) }
            @let (first, more) = FIELDS.split_at_checked(FIRST).unwrap_or((&FIELDS, &[]));
            div.fields { @for (name, label, hint) in first { (field(name, label, hint, value(query, name), complains(name))) } }
            details #more-fields open[more.iter().any(|(name, _, _)| !value(query, name).is_empty())] {
                summary { "More fields" }
                div.fields { @for (name, label, hint) in more { (field(name, label, hint, value(query, name), complains(name))) } }
            }
            datalist #kinds { @for kind in KINDS { option value=(kind) {} } }
            div.actions {
                button type="submit" { "Search" }
                @if given(query).next().is_some() { a.button.quiet href="/console/audit" { "Show all" } }
            }
        }
    }
}

fn field(name: &str, label: &str, hint: &str, value: &str, error: Option<&Error>) -> Markup {
    let error_id = format!("{name}-error");
    html! {
        div {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) placeholder=[Some(hint).filter(|hint| !hint.is_empty())]
                autocomplete="off" autocapitalize="none" spellcheck="false" list=[(name == "kind").then_some("kinds")]
                data-search[name == "kind"] aria-invalid=[error.map(|_| "true")] aria-describedby=[error.map(|_| &error_id)];
            @if let Some(error) = error {
                p.field-error id=(error_id) role="alert" { (Shown(&error.detail)) @if let Some(hint) = &error.hint { " – " (hint) } }
            }
        }
    }
}

fn complaint(error: &Error, id: &str) -> Markup {
    html! {
        div.notice.danger id=(id) role="alert" { (Shown(&error.detail)) @if let Some(hint) = &error.hint { br; span.dim { (hint) } } }
    }
}

fn results(query: &AuditQuery, page: &AuditPage, rules: bool, at: DateTime<Utc>) -> Markup {
    let filtered = given(query).next().is_some();
    html! {
        h2 #records { "Records" @if filtered { " that fit" } }
        (behind(page.behind))
        @if page.records.is_empty() {
            @match (page.next, filtered) {
                (Some(_), _) => p { "None among those that were looked at so far. There are older ones to look at." }
                (None, true) => (text::empty("No record fits", html! { p { "Every field that is filled in has to fit. Empty some, or " a href="/console/audit" { "show all" } "." } }))
                (None, false) => (text::empty("No records here", html! { p { a href="/console/audit" { "Show the newest" } } }))
            }
        } @else { (Stream::new(&page.records, at).with_rules(rules).numbered()) }
        @if page.previous.is_some() || page.next.is_some() {
            nav.pages aria-label="Pages of records" {
                @if let Some(after) = page.previous { a.button.quiet rel="prev" href=(beside(query, "after", after)) { "Newer" } a.button.quiet href=(whole(query)) { "Newest" } }
                @if let Some(before) = page.next { a.button.quiet rel="next" href=(beside(query, "before", before)) { "Older" } }
            }
        }
    }
}

fn state(chain: &Chain, at: DateTime<Utc>) -> Markup {
    let runs = chain.verification.as_ref().is_some_and(|verification| verification.finished_at.is_none());
    html! {
        h2 #chain { "The chain" }
        dl.facts {
            dt { "Records" } dd { (chain.seq) }
            dt { "Hash of the last" } dd { code { (chain.hash) } }
            dt { "Last signature" }
            dd {
                @match &chain.checkpoint {
                    Some(checkpoint) => { "through record " (checkpoint.seq) ", " (text::when(checkpoint.at, at)) ", with key " code { (Shown(&checkpoint.key)) } }
                    None => "none yet: the head is signed every ten seconds"
                }
            }
            dt { "Verification" }
            dd { @match &chain.verification {
                Some(verification) => (verified(verification, at)),
                None => "none since the broker started"
            } }
        }
        div.actions {
            @if !runs {
                form.inline method="post" action="/console/audit/verify" {
                    input type="hidden" name="extent" value="newest";
                    button.quiet type="submit" { "Verify the newest " (NEWEST) }
                }
                form.inline method="post" action="/console/audit/verify" {
                    input type="hidden" name="extent" value="all";
                    button.quiet type="submit" { "Verify all, in the background" }
                }
            }
            form.inline method="post" action="/console/audit/export" {
                button.quiet type="submit" { "Export all, signed" }
            }
        }
        p.hint { "An export can be verified anywhere with the public key: " code { "stint-broker audit verify --export FILE --key audit.pub" } ". That it was taken is recorded." }
    }
}

fn verified(verification: &Verification, at: DateTime<Utc>) -> Markup {
    let (first, last) = (verification.first, verification.last);
    html! {
        @match verification.finished_at {
            None => {
                "runs since " (text::when(verification.started_at, at)) ": " (verification.records) " of " (last) " records "
                progress max=(last) value=(verification.records) aria-label="Records verified" {}
            }
            Some(finished) if verification.sound => {
                span.badge.state-live { "sound" } " records " (first) " to " (last) ", " (verification.checkpoints) " signatures, " (text::when(finished, at))
            }
            Some(finished) => {
                span.badge.state-denied { "not sound" } " records " (first) " to " (last) ", " (text::when(finished, at))
                ul { @for fault in &verification.faults { li { (Shown(fault)) } } }
                p { "Keep the database and the newest export as they are, and find out who could write to the database." }
            }
        }
    }
}

/// The address of the search itself.
pub(super) fn whole(query: &AuditQuery) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(given(query));
    format!("/console/audit?{}", text.finish())
}

/// The page beside this one.
fn beside(query: &AuditQuery, side: &str, seq: i64) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(given(query)).append_pair(side, &seq.to_string());
    format!("/console/audit?{}", text.finish())
}

/// The command line that finds the same.
fn line(query: &AuditQuery) -> String {
    let mut line = "stint audit list".to_owned();
    for (name, value) in given(query) {
        let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/@+".contains(c));
        let value = if plain { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) };
        line.push_str(&format!(" --{name} {value}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_told_as_a_command_line_that_a_shell_takes_as_meant() {
        let query = AuditQuery {
            agent: Some("coder".to_owned()),
            resource: Some("a'b; rm -rf $HOME".to_owned()),
            ..AuditQuery::default()
        };
        assert_eq!(line(&query), r"stint audit list --agent coder --resource 'a'\''b; rm -rf $HOME'");
        assert_eq!(
            beside(&query, "before", 7),
            "/console/audit?agent=coder&resource=a%27b%3B+rm+-rf+%24HOME&before=7"
        );
    }
}
