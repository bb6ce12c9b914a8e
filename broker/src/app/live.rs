//! What every request needs, kept in memory: reading it from the database would cost more than everything else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, RwLock};

use tokio::sync::OnceCell;

use super::alerts::Streak;
use super::budget::{Spent, counted_again};
use super::{App, Error, Result, within};
use crate::model::{
    AgentRow, ChannelRow, ClientId, CredentialId, CredentialRow, EnvironmentRow, Name, SecretVersion,
    Selector, SessionId, SessionRow,
};
use crate::store::Database;

/// How long a replica believes what it read of a session before it asks the shared database again, in milliseconds.
const SHARED_SESSION_AGE: i64 = 500;

/// Environments, credentials and agents as of the last change.
#[derive(Debug, Default)]
pub(in crate::app) struct Registry {
    pub(in crate::app) environments: HashMap<Name, EnvironmentRow>,
    pub(in crate::app) owners: HashMap<Selector, Name>,
    pub(in crate::app) credentials: HashMap<Name, Arc<LiveCredential>>,
    /// What is known of a secret by its fingerprint: in words.
    pub(in crate::app) fingerprints: HashMap<String, String>,
    pub(in crate::app) agents: HashMap<Name, AgentRow>,
    pub(in crate::app) channels: Vec<ChannelRow>,
    pub(in crate::app) agents_by_client: HashMap<ClientId, Name>,
}

/// A credential with its sealed secret.
#[derive(Debug)]
pub struct LiveCredential {
    pub row: CredentialRow,
    pub(in crate::app) secret: SecretVersion,
}

/// A session that has not ended, as far as this process knows.
#[derive(Debug)]
pub struct LiveSession {
    pub row: SessionRow,
    /// Unix milliseconds.
    heard: AtomicI64,
    checked: AtomicI64,
    /// Whether this process is the one that hears it. Where several share a database, one that never heard a session
    /// does not end it for being silent.
    listens: AtomicBool,
    /// Held while the session asks for an approval.
    pub(in crate::app) asking: tokio::sync::Mutex<()>,
    pub(in crate::app) refusals: Streak,
    /// Read back from the records when it is first asked for.
    /// Shared by all that is within one session.
    pub(in crate::app) spent: OnceCell<Arc<Spent>>,
}

#[derive(Debug, Default)]
pub(in crate::app) struct Sessions(RwLock<HashMap<SessionId, Arc<LiveSession>>>);

impl Sessions {
    /// Two requests may find it at once: both get the one that was first.
    pub(in crate::app) fn insert(
        &self,
        row: SessionRow,
        now: i64,
        listens: bool,
        spent: Option<Arc<Spent>>,
    ) -> Arc<LiveSession> {
        let live = Arc::new(LiveSession {
            heard: AtomicI64::new(now),
            checked: AtomicI64::new(now),
            listens: AtomicBool::new(listens),
            asking: tokio::sync::Mutex::default(),
            refusals: Streak::default(),
            spent: OnceCell::new_with(spent),
            row,
        });
        match self.0.write() {
            Ok(mut map) => map.entry(live.row.id.clone()).or_insert(live).clone(),
            Err(_) => live,
        }
    }

    pub(in crate::app) fn remove(&self, id: &SessionId) {
        if let Ok(mut map) = self.0.write() {
            map.remove(id);
        }
    }

    pub(in crate::app) fn all(&self) -> Vec<Arc<LiveSession>> {
        self.0.read().map(|map| map.values().cloned().collect()).unwrap_or_default()
    }

    pub(in crate::app) fn find(&self, id: &SessionId) -> Option<Arc<LiveSession>> {
        self.0.read().ok()?.get(id).cloned()
    }
}

impl LiveSession {
    pub(in crate::app) fn hear(&self, now_ms: i64) {
        self.heard.store(now_ms, Ordering::Relaxed);
        self.listens.store(true, Ordering::Relaxed);
    }

    /// Why the session is over at this moment, if it is.
    pub(in crate::app) fn over(
        &self,
        now: chrono::DateTime<chrono::Utc>,
        grace: std::time::Duration,
    ) -> Option<&'static str> {
        if self.row.ended_at.is_some() {
            return Some("ended");
        }
        if now >= self.row.expires_at {
            return Some("expired");
        }
        let silent = now.timestamp_millis() - self.heard.load(Ordering::Relaxed);
        let listens = self.listens.load(Ordering::Relaxed);
        (self.row.heartbeat && listens && silent > i64::try_from(grace.as_millis()).unwrap_or(i64::MAX))
            .then_some("heartbeat_missed")
    }
}

impl App {
    /// The session, live now. Ended, expired and silent ones are `SessionEnded`; unknown ones too, so that an id that
    /// never was cannot be told from one that is over.
    pub async fn live_session(&self, id: &SessionId) -> Result<Arc<LiveSession>> {
        let ended = || {
            Error::new(stint_api::Code::SessionEnded, "the session has ended")
                .hint("start another: stint run")
        };
        let now = self.0.clock.now();
        let now_ms = now.timestamp_millis();
        let shared = matches!(self.database(), Database::Postgres(_));
        let known = self.0.sessions.find(id);
        let fresh = known.as_ref().is_some_and(|live| {
            !shared || now_ms - live.checked.load(Ordering::Relaxed) < SHARED_SESSION_AGE
        });
        let live = match known {
            Some(live) if fresh => live,
            known => {
                let row = self.0.store.session(id).await?.ok_or_else(ended)?;
                if row.ended_at.is_some() {
                    self.0.sessions.remove(id);
                    return Err(ended());
                }
                match known {
                    Some(live) => {
                        live.checked.store(now_ms, Ordering::Relaxed);
                        live
                    }
                    // After a restart a session gets a full grace period to be heard again.
                    None => self.0.sessions.insert(row, now_ms, !shared, None),
                }
            }
        };
        let mut over = live.over(now, self.0.config.session.heartbeat_grace);
        // An agent that was removed while its session started has none. One that another replica added just now is not
        // in this one's registry yet.
        if over.is_none() && !self.0.registry.load().agents.contains_key(&live.row.agent) {
            over = self.0.store.agent(&live.row.agent).await?.is_none().then_some("agent_removed");
        }
        let parent = match (&over, &live.row.parent) {
            (None, Some(parent)) => match Box::pin(self.live_session(parent)).await {
                Ok(parent) => Some(parent),
                Err(error) if error.code == stint_api::Code::SessionEnded => {
                    over = Some(within::PARENT_ENDED);
                    None
                }
                Err(error) => return Err(error),
            },
            _ => None,
        };
        match over {
            None => {
                let count = async || match parent.and_then(|parent| parent.spent.get().cloned()) {
                    Some(shared) => Ok(shared),
                    None => counted_again(&self.0.store, &live.row.id, now).await.map(Arc::new),
                };
                live.spent.get_or_try_init(count).await?;
                Ok(live)
            }
            Some(reason) => {
                self.end_quietly(&live.row, reason).await;
                Err(ended())
            }
        }
    }

    /// Read the registry anew. Called after each change, and now and then where other replicas change it too.
    pub(in crate::app) async fn reload_registry(&self) -> Result<()> {
        let store = &self.0.store;
        let mut registry = Registry::default();
        for row in store.environments().await? {
            for selector in &row.selectors {
                registry.owners.insert(selector.clone(), row.name.clone());
            }
            registry.environments.insert(row.name.clone(), row);
        }
        let rows: HashMap<CredentialId, CredentialRow> =
            store.credentials().await?.into_iter().map(|row| (row.id.clone(), row)).collect();
        for (fingerprint, id, version) in store.fingerprints().await? {
            if let Some(row) = rows.get(&id) {
                registry.fingerprints.insert(fingerprint, in_words(row, version));
            }
        }
        let secrets = store.secrets().await?;
        // A sealed vault opens none, and no request leaves it either.
        if !self.0.vault.is_sealed() {
            for (credential, version) in self.0.vault.know(&secrets).map_err(Error::internal)? {
                tracing::error!(%credential, version, "a stored secret does not open, so answers are not searched for it");
            }
        }
        let mut secrets: HashMap<(CredentialId, i64), SecretVersion> =
            secrets.into_iter().map(|one| ((one.credential.clone(), one.version), one)).collect();
        let packs = self.packs();
        for row in rows.into_values() {
            // What was captured is nobody's until a person keeps it, and no carrier is known for what is of no kind.
            let waits = row.captured.as_ref().is_some_and(|captured| {
                let pack = packs.catalog.pack(&row.provider);
                let known = pack.is_some_and(|pack| pack.manifest.kind(Some(&row.kind)).is_some());
                captured.kept_at.is_none() || !known
            });
            if row.revoked_at.is_some() || waits {
                continue;
            }
            let secret = secrets.remove(&(row.id.clone(), row.version));
            let secret =
                secret.ok_or_else(|| Error::internal(format!("credential {} has no secret", row.name)))?;
            registry.credentials.insert(row.name.clone(), Arc::new(LiveCredential { row, secret }));
        }
        registry.channels = store.channels().await?;
        for row in store.agents().await? {
            registry.agents_by_client.insert(row.client.clone(), row.name.clone());
            registry.agents.insert(row.name.clone(), row);
        }
        self.0.registry.store(Arc::new(registry));
        Ok(())
    }

    pub(in crate::app) fn environment(&self, name: &Name) -> Result<EnvironmentRow> {
        self.0.registry.load().environments.get(name).cloned().ok_or_else(|| {
            Error::not_found("environment", name).hint("add it: stint environment add NAME --tier TIER")
        })
    }

    pub(in crate::app) fn live_credential(&self, name: &Name) -> Option<Arc<LiveCredential>> {
        self.0.registry.load().credentials.get(name).cloned()
    }
}

/// How a secret is named whose fingerprint is known.
fn in_words(row: &CredentialRow, version: i64) -> String {
    let state = match (row.revoked_at.is_some(), version == row.version, row.captured.is_some()) {
        (true, ..) => "revoked",
        (false, false, _) => "an older version",
        (false, true, true) => "captured from an answer",
        (false, true, false) => "in use",
    };
    let place = row.environment.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    format!("credential {}{place}, version {version}, {state}", row.name)
}
