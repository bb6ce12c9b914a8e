use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{IdError, Name, Tier};

/// A named place that work happens in.
#[derive(Debug, Clone)]
pub struct EnvironmentRow {
    pub name: Name,
    pub tier: Tier,
    pub selectors: Vec<Selector>,
    pub created_at: DateTime<Utc>,
}

/// A provider's thing that belongs to an environment: `railway:environment/<id>`, `github:repository/<owner>/<name>`.
///
/// Ids compare as bytes; a pack whose provider ignores case lowers them before it makes a selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    pub provider: String,
    pub kind: String,
    pub id: String,
}

impl Selector {
    pub fn new(provider: impl Into<String>, kind: impl Into<String>, id: impl Into<String>) -> Self {
        Selector { provider: provider.into(), kind: kind.into(), id: id.into() }
    }

    pub fn parse(text: &str) -> Result<Self, IdError> {
        let wrong = || {
            IdError(format!(
                "'{}' is not a selector: PROVIDER:KIND/ID, such as railway:environment/<id> or github:repository/<owner>/<name>",
                text.chars().take(120).collect::<String>().escape_debug()
            ))
        };
        let (provider, rest) = text.split_once(':').ok_or_else(wrong)?;
        let (kind, id) = rest.split_once('/').ok_or_else(wrong)?;
        let word = |s: &str| {
            !s.is_empty() && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let plain = !id.is_empty() && id.len() <= 256 && id.chars().all(|c| c.is_ascii_graphic() && c != '*');
        if !word(provider) || !word(kind) || !plain {
            return Err(wrong());
        }
        Ok(Selector::new(provider, kind, id))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.provider, self.kind, self.id)
    }
}

impl TryFrom<String> for Selector {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Selector::parse(&text)
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> String {
        selector.to_string()
    }
}
