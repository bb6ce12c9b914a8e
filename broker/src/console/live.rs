//! A stream that says that something changed; the page then asks for itself again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;

use super::visitor::Visitor;
use crate::app::App;

/// Changes that come together are told together.
const GATHER: Duration = Duration::from_millis(300);
/// How long a stream lasts: the browser comes back, and is asked again who it is.
const LASTS: Duration = Duration::from_secs(300);

pub(super) async fn stream(
    State(app): State<App>,
    _: Visitor,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let end = tokio::time::Instant::now() + LASTS;
    let stream = unfold(app.news(), move |mut news| async move {
        let heard = tokio::time::timeout_at(end, news.recv()).await.ok()?;
        if matches!(heard, Err(RecvError::Closed)) {
            return None;
        }
        tokio::time::sleep(GATHER).await;
        let news = news.resubscribe();
        Some((Ok(Event::default().event("changed").data("1")), news))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
