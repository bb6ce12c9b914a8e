use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::Failed;
use crate::app::{App, Error, Facts};
use crate::model::EventKind;

/// Response extension: who asked was not let in, which goes on record before it is answered.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    kind: EventKind,
    facts: Facts,
}

impl Refusal {
    pub(super) fn of(kind: EventKind, error: &Error) -> Self {
        let facts = Facts::new().with("code", error.code.as_str()).with("detail", error.detail.as_str());
        Refusal { kind, facts }
    }
}

/// Writes the record of a refusal. What cannot be recorded is answered 503.
pub(super) async fn recorded(State(app): State<App>, request: Request, next: Next) -> Response {
    let method: String = request.method().as_str().chars().take(20).collect();
    // Without the query: it may carry a secret.
    let path: String = request.uri().path().chars().take(512).collect();
    let mut response = next.run(request).await;
    let Some(Refusal { kind, facts }) = response.extensions_mut().remove::<Refusal>() else {
        return response;
    };
    let facts = facts.with("method", method).with("path", path);
    match app.record_refusal(kind, "unknown", None, facts).await {
        Ok(_) => response,
        Err(unrecorded) => Failed(unrecorded).into_response(),
    }
}
