//! Phase 9, screen: the injected secret never reaches downstream, however the answer is split.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, Response, header};
use http_body::Frame;
use stint_api::Code;

use super::close::Close;
use crate::app::{Error, Result, Screen, Sent};

/// Headers of the provider's that mean nothing past this hop, or say what the credential can do.
const DROPPED: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "alt-svc",
    "set-cookie",
    "x-oauth-scopes",
    "x-accepted-oauth-scopes",
    "strict-transport-security",
    "public-key-pins",
];

pub(super) fn screen(sent: Sent, close: Close) -> Result<Response<Body>> {
    let (parts, body) = sent.response.into_parts();
    screened(parts, body, sent.screen, close)
}

/// Every coding but none is refused: a second one after a harmless first would be a way past the search.
pub(super) fn is_plain(headers: &HeaderMap) -> Result<()> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    match codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        true => Err(Error::new(
            Code::UpstreamFailed,
            "the provider encoded its answer though it was asked not to, so it cannot be screened",
        )),
        false => Ok(()),
    }
}

pub(super) fn screened<B>(
    parts: Parts,
    body: B,
    mut screen: Screen,
    mut close: Close,
) -> Result<Response<Body>>
where
    B: http_body::Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    close.headed();
    if let Err(error) = is_plain(&parts.headers) {
        close.failed(&error);
        return Err(error);
    }
    let mut headers = end_to_end(parts.headers);
    screen.headers(&mut headers);
    // What is redacted has another length; hyper frames the answer anew.
    headers.remove(header::CONTENT_LENGTH);
    let status = parts.status;
    let length = body.size_hint().exact();
    let mut response = Response::new(Body::new(Screened {
        body,
        screen: Some(screen),
        close: Some(close),
        status: status.as_u16(),
        bytes: 0,
    }));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if length == Some(0) {
        response.headers_mut().insert(header::CONTENT_LENGTH, http::HeaderValue::from_static("0"));
    }
    Ok(response)
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in DROPPED {
        headers.remove(*name);
    }
    headers
}

/// The provider's body on its way down: screened, timed, and closed with its outcome.
struct Screened<B> {
    body: B,
    screen: Option<Screen>,
    close: Option<Close>,
    status: u16,
    bytes: u64,
}

impl<B> Screened<B> {
    fn ended(&mut self, fault: Option<&str>) {
        let found = self.screen.take().is_some_and(|screen| screen.found());
        if let Some(close) = self.close.take() {
            close.answered(self.status, self.bytes, found, fault);
        }
    }
}

impl<B> http_body::Body for Screened<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            let Some(screen) = this.screen.as_mut() else { return Poll::Ready(None) };
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are dropped: nothing needs them, and they are one more place for an echo.
                    let Ok(data) = frame.into_data() else { continue };
                    let safe = screen.push(data);
                    this.bytes += safe.len() as u64;
                    if !safe.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(safe))));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    this.ended(Some("the provider's answer broke off"));
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) => {
                    let rest = screen.finish();
                    this.bytes += rest.len() as u64;
                    this.ended(None);
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl<B> Drop for Screened<B> {
    fn drop(&mut self) {
        // Downstream went away before the end.
        self.ended(Some("downstream stopped reading"));
    }
}
