//! The audit, searched: by any fact that is indexed, by time, a page at a time in both directions.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;
use stint_api::{AuditEntry, AuditPage, AuditQuery, AuditRecord, Code};

use super::reading::{Field, Reading, kept, key};
use super::{App, Error, Result};
use crate::model::{EventKind, digest_hex};
use crate::store::{Found, Search, StoredRecord};

/// Records of a page, where nothing is said.
const PAGE: i64 = 50;
const MOST: i64 = 500;

impl App {
    /// Records that fit everything in `query`, newest first.
    pub async fn search(&self, query: &AuditQuery) -> Result<AuditPage> {
        let facts = facts(query)?;
        let (from, to) = (time("from", query.from.as_deref())?, time("to", query.to.as_deref())?);
        if query.before.is_some() && query.after.is_some() {
            return Err(Error::new(
                Code::InvalidInput,
                "before and after: a page lies on one side of one of them",
            )
            .hint("give before for older records, or after for newer ones"));
        }
        let behind = match facts.is_empty() {
            true => 0,
            false => {
                let progress = self.rolled_up().await?;
                progress.head - progress.through
            }
        };
        let on = query.after.is_some();
        let Found { records, next } = self
            .0
            .store
            .find(Search {
                facts: facts.iter().map(|(field, value)| key(*field, value)).collect(),
                over: query.after.unwrap_or(0),
                under: query.before.unwrap_or(i64::MAX),
                from,
                to,
                on,
                limit: query.limit.unwrap_or(PAGE).clamp(1, MOST),
            })
            .await?;
        let mut page = Vec::with_capacity(records.len());
        for row in records {
            let record = shown(row)?;
            // The index says where to look, and the record itself whether it fits.
            if fits(&record.body, &facts) {
                page.push(record);
            }
        }
        if on {
            page.reverse();
        }
        let (oldest, newest) = (page.last().map(|record| record.seq), page.first().map(|record| record.seq));
        let (older, newer) = match on {
            // Where there are newer ones, there are older ones: those after which they come.
            true => (oldest.or(query.after.map(|after| after.saturating_add(1))), next),
            false => (next, newest.filter(|_| query.before.is_some())),
        };
        Ok(AuditPage { records: page, next: older, previous: newer, behind })
    }

    /// One record by its id, with the request or the outcome that belongs to it.
    pub async fn audit_entry(&self, id: &str) -> Result<AuditEntry> {
        let nothing = || Error::not_found("record", id.chars().take(80).collect::<String>());
        let mut all = self.related(id).await?;
        let at = all.iter().position(|record| own(record) == Some(id)).ok_or_else(nothing)?;
        let record = all.swap_remove(at);
        let outcome = all.into_iter().find(|other| intent_of(other) == Some(id));
        let intent = match intent_of(&record) {
            Some(intent) => self.related(intent).await?.into_iter().find(|other| own(other) == Some(intent)),
            None => None,
        };
        Ok(AuditEntry { record, intent, outcome })
    }

    async fn related(&self, id: &str) -> Result<Vec<AuditRecord>> {
        let query = AuditQuery { record: Some(id.to_owned()), ..AuditQuery::default() };
        Ok(self.search(&query).await?.records)
    }
}

/// A record's own id.
fn own(record: &AuditRecord) -> Option<&str> {
    record.body.get("id")?.as_str()
}

/// The record whose outcome this one is.
fn intent_of(record: &AuditRecord) -> Option<&str> {
    record.body.pointer("/facts/intent")?.as_str()
}

pub(in crate::app) fn shown(row: StoredRecord) -> Result<AuditRecord> {
    let body: Value = serde_json::from_slice(&row.body).map_err(Error::internal)?;
    Ok(AuditRecord { seq: row.seq, hash: digest_hex(row.hash), body })
}

fn facts(query: &AuditQuery) -> Result<Vec<(Field, String)>> {
    let mut facts = Vec::new();
    for (field, value) in [
        (Field::Kind, &query.kind),
        (Field::Session, &query.session),
        (Field::Agent, &query.agent),
        (Field::Person, &query.person),
        (Field::Environment, &query.environment),
        (Field::Provider, &query.provider),
        (Field::Operation, &query.operation),
        (Field::Class, &query.class),
        (Field::Code, &query.code),
        (Field::Credential, &query.credential),
        (Field::Resource, &query.resource),
        (Field::Approval, &query.approval),
        (Field::Policy, &query.policy),
        (Field::Channel, &query.channel),
        (Field::Record, &query.record),
    ] {
        let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) else { continue };
        if field == Field::Kind && serde_json::from_value::<EventKind>(Value::from(value)).is_err() {
            let kind: String = value.chars().take(80).collect();
            return Err(Error::new(
                Code::InvalidInput,
                format!("kind: there are no records of kind '{kind}'"),
            )
            .hint("kinds are written as in the records: request_refused, approval_denied, session_started"));
        }
        let value = match field {
            Field::Resource => bare(value),
            Field::Person => value.strip_prefix("person:").unwrap_or(value),
            _ => value,
        };
        facts.push((field, kept(value)));
    }
    Ok(facts)
}

/// The provider's own id out of `provider:kind/id`.
fn bare(resource: &str) -> &str {
    match resource.split_once('/') {
        Some((before, id)) if before.contains(':') => id,
        _ => resource,
    }
}

fn fits(body: &Value, facts: &[(Field, String)]) -> bool {
    facts.is_empty() || {
        let reading = Reading::of(body);
        facts.iter().all(|fact| reading.found_by.contains(fact))
    }
}

fn time(name: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let whole = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let minute = || {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
            .map(|time| time.and_utc())
    };
    let day = || {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    };
    let found = whole.ok().or_else(|| minute().ok()).or_else(day);
    found.map(Some).ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        Error::new(Code::InvalidInput, format!("{name}: '{text}' is not a time"))
            .hint("write it in UTC: 2026-11-22, 2026-11-22T12:00 or 2026-11-22T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_and_programs_write_them() {
        let at = |text| time("from", Some(text)).unwrap().unwrap().to_rfc3339();
        assert_eq!(at("2026-11-22"), "2026-11-22T00:00:00+00:00");
        assert_eq!(at("2026-11-22T12:30"), "2026-11-22T12:30:00+00:00");
        assert_eq!(at("2026-11-22T12:30:00+01:00"), "2026-11-22T11:30:00+00:00");
        assert_eq!(time("from", Some(" ")).unwrap(), None);
        let error = time("to", Some("yesterday")).unwrap_err();
        assert!(error.detail.starts_with("to: ") && error.hint.is_some());
    }

    #[test]
    fn a_resource_is_known_by_its_selector_too() {
        assert_eq!(bare("github:repository/atlas/api"), "atlas/api");
        assert_eq!(bare("atlas/api"), "atlas/api");
        assert_eq!(bare("6d0f7c1e"), "6d0f7c1e");
    }

    #[test]
    fn a_kind_that_does_not_exist_is_said_to_be_none() {
        let query = AuditQuery { kind: Some("request_denied".to_owned()), ..AuditQuery::default() };
        assert!(facts(&query).unwrap_err().detail.contains("request_denied"));
    }
}
