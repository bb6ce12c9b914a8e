//! The console: pages for the people who watch, approve and decide.
//!
//! A page is a function from what one call into `app` answered to HTML; a form's handler parses, makes one call and
//! redirects to the page that shows what became of it. Everything works without a script; `assets/console.js` only
//! fetches the same page again when something changed. Must not know SQL, policy or crypto, and holds no state: who asks
//! is in the cookie, what is shown is in the address.

mod account;
mod activity;
mod agents;
mod alerts;
mod answer;
mod approvals;
mod assets;
mod audit;
mod codes;
mod credential_check;
mod credentials;
mod device;
mod docs;
mod door;
mod enrol;
mod environments;
mod icon;
mod layout;
mod live;
mod login;
mod notifications;
mod parts;
mod passkey;
mod people;
mod plot;
mod policies;
mod policy_edit;
mod providers;
mod reach;
mod record;
mod records;
mod registered;
mod rule;
mod sentence;
mod sessions;
mod settings;
mod sign_in;
mod sso;
mod step_up;
mod table;
mod text;
mod trail;
mod tree;
mod upload;
mod visitor;
mod welcome;
pub(crate) mod words;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::app::App;

pub use upload::uploaded;

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
        .route("/console/approvals/{id}/deny-alike", post(approvals::deny_alike))
        .route("/console/alerts", get(alerts::list))
        .route("/console/alerts/seen", post(alerts::see))
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
        .route("/console/notifications", get(notifications::list).post(notifications::add))
        .route("/console/notifications/{name}", get(notifications::page))
        .route("/console/notifications/{name}/try", post(notifications::try_out))
        .route("/console/notifications/{name}/remove", post(notifications::remove))
        .merge(registered::routes())
        .route("/console/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/setup", get(sign_in::setup_page).post(sign_in::setup))
        .route("/console/sign-in/passkey", post(passkey::sign_in))
        .route("/console/sign-in/passkey/options", post(passkey::sign_in_options))
        .route("/console/prove", get(step_up::page).post(step_up::prove))
        .route("/console/prove/options", post(passkey::prove_options))
        .route("/console/account", get(account::page))
        .route("/console/account/passkeys", post(account::add_passkey))
        .route("/console/account/passkeys/options", post(passkey::register_options))
        .route("/console/account/passkeys/{id}/rename", post(account::rename_passkey))
        .route("/console/account/passkeys/{id}/remove", post(account::remove_passkey))
        .route("/console/account/password", post(account::set_password))
        .route("/console/account/password/remove", post(account::remove_password))
        .route("/console/account/codes", get(codes::page).post(codes::confirm))
        .route("/console/account/codes/offer", post(codes::offer))
        .route("/console/account/codes/remove", post(codes::remove))
        .route("/console/account/recovery-codes", post(codes::recovery))
        .route("/console/account/sign-ins/{id}/end", post(account::end_sign_in))
        .route("/console/account/logins/{id}/end", post(account::end_login))
        .route("/console/account/sso/unlink", post(sso::unlink))
        .route("/console/sso/sign-in", get(sso::sign_in))
        .route("/console/sso/prove", get(sso::prove))
        .route("/console/sso/link", get(sso::link))
        .route("/console/sso/callback", get(sso::callback))
        .route("/console/settings/sso/check", post(settings::check_sso))
        .route("/console/people", get(people::list).post(people::invite))
        .route("/console/people/{name}", get(people::page))
        .route("/console/people/{name}/enrol", post(people::enrol_anew))
        .route("/console/people/{name}/withdraw", post(people::withdraw))
        .route("/console/people/{name}/role", post(people::change_role))
        .route("/console/people/{name}/remove", get(people::ask_remove).post(people::remove))
        .route("/console/people/{name}/sign-ins/{id}/end", post(people::end_sign_in))
        .route("/console/people/{name}/logins/{id}/end", post(people::end_login))
        .route("/console/enrol", get(enrol::page).post(enrol::enrol))
        .route("/console/enrol/options", post(passkey::enrol_options))
        .route("/console/docs", get(docs::page))
        .route("/console/device", get(device::page).post(device::typed))
        .route("/console/device/approve", post(device::approve))
        .route("/console/device/deny", post(device::deny))
        .route("/console/logins/{client}/elevate", get(login::page).post(login::elevate))
        .route("/console/logins/{client}/lower", post(login::lower))
        .route("/console/policies", get(policies::list))
        .route("/console/policies/reach", get(reach::page))
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
