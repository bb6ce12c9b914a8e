//! `/v1` of what a session asks for itself: what it holds, and sessions within it.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use stint_api::{StartSession, StartedSession};

use super::caller::{AsSession, Failed};
use super::json::{Answer, Body};
use super::routes::Routes;
use crate::app::{App, Error};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .route("/v1/sessions/{id}/children", post(start_child))
        .route("/v1/sessions/{id}/started", get(started))
}

async fn started(
    State(app): State<App>,
    AsSession(own): AsSession,
    Path(id): Path<String>,
) -> Result<Answer<StartedSession>, Failed> {
    if own.session.row.id.as_str() != id {
        return Err(Failed(Error::not_found("session", id)));
    }
    Ok(Answer(app.own_session(&own)))
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
