use std::sync::atomic::{AtomicBool, Ordering};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::api::{Body, full};

/// Path of the proxy's own that says whether it is ready: 200 or 503, and why in a line of text.
pub const READY: &str = "/ready";

/// `GET /ready` asks for no secret, and is told nothing else.
pub(super) fn is_asked(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && request.uri().authority().is_none() && request.uri().path() == READY
}

/// Whether a sidecar can be worked with.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Whether everything is there that a command needs.
    announced: AtomicBool,
    /// Whether the session is known to have ended.
    over: AtomicBool,
}

impl Ready {
    pub(super) fn announce(&self) {
        self.announced.store(true, Ordering::Relaxed);
    }

    pub(super) fn session_is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn answer(&self) -> Response<Body> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let (status, text) = match (is(&self.announced), is(&self.over)) {
            (true, false) => (StatusCode::OK, "ready\n"),
            (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "its session has ended\n"),
            (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "it does not serve yet\n"),
        };
        let mut response = Response::new(full(text.into()));
        *response.status_mut() = status;
        response
    }
}
