//! A stream that says that something changed; the page then asks for itself again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::HeaderMap;
use stint_api::Code;
use tokio::sync::broadcast::error::RecvError;

use super::answer::Failure;
use super::visitor::Visitor;
use crate::app::{App, Error};

/// Changes that come together are told together.
const GATHER: Duration = Duration::from_millis(300);
/// How long a stream lasts: the browser comes back, and is asked again who it is.
const LASTS: Duration = Duration::from_secs(300);

/// Only for pages of this origin: what another page may not read it may not hold open either (E20).
pub(super) async fn stream(
    State(app): State<App>,
    _: Visitor,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let elsewhere = text("origin").is_some_and(|origin| origin != app.issuer())
        || text("sec-fetch-site").is_some_and(|site| site != "same-origin");
    if elsewhere {
        return Err(Failure(Error::new(Code::Forbidden, "this stream is for pages of the console")));
    }
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
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}
