use chrono::{DateTime, Utc};
use stint_api::PolicyState;

use super::Name;

/// One version of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    pub name: Name,
    /// Counted from 1 for each name.
    pub version: i64,
    /// Cedar; empty where this version takes the file out of use.
    pub text: String,
    /// TOML.
    pub tests: String,
    pub note: String,
    pub state: PolicyState,
    /// The version that this one takes the place of: 0 for none, or for what ships.
    pub base: i64,
    pub person: Name,
    pub created_at: DateTime<Utc>,
    /// Who confirmed or withdrew what was proposed.
    pub decided_by: Option<Name>,
    pub decided_at: Option<DateTime<Utc>>,
}
