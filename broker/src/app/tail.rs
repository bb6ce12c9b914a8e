//! The rest of a body whose beginning was judged: searched for credentials as it passes, and cut off where one is found.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use stint_api::Code;

use super::send::placeholders;
use super::{App, Error, LiveSession};
use crate::catalog::{Carried, Parts};
use crate::model::Placeholder;
use crate::provider::{Body, BoxError};

/// Bytes that wait for what follows them: a key of 512 bytes, each written as an escape of six.
const OVERLAP: usize = 4 * 1024;

/// What follows after the beginning of a body.
pub struct Tail {
    app: App,
    session: Arc<LiveSession>,
    placeholders: Vec<Placeholder>,
    rest: UnsyncBoxBody<Bytes, BoxError>,
}

/// Why a body was cut off on its way; the provider saw an exchange that broke off.
#[derive(Debug, Clone, Default)]
pub(in crate::app) struct Fault(Arc<Mutex<Option<Error>>>);

impl Fault {
    pub(in crate::app) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: Error) -> BoxError {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        "cut off".into()
    }
}

impl App {
    /// `rest` comes from downstream, unread.
    pub fn tail<B>(&self, session: &Arc<LiveSession>, rest: B) -> Tail
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Tail {
            app: self.clone(),
            session: Arc::clone(session),
            placeholders: placeholders(session),
            rest: rest.map_err(Into::into).boxed_unsync(),
        }
    }
}

impl Tail {
    /// The whole body: `beginning`, which was judged, and what follows. `fault` says why it was cut off, if it was.
    pub(in crate::app) fn after(self, beginning: Bytes, fault: Fault) -> Body {
        let sent = beginning.len() as u64;
        Passing {
            tail: self,
            held: BytesMut::from(beginning.as_ref()),
            sent,
            fresh: true,
            ended: false,
            fault,
        }
        .boxed_unsync()
    }

    fn carried(&self, text: &[u8]) -> Carried {
        let parts = Parts { headers: &HeaderMap::new(), path: "", query: None, body: text };
        self.app.packs().catalog.carried(&parts, &self.placeholders)
    }

    /// What is foreign in a piece of text. A piece may begin in the middle of a run of base64, in any of its four phases.
    fn search(&self, text: &[u8]) -> Option<Error> {
        let run = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+/-_=".contains(byte));
        let run = text.get(..run.unwrap_or(text.len())).unwrap_or_default();
        let phases = (1..4).filter_map(|phase| run.get(phase..));
        let found = std::iter::once(text).chain(phases).find_map(|text| self.carried(text).foreign.pop());
        found.map(|foreign| self.app.foreign(&self.session, &foreign))
    }
}

struct Passing {
    tail: Tail,
    /// Searched, and not yet sent.
    held: BytesMut,
    /// Bytes of the body so far.
    sent: u64,
    /// Whether nothing was sent yet: the beginning goes out before anything is waited for.
    fresh: bool,
    ended: bool,
    fault: Fault,
}

impl Passing {
    /// All but what must wait for its end.
    fn settled(&mut self) -> Option<Frame<Bytes>> {
        let settled = self.held.len().saturating_sub(OVERLAP);
        (settled > 0).then(|| Frame::data(self.held.split_to(settled).freeze()))
    }

    fn cut(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.ended = true;
        Poll::Ready(Some(Err(self.fault.set(error))))
    }
}

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut this.fresh)
            && let Some(frame) = this.settled()
        {
            return Poll::Ready(Some(Ok(frame)));
        }
        loop {
            match ready!(Pin::new(&mut this.tail.rest).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers are dropped: nobody judged them.
                    let Ok(data) = frame.into_data() else { continue };
                    this.sent += data.len() as u64;
                    if this.sent > this.tail.app.config().limits.upload {
                        let detail = "the body is longer than limits.upload of the broker";
                        return this.cut(Error::new(Code::BodyTooLarge, detail));
                    }
                    this.held.extend_from_slice(&data);
                    if let Some(foreign) = this.tail.search(&this.held) {
                        return this.cut(foreign);
                    }
                    if let Some(frame) = this.settled() {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Some(Err(_)) => {
                    return this.cut(Error::new(Code::MalformedRequest, "the body broke off"));
                }
                None => {
                    this.ended = true;
                    let last = this.held.split().freeze();
                    return Poll::Ready((!last.is_empty()).then(|| Ok(Frame::data(last))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        match self.tail.rest.size_hint().exact() {
            Some(rest) if !self.ended => SizeHint::with_exact(self.held.len() as u64 + rest),
            _ => SizeHint::default(),
        }
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").field("session", &self.session.row.id).finish_non_exhaustive()
    }
}
