use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stint_api::Code;

use super::caller::Failed;
use crate::app::Error;

/// A control-plane body is never larger: secrets and certificates fit, floods do not.
const LIMIT: usize = 256 * 1024;
const DEPTH: usize = 16;
/// A body that takes longer is given up.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body, read strictly: one value, no member twice, no unknown member.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failed> {
        let wrong = |detail: String| Failed(Error::new(Code::InvalidInput, detail));
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            return Err(wrong("the body must be application/json".to_owned()));
        }
        let collecting = Limited::new(request.into_body(), LIMIT).collect();
        let collected = tokio::time::timeout(BODY_TIMEOUT, collecting).await;
        let bytes = collected
            .map_err(|_| wrong("the body did not arrive in time".to_owned()))?
            .map_err(|_| {
                Failed(Error::new(
                    Code::BodyTooLarge,
                    format!("the body is larger than {LIMIT} bytes or broke off"),
                ))
            })?
            .to_bytes();
        let value = stint_jose::strict_json::parse(&bytes, DEPTH)
            .map_err(|error| wrong(format!("the body is not JSON: {error}")))?;
        serde_json::from_value(value).map(Body).map_err(|error| wrong(error.to_string()))
    }
}

/// A JSON answer that nobody keeps.
#[derive(Debug)]
pub(super) struct Answer<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let mut response = Response::new(axum::body::Body::from(bytes));
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                response
            }
            Err(error) => Failed(Error::internal(error)).into_response(),
        }
    }
}
