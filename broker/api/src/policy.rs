use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a version of a policy file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PolicyState {
    /// In use.
    Active,
    /// Was in use, and another took its place.
    Superseded,
    /// Waits for a second owner.
    Proposed,
    /// Was proposed, and never came into use.
    Withdrawn,
}

impl PolicyState {
    pub const ALL: [PolicyState; 4] =
        [PolicyState::Active, PolicyState::Superseded, PolicyState::Proposed, PolicyState::Withdrawn];

    pub fn as_str(self) -> &'static str {
        match self {
            PolicyState::Active => "active",
            PolicyState::Superseded => "superseded",
            PolicyState::Proposed => "proposed",
            PolicyState::Withdrawn => "withdrawn",
        }
    }
}

/// Where a policy file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PolicyOrigin {
    /// Ships with the broker, as it is or with a confirmed change: two owners change it.
    Shipped,
    /// Read from a folder at the start: it is changed there.
    Folder,
    /// Kept by the broker: an owner changes it.
    Managed,
}

impl PolicyOrigin {
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyOrigin::Shipped => "shipped",
            PolicyOrigin::Folder => "folder",
            PolicyOrigin::Managed => "managed",
        }
    }
}

/// A policy file, without its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicySummary {
    /// `guardrails.place`, `starter.agents`, `files.NAME` for one of a folder, or the name that a person gave.
    pub name: String,
    pub origin: PolicyOrigin,
    /// Whether it holds the guardrails: no permit elsewhere lifts them.
    pub guardrail: bool,
    /// 0 as it ships, or as the folder has it.
    pub version: i64,
    /// Ids of its policies.
    pub policies: Vec<String>,
    pub tests: usize,
    pub failing: usize,
    /// Whether a version waits for a second owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

/// `GET /v1/policies`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyList {
    pub policies: Vec<PolicySummary>,
    /// Counts the changes of what is in use.
    pub revision: i64,
}

/// `GET /v1/policies/{name}`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    #[serde(flatten)]
    pub summary: PolicySummary,
    pub text: String,
    pub tests_text: String,
    /// What its tests came to just now.
    pub results: Vec<PolicyTest>,
}

/// One test of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyTest {
    pub name: String,
    pub passed: bool,
    /// `allow`, `deny` or `approval`, as found.
    pub decision: String,
    /// The policies that decided, as found.
    pub policies: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Something wrong, and where. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyFault {
    /// Name of the policy file.
    pub name: String,
    /// `text` or `tests`.
    pub part: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    pub detail: String,
}

/// `POST /v1/policies/validate`: what a file would be, without saving it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckPolicy {
    pub name: String,
    pub text: String,
    #[serde(default)]
    pub tests: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyCheck {
    pub sound: bool,
    pub faults: Vec<PolicyFault>,
    pub warnings: Vec<PolicyFault>,
    /// Of this file.
    pub results: Vec<PolicyTest>,
}

/// `POST /v1/policies/{name}` and `POST /v1/policies/{name}/propose`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SavePolicy {
    /// Cedar; empty takes the file out of use.
    pub text: String,
    #[serde(default)]
    pub tests: String,
    #[serde(default)]
    pub note: String,
    /// The version that was changed: 0 for a new file, or for what ships.
    pub base: i64,
}

/// `POST /v1/policies/{name}/confirm` and `…/withdraw`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecidePolicy {
    pub version: i64,
}

/// `POST /v1/policies/{name}/restore`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RestorePolicy {
    /// The version whose text comes back; 0 is what ships.
    pub version: i64,
    /// The version in use that it takes the place of.
    pub base: i64,
    #[serde(default)]
    pub note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyVersion {
    pub name: String,
    pub version: i64,
    pub state: PolicyState,
    pub base: i64,
    pub note: String,
    pub person: String,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// With its text, where one version is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<String>,
}

/// `GET /v1/policies/{name}/versions`: newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyVersionList {
    pub versions: Vec<PolicyVersion>,
}

/// `GET /v1/policies/{name}/diff?from=N&to=N`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyDiff {
    pub name: String,
    pub from: i64,
    pub to: i64,
    pub text: Vec<DiffLine>,
    pub tests: Vec<DiffLine>,
}

/// One line of a difference; without a change it is there to be recognised by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffLine {
    /// `+`, `-`, or a space.
    pub change: String,
    /// Number of the line before, and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<usize>,
    pub text: String,
}

/// `GET /v1/rules?record=ID` or `?approval=ID`, with `effect=permit` or `effect=forbid`: a rule about one request, not saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProposedRule {
    pub name: String,
    /// `permit` or `forbid`.
    pub effect: String,
    pub text: String,
    pub tests: String,
    pub note: String,
    /// What it is about, in words.
    pub request: String,
    /// What was decided then and is decided now, and what would be decided with the rule.
    pub before: RuleDecision,
    pub after: RuleDecision,
    /// Whether the rule makes a difference to this request.
    pub helps: bool,
    /// What it means, in sentences.
    pub says: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleDecision {
    /// `allow`, `deny` or `approval`.
    pub decision: String,
    pub policies: Vec<String>,
}
