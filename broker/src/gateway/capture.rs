//! Between forward and screen: an answer with new secrets is read whole, and freed of them.

use axum::body::Body;
use http::{Response, header};
use http_body_util::{BodyExt, Full, Limited};

use super::close::Close;
use super::identify::Identified;
use super::screen;
use crate::app::{App, Capturing, Result, Sent, withheld};

/// Bytes of an answer that carries new secrets; what is longer is withheld.
const LIMIT: usize = 1 << 20;

pub(super) async fn capture(
    app: &App,
    identified: &Identified,
    capturing: &[Capturing],
    record: &str,
    sent: Sent,
    close: Close,
) -> Result<Response<Body>> {
    if !sent.response.status().is_success() {
        return screen::screen(sent, close);
    }
    let Sent { response, screen } = sent;
    let (mut parts, body) = response.into_parts();
    let read = async {
        screen::is_plain(&parts.headers)?;
        let unread = |_| withheld(&"it is too long or broke off");
        let whole = Limited::new(body, LIMIT).collect().await.map_err(unread)?.to_bytes();
        let (session, credential) = (&identified.caller.session, &identified.credential);
        app.capture(session, credential, record, capturing, &whole).await
    };
    match read.await {
        Ok(freed) => {
            // These speak of the body as it was.
            for name in [header::ETAG, header::CONTENT_LENGTH] {
                parts.headers.remove(name);
            }
            screen::screened(parts, Full::new(freed), screen, close)
        }
        Err(error) => {
            close.failed(&error);
            Err(error)
        }
    }
}
