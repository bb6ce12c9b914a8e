//! The console: pages for the people who watch, approve and decide.
//!
//! A page is a function from what one call into `app` answered to HTML; a form's handler parses, makes one call and
//! redirects to the page that shows what became of it. Everything works without a script; `assets/console.js` only
//! fetches the same page again when something changed. Must not know SQL, policy or crypto, and holds no state: who asks
//! is in the cookie, what is shown is in the address.

mod activity;
mod answer;
mod approvals;
mod assets;
mod audit;
mod door;
mod layout;
mod live;
mod plot;
mod record;
mod sessions;
mod sign_in;
mod text;
mod visitor;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::app::App;

/// The path under which the pages are.
pub const PREFIX: &str = "/console";

/// Every page and every form.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/console/") }))
        .route("/console", get(|| async { Redirect::to("/console/") }))
        .route("/console/", get(approvals::list))
        .route("/console/approvals/{id}", get(approvals::page))
        .route("/console/approvals/{id}/approve", post(approvals::approve))
        .route("/console/approvals/{id}/deny", post(approvals::deny))
        .route("/console/activity", get(activity::page))
        .route("/console/audit", get(audit::list))
        .route("/console/audit/verify", post(audit::verify))
        .route("/console/audit/export", post(audit::export))
        .route("/console/audit/{record}", get(audit::page))
        .route("/console/now", get(sessions::now))
        .route("/console/sessions", get(sessions::list))
        .route("/console/sessions/end-all", get(sessions::ask_end_all).post(sessions::end_all))
        .route("/console/sessions/{id}", get(sessions::page))
        .route("/console/sessions/{id}/end", post(sessions::end))
        .route("/console/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/setup", get(sign_in::setup_page).post(sign_in::setup))
        .route("/console/live", get(live::stream))
        .route("/console/assets/{name}", get(assets::asset))
        .fallback(answer::nothing_here)
        .layer(from_fn_with_state(app.clone(), door::guard))
        .with_state(app)
}
