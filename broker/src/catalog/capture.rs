//! New secrets in answers: which operations make them, where they stand, and the answer without them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Pack;
use crate::model::Operation;
use crate::secret::Secret;

/// `[[capture]]` of a pack: answers of these operations carry secrets that did not exist before.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capture {
    /// Without the pack's name.
    pub operations: Vec<String>,
    /// Members that are secrets, wherever in the answer they stand; every text below them counts. Empty for GraphQL, whose
    /// answers have the names that the request gave: there every text of `data` is taken.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Member that says when they end: RFC 3339, or seconds since the epoch.
    #[serde(default)]
    pub expires: Option<String>,
    /// Kind of credential that it is, where it is one of the pack's.
    #[serde(default)]
    pub kind: Option<String>,
}

/// What to take out of one answer.
#[derive(Debug, Clone)]
pub struct Capturing {
    /// `github:actions/create-registration-token-for-repo`.
    pub operation: String,
    pub kind: Option<String>,
    fields: Vec<String>,
    expires: Option<String>,
}

/// A secret that was in an answer.
#[derive(Debug)]
pub struct Captive {
    /// Member that it stood in.
    pub field: String,
    pub secret: Secret,
    pub expires_at: Option<DateTime<Utc>>,
}

/// An answer holds more new secrets than any that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it holds more new secrets than an answer does")]
pub struct TooMany;

/// Secrets of one answer; more is none of the answers that are known.
const MOST: usize = 32;
/// Shorter texts are no secrets, and taking them out elsewhere would spoil innocent ones.
const SHORTEST: usize = 6;

impl Pack {
    /// What the answer to these operations has to be freed of.
    pub fn capturing(&self, operations: &[Operation]) -> Vec<Capturing> {
        let prefix = format!("{}:", self.name());
        let of = |operation: &Operation| {
            let name = operation.operation.strip_prefix(&prefix)?;
            let capture =
                self.manifest.capture.iter().find(|one| one.operations.iter().any(|own| own == name))?;
            Some(Capturing {
                operation: operation.operation.clone(),
                kind: capture.kind.clone(),
                fields: capture.fields.clone(),
                expires: capture.expires.clone(),
            })
        };
        operations.iter().filter_map(of).collect()
    }
}

impl Capturing {
    /// Take the secrets out; `placeholder` says what stands in the place of each. An error of it, or [`TooMany`], leaves the
    /// answer half done: it is not to be used.
    pub fn take<E: From<TooMany>>(
        &self,
        answer: &mut Value,
        placeholder: &mut dyn FnMut(&Captive) -> Result<String, E>,
    ) -> Result<Vec<Captive>, E> {
        let expires_at = self.expires.as_deref().and_then(|name| moment(answer, name));
        let mut found: Vec<(Zeroizing<String>, String, Captive)> = Vec::new();
        let root = match (self.fields.is_empty(), &mut *answer) {
            (true, Value::Object(members)) => members.get_mut("data"),
            (_, other) => Some(other),
        };
        let Some(root) = root else { return Ok(Vec::new()) };
        self.walk(root, "", self.fields.is_empty(), &mut |field, text| -> Result<(), E> {
            if text.len() < SHORTEST {
                return Ok(());
            }
            if let Some((_, stands, _)) = found.iter().find(|(secret, ..)| **secret == *text) {
                text.clone_from(stands);
                return Ok(());
            }
            if found.len() == MOST {
                return Err(TooMany.into());
            }
            let secret = Zeroizing::new(std::mem::take(text));
            let sealed = Secret::new(secret.as_bytes().to_vec());
            let captive = Captive { field: field.to_owned(), secret: sealed, expires_at };
            let stands = placeholder(&captive)?;
            text.clone_from(&stands);
            found.push((secret, stands, captive));
            Ok(())
        })?;
        // What was taken out of its member may stand in another one, in an address for instance.
        everywhere(answer, &|text: &mut String| {
            for (secret, stands, _) in &found {
                if text.contains(secret.as_str()) {
                    *text = text.replace(secret.as_str(), stands);
                }
            }
        });
        Ok(found.into_iter().map(|(_, _, captive)| captive).collect())
    }

    fn walk<E>(
        &self,
        value: &mut Value,
        field: &str,
        inside: bool,
        take: &mut dyn FnMut(&str, &mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        match value {
            Value::String(text) if inside => take(field, text),
            Value::Array(all) => all.iter_mut().try_for_each(|one| self.walk(one, field, inside, take)),
            Value::Object(members) => members.iter_mut().try_for_each(|(name, value)| {
                let own = self.fields.iter().any(|own| own == name);
                self.walk(value, name, inside || own, take)
            }),
            _ => Ok(()),
        }
    }
}

fn everywhere(value: &mut Value, act: &dyn Fn(&mut String)) {
    match value {
        Value::String(text) => act(text),
        Value::Array(all) => all.iter_mut().for_each(|one| everywhere(one, act)),
        Value::Object(members) => members.values_mut().for_each(|one| everywhere(one, act)),
        _ => {}
    }
}

/// The first member of that name that is a moment.
fn moment(value: &Value, name: &str) -> Option<DateTime<Utc>> {
    match value {
        Value::Array(all) => all.iter().find_map(|one| moment(one, name)),
        Value::Object(members) => {
            let own = members.get(name).and_then(|found| match found {
                Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()),
                Value::Number(number) => DateTime::from_timestamp(number.as_i64()?, 0),
                _ => None,
            });
            own.or_else(|| members.values().find_map(|one| moment(one, name)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::{Capturing, MOST, TooMany};
    use crate::catalog::{BUILTIN, Tables};

    fn capturing(fields: &[&str]) -> Capturing {
        Capturing {
            operation: "a:b".to_owned(),
            kind: None,
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            expires: Some("expires_at".to_owned()),
        }
    }

    fn taken(fields: &[&str], mut answer: Value) -> (Value, Vec<(String, String)>) {
        let mut count = 0;
        let found = capturing(fields).take::<TooMany>(&mut answer, &mut |_| {
            count += 1;
            Ok(format!("<{count}>"))
        });
        let found = found.unwrap();
        let shown = |one: &super::Captive| {
            (one.field.clone(), String::from_utf8(one.secret.expose().to_vec()).unwrap())
        };
        (answer, found.iter().map(shown).collect())
    }

    #[test]
    fn members_are_taken_wherever_they_stand_and_their_values_wherever_they_are_repeated() {
        let answer = json!({ "id": "1234567", "result": [{ "token": "secret-1", "expires_at": "2026-12-01T00:00:00Z" }],
            "url": "https://x:secret-1@example.com", "key": { "pem": ["secret-2", "secret-1"] } });
        let (left, found) = taken(&["token", "key"], answer);
        assert_eq!(
            left,
            json!({ "id": "1234567", "result": [{ "token": "<1>", "expires_at": "2026-12-01T00:00:00Z" }],
                "url": "https://x:<1>@example.com", "key": { "pem": ["<2>", "<1>"] } })
        );
        let pair = |field: &str, secret: &str| (field.to_owned(), secret.to_owned());
        assert_eq!(found.len(), 2);
        assert!(
            found.contains(&pair("token", "secret-1")) || found.contains(&pair("pem", "secret-1")),
            "{found:?}"
        );
        assert!(found.contains(&pair("pem", "secret-2")), "{found:?}");
    }

    #[test]
    fn of_graphql_every_text_of_the_data_is_taken_whatever_it_is_called() {
        let answer = json!({ "data": { "alias": "secret-token", "__typename": "Mutation", "n": 1 }, "extensions": { "a": "plain text" } });
        let (left, found) = taken(&[], answer);
        // Members come in whichever order the parser keeps.
        let data = [&left["data"]["alias"], &left["data"]["__typename"]];
        assert!(data == ["<1>", "<2>"] || data == ["<2>", "<1>"], "{left}");
        assert_eq!((&left["data"]["n"], &left["extensions"]["a"]), (&json!(1), &json!("plain text")));
        assert_eq!(found.len(), 2);
        assert_eq!(taken(&[], json!({ "errors": [{ "message": "no such thing" }] })).1.len(), 0);
    }

    #[test]
    fn an_answer_with_too_many_is_given_up_before_more_placeholders_are_made() {
        let all: Vec<String> = (0..=MOST).map(|n| format!("secret-{n}")).collect();
        let mut made = 0;
        let taken = capturing(&["token"]).take::<TooMany>(&mut json!({ "token": all }), &mut |_| {
            made += 1;
            Ok(made.to_string())
        });
        assert_eq!((taken.unwrap_err(), made), (TooMany, MOST));
    }

    /// A name that is in no table would capture nothing, and nobody would see it.
    #[test]
    fn what_packs_capture_is_what_they_know_and_needs_a_person() {
        let mut count = 0;
        for pack in BUILTIN.packs() {
            let known: BTreeSet<String> = pack.operations().into_iter().map(|one| one.operation).collect();
            for capture in &pack.manifest.capture {
                for name in &capture.operations {
                    count += 1;
                    let full = format!("{}:{name}", pack.name());
                    assert!(known.contains(&full), "{full} is in no table");
                    let graphql = matches!(pack.tables, Tables::Graphql(_));
                    assert_eq!(capture.fields.is_empty(), graphql, "{full}: fields");
                    let kind = capture.kind.as_deref();
                    assert!(kind.is_none() || pack.manifest.kind(kind).is_some(), "{full}: {kind:?}");
                }
            }
        }
        assert!(count >= 30, "{count}");
    }
}
