use chrono::{DateTime, Utc};

/// What a person should look at: about one audit record, and written with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    pub kind: AlertKind,
    pub at: DateTime<Utc>,
    pub session: Option<String>,
    pub agent: Option<String>,
    pub environment: Option<String>,
    /// Id of the record.
    pub record: String,
    /// One sentence of the broker's own. What others chose may be quoted in it, so it is shown as text from outside.
    pub detail: String,
}

pub use stint_api::AlertKind;
