use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use stint_api::Code;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::app::{App, Error};
use crate::listen;
use crate::problem;
use crate::{console, gateway, http as control};

/// The whole of what the broker answers.
#[derive(Clone, Debug)]
pub struct Front {
    app: App,
    control: Router,
    console: Router,
    places: Arc<Semaphore>,
}

impl Front {
    pub fn new(app: App) -> Self {
        let places = Arc::new(Semaphore::new(app.config().limits.requests));
        Front { control: control::router(app.clone()), console: console::router(app.clone()), app, places }
    }

    /// Answer one request. Requests that the listener refused, or that could be read in two ways, go no further.
    pub async fn answer(self, mut request: Request<Body>) -> Response<Body> {
        if let Some(peer) = request.extensions().get::<listen::Peer>() {
            let config = self.app.config();
            let (trusted, header) = (&config.trusted_proxies, config.proxy_header);
            let client = listen::client(peer.addr.ip(), request.headers(), trusted, header);
            request.extensions_mut().insert(client);
        }
        if let Some(refused) = request.extensions().get::<listen::Refused>() {
            let refused = *refused;
            return self.framing(refused).await;
        }
        if request.uri().path().starts_with(gateway::PREFIX) {
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                let busy = Error::new(Code::Busy, "as many requests are under way as limits.requests allows");
                return problem::response(&busy, &problem::document(&busy));
            };
            let response = gateway::handle(&self.app.pinned(), request).await;
            if response.body().size_hint().exact().is_some() {
                return response;
            }
            // A stream keeps its place for as long as it lasts.
            return response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &place;
                    frame
                }))
            });
        }
        let path = request.uri().path();
        let page = path == "/" || path == console::PREFIX || path.starts_with("/console/");
        let router = if page { self.console } else { self.control };
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
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
        let mut response = problem::response(&error, &problem);
        response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        response
    }
}
