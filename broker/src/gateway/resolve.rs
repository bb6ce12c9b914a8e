//! Phase 4, resolve: every resource becomes the set of environments that own it, as the provider says.

use super::identify::Identified;
use crate::app::{App, Judged, Result};
use crate::catalog::Understood;

pub(super) async fn resolve(app: &App, identified: &Identified, understood: Understood) -> Result<Judged> {
    app.resolve(&identified.credential, understood).await
}
