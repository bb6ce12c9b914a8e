//! What holds for every page: which requests are let in, and with which headers answers leave.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use stint_api::Code;

use super::answer::Failure;
use crate::app::{App, Error};

/// Nothing from anywhere else, no inline script or style, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if safe || is_own(request.headers(), app.issuer()) {
        next.run(request).await
    } else {
        let error = Error::new(Code::Forbidden, "this form was not sent by a page of the console")
            .hint("open the console and do it there; a link or another site cannot do it for you");
        Failure(error).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a request that changes something comes from a page of this very origin. Another port of the same machine is
/// another origin; a browser that says nothing of where a form comes from is not believed.
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let from_here = text("origin").is_some_and(|sent| sent == origin);
    match text("sec-fetch-site") {
        Some(site) => {
            site == "same-origin" && text("origin").is_none_or(|sent| sent == origin || sent == "null")
        }
        None => from_here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(lines: &[(&'static str, &'static str)]) -> bool {
        let headers = lines
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_own(&headers.collect(), "http://127.0.0.1:7380")
    }

    #[test]
    fn only_pages_of_this_origin_change_anything() {
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:7380")]));
        assert!(own(&[("origin", "http://127.0.0.1:7380")]));
        for lines in [
            &[][..],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:3000")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://127.0.0.1:3000")],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:3000")],
        ] {
            assert!(!own(lines), "{lines:?}");
        }
    }
}
