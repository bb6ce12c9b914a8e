use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a person should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A request carried a credential that its session was not given. It was not sent.
    ForeignCredential,
    /// A provider's answer held the credential. It was taken out.
    Echo,
    /// A session was refused again and again.
    RefusalsInARow,
    /// A session did more than one session may; each further request waits for a person.
    OverBudget,
    /// For a while the store could not write, and nothing was done meanwhile.
    RecordingFailed,
    /// A session whose command is not confined was started in production.
    UnconfinedInProduction,
}

impl AlertKind {
    pub const ALL: [AlertKind; 6] = [
        AlertKind::ForeignCredential,
        AlertKind::Echo,
        AlertKind::RefusalsInARow,
        AlertKind::OverBudget,
        AlertKind::RecordingFailed,
        AlertKind::UnconfinedInProduction,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            AlertKind::ForeignCredential => "foreign_credential",
            AlertKind::Echo => "echo",
            AlertKind::RefusalsInARow => "refusals_in_a_row",
            AlertKind::OverBudget => "over_budget",
            AlertKind::RecordingFailed => "recording_failed",
            AlertKind::UnconfinedInProduction => "unconfined_in_production",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AlertKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("unknown kind of alert '{text}'"))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Its place: a later alert has a greater one.
    pub id: i64,
    pub kind: AlertKind,
    pub at: DateTime<Utc>,
    /// Whether the person who asks has marked it, or a later one, as seen.
    pub seen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Id of the audit record that it is about.
    pub record: String,
    pub detail: String,
}

/// `GET /v1/alerts?before=ID&limit=N&kind=K`: newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertList {
    pub alerts: Vec<Alert>,
    /// How many the person who asks has not seen, counted to 100.
    pub unseen: u64,
    /// `before` of the next page, absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// `POST /v1/alerts/seen`: mark those up to this one as seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SeeAlerts {
    pub until: i64,
}
