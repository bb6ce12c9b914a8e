use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::catalog::canonical::decode;
use crate::catalog::pack::Manifest;
use crate::catalog::refusal::{Refusal, code};
use crate::model::Resource;

/// Everything but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `repository={owner}/{repo}`: how an operation names a resource.
#[derive(Debug)]
pub(super) struct Template {
    kind: String,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Parameter(String),
    /// `{}`: a value that is not in the path.
    Given,
}

impl Template {
    /// `names` tells the parameters of the path; a name of the table that the path has not is an error.
    pub fn parse(text: &str, names: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        let wrong = || format!("resource '{text}' is not KIND=ID");
        let (kind, mut rest) = text.split_once('=').ok_or_else(wrong)?;
        if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
            return Err(wrong());
        }
        let mut pieces = Vec::new();
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (name, after) = after.split_once('}').ok_or_else(wrong)?;
            match name {
                "" => pieces.push(Piece::Given),
                _ if names(name) => pieces.push(Piece::Parameter(name.to_owned())),
                _ => return Err(format!("resource '{text}' names '{name}', which the path has not")),
            }
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.is_empty() {
            return Err(wrong());
        }
        Ok(Template { kind: kind.to_owned(), pieces })
    }

    /// Whether it needs a value from elsewhere.
    pub fn needs_value(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Given))
    }

    pub fn fill(
        &self,
        parameters: &[(&str, Vec<&str>)],
        given: &str,
        manifest: &Manifest,
    ) -> Result<Resource, Refusal> {
        let mut id = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => id.push_str(text),
                Piece::Given => id.push_str(&normal(given.as_bytes(), true)?),
                Piece::Parameter(name) => {
                    let (_, values) = parameters
                        .iter()
                        .find(|(own, _)| own == name)
                        .ok_or_else(|| Refusal::new(code::BAD_PARAMETER, format!("'{name}' is missing")))?;
                    id.push_str(&parameter(name, values, manifest)?);
                }
            }
        }
        Ok(Resource::new(&self.kind, id))
    }
}

impl fmt::Display for Template {
    /// As the table has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.kind)?;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Parameter(name) => write!(f, "{{{name}}}")?,
                Piece::Given => f.write_str("{}")?,
            }
        }
        Ok(())
    }
}

pub(super) fn all(
    templates: &[Template],
    parameters: &[(&str, Vec<&str>)],
    manifest: &Manifest,
) -> Result<Vec<Resource>, Refusal> {
    templates.iter().map(|template| template.fill(parameters, "", manifest)).collect()
}

/// One spelling for each thing: decoded, lowered where the provider ignores case, and escaped again in one way.
fn parameter(name: &str, values: &[&str], manifest: &Manifest) -> Result<String, Refusal> {
    let ignores_case = manifest.ignore_case.iter().any(|own| own == name);
    let parts = values.iter().map(|value| normal(&decode(value), ignores_case));
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}

fn normal(value: &[u8], ignores_case: bool) -> Result<String, Refusal> {
    let bad = |detail: &str| Refusal::new(code::BAD_PARAMETER, detail);
    let text = std::str::from_utf8(value).map_err(|_| bad("a name is not UTF-8"))?;
    if text.is_empty() || text.len() > 1024 || text.trim() != text {
        return Err(bad("a name is empty, too long, or has spaces around it"));
    }
    let text = if ignores_case { text.to_lowercase() } else { text.to_owned() };
    Ok(utf8_percent_encode(&text, ESCAPED).to_string().replace("%2F", "/"))
}
