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

/// The session that asks.
pub(super) async fn caller(app: &App, accepted: &Accepted) -> Result<GatewayCaller> {
    app.identify_session(&Presented {
        method: accepted.method.as_str(),
        path: &accepted.door,
        authorization: &accepted.authorization,
        proofs: &accepted.proofs,
    })
    .await
}

/// The credential of the path, if it is one of the session's; or one that was captured in it, where the request carries that.
pub(super) fn credential(app: &App, accepted: &Accepted, caller: GatewayCaller) -> Result<Identified> {
    let credential = app.granted(&caller, &accepted.credential).map_err(|error| {
        app.ungranted(&caller.session, accepted.host.as_deref(), &accepted.headers, error)
    })?;
    // What stands for a secret that was captured in this session is as good as a placeholder.
    let credential = app.asked_for(&caller.session, credential, &accepted.headers);
    let reason = match accepted.headers.contains_key(HEADER_REASON) {
        true => app.reason(&caller.session, &accepted.headers)?,
        false => None,
    };
    Ok(Identified { caller, credential, reason })
}
