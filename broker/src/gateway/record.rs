//! Phase 6, record: the intent is durable before the credential is opened. Refusals are recorded through the same door.

use axum::body::Body;
use http::Request;

use super::identify::Identified;
use crate::app::{App, Authorized, Error, Facts, GatewayCaller, Intent, Judged, Reply, Result};
use crate::model::EventKind;

pub(super) async fn record(
    app: &App,
    identified: &Identified,
    judged: &Judged,
    authorized: Authorized,
) -> Result<Intent> {
    app.record_intent(&identified.caller, &identified.credential, judged, authorized).await
}

/// What is known of a request so far, for the record of a refusal: facts that were parsed, never a header or a body.
#[derive(Debug)]
pub(super) struct Trace {
    method: String,
    path: String,
    pub(super) graphql: bool,
    /// How a refusal is told, where whoever asks has a form of its own.
    pub(super) reply: Option<Reply>,
    pub(super) credential: Option<String>,
    actor: Option<String>,
    session: Option<crate::model::SessionId>,
    agent: Option<String>,
    environment: Option<String>,
    judged: Option<Facts>,
}

impl Trace {
    pub(super) fn of(request: &Request<Body>) -> Self {
        Trace {
            method: request.method().as_str().chars().take(20).collect(),
            // Without the query: it may carry a secret.
            path: request.uri().path().chars().take(512).collect(),
            graphql: request.uri().path().contains("/graphql"),
            reply: lists_refs(request).then_some(Reply::GIT_TEXT),
            credential: None,
            actor: None,
            session: None,
            agent: None,
            environment: None,
            judged: None,
        }
    }

    pub(super) fn identified(&mut self, caller: &GatewayCaller) {
        let row = &caller.session.row;
        self.actor = Some(row.subject.clone());
        self.session = Some(row.id.clone());
        self.agent = Some(row.agent.to_string());
        self.environment = Some(row.environment.to_string());
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
        let mut facts = self
            .judged
            .clone()
            .unwrap_or_default()
            .with("code", error.code.as_str())
            .with("detail", error.detail.as_str())
            .with("method", self.method.as_str())
            .with("path", self.path.as_str())
            .maybe("credential", self.credential.as_deref())
            .maybe("agent", self.agent.as_deref())
            .maybe("environment", self.environment.as_deref());
        if let Some(decision) = &error.decision {
            facts = facts.with_all("policies", &decision.policies);
            facts = facts.maybe("approval", decision.approval.as_ref().map(|approval| approval.id.clone()));
        }
        let actor = self.actor.as_deref().unwrap_or("unknown");
        app.record_refusal(EventKind::RequestRefused, actor, self.session.as_ref(), facts).await
    }
}

/// What git asks first: known before anything else is.
fn lists_refs(request: &Request<Body>) -> bool {
    let uri = request.uri();
    uri.path().ends_with("/info/refs") && uri.query().is_some_and(|query| query.starts_with("service=git-"))
}
