//! The addresses of the pages about what is registered. A new thing is made under `/console/new`, so that none can have
//! a name that is an address.

use axum::Router;
use axum::routing::{get, post};

use super::{agents, credential_check, credentials, environments, providers, settings, welcome};
use crate::app::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/console/agents", get(agents::list))
        .route("/console/new/agent", get(agents::new).post(agents::add))
        .route("/console/agents/{name}", get(agents::page))
        .route("/console/agents/{name}/edit", post(agents::edit))
        .route("/console/agents/{name}/remove", get(agents::ask_remove).post(agents::remove))
        .route("/console/environments", get(environments::list))
        .route("/console/new/environment", get(environments::new).post(environments::add))
        .route("/console/environments/{name}", get(environments::page))
        .route("/console/environments/{name}/map", post(environments::map))
        .route("/console/environments/{name}/unmap", post(environments::unmap))
        .route("/console/environments/{name}/tier", post(environments::change_tier))
        .route("/console/environments/{name}/remove", post(environments::remove))
        .route("/console/map", post(environments::map_one))
        .route("/console/inventory", post(environments::read))
        .route("/console/credentials", get(credentials::list))
        .route("/console/new/credential", get(credentials::new).post(credentials::add))
        .route("/console/credentials/{name}", get(credentials::page))
        .route("/console/credentials/{name}/rotate", post(credentials::rotate))
        .route("/console/credentials/{name}/revoke", get(credentials::ask_revoke).post(credentials::revoke))
        .route("/console/credentials/{name}/check", post(credential_check::check))
        .route("/console/credentials/{name}/discover", post(credential_check::discover))
        .route("/console/credentials/{name}/keep", post(credentials::keep))
        .route("/console/providers", get(providers::list))
        .route("/console/providers/{name}", get(providers::page))
        .route("/console/settings", get(settings::page))
        .route("/console/welcome", get(welcome::page))
}
