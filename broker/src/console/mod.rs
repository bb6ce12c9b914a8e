//! The console: pages for the people who watch, approve and decide.
//!
//! A page is a function from what one call into `app` answered to HTML; a form's handler parses, makes one call and
//! redirects to the page that shows what became of it. Everything works without a script; `assets/console.js` only
//! fetches the same page again when something changed. Must not know SQL, policy or crypto, and holds no state: who asks
//! is in the cookie, what is shown is in the address.

mod answer;
mod approvals;
mod assets;
mod door;
mod layout;
mod live;
mod policies;
mod policy_edit;
mod rule;
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
        .route("/console/now", get(sessions::now))
        .route("/console/sessions", get(sessions::list))
        .route("/console/sessions/end-all", get(sessions::ask_end_all).post(sessions::end_all))
        .route("/console/sessions/{id}", get(sessions::page))
        .route("/console/sessions/{id}/end", post(sessions::end))
        .route("/console/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/setup", get(sign_in::setup_page).post(sign_in::setup))
        .route("/console/policies", get(policies::list))
        .route("/console/policies/new", get(policy_edit::new))
        .route("/console/policies/check", post(policy_edit::check))
        .route("/console/policies/validate", post(policy_edit::validate))
        .route("/console/policies/save", post(policy_edit::save))
        .route("/console/policies/{name}", get(policies::page))
        .route("/console/policies/{name}/edit", get(policy_edit::edit))
        .route("/console/policies/{name}/versions", get(policies::versions))
        .route("/console/policies/{name}/confirm", post(policy_edit::confirm))
        .route("/console/policies/{name}/withdraw", post(policy_edit::withdraw))
        .route("/console/policies/{name}/restore", post(policy_edit::restore))
        .route("/console/policies/{name}/remove", post(policy_edit::remove))
        .route("/console/rules/new", get(rule::new))
        .route("/console/live", get(live::stream))
        .route("/console/assets/{name}", get(assets::asset))
        .fallback(answer::nothing_here)
        .layer(from_fn_with_state(app.clone(), door::guard))
        .with_state(app)
}
