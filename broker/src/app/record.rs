use serde_json::{Map, Value, json};

use stint_api::Code;

use super::{App, Authorized, Error, GatewayCaller, Judged, LiveCredential, Result};
use crate::model::{Event, EventKind, RecordId, SessionId, digest_hex};
use crate::policy::Permit;
use crate::store::{Change, Commit, CommitError, Receipt};

/// Facts of an event, built a line at a time. Callers put ids, digests, counts and parsed facts in, never a secret.
#[derive(Debug, Clone, Default)]
pub struct Facts(Map<String, Value>);

impl Facts {
    pub fn new() -> Self {
        Facts::default()
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub fn with_all<T: serde::Serialize>(mut self, name: &str, value: &T) -> Self {
        self.0.insert(name.to_owned(), json!(value));
        self
    }

    /// The text of a fact.
    pub(in crate::app) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    pub(in crate::app) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The event that these are the facts of.
    pub(in crate::app) fn event(
        self,
        id: RecordId,
        at: chrono::DateTime<chrono::Utc>,
        kind: EventKind,
        actor: &str,
    ) -> Event {
        Event { id, at, kind, session: None, actor: actor.to_owned(), facts: self.0 }
    }

    pub fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl App {
    /// An event of now. `actor` is `person:…`, `agent:…`, `broker` or `unknown`.
    pub fn event(
        &self,
        kind: EventKind,
        actor: &str,
        session: Option<&SessionId>,
        facts: Facts,
    ) -> Result<Event> {
        Ok(Event {
            id: RecordId::from_uuid(self.uuid()?),
            at: self.0.clock.now(),
            kind,
            session: session.map(ToString::to_string),
            actor: actor.to_owned(),
            facts: facts.0,
        })
    }
}

/// A request whose intent is durable: the way to the credential, once.
#[derive(Debug)]
pub struct Intent {
    /// Id of the record.
    pub id: String,
    pub(in crate::app) permit: Permit,
    pub(in crate::app) receipt: Receipt,
}

impl App {
    /// Record what is about to be done, use up the proof and the approval, all in one transaction.
    pub async fn record_intent(
        &self,
        caller: &GatewayCaller,
        credential: &LiveCredential,
        judged: &Judged,
        authorized: Authorized,
    ) -> Result<Intent> {
        let row = &caller.session.row;
        let digest = judged.digest();
        let request = &judged.request;
        let facts = Facts::new()
            .with("digest", digest_hex(digest))
            .with("method", request.method.as_str())
            .with("host", request.host.as_str())
            .with("path", request.path.as_str())
            .with("credential", credential.row.name.as_str())
            .with("credential_version", credential.row.version)
            .with("agent", row.agent.as_str())
            .with("environment", row.environment.as_str())
            .with("confined", row.confinement.is_full())
            .with("confinement", row.confinement.as_str())
            .with_all("operations", &judged.operation_names())
            .with("class", judged.class().as_str())
            .with_all("resources", &judged.touched())
            .with_all("policies", &authorized.policies)
            .maybe("marks", judged.marks())
            .maybe("place", judged.place())
            .maybe("streamed", request.partial.then_some(true))
            .maybe("approval", authorized.approval.as_ref().map(|id| id.as_str()));
        let mut changes = vec![caller.used_proof()];
        let mut events = Vec::new();
        if let Some(id) = &authorized.approval {
            changes.push(Change::UseApproval { id: id.clone(), at: self.0.clock.now() });
            let facts = Facts::new().with("approval", id.as_str()).with("digest", digest_hex(digest));
            events.push(self.event(EventKind::ApprovalUsed, &row.subject, Some(&row.id), facts)?);
        }
        events.push(self.event(EventKind::RequestDecided, &row.subject, Some(&row.id), facts)?);
        let receipt = self.0.store.commit(Commit { changes, events, digest: Some(digest) }).await;
        let receipt = receipt.map_err(|error| match error {
            CommitError::Conflict(_) => {
                Error::new(Code::ApprovalRequired, "the approval was used already: each is for one request")
                    .hint("send the request again to ask for a new approval")
            }
            other => other.into(),
        })?;
        // A session that ended while this was decided gets nothing any more.
        self.live_session(&row.id).await?;
        caller.session.refusals.end();
        self.note_use(&credential.row.id);
        self.tell(if authorized.approval.is_some() { super::News::Approval } else { super::News::Record });
        Ok(Intent { id: receipt.record().to_string(), permit: authorized.permit, receipt })
    }

    /// Record a refusal; gives the record's id. What cannot be recorded is an error, and was not sent either.
    pub async fn record_refusal(
        &self,
        kind: EventKind,
        actor: &str,
        session: Option<&SessionId>,
        facts: Facts,
    ) -> Result<String> {
        let changes = self.noteworthy(kind, &facts).map_or(Ok(Vec::new()), |notice| self.tells(&notice))?;
        let event = self.event(kind, actor, session, facts)?;
        let mut changes = changes;
        changes.extend(self.alerts_of_refusal(session, &event));
        let receipt = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        Ok(receipt.record().to_string())
    }

    /// Record what became of a request: queued, and owed until it is written.
    pub fn record_outcome(&self, kind: EventKind, actor: &str, session: &SessionId, facts: Facts) {
        match self.event(kind, actor, Some(session), facts) {
            Ok(event) => {
                let changes = self.alerts_of_outcome(session, &event);
                self.0.store.commit_later(Commit { changes, events: vec![event], digest: None });
            }
            Err(error) => tracing::error!(%error, "an outcome could not be recorded"),
        }
    }

    /// Record a request that broke the rules of framing, and say what to answer.
    pub async fn record_malformed(&self, code: &str, error: Error) -> Error {
        let facts = Facts::new().with("code", error.code.as_str()).with("detail", code);
        match self.record_refusal(EventKind::RequestRefused, "unknown", None, facts).await {
            Ok(_) => error,
            Err(unrecorded) => unrecorded,
        }
    }
}
