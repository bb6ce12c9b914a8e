//! Phase 7, inject: permit and receipt open the credential, and exactly one carrier holds it.

use super::identify::Identified;
use crate::app::{App, Intent, Judged, Outgoing, Result, Tail};

pub(super) fn inject(
    app: &App,
    identified: &Identified,
    intent: Intent,
    judged: Judged,
    tail: Option<Tail>,
) -> Result<Outgoing> {
    app.inject(&identified.credential, intent, judged.request, tail)
}
