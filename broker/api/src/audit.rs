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

/// `GET /v1/audit?before=SEQ&limit=N&kind=K&session=S`: newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// `before` of the next page, absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}
