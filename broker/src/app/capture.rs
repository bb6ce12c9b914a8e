//! New secrets in answers go into the vault, and a placeholder goes on. A person keeps or revokes them.

use bytes::Bytes;
use serde_json::Value;
use stint_api::{Captured, Code, Credential};

use super::{App, Error, Facts, Judged, LiveCredential, LiveSession, PersonCaller, Result};
use crate::catalog::capture::{Captive, Capturing, TooMany};
use crate::model::{CredentialId, CredentialRow, Event, EventKind, Name, SecretVersion};
use crate::store::{Change, Commit};

/// Kind of a captured secret that is none of the pack's: it is kept, and no session carries it.
const OTHER: &str = "captured";

impl App {
    /// What the answer to an allowed request has to be freed of.
    pub fn capturing(&self, credential: &LiveCredential, judged: &Judged) -> Vec<Capturing> {
        let packs = self.packs();
        let pack = packs.catalog.pack(&credential.row.provider);
        pack.map(|pack| pack.capturing(&judged.operations)).unwrap_or_default()
    }

    /// Take the new secrets out of a whole answer. What comes back holds none of them, and they are in the vault; an error
    /// is to be told instead of the answer.
    pub async fn capture(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
        record: &str,
        plans: &[Capturing],
        body: &[u8],
    ) -> Result<Bytes> {
        if body.trim_ascii().is_empty() {
            return Ok(Bytes::new());
        }
        let mut answer: Value = serde_json::from_slice(body).map_err(|_| withheld(&"it is not JSON"))?;
        let (mut changes, mut events) = (Vec::new(), Vec::new());
        for plan in plans {
            let mut kept = |captive: &Captive| {
                let (change, event, name) = self.captured(session, credential, record, plan, captive)?;
                changes.push(change);
                events.push(event);
                Ok::<String, Error>(format!("[stint:captured:{name}]"))
            };
            plan.take(&mut answer, &mut kept)?;
        }
        if !changes.is_empty() {
            self.0.store.commit(Commit { changes, events, digest: None }).await?;
            self.reload_registry().await?;
            self.tell(super::News::Record);
        }
        Ok(Bytes::from(answer.to_string()))
    }

    fn captured(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
        record: &str,
        plan: &Capturing,
        captive: &Captive,
    ) -> Result<(Change, Event, Name)> {
        let uuid = self.uuid()?;
        let id = CredentialId::from_uuid(uuid);
        let short: String = uuid.simple().to_string().chars().rev().take(10).collect();
        let name = Name::parse(&format!("captured-{short}"))?;
        let now = self.0.clock.now();
        let (sealed, fingerprint) = self.seal_credential(&id, 1, &captive.secret)?;
        let row = CredentialRow {
            id: id.clone(),
            name: name.clone(),
            provider: credential.row.provider.clone(),
            kind: plan.kind.clone().unwrap_or_else(|| OTHER.to_owned()),
            environment: Some(session.row.environment.clone()),
            upstream: credential.row.upstream.clone(),
            version: 1,
            fingerprint,
            created_at: now,
            revoked_at: None,
            captured: Some(Captured {
                session: session.row.id.to_string(),
                agent: session.row.agent.to_string(),
                operation: plan.operation.clone(),
                field: captive.field.chars().take(80).collect(),
                record: record.to_owned(),
                expires_at: captive.expires_at,
                kept_at: None,
            }),
        };
        let facts = Facts::new()
            .with("credential", name.as_str())
            .with("provider", row.provider.as_str())
            .with("environment", session.row.environment.as_str())
            .with("agent", session.row.agent.as_str())
            .with("operation", plan.operation.as_str())
            .with("intent", record)
            .with("fingerprint", row.fingerprint.as_str());
        let event =
            self.event(EventKind::CredentialCaptured, &session.row.subject, Some(&session.row.id), facts)?;
        let secret = SecretVersion { credential: id, version: 1, sealed, created_at: now };
        Ok((Change::AddCredential { row, secret }, event, name))
    }

    /// A person keeps what was captured: where it is a credential of its provider, sessions of its environment get it from
    /// then on.
    pub async fn keep_credential(&self, caller: &PersonCaller, name: &str) -> Result<Credential> {
        caller.administers()?;
        let name = Name::parse(name)?;
        let row = self.0.store.credential(&name).await?.filter(|row| row.revoked_at.is_none());
        let mut row = row.ok_or_else(|| Error::not_found("credential", &name))?;
        let Some(captured) = row.captured.as_mut().filter(|captured| captured.kept_at.is_none()) else {
            return Err(Error::new(
                Code::Conflict,
                format!("{name} is no captured secret that waits for this"),
            )
            .hint("stint credential list --captured shows those that do"));
        };
        captured.kept_at = Some(self.0.clock.now());
        let facts =
            Facts::new().with("credential", name.as_str()).with("fingerprint", row.fingerprint.as_str());
        let change = Change::KeepCredential { credential: row.id.clone(), captured: captured.clone() };
        self.change(caller, EventKind::CredentialKept, facts, vec![change]).await?;
        Ok(super::registry::credential(&row))
    }
}

impl From<TooMany> for Error {
    fn from(error: TooMany) -> Self {
        withheld(&error)
    }
}

/// Instead of an answer whose new secrets cannot be taken out.
pub fn withheld(why: &dyn std::fmt::Display) -> Error {
    Error::new(
        Code::UpstreamFailed,
        format!("the answer carries a new secret and was withheld: {why}, so the secret could not be taken out"),
    )
    .hint("the request had its effect; tell your user to look at the provider, and to revoke what was made there")
}
