use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Place, Tier};

/// What a place that nobody maps looks like, going by the provider's names. A person decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Proposal {
    /// Name of an environment of that tier, or one to add.
    pub environment: String,
    /// Whether there is such an environment.
    pub exists: bool,
    pub tier: Tier,
    /// The word that says so.
    pub why: String,
}

/// `POST /v1/credentials/{name}/check`: what the provider says of a credential now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CredentialCheck {
    pub credential: String,
    pub provider: String,
    pub kind: String,
    /// Whether the provider takes it; absent where that could not be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Whose it is, as the provider calls them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What else the provider says of it.
    pub says: Vec<String>,
    /// When it ends; absent where it does not, or the provider does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// What it reaches that can be mapped.
    pub reaches: Vec<Place>,
    /// Narrower kinds that the provider offers, each with where it is made.
    pub narrower: Vec<String>,
    /// Why a part of it could not be found out.
    pub problems: Vec<String>,
}
