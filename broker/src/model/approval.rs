use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use stint_api::{ApprovalState, Class, Confirmation, TouchedResource};

use super::{ApprovalId, Name, SessionId};

/// An approval as stored. Terminal states are `Denied`, `Used` and `Expired`.
#[derive(Debug, Clone)]
pub struct ApprovalRow {
    pub id: ApprovalId,
    pub state: ApprovalState,
    pub session: SessionId,
    pub environment: Name,
    pub agent: Name,
    pub subject: String,
    pub credential: Name,
    /// `POST backboard.railway.app/graphql/v2`.
    pub request: String,
    /// Hex digest over the canonical request, the resources and their environments as resolved.
    pub digest: String,
    pub operations: Vec<String>,
    pub class: Class,
    pub resources: Vec<TouchedResource>,
    pub lift: Lift,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub decided_by: Option<Name>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    /// Why, in the agent's own words: at most 500 characters that nobody checked, and no part of the digest.
    pub agent_reason: Option<String>,
}

/// One person's yes.
#[derive(Debug, Clone)]
pub struct VoteRow {
    pub approval: ApprovalId,
    pub person: Name,
    pub at: DateTime<Utc>,
    /// Seconds for which the yes holds once the request is released; `None` is the approval's own life.
    pub good_for: Option<u32>,
}

/// What a yes lifts, and what it takes to say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lift {
    /// Ids of the forbid policies that stood in the way.
    pub policies: Vec<String>,
    pub confirm: Option<Confirmation>,
    pub approvers: u32,
    /// Seconds from the request on, before which nobody's yes releases it.
    #[serde(default)]
    pub cooldown: u32,
}
