//! A body of JSON, in the one way that it can be read.

use serde_json::Value;
use stint_jose::strict_json;

use super::refusal::{Refusal, code};

/// Nothing that is known is nested deeper.
const DEPTH: usize = 64;

/// No member twice, no number that loses digits, nothing after the end.
pub(in crate::catalog) fn strict(body: &[u8]) -> Result<Value, Refusal> {
    strict_json::parse(body, DEPTH)
        .map_err(|error| Refusal::new(code::MALFORMED_BODY, format!("the body is not strict JSON: {error}")))
}
