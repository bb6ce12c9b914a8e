//! What a provider says of a credential itself: whether it is taken, whose it is, how long it lasts.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json::Path;
use super::read::said;
use super::rules::{Rules, Say};
use super::walk::has_errors;

/// `[[about]]`: a look-up without variables that every good credential of some kind is answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct About {
    pub query: String,
    /// What must be there for the credential to be taken.
    pub at: Path,
    /// Whose it is, beneath `at`.
    pub name: Option<Path>,
    /// What else people should know, beneath `at`.
    #[serde(default)]
    pub says: Vec<Say>,
    /// When it ends, beneath `at`: a time (RFC 3339) or a date. Null or missing where it does not.
    pub expires: Option<Path>,
    /// The same in a header of the answer.
    pub expires_header: Option<String>,
    /// A header that only the answers to a broad kind of key have, and what is narrower.
    pub broad_header: Option<String>,
    pub narrower: Option<String>,
}

/// One such question, ready to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    about: &'a About,
    rules: &'a Rules,
}

/// How it is asked.
#[derive(Debug)]
pub enum Question<'a> {
    Graphql(&'a str),
    Get { host: Option<&'a str>, target: String },
}

/// What was answered. Names are a provider's text.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub name: Option<String>,
    pub says: Vec<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub narrower: Option<String>,
}

impl Rules {
    pub fn probes(&self) -> impl Iterator<Item = Probe<'_>> {
        self.file.about.iter().map(|about| Probe { about, rules: self })
    }
}

impl<'a> Probe<'a> {
    /// Name of the look-up, for records.
    pub fn name(&self) -> &'a str {
        &self.about.query
    }

    pub fn question(&self) -> Option<Question<'a>> {
        let name = self.name();
        if let Some(get) = self.rules.file.lookup.get(name) {
            return Some(Question::Get { host: get.host.as_deref(), target: get.target(&Map::new(), None)? });
        }
        self.rules.query(name).map(Question::Graphql)
    }

    /// Reads an answer with status 200. `None`: the provider says there that it does not take the credential.
    pub fn read(&self, answer: &Value, headers: &HeaderMap) -> Option<Told> {
        let data = match self.rules.file.lookup.contains_key(self.name()) {
            true => answer,
            false => answer.get("data").filter(|_| !has_errors(answer))?,
        };
        let at = self.about.at.one(data).ok()?;
        if matches!(at, Value::Null | Value::Bool(false)) {
            return None;
        }
        let text = |path: &Option<Path>| {
            let value = path.as_ref()?.one(at).ok()?.as_str()?;
            (!value.is_empty()).then(|| value.chars().take(200).collect::<String>())
        };
        let header = |name: &Option<String>| headers.get(name.as_deref()?)?.to_str().ok();
        let expires = text(&self.about.expires);
        let expires = expires.as_deref().or_else(|| header(&self.about.expires_header));
        Some(Told {
            name: text(&self.about.name),
            says: self.about.says.iter().filter_map(|say| said(say.at.as_ref()?, at, &say.text)).collect(),
            expires_at: expires.and_then(time),
            narrower: header(&self.about.broad_header).and(self.about.narrower.clone()),
        })
    }
}

/// `2026-12-01T10:00:00Z`, `2026-12-01 10:00:00 UTC`, `2026-12-01` (its beginning).
fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    if let Ok(at) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z") {
        return Some(at.to_utc());
    }
    if let Ok(at) = NaiveDateTime::parse_from_str(text.trim_end_matches(" UTC"), "%Y-%m-%d %H:%M:%S") {
        return Some(at.and_utc());
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_read_as_providers_write_them() {
        for text in
            ["2026-12-01T00:00:00Z", "2026-12-01 00:00:00 UTC", "2026-12-01", "2026-12-01 01:00:00 +0100"]
        {
            assert_eq!(time(text).map(|at| at.timestamp()), Some(1_796_083_200), "{text}");
        }
        assert_eq!(time("never"), None);
    }
}
