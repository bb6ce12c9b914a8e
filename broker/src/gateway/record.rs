//! Phase 6, record: the intent is durable before the credential is opened. Refusals are recorded through the same door.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};

use super::accept::Accepted;
use super::identify::Identified;
use crate::app::{
    App, Asked, Authorized, Error, Facts, GatewayCaller, Intent, Judged, LiveCredential, LiveSession, Reply,
    Result,
};
use crate::model::{EventKind, Name};

pub(super) async fn record(
    app: &App,
    identified: &Identified,
    judged: &Judged,
    authorized: Authorized,
) -> Result<Intent> {
    app.record_intent(&identified.caller, &identified.credential, judged, authorized).await
}

/// What is known of a request so far, for the record of a refusal and for the words of it. Facts that were parsed go on
/// record, never a header or a body.
#[derive(Debug)]
pub(super) struct Trace {
    method: Method,
    path: String,
    content_type: Option<HeaderValue>,
    /// Of the provider, where the client names it.
    host: String,
    /// Path at the provider, without the query.
    target: String,
    body: Bytes,
    partial: bool,
    credential: Option<Name>,
    session: Option<Arc<LiveSession>>,
    granted: Option<Arc<LiveCredential>>,
    judged: Option<Facts>,
}

impl Trace {
    pub(super) fn of(request: &Request<Body>) -> Self {
        let path: String = request.uri().path().chars().take(512).collect();
        Trace {
            method: request.method().clone(),
            target: path.clone(),
            // Without the query: it may carry a secret.
            path,
            content_type: request.headers().get(CONTENT_TYPE).cloned(),
            host: String::new(),
            body: Bytes::new(),
            partial: false,
            credential: None,
            session: None,
            granted: None,
            judged: None,
        }
    }

    pub(super) fn accepted(&mut self, accepted: &Accepted) {
        self.credential = Some(accepted.credential.clone());
        self.host = accepted.host.clone().unwrap_or_default();
        self.target = accepted.target.split('?').next().unwrap_or_default().to_owned();
    }

    pub(super) fn identified(&mut self, caller: &GatewayCaller) {
        self.session = Some(Arc::clone(&caller.session));
    }

    pub(super) fn granted(&mut self, identified: &Identified) {
        self.granted = Some(Arc::clone(&identified.credential));
    }

    pub(super) fn body(&mut self, body: &Bytes, partial: bool) {
        self.body = body.clone();
        self.partial = partial;
    }

    /// How a refusal is told to whoever asks.
    pub(super) fn reply(&self, app: &App) -> Reply {
        let kind = self.content_type.as_ref().and_then(|kind| kind.to_str().ok());
        let asked = Asked {
            method: &self.method,
            host: &self.host,
            path: &self.target,
            content_type: kind.unwrap_or_default(),
            body: &self.body,
            partial: self.partial,
        };
        app.reply(self.granted.as_deref(), &asked)
    }

    /// What the session may do instead, where it is known who asks.
    pub(super) fn instead(&self, app: &App) -> Option<String> {
        Some(app.instead(self.session.as_deref()?, self.granted.as_deref()?))
    }

    pub(super) fn judged(&mut self, judged: &Judged) {
        self.judged = Some(
            Facts::new()
                .with_all("operations", &judged.operation_names())
                .with("class", judged.class().as_str())
                .with_all("resources", &judged.touched())
                .maybe("marks", judged.marks())
                .maybe("place", judged.place()),
        );
    }

    /// Record the refusal; gives the record's id.
    pub(super) async fn refusal(&self, app: &App, error: &Error) -> Result<String> {
        let row = self.session.as_ref().map(|session| &session.row);
        let mut facts = self
            .judged
            .clone()
            .unwrap_or_default()
            .with("code", error.code.as_str())
            .with("detail", error.detail.as_str())
            .with("method", self.method.as_str().chars().take(20).collect::<String>())
            .with("path", self.path.as_str())
            .maybe("credential", self.credential.as_ref().map(Name::as_str))
            .maybe("agent", row.map(|row| row.agent.as_str()))
            .maybe("environment", row.map(|row| row.environment.as_str()));
        if let Some(decision) = &error.decision {
            facts = facts.with_all("policies", &decision.policies);
            facts = facts.maybe("approval", decision.approval.as_ref().map(|approval| approval.id.clone()));
        }
        let actor = row.map_or("unknown", |row| row.subject.as_str());
        app.record_refusal(EventKind::RequestRefused, actor, row.map(|row| &row.id), facts).await
    }
}
