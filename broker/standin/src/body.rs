//! Bodies: whole, or fed frame by frame while the answer is under way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Body of an answer.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Writes a body while it is being sent. Each method says whether anybody still reads.
#[derive(Debug)]
pub(crate) struct Feed(mpsc::Sender<io::Result<Frame<Bytes>>>);

struct Fed(mpsc::Receiver<io::Result<Frame<Bytes>>>);

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that `write` feeds from its own task.
pub(crate) fn fed<F, W>(write: W) -> Body
where
    W: FnOnce(Feed) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(write(Feed(sender)));
    Fed(receiver).boxed_unsync()
}

impl Feed {
    pub(crate) async fn send(&self, bytes: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(bytes.into()))).await.is_ok()
    }

    pub(crate) async fn trailers(&self, trailers: HeaderMap) -> bool {
        self.0.send(Ok(Frame::trailers(trailers))).await.is_ok()
    }

    /// End the connection instead of the body.
    pub(crate) async fn cut(&self) {
        let cut = io::Error::new(io::ErrorKind::ConnectionReset, "cut on purpose");
        let _ = self.0.send(Err(cut)).await;
    }

    /// Send nothing more, and do not end either, until the reader has gone.
    pub(crate) async fn hold(&self) {
        while !self.0.is_closed() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl hyper::body::Body for Fed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx)
    }
}
