//! Bodies on their way to and from a provider.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::upstream::{UpstreamError, UpstreamFailure};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body, streamed.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// An answer's body: an error after `idle` without a byte, and never trailers (they could carry anything past the
/// screen that headers go through).
#[derive(Debug)]
pub struct IdleBody {
    inner: Incoming,
    idle: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl IdleBody {
    pub(super) fn new(inner: Incoming, idle: Duration) -> Self {
        IdleBody { inner, idle, waiting: None }
    }
}

impl http_body::Body for IdleBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.waiting = None;
                match frame {
                    Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
                    Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
                    Some(Err(_)) => Poll::Ready(Some(Err(UpstreamError::new(
                        UpstreamFailure::Protocol,
                        "the answer broke off",
                    )))),
                    None => Poll::Ready(None),
                }
            }
            Poll::Pending => {
                let idle = this.idle;
                let time = this.waiting.get_or_insert_with(|| Box::pin(sleep(idle)));
                time.as_mut().poll(cx).map(|()| {
                    Some(Err(UpstreamError::new(UpstreamFailure::Timeout, "the answer stopped coming")))
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// When a request's body last moved, so that the wait for an answer begins after it and not before.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    start: Instant,
    /// Milliseconds after `start`.
    last: Arc<AtomicU64>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Progress { start: Instant::now(), last: Arc::default() }
    }

    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    fn mark(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    pub(super) fn watch(&self, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Watched { inner: body, progress: self.clone() })
    }
}

struct Watched {
    inner: Body,
    progress: Progress,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.inner).poll_frame(cx);
        if frame.is_ready() {
            this.progress.mark();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
