//! Phase 2, identify: token and proof become a session, an agent and a subject; the path's credential is one of its grants.

use std::sync::Arc;

use stint_api::HEADER_REASON;

use super::accept::Accepted;
use crate::app::{App, GatewayCaller, LiveCredential, Presented, Result};

/// Who asks, with which credential.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) caller: GatewayCaller,
    pub(super) credential: Arc<LiveCredential>,
    /// Why, in the agent's own words.
    pub(super) reason: Option<String>,
}

pub(super) async fn identify(app: &App, accepted: &Accepted) -> Result<Identified> {
    let caller = app
        .identify_session(&Presented {
            method: accepted.method.as_str(),
            path: &accepted.door,
            authorization: &accepted.authorization,
            proofs: &accepted.proofs,
        })
        .await?;
    let credential = app.granted(&caller, &accepted.credential)?;
    let reason = match accepted.headers.contains_key(HEADER_REASON) {
        true => app.reason(&caller.session, &accepted.headers)?,
        false => None,
    };
    Ok(Identified { caller, credential, reason })
}
