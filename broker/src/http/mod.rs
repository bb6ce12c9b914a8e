//! The control plane: OAuth endpoints and the JSON of `/v1`.
//!
//! A handler extracts, makes one call into `app`, and answers. Must not know SQL, policy or crypto. What goes wrong
//! becomes a problem document through `problem`; the token endpoint answers in OAuth's own form (RFC 6749 s5.2).

mod caller;
mod json;
mod oauth;
mod routes;
mod wellknown;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

use caller::Refusal;

use crate::app::App;
use crate::problem;

pub use routes::router;

/// Answer a request of the control plane. A refusal is on record before it is answered, or the answer is 503.
pub async fn answer(app: &App, router: Router, request: Request<Body>) -> Response<Body> {
    let method: String = request.method().as_str().chars().take(20).collect();
    // Without the query: it may carry a secret.
    let path: String = request.uri().path().chars().take(512).collect();
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let Some(Refusal { kind, facts }) = response.extensions_mut().remove::<Refusal>() else {
        return response;
    };
    let facts = facts.with("method", method).with("path", path);
    match app.record_refusal(kind, "unknown", None, facts).await {
        Ok(_) => response,
        Err(unrecorded) => problem::response(&unrecorded, &problem::document(&unrecorded), false),
    }
}
