use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One record of the audit chain, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecord {
    /// Position in the chain, counted from 1.
    pub seq: i64,
    /// SHA-256 over the previous hash and `body`, hex.
    pub hash: String,
    /// The record: `id`, `at`, `kind` and what belongs to the kind.
    pub body: Value,
}

/// `GET /v1/audit?…`: which records, and which page of them. Every member that is given has to fit; an empty one is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Of the session, or of what was touched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// A provider's own id, or `provider:kind/id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Changes of this policy file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Of this notification channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The record of this id, and the outcome that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// From this time on: RFC 3339, or in UTC `2026-11-22T12:00` or `2026-11-22`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only records before this position, the newest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Only records after this position, the oldest of them; still shown newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// 1 to 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// Answer to [`AuditQuery`]: newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// `before` of the page with older ones, absent at the end. A page may hold fewer than asked for, even none, and
    /// still have a next: a search for several things at once looks through so many records at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    /// `after` of the page with newer ones, absent where this is known to be the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<i64>,
    /// Newest records that the search does not know yet; 0 but for a while after an upgrade or a burst.
    #[serde(default)]
    pub behind: i64,
}

/// `GET /v1/audit/records/{id}`: one record, and what belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    pub record: AuditRecord,
    /// The request whose outcome it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<AuditRecord>,
    /// What became of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AuditRecord>,
}

/// `GET /v1/audit/chain`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Chain {
    /// Position of the last record; 0 while there is none.
    pub seq: i64,
    /// Its hash, hex.
    pub hash: String,
    /// The last signed head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<ChainCheckpoint>,
    /// The last verification that this broker was asked for, or the one that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChainCheckpoint {
    pub seq: i64,
    pub at: DateTime<Utc>,
    /// Id of the key that signed.
    pub key: String,
}

/// Body of `POST /v1/audit/verify`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Only the newest so many, answered at once; without it the whole chain, in the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
}

/// A verification of the chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verification {
    pub started_at: DateTime<Utc>,
    /// Absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Positions of the first record and of the last one that there was when it began.
    pub first: i64,
    pub last: i64,
    /// Records read so far.
    pub records: i64,
    /// Checkpoints whose signatures were good.
    pub checkpoints: i64,
    /// Nothing was found. False while it runs.
    pub sound: bool,
    pub faults: Vec<String>,
}
