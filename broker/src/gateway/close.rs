//! Phase 10, close: the outcome is recorded when the answer has ended, however it ended.

use tokio::time::Instant;

use super::identify::Identified;
use crate::app::{App, Error, Facts, Intent};
use crate::model::{EventKind, SessionId};

/// What is still owed to the record of one forwarded request.
#[derive(Debug)]
pub(super) struct Close {
    app: App,
    actor: String,
    session: SessionId,
    intent: String,
    /// When the intent was on record.
    since: Instant,
    /// When the head of the answer came.
    head: Option<Instant>,
}

impl Close {
    pub(super) fn of(app: &App, identified: &Identified, intent: &Intent) -> Self {
        let row = &identified.caller.session.row;
        Close {
            app: app.clone(),
            actor: row.subject.clone(),
            session: row.id.clone(),
            intent: intent.id.clone(),
            since: Instant::now(),
            head: None,
        }
    }

    /// The head of the provider's answer is here; its body may take as long as it likes.
    pub(super) fn headed(&mut self) {
        self.head = Some(Instant::now());
    }

    /// The provider answered. `redacted`: the injected secret was in the answer and was taken out.
    pub(super) fn answered(self, status: u16, bytes: u64, redacted: bool, fault: Option<&str>) {
        let facts = Facts::new()
            .with("intent", self.intent.as_str())
            .with("status", status)
            .with("bytes", bytes)
            .with("redacted", redacted)
            .maybe(
                "ms",
                self.head.map(|head| u64::try_from((head - self.since).as_millis()).unwrap_or(u64::MAX)),
            )
            .maybe("fault", fault);
        self.app.spend_bytes(&self.session, &self.intent, bytes);
        self.app.record_outcome(EventKind::RequestClosed, &self.actor, &self.session, facts);
    }

    /// Nothing came back.
    pub(super) fn failed(self, error: &Error) {
        let facts = Facts::new().with("intent", self.intent.as_str()).with("code", error.code.as_str());
        self.app.record_outcome(EventKind::RequestClosed, &self.actor, &self.session, facts);
    }
}
