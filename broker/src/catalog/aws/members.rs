//! `members.toml`: members of bodies that make an action stronger than its name says.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::pack::PackError;
use crate::model::Class;

const FILE: &str = "members.toml";

/// Rules by the folded name of a member.
#[derive(Debug, Default)]
pub(super) struct Members(HashMap<String, Vec<(When, Class)>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Anything but `false` and `null`.
    NotFalse,
    /// `0`, `false` and `null`.
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    raise: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    class: Class,
    reason: String,
    /// `none`.
    when: Option<String>,
    /// `false`.
    unless: Option<String>,
    members: Vec<String>,
}

impl Members {
    pub fn load(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, PackError> {
        let wrong = |reason: String| PackError::new(FILE, reason);
        let text = read(FILE).ok_or_else(|| wrong("the file is missing".to_owned()))?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let mut rules: HashMap<String, Vec<(When, Class)>> = HashMap::new();
        for entry in file.raise {
            let when = match (entry.when.as_deref(), entry.unless.as_deref()) {
                (Some("none"), None) => When::None,
                (None, Some("false")) => When::NotFalse,
                _ => return Err(wrong("a rule has when = \"none\" or unless = \"false\"".to_owned())),
            };
            if entry.reason.trim().is_empty() {
                return Err(wrong(format!(
                    "{:?} are raised to {} without a reason",
                    entry.members, entry.class
                )));
            }
            for member in entry.members {
                rules.entry(fold(&member)).or_default().push((when, entry.class));
            }
        }
        Ok(Members(rules))
    }

    /// The class with what the members say. A form's keys are dotted.
    pub fn judge(&self, body: &Value, class: Class) -> Class {
        match body {
            Value::Object(members) => members.iter().fold(class, |class, (key, value)| {
                let own = self.of(key, value).into_iter().fold(class, Class::max);
                self.judge(value, own)
            }),
            Value::Array(items) => items.iter().fold(class, |class, item| self.judge(item, class)),
            _ => class,
        }
    }

    fn of(&self, key: &str, value: &Value) -> Option<Class> {
        let number = |part: &&str| !part.bytes().all(|byte| byte.is_ascii_digit());
        let words = key.split('.').filter(number).filter(|part| !matches!(*part, "Value" | "member"));
        let rules = words.filter_map(|word| self.0.get(&fold(word))).flatten();
        rules.filter(|(when, _)| when.holds(value)).map(|(_, class)| *class).max()
    }
}

impl When {
    fn holds(self, value: &Value) -> bool {
        let is_no = match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.trim().eq_ignore_ascii_case("false"),
            _ => false,
        };
        let is_zero = match value {
            Value::Number(number) => number.as_f64().is_none_or(|number| number <= 0.0),
            Value::String(text) => text.trim().parse::<f64>().is_ok_and(|number| number <= 0.0),
            _ => false,
        };
        match self {
            When::NotFalse => !is_no,
            When::None => is_no || is_zero,
        }
    }
}

/// A name as a reader that ignores case would see it.
pub(super) fn fold(name: &str) -> String {
    name.trim().chars().flat_map(char::to_lowercase).filter(|c| !matches!(c, '-' | '_')).collect()
}
