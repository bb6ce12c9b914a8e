//! Makes a pack's tables from a provider's published description, by conservative rules.
//!
//! Pure: the bytes of a description in, rows out. A description is somebody else's text, so every reader here works
//! within [`Limits`]: a size, a depth, a number of operations and a number of steps, and follows no reference twice on
//! one way. What a reader does not understand is an error that names the place; nothing is skipped silently. No prose of a
//! description is kept: a row holds names, methods, paths and classes.

mod action;
mod description;
mod diff;
mod document;
mod gathered;
mod graphql;
mod openapi;
mod plan;
mod rules;
mod table;
mod words;

#[cfg(test)]
mod tests;

use crate::catalog::pack::PackError;

pub use description::{Described, Format, Style};
pub use diff::{Change, compare};
pub use graphql::{GraphqlBuilt, graphql, is_graphql};
pub use plan::Plan;
pub use rules::{Judged, judge};
pub use table::{Built, build, skeleton};

/// What reading a description may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the description.
    pub bytes: usize,
    /// Objects and arrays inside each other.
    pub depth: usize,
    /// Values of a YAML document, after its aliases were put in place.
    pub nodes: usize,
    pub operations: usize,
    /// Schemas and references looked at for all operations together.
    pub steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 48 * 1024 * 1024, depth: 100, nodes: 4_000_000, operations: 30_000, steps: 4_000_000 }
    }
}

/// Reads a description. `file` is its name, for errors and to tell the format of YAML and SDL, which do not say it.
pub fn read(file: &str, bytes: &[u8], limits: &Limits) -> Result<(Format, Vec<Described>), PackError> {
    let wrong = |reason: String| PackError::new(file, reason);
    if bytes.len() > limits.bytes {
        return Err(wrong(format!("the description is larger than {} bytes", limits.bytes)));
    }
    let document = document::parse(file, bytes, limits)?;
    let format = Format::of(&document).ok_or_else(|| {
        wrong(
            "the format is none of OpenAPI 2 or 3, Google discovery, botocore, JSON hyper-schema, GraphQL, or a list of \
             operations"
                .to_owned(),
        )
    })?;
    let mut steps = gathered::Steps::new(limits);
    let described = match format {
        Format::OpenApi => openapi::read(&document, &mut steps),
        Format::Discovery => gathered::discovery(&document, &mut steps),
        Format::HyperSchema => gathered::hyper_schema(&document, &mut steps),
        Format::Botocore => action::botocore(&document, &mut steps),
        Format::List => gathered::list(&document, &mut steps),
        Format::Introspection => return Err(wrong("GraphQL makes other tables than these".to_owned())),
    };
    let mut described = described.map_err(wrong)?;
    if described.is_empty() {
        return Err(wrong("the description has no operations".to_owned()));
    }
    description::finish(&mut described).map_err(wrong)?;
    Ok((format, described))
}
