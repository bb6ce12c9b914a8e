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
use http::{HeaderValue, Request, Response, header};
use caller::Refusal;
use stint_api::Code;
use tower::ServiceExt;

use crate::app::{App, Error};
use crate::gateway;
use crate::listen;
use crate::problem;

/// The whole of what the broker answers.
#[derive(Clone, Debug)]
pub struct Front {
    app: App,
    control: Router,
}

impl Front {
    pub fn new(app: App) -> Self {
        Front { control: routes::router(app.clone()), app }
    }

    /// Answer one request. Requests that the listener refused, or that could be read in two ways, go no further.
    pub async fn answer(self, request: Request<Body>) -> Response<Body> {
        if let Some(refused) = request.extensions().get::<listen::Refused>() {
            let refused = *refused;
            return self.framing(refused).await;
        }
        let response = if request.uri().path().starts_with(gateway::PREFIX) {
            gateway::handle(&self.app, request).await
        } else {
            control(&self.app, self.control, request).await
        };
        with_nonce(&self.app, response)
    }

    async fn framing(&self, refused: listen::Refused) -> Response<Body> {
        let code = Code::ALL.iter().find(|code| code.as_str() == refused.code);
        let error = Error::new(code.copied().unwrap_or(Code::MalformedRequest), refused.detail);
        let error = self.app.record_malformed(refused.detail, error).await;
        let mut problem = problem::document(&error);
        // A code has one status but for this one: an expectation is refused in its own words (RFC 9110 s15.5.18).
        if error.code.status() == 400 {
            problem.status = refused.status;
        }
        let mut response = problem::response(&problem);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Answer a request of the control plane. A refusal is on record before it is answered, or the answer is 503.
async fn control(app: &App, router: Router, request: Request<Body>) -> Response<Body> {
    let method: String = request.method().as_str().chars().take(20).collect();
    // Without the query: it may carry a secret.
    let path: String = request.uri().path().chars().take(512).collect();
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let Some(Refusal { kind, facts }) = response.extensions_mut().remove::<Refusal>() else { return response };
    let facts = facts.with("method", method).with("path", path);
    match app.record_refusal(kind, "unknown", None, facts).await {
        Ok(_) => response,
        Err(unrecorded) => problem::response(&problem::document(&unrecorded)),
    }
}

/// A challenge that asks for a nonce comes with one (RFC 9449 s9).
fn with_nonce(app: &App, mut response: Response<Body>) -> Response<Body> {
    let asks = response.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    if asks.is_some_and(|challenge| challenge.contains(problem::NONCE_ERROR))
        && let Some(nonce) = app.nonce().and_then(|nonce| HeaderValue::from_str(&nonce).ok())
    {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
    response
}
