//! Look-ups by REST: the request that a rule describes, and where an answer's next page is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json::{Missing, Path};

/// A look-up: `[lookup.Droplet]`, `get = "/v2/droplets/{id}"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Get {
    /// Path and query. `{name}` is a variable, escaped so that it stays one segment or one value; `{name*}` keeps the slashes
    /// between its parts.
    pub get: String,
    /// A host of the pack, where it is not the first.
    pub host: Option<String>,
    pub page: Option<Pages>,
}

/// How the pages of a list follow each other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Pages {
    /// The parameter of the query that asks for a page.
    pub query: String,
    pub by: PageBy,
    /// For `cursor`, the value of the next page's parameter; for `number`, what is there while there is more; for `last` and
    /// `full`, the list.
    pub next: Path,
    /// For `full`: how many things a full page has; a shorter one is the last.
    pub size: Option<usize>,
    /// For `last`: the cursor in an element of the list.
    pub cursor: Option<Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PageBy {
    /// The answer says the value that asks for the next page; null or nothing at the end.
    Cursor,
    /// Pages are counted from 1, and the answer has something where there is more.
    Number,
    /// Pages are counted from 1, and the answer says how many there are.
    Total,
    /// Every element has a cursor, and the last one's asks for the next page; an empty list is the end.
    Last,
    /// Pages are counted from 1; one that is not full, or empty, is the end.
    Full,
}

/// Everything but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Get {
    /// Whether exactly these variables are in the path.
    pub(super) fn check<'a>(&self, variables: impl Iterator<Item = &'a str>) -> Result<(), String> {
        if !self.get.starts_with('/') || self.get.contains("//") {
            return Err("its path does not begin with one slash".to_owned());
        }
        let mut left = self.get.clone();
        for variable in variables {
            let (plain, whole) = (format!("{{{variable}}}"), format!("{{{variable}*}}"));
            if !left.contains(&plain) && !left.contains(&whole) {
                return Err(format!("has no variable {{{variable}}}"));
            }
            left = left.replace(&plain, "").replace(&whole, "");
        }
        if left.contains(['{', '}']) {
            return Err("has a variable that nobody fills".to_owned());
        }
        match &self.page {
            Some(page) if (page.by == PageBy::Last) != page.cursor.is_some() => {
                Err("its pages need a cursor where they go by the last element, and only there".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Path and query of the request. `None` for a value that would change the path.
    pub(super) fn target(&self, variables: &Map<String, Value>, page: Option<&str>) -> Option<String> {
        let mut target = self.get.clone();
        for (name, value) in variables {
            let value = value.as_str()?;
            let parts: Vec<&str> = value.split('/').collect();
            if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
                return None;
            }
            let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
            let whole: Vec<String> = parts.iter().map(|part| escaped(part)).collect();
            target = target.replace(&format!("{{{name}}}"), &escaped(value));
            target = target.replace(&format!("{{{name}*}}"), &whole.join("/"));
        }
        if let (Some(rule), Some(page)) = (&self.page, page) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&rule.query);
            target.push('=');
            target.extend(utf8_percent_encode(page, ESCAPED));
        }
        Some(target)
    }
}

impl Pages {
    /// What asks for the page after this answer, which is page `number`, counted from 1.
    pub(super) fn next(&self, data: &Value, number: usize) -> Result<Option<String>, Missing> {
        let following = || Some((number + 1).to_string());
        let list = |path: &Path| {
            let missing = || Missing(path.to_string());
            path.one(data)?.as_array().cloned().ok_or_else(missing)
        };
        Ok(match self.by {
            PageBy::Cursor => self.next.one(data).ok().and_then(cursor),
            PageBy::Number => match self.next.one(data) {
                Ok(Value::Null | Value::Bool(false)) | Err(_) => None,
                Ok(Value::String(text)) if text.is_empty() => None,
                Ok(_) => following(),
            },
            PageBy::Total => {
                let total = self.next.one(data)?;
                let total = total.as_u64().or_else(|| total.as_str()?.parse().ok());
                let total = total.ok_or_else(|| Missing(self.next.to_string()))?;
                if u64::try_from(number).is_ok_and(|number| number < total) { following() } else { None }
            }
            PageBy::Full => {
                (list(&self.next)?.len() >= self.size.unwrap_or(1).max(1)).then(following).flatten()
            }
            PageBy::Last => match (list(&self.next)?.last(), &self.cursor) {
                (Some(last), Some(path)) => {
                    Some(cursor(path.one(last)?).ok_or_else(|| Missing(path.to_string()))?)
                }
                _ => None,
            },
        })
    }
}

fn cursor(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() && text.len() <= 2048 => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Integers as text, everywhere in an answer: where ids are numbers.
pub(super) fn numbers_as_text(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            *value = Value::String(number.to_string())
        }
        Value::Array(items) => items.iter_mut().for_each(numbers_as_text),
        Value::Object(members) => members.values_mut().for_each(numbers_as_text),
        _ => {}
    }
}
