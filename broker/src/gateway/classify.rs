//! Phase 3, classify: the pack says which operations the request is, how strong, and what they name.

use super::identify::Identified;
use crate::app::{App, Result};
use crate::catalog::Understood;
use crate::model::Request;

pub(super) fn classify(app: &App, identified: &Identified, request: Request) -> Result<Understood> {
    app.classify(&identified.credential, request)
}
