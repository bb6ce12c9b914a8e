use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::context::Context;
use super::scan::Finder;
use super::unknown_carrier;
use crate::catalog::pack::{KeyShape, Manifest, PackError};

/// Query keys in which credentials travel whatever the provider.
const QUERY: [&str; 13] = [
    "access_token",
    "api_key",
    "apikey",
    "api-key",
    "auth_token",
    "authorization",
    "client_secret",
    "password",
    "private_token",
    "secret",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
];

/// The shapes of keys and the places that they travel in, of all packs together.
pub struct Keys {
    pub(super) shapes: Vec<Shape>,
    pub(super) finder: Finder,
    pub(super) context: Context,
    headers: Vec<String>,
    query: Vec<String>,
}

pub(super) struct Shape {
    name: String,
    /// Matches at the start of a text.
    pub pattern: Regex,
    /// Empty for a shape that counts in carriers only.
    pub starts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    key: Vec<KeyShape>,
}

impl Keys {
    /// `file` is the text of `keys.toml`.
    pub fn new<'a>(file: &str, packs: impl Iterator<Item = &'a Manifest>) -> Result<Self, PackError> {
        let common: KeysFile =
            toml::from_str(file).map_err(|error| PackError::new("keys.toml", error.to_string()))?;
        let (mut shapes, mut headers, mut query) = (Vec::new(), Vec::new(), Vec::new());
        let mut variables: Vec<&str> = Vec::new();
        for manifest in packs {
            let wrong = |reason: String| PackError::new(format!("{}/pack.toml", manifest.name), reason);
            if let Some(name) = unknown_carrier(manifest) {
                return Err(wrong(format!(
                    "'{name}' is not a header that the broker removes from every request"
                )));
            }
            for key in &manifest.key {
                shapes.push(Shape::new(key).map_err(wrong)?);
            }
            let kinds = manifest.credential.iter().flat_map(|kind| &kind.variables);
            variables.extend(kinds.chain(&manifest.scrub).map(String::as_str));
            headers.extend(manifest.carriers.iter().cloned());
            query.extend(manifest.query_carriers.iter().map(|key| key.to_ascii_lowercase()));
        }
        for key in &common.key {
            shapes.push(Shape::new(key).map_err(|reason| PackError::new("keys.toml", reason))?);
        }
        let finder = Finder::new(&shapes).map_err(|reason| PackError::new("keys.toml", reason))?;
        let context = Context::new(variables.into_iter());
        let context = context.map_err(|reason| PackError::new("keys.toml", reason))?;
        Ok(Keys { shapes, finder, context, headers, query })
    }

    /// The name of the shape that the value has as a whole.
    pub(super) fn whole(&self, value: &[u8]) -> Option<&str> {
        let fits = |shape: &&Shape| shape.pattern.find(value).is_some_and(|found| found.len() == value.len());
        self.shapes.iter().find(fits).map(Shape::name)
    }

    pub(super) fn is_header_carrier(&self, name: &str) -> bool {
        self.headers.iter().any(|own| own == name)
    }

    pub(super) fn is_query_carrier(&self, key: &str) -> bool {
        let key = key.to_ascii_lowercase();
        QUERY.contains(&key.as_str()) || self.query.contains(&key)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} shapes)", self.shapes.len())
    }
}

impl Shape {
    fn new(key: &KeyShape) -> Result<Self, String> {
        let wrong = |reason: &str| format!("key '{}': {reason}", key.name);
        if key.only_in_carrier != key.starts.is_empty() {
            return Err(wrong("give 'starts', or 'only-in-carrier', and not both"));
        }
        if key.starts.iter().any(|start| start.len() < 3 || !start.is_ascii()) {
            return Err(wrong("a start has at least three ASCII bytes"));
        }
        let pattern = RegexBuilder::new(&format!("^(?:{})", key.pattern))
            .unicode(false)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Shape { name: key.name.clone(), pattern, starts: key.starts.clone() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}
