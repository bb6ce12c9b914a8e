//! What is read out of a record after it was written: the facts by which it is found, and what is counted of it.
//!
//! Values in, values out. A record that says something in a way that this does not know is found by less, never lost.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ring::digest::{Context, SHA256};
use serde_json::Value;

/// A fact by which records are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::app) enum Field {
    /// The record itself, or the one whose outcome it is.
    Record,
    Session,
    Approval,
    Resource,
    Operation,
    Code,
    Person,
    Agent,
    Credential,
    Environment,
    Provider,
    Class,
    Kind,
    // Keys are made of places in this list: what is new stands at its end.
    Policy,
    Channel,
}

/// What is counted by.
pub(in crate::app) mod dimension {
    pub(in crate::app) const CLASS: &str = "class";
    pub(in crate::app) const DECISION: &str = "decision";
    pub(in crate::app) const CODE: &str = "code";
    pub(in crate::app) const AGENT: &str = "agent";
    pub(in crate::app) const PROVIDER: &str = "provider";
    pub(in crate::app) const ENVIRONMENT: &str = "environment";
    pub(in crate::app) const OPERATION: &str = "operation";
    pub(in crate::app) const RESOURCE: &str = "resource";
    pub(in crate::app) const LATENCY: &str = "latency";
}

/// Facts of one record that are kept: a request that names more things is found by these.
const MOST: usize = 64;
/// Bytes of a value.
const LONGEST: usize = 256;

/// One record, read.
#[derive(Debug, Default)]
pub(in crate::app) struct Reading {
    pub(in crate::app) at: Option<DateTime<Utc>>,
    pub(in crate::app) found_by: BTreeSet<(Field, String)>,
    pub(in crate::app) counted: BTreeSet<(&'static str, String)>,
}

impl Reading {
    pub(in crate::app) fn of(body: &Value) -> Self {
        let mut reading =
            Reading { at: text(body, "at").and_then(|at| at.parse().ok()), ..Reading::default() };
        let kind = text(body, "kind").unwrap_or_default();
        let facts = body.get("facts").unwrap_or(&Value::Null);
        reading.find(Field::Record, text(body, "id"));
        reading.find(Field::Record, text(facts, "intent"));
        reading.find(Field::Kind, Some(kind));
        reading.find(Field::Session, text(body, "session"));
        let actor = text(body, "actor").unwrap_or_default();
        reading.find(Field::Person, actor.strip_prefix("person:"));
        // Whom it was done to is found as well as who did it.
        reading.find(Field::Person, text(facts, "person"));
        reading.find(Field::Agent, text(facts, "agent").or_else(|| actor.strip_prefix("agent:")));
        for (field, name) in [
            (Field::Approval, "approval"),
            (Field::Class, "class"),
            (Field::Code, "code"),
            (Field::Credential, "credential"),
            (Field::Environment, "environment"),
            (Field::Provider, "provider"),
            (Field::Policy, "policy"),
            (Field::Channel, "channel"),
        ] {
            reading.find(field, text(facts, name));
        }
        let operations = texts(facts, "operations");
        for operation in &operations {
            reading.find(Field::Operation, Some(operation));
            reading.find(Field::Provider, operation.split_once(':').map(|(provider, _)| provider));
        }
        let selector = text(facts, "selector").and_then(|selector| selector.split_once('/'));
        reading.find(Field::Resource, selector.map(|(_, id)| id));
        for resource in facts.get("resources").and_then(Value::as_array).into_iter().flatten() {
            reading.find(Field::Resource, text(resource, "id"));
            for environment in texts(resource, "environments") {
                reading.find(Field::Environment, Some(environment));
            }
        }
        match kind {
            "request_decided" | "request_refused" => reading.count_request(kind, facts, &operations),
            "request_closed" => {
                let bucket = facts.get("ms").and_then(Value::as_u64).map(bucket);
                reading.count(dimension::LATENCY, bucket.map(|bucket| bucket.to_string()).as_deref());
            }
            _ => {}
        }
        reading
    }

    fn count_request(&mut self, kind: &str, facts: &Value, operations: &[&str]) {
        let code = text(facts, "code");
        let decision = match (kind, code) {
            ("request_decided", _) if text(facts, "approval").is_some() => "approved",
            ("request_decided", _) => "allowed",
            (_, Some("approval_required")) => "asked",
            _ => "denied",
        };
        self.count(dimension::DECISION, Some(decision));
        self.count(dimension::CODE, code.filter(|_| kind == "request_refused"));
        for (name, fact) in [
            (dimension::CLASS, "class"),
            (dimension::AGENT, "agent"),
            (dimension::ENVIRONMENT, "environment"),
        ] {
            self.count(name, text(facts, fact));
        }
        for operation in operations {
            self.count(dimension::OPERATION, Some(operation));
            self.count(dimension::PROVIDER, operation.split_once(':').map(|(provider, _)| provider));
        }
        for resource in facts.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let provider = text(resource, "operation").and_then(|name| name.split_once(':'));
            if let (Some((provider, _)), Some(kind), Some(id)) =
                (provider, text(resource, "kind"), text(resource, "id").filter(|id| !id.is_empty()))
            {
                self.count(dimension::RESOURCE, Some(&format!("{provider}:{kind}/{id}")));
            }
        }
    }

    fn find(&mut self, field: Field, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty() && self.found_by.len() < MOST) {
            self.found_by.insert((field, kept(value)));
        }
    }

    fn count(&mut self, dimension: &'static str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty() && self.counted.len() < MOST) {
            self.counted.insert((dimension, kept(value)));
        }
    }
}

/// The key under which the index knows a fact. Not a proof: whoever finds by it reads the record again.
///
/// Record ids begin with their time (RFC 9562 s5.7), and so do their keys: an index grows cheaply at its end only.
pub(in crate::app) fn key(field: Field, value: &str) -> i64 {
    let time = value.strip_prefix("rec_").and_then(|digits| digits.get(..16));
    if let (Field::Record, Some(Ok(start))) = (field, time.map(|digits| u64::from_str_radix(digits, 16))) {
        return (start >> 1).cast_signed();
    }
    let mut context = Context::new(&SHA256);
    context.update(&[field as u8]);
    context.update(value.as_bytes());
    let start = context.finish().as_ref().first_chunk::<8>().copied().unwrap_or_default();
    i64::from_be_bytes(start)
}

/// A value as it is indexed and counted.
pub(in crate::app) fn kept(value: &str) -> String {
    value.get(..value.floor_char_boundary(LONGEST)).unwrap_or_default().to_owned()
}

/// Which bar of the histogram a time falls into: four to each doubling, so that its middle is at most a tenth away.
fn bucket(ms: u64) -> u32 {
    #[expect(clippy::cast_precision_loss, reason = "a histogram forgets more than a float does")]
    let place = (ms.clamp(1, 3_600_000) as f64).log2() * 4.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 88")]
    {
        place.round() as u32
    }
}

/// Milliseconds in the middle of a bar.
pub(in crate::app) fn middle(bucket: u32) -> f64 {
    (f64::from(bucket) / 4.0).exp2()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    value.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decided_request_is_found_and_counted_by_what_it_says() {
        let reading = Reading::of(&json!({
            "id": "rec_0193", "at": "2026-11-22T12:00:00Z", "kind": "request_refused", "actor": "person:ada", "session": "ses_1",
            "facts": {
                "operations": ["railway:volumeDelete"], "class": "destroy", "code": "denied", "agent": "coder",
                "environment": "staging", "credential": "railway",
                "resources": [{ "operation": "railway:volumeDelete", "kind": "volume", "id": "v1", "environments": ["production"] }],
            },
        }));
        for (field, value) in [
            (Field::Record, "rec_0193"),
            (Field::Kind, "request_refused"),
            (Field::Session, "ses_1"),
            (Field::Person, "ada"),
            (Field::Agent, "coder"),
            (Field::Environment, "staging"),
            (Field::Environment, "production"),
            (Field::Provider, "railway"),
            (Field::Operation, "railway:volumeDelete"),
            (Field::Code, "denied"),
            (Field::Resource, "v1"),
        ] {
            assert!(reading.found_by.contains(&(field, value.to_owned())), "{field:?} {value}");
        }
        for (dimension, value) in [
            (dimension::DECISION, "denied"),
            (dimension::CLASS, "destroy"),
            (dimension::CODE, "denied"),
            (dimension::RESOURCE, "railway:volume/v1"),
        ] {
            assert!(reading.counted.contains(&(dimension, value.to_owned())), "{dimension} {value}");
        }
    }

    #[test]
    fn what_was_done_to_somebody_is_found_by_both() {
        let body = json!({ "kind": "person_removed", "actor": "person:ada", "facts": { "person": "kim", "policy": "own", "channel": "ops" } });
        let found = Reading::of(&body).found_by;
        for (field, value) in
            [(Field::Person, "ada"), (Field::Person, "kim"), (Field::Policy, "own"), (Field::Channel, "ops")]
        {
            assert!(found.contains(&(field, value.to_owned())), "{field:?} {value}");
        }
    }

    #[test]
    fn what_is_not_understood_is_found_by_less_and_breaks_nothing() {
        for body in [json!(null), json!([]), json!({ "facts": { "operations": 7, "resources": "x" } })] {
            assert!(Reading::of(&body).found_by.is_empty());
        }
        let long = "é".repeat(400);
        let reading = Reading::of(&json!({ "kind": "lookup", "facts": { "credential": long } }));
        assert!(reading.found_by.iter().all(|(_, value)| value.len() <= LONGEST));
        let many: Vec<String> = (0..500).map(|number| format!("x:{number}")).collect();
        let reading = Reading::of(&json!({ "kind": "request_decided", "facts": { "operations": many } }));
        assert_eq!((reading.found_by.len(), reading.counted.len()), (MOST, MOST));
    }

    #[test]
    fn keys_of_records_grow_with_their_time_and_other_keys_tell_fields_apart() {
        let early = key(Field::Record, "rec_019300000000700080000000000000ff");
        let late = key(Field::Record, "rec_01930000000170008000000000000000");
        assert!(0 < early && early < late);
        assert_ne!(key(Field::Agent, "ci"), key(Field::Credential, "ci"));
    }

    #[test]
    fn a_bar_of_the_histogram_is_near_what_fell_into_it() {
        for ms in [1, 7, 40, 333, 5_000, 60_000] {
            let found = middle(bucket(ms));
            assert!((found / ms as f64 - 1.0).abs() < 0.1, "{ms}: {found}");
        }
        assert_eq!(bucket(0), 0);
    }
}
