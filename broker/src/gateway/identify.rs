//! Phase 2, identify: token and proof become a session, an agent and a subject; the path's credential is one of its grants.

use std::sync::Arc;

use super::accept::Accepted;
use crate::app::{App, GatewayCaller, LiveCredential, Presented, Result};

/// Who asks, with which credential.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) caller: GatewayCaller,
    pub(super) credential: Arc<LiveCredential>,
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

/// The credential of the path, if it is one of the session's.
pub(super) fn credential(app: &App, accepted: &Accepted, caller: GatewayCaller) -> Result<Identified> {
    match app.granted(&caller, &accepted.credential) {
        Ok(credential) => Ok(Identified { caller, credential }),
        Err(error) => Err(app.ungranted(&caller.session, accepted.host.as_deref(), &accepted.headers, error)),
    }
}
