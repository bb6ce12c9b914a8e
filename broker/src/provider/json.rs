//! Reading answers by path, strictly: what is not where it should be is an error, not an empty list.

use serde::Deserialize;
use serde_json::Value;

/// `project.volumes.edges[].node.id`: members, and `[]` for all elements of a list; `.` for the whole, `[].id` where that
/// is a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    All,
}

/// The answer has not the shape that the rules expect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer has no {0}")]
pub(super) struct Missing(pub String);

impl Path {
    /// A path of one member.
    pub(super) fn plain(member: &str) -> Self {
        Path(vec![Step::Member(member.to_owned())])
    }

    /// Everything at the path. A member that is absent is an error; one that is null ends there as null.
    pub(super) fn all<'a>(&self, value: &'a Value) -> Result<Vec<&'a Value>, Missing> {
        let mut found = vec![value];
        for step in &self.0 {
            let mut next = Vec::with_capacity(found.len());
            for value in found {
                match (step, value) {
                    (Step::Member(_), Value::Null) => next.push(value),
                    (Step::Member(name), Value::Object(members)) => {
                        next.push(members.get(name).ok_or_else(|| Missing(name.clone()))?);
                    }
                    (Step::All, Value::Array(items)) => next.extend(items),
                    (Step::Member(name), _) => return Err(Missing(name.clone())),
                    (Step::All, _) => return Err(Missing("list".to_owned())),
                }
            }
            found = next;
        }
        Ok(found)
    }

    /// The one value at a path without lists.
    pub(super) fn one<'a>(&self, value: &'a Value) -> Result<&'a Value, Missing> {
        match self.all(value)?.as_slice() {
            [one] => Ok(one),
            _ => Err(Missing(self.to_string())),
        }
    }

    /// The one value, as an id: a string with something in it.
    pub(super) fn id<'a>(&self, value: &'a Value) -> Result<&'a str, Missing> {
        as_id(self.one(value)?).ok_or_else(|| Missing(self.to_string()))
    }

    /// This path, and then a member.
    pub(super) fn then(&self, member: &str) -> Path {
        let mut steps = self.0.clone();
        steps.push(Step::Member(member.to_owned()));
        Path(steps)
    }
}

pub(super) fn as_id(value: &Value) -> Option<&str> {
    value.as_str().filter(|id| !id.is_empty() && id.len() <= 256)
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if i == 0 => write!(f, "{name}")?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::All => write!(f, "[]")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut steps = Vec::new();
        if text == "." {
            return Ok(Path(steps));
        }
        for (index, part) in text.split('.').enumerate() {
            if part == "[]" && index == 0 {
                steps.push(Step::All);
                continue;
            }
            let (name, list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(format!("'{text}' is not a path"));
            }
            steps.push(Step::Member(name.to_owned()));
            if list {
                steps.push(Step::All);
            }
        }
        Ok(Path(steps))
    }
}
