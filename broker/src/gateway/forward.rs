//! Phase 8, forward: what was judged is sent, to an address that was checked. No redirect is followed, nothing is tried twice.

use crate::app::{App, Outgoing, Result, Sent};

pub(super) async fn forward(app: &App, outgoing: Outgoing) -> Result<Sent> {
    app.forward(outgoing).await
}
