use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `GET /v1/activity?range=24h`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ActivityQuery {
    #[serde(default)]
    pub range: ActivityRange,
}

/// How far back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ActivityRange {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

impl ActivityRange {
    pub const ALL: [ActivityRange; 4] =
        [ActivityRange::Hour, ActivityRange::Day, ActivityRange::Week, ActivityRange::Month];

    pub fn as_str(self) -> &'static str {
        match self {
            ActivityRange::Hour => "1h",
            ActivityRange::Day => "24h",
            ActivityRange::Week => "7d",
            ActivityRange::Month => "30d",
        }
    }
}

/// What happened in a range of time, counted out of the audit. Lists of numbers have one for each step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Activity {
    pub range: ActivityRange,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Seconds of one step.
    pub step: i64,
    /// Requests that were decided or refused.
    pub requests: i64,
    /// Requests by decision: `allowed`, `approved`, `asked`, `denied`.
    pub decisions: Vec<Series>,
    /// Requests that were understood, by the class of what they would do.
    pub classes: Vec<Series>,
    /// Refusals by their code.
    pub denials: Vec<Top>,
    pub agents: Vec<Top>,
    pub providers: Vec<Top>,
    pub environments: Vec<Top>,
    pub operations: Vec<Top>,
    /// `provider:kind/id`.
    pub resources: Vec<Top>,
    /// From the record of the intent to the head of the provider's answer.
    pub latency: Latency,
    /// Newest records that are not counted yet; 0 but for a while after an upgrade or a burst.
    pub behind: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Series {
    pub name: String,
    pub total: i64,
    pub counts: Vec<i64>,
}

/// One of those that occurred most. An empty name stands for all others, where there were more than are kept apart:
/// 100 in a minute or an hour, 500 in a day.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Top {
    pub name: String,
    pub count: i64,
}

/// Milliseconds, a tenth up or down; absent where nothing was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Latency {
    pub answers: i64,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p50_by_step: Vec<Option<f64>>,
    pub p95_by_step: Vec<Option<f64>>,
}
