//! `/v1` of sessions within a session.

use axum::extract::{Path, State};
use axum::routing::post;
use stint_api::{StartSession, StartedSession};

use super::caller::{AsSession, Failed};
use super::json::{Answer, Body};
use super::routes::Routes;
use crate::app::{App, Error};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.route("/v1/sessions/{id}/children", post(start_child))
}

async fn start_child(
    State(app): State<App>,
    AsSession(own): AsSession,
    Path(id): Path<String>,
    Body(body): Body<StartSession>,
) -> Result<Answer<StartedSession>, Failed> {
    if own.session.row.id.as_str() != id {
        return Err(Failed(Error::not_found("session", id)));
    }
    Ok(Answer(app.start_child_session(&own, body).await?))
}
