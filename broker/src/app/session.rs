//! Sessions: started, kept alive, ended.

use std::sync::Arc;

use chrono::TimeDelta;
use stint_api::{
    Code, EndedSessions, GatewayHost, Heartbeat, Session, SessionCredential, SessionState, StartSession,
    StartedSession, Variable,
};

use super::budget::Spent;
use super::{
    App, Error, Facts, GatewayCaller, LiveCredential, LiveSession, PersonCaller, Result, identify, within,
};
use crate::model::{ClientId, EventKind, Grant, Name, Placeholder, SessionId, SessionRow};
use crate::policy::Asker;
use crate::store::{Change, Commit, CommitError};

/// Who starts a session, and for whom.
pub(in crate::app) struct Starter<'a> {
    /// `person:alice` or `agent:ci`.
    pub(in crate::app) subject: String,
    pub(in crate::app) key: &'a identify::Key,
    /// The proof or assertion that was used, to be remembered with the change.
    pub(in crate::app) used: Vec<Change>,
    /// The login that asked, if it is one.
    pub(in crate::app) login: Option<ClientId>,
    /// The session that it is started within.
    pub(in crate::app) parent: Option<Arc<LiveSession>>,
}

impl App {
    /// Start a session for an agent, as a person; with `dry_run`, only say what it would hold.
    pub async fn start_session(&self, caller: &PersonCaller, start: StartSession) -> Result<StartedSession> {
        caller.works()?;
        let key = identify::parse_key(&start.key)?;
        let starter = Starter {
            subject: caller.actor(),
            key: &key,
            used: caller.used_proof().into_iter().collect(),
            login: caller.login().cloned(),
            parent: None,
        };
        self.begin_session(starter, start).await
    }

    pub(in crate::app) async fn begin_session(
        &self,
        starter: Starter<'_>,
        start: StartSession,
    ) -> Result<StartedSession> {
        self.unsealed()?;
        let environment = self.environment(&Name::parse(&start.environment)?)?;
        let agent = Name::parse(&start.agent)?;
        if !self.0.registry.load().agents.contains_key(&agent) {
            return Err(Error::not_found("agent", &agent).hint("add it: stint agent add NAME"));
        }
        let asker = Asker {
            agent: agent.clone(),
            subject: starter.subject.clone(),
            environment: environment.name.clone(),
            tier: environment.tier,
            confinement: start.confinement,
        };
        let policies = self.0.policy.load().authorize_session(&asker).map_err(|denial| {
            let error = Error::new(Code::Denied, denial.reason);
            let facts = super::DecisionFacts { policies: denial.policies, ..Default::default() };
            match denial.hint {
                Some(hint) => error.hint(hint).decided(facts),
                None => error.decided(facts),
            }
        })?;
        let granted = match (&starter.parent, start.credentials.is_empty()) {
            // Nothing named means nothing here: the session around it has none.
            (Some(_), true) => Vec::new(),
            _ => self.grants(&environment.name, &start.credentials)?,
        };
        let limits = &self.0.config.session;
        let ttl = start.ttl.unwrap_or(limits.ttl.as_secs()).clamp(1, limits.max_ttl.as_secs());
        let now = self.0.clock.now();
        let row = SessionRow {
            id: SessionId::from_uuid(self.uuid()?),
            environment: environment.name,
            tier: environment.tier,
            agent,
            subject: starter.subject,
            key: starter.key.text.clone(),
            jkt: starter.key.jkt.clone(),
            grants: granted.iter().map(|(grant, _)| grant.clone()).collect(),
            confinement: start.confinement,
            command: start.command.map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect()),
            heartbeat: start.heartbeat,
            parent: starter.parent.as_ref().map(|parent| parent.row.id.clone()),
            started_at: now,
            expires_at: within::no_later(
                now + TimeDelta::seconds(i64::try_from(ttl).unwrap_or(3600)),
                starter.parent.as_deref(),
            ),
            ended_at: None,
            end_reason: None,
        };
        if !start.dry_run {
            let facts = Facts::new()
                .with("environment", row.environment.as_str())
                .with("agent", row.agent.as_str())
                .with("jkt", row.jkt.as_str())
                .with("expires_at", row.expires_at.to_rfc3339())
                .with("confined", row.confinement.is_full())
                .with("confinement", row.confinement.as_str())
                .maybe("parent", row.parent.as_ref().map(SessionId::as_str))
                .maybe("command", row.command.as_deref())
                .with_all(
                    "credentials",
                    &row.grants.iter().map(|grant| &grant.credential).collect::<Vec<_>>(),
                )
                .with_all("policies", &policies);
            let told = self.noteworthy(EventKind::SessionStarted, &facts);
            let event = self.event(EventKind::SessionStarted, &row.subject, Some(&row.id), facts)?;
            let mut changes = starter.used;
            changes.push(Change::AddSession(row.clone()));
            changes.extend(told.map_or(Ok(Vec::new()), |notice| self.tells(&notice))?);
            changes
                .extend(starter.login.map(|client| Change::TieSession { session: row.id.clone(), client }));
            changes.extend(
                row.parent.clone().map(|parent| Change::TieWithin { session: row.id.clone(), parent }),
            );
            changes.extend(super::alerts::of_session(&row, &event));
            self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
            // One budget for all that is within one session: starting another gives no more of it.
            let spent = match &starter.parent {
                Some(parent) => parent.spent.get().cloned(),
                None => Some(Arc::new(Spent::default())),
            };
            self.0.sessions.insert(row.clone(), now.timestamp_millis(), true, spent);
            self.tell(super::News::Session);
        }
        Ok(self.started(&row, &granted))
    }

    /// What a session got when it started, for its holder: an agent that began it by its own key has only its token.
    /// Credentials that were revoked since are left out.
    pub fn own_session(&self, caller: &GatewayCaller) -> StartedSession {
        let row = &caller.session.row;
        let live = |grant: &Grant| Some((grant.clone(), self.live_credential(&grant.credential)?));
        let granted: Vec<_> = row.grants.iter().filter_map(live).collect();
        self.started(row, &granted)
    }

    pub async fn heartbeat(&self, caller: &GatewayCaller) -> Result<Heartbeat> {
        caller.session.hear(self.0.clock.now().timestamp_millis());
        Ok(Heartbeat { expires_at: caller.session.row.expires_at })
    }

    /// A person ends a session. Ending one that has ended is no error.
    pub async fn end_session(
        &self,
        caller: &PersonCaller,
        id: &str,
        reason: Option<String>,
    ) -> Result<EndedSessions> {
        caller.works()?;
        self.sees_session(caller, id).await?;
        self.session(id).await?;
        let id = SessionId::parse(id)?;
        let reason = reason.unwrap_or_else(|| "revoked".to_owned());
        let ended = self.end(&id, &caller.actor(), &reason, None).await?;
        Ok(EndedSessions { ended: ended.then(|| id.to_string()).into_iter().collect() })
    }

    /// The holder of a session ends it: its command has ended.
    pub async fn end_own_session(
        &self,
        caller: &GatewayCaller,
        reason: Option<String>,
    ) -> Result<EndedSessions> {
        let id = &caller.session.row.id;
        let reason = reason.unwrap_or_else(|| "command_ended".to_owned());
        let ended = self.end(id, &caller.session.row.subject, &reason, None).await?;
        Ok(EndedSessions { ended: ended.then(|| id.to_string()).into_iter().collect() })
    }

    /// The kill switch: every live session ends, and with it every token.
    pub async fn end_all_sessions(&self, caller: &PersonCaller) -> Result<EndedSessions> {
        caller.works()?;
        caller.reads()?;
        let mut ended = Vec::new();
        // A replay at another replica would end the sessions that were started since.
        let mut unused = true;
        loop {
            let rows = self.0.store.sessions(true, 500).await?;
            let before = ended.len();
            for row in rows {
                let used = unused.then(|| caller.used_proof()).flatten();
                if self.end(&row.id, &caller.actor(), "kill_switch", used).await? {
                    unused = false;
                    ended.push(row.id.to_string());
                }
            }
            if ended.len() == before {
                return Ok(EndedSessions { ended });
            }
        }
    }

    /// End a session: durable, then gone from memory, so that the next request with its token fails. `false` when it
    /// had ended before. `used` is the proof to be remembered, where what asked for this would do more a second time.
    pub(in crate::app) async fn end(
        &self,
        id: &SessionId,
        actor: &str,
        reason: &str,
        used: Option<Change>,
    ) -> Result<bool> {
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
        let facts = Facts::new().with("reason", reason.as_str());
        let told = self.noteworthy(EventKind::SessionEnded, &facts);
        let told = told.map_or(Ok(Vec::new()), |notice| self.tells(&notice))?;
        let event = self.event(EventKind::SessionEnded, actor, Some(id), facts)?;
        let change = Change::EndSession { id: id.clone(), at: self.0.clock.now(), reason };
        let changes = std::iter::once(change).chain(used).chain(told).collect();
        let committed = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await;
        match committed {
            Ok(_) => {
                self.0.sessions.remove(id);
                self.tell(super::News::Session);
                self.end_orphans().await;
                Ok(true)
            }
            Err(CommitError::Conflict(_)) => {
                self.0.sessions.remove(id);
                Ok(false)
            }
            Err(other) => Err(other.into()),
        }
    }

    /// End a session that time or silence ended. Its tokens are refused whether or not this can be recorded now; the
    /// sweep tries again.
    pub(in crate::app) async fn end_quietly(&self, row: &SessionRow, reason: &str) {
        if let Err(error) = self.end(&row.id, "broker", reason, None).await {
            tracing::warn!(session = %row.id, %error, "the end of a session could not be recorded yet");
        }
    }

    /// The credentials that a session of an environment may use, each with a placeholder of its own.
    fn grants(&self, environment: &Name, wanted: &[String]) -> Result<Vec<(Grant, Arc<LiveCredential>)>> {
        let wanted =
            wanted.iter().map(|name| Name::parse(name)).collect::<std::result::Result<Vec<_>, _>>()?;
        let registry = self.0.registry.load();
        let usable = |live: &&Arc<LiveCredential>| {
            live.row.environment.as_ref().is_none_or(|pinned| pinned == environment)
        };
        for name in &wanted {
            if !registry.credentials.get(name).as_ref().is_some_and(usable) {
                return Err(Error::new(
                    Code::NotFound,
                    format!("there is no credential '{name}' for {environment}"),
                )
                .hint("see what there is: stint credential list"));
            }
        }
        let mut chosen: Vec<&Arc<LiveCredential>> = registry
            .credentials
            .values()
            .filter(usable)
            .filter(|live| wanted.is_empty() || wanted.contains(&live.row.name))
            .collect();
        chosen.sort_by(|a, b| a.row.name.cmp(&b.row.name));
        chosen
            .into_iter()
            .map(|live| {
                let grant = Grant {
                    credential: live.row.name.clone(),
                    provider: live.row.provider.clone(),
                    placeholder: self.placeholder(live)?,
                };
                Ok((grant, live.clone()))
            })
            .collect()
    }

    fn placeholder(&self, live: &LiveCredential) -> Result<Placeholder> {
        let packs = self.packs();
        let kind = packs.kind_of(live)?;
        kind.placeholder.make(|letters, length| self.random_text(letters, length)).map(Placeholder)
    }

    /// Uniform over the alphabet: bytes past its largest multiple are drawn again.
    pub(in crate::app) fn random_text(&self, alphabet: &[u8], length: usize) -> Result<String> {
        let limit = 256 - 256 % alphabet.len().max(1);
        let mut text = String::with_capacity(length);
        while text.len() < length {
            for byte in self.random::<32>()?.map(usize::from) {
                if byte < limit
                    && text.len() < length
                    && let Some(letter) = alphabet.get(byte % alphabet.len().max(1))
                {
                    text.push(char::from(*letter));
                }
            }
        }
        Ok(text)
    }

    fn started(&self, row: &SessionRow, granted: &[(Grant, Arc<LiveCredential>)]) -> StartedSession {
        let in_use = self.packs();
        let credentials = granted.iter().filter_map(|(grant, live)| {
            let pack = in_use.catalog.pack(&live.row.provider)?;
            let kind = pack.manifest.kind(Some(&live.row.kind))?;
            Some(SessionCredential {
                name: grant.credential.to_string(),
                provider: grant.provider.clone(),
                hosts: pack.manifest.hosts.clone(),
                git_hosts: pack.manifest.git.iter().flat_map(|door| door.hosts.clone()).collect(),
                placeholder: grant.placeholder.0.clone(),
                variables: kind
                    .variables
                    .iter()
                    .map(|name| Variable { name: name.clone(), value: grant.placeholder.0.clone() })
                    .collect(),
            })
        });
        let packs = || in_use.catalog.packs().iter();
        let mut scrub: Vec<String> = packs()
            .flat_map(|pack| {
                let kinds = pack.manifest.credential.iter().flat_map(|kind| kind.variables.iter().cloned());
                kinds.chain(pack.manifest.scrub.iter().cloned()).collect::<Vec<_>>()
            })
            .collect();
        scrub.sort();
        scrub.dedup();
        StartedSession {
            session: session(row),
            credentials: credentials.collect(),
            hosts: packs()
                .flat_map(|pack| {
                    let provider = pack.manifest.name.clone();
                    pack.manifest
                        .hosts
                        .iter()
                        // What an owner lets commands reach by themselves, such as the host of an agent's own model, is no
                        // provider's in a session that has no credential for it.
                        .filter(|host| {
                            granted.iter().any(|(grant, _)| grant.provider == pack.manifest.name)
                                || !self.0.config.egress.contains(host)
                        })
                        .map(move |host| GatewayHost { host: host.clone(), provider: provider.clone() })
                })
                .collect(),
            scrub,
            egress: self.0.config.egress.clone(),
            gateway: self.gateway_url(),
            issuer: self.issuer().to_owned(),
            token_endpoint: self.token_endpoint(),
            heartbeat_seconds: self.0.config.session.heartbeat.as_secs().max(1),
        }
    }
}

/// A session as it is shown.
pub(in crate::app) fn session(row: &SessionRow) -> Session {
    Session {
        id: row.id.to_string(),
        environment: row.environment.to_string(),
        tier: row.tier,
        agent: row.agent.to_string(),
        subject: row.subject.clone(),
        state: if row.ended_at.is_some() { SessionState::Ended } else { SessionState::Live },
        confined: row.confinement.is_full(),
        confinement: row.confinement,
        parent: row.parent.as_ref().map(ToString::to_string),
        command: row.command.clone(),
        credentials: row.grants.iter().map(|grant| grant.credential.to_string()).collect(),
        started_at: row.started_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
        end_reason: row.end_reason.clone(),
        budget: None,
    }
}
