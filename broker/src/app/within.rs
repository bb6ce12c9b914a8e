//! Sessions within a session: started by the outer one's own token, and never more than it.
//!
//! An inner session is of the same environment, agent and subject, holds some of the outer one's credentials, spends of
//! its budget, ends no later, and ends with it: no token of it is taken once the outer one is over (`live`), whether or
//! not its own end is on record yet.

use chrono::{DateTime, Utc};
use stint_api::{Code, StartSession, StartedSession};

use super::session::Starter;
use super::{App, Error, GatewayCaller, LiveSession, Result, identify};
use crate::model::{Name, SessionRow};

/// Reason of the end of a session whose outer one has ended.
pub(in crate::app) const PARENT_ENDED: &str = "parent_ended";

/// Sessions that are live within one at a time, and levels of them. A command that asks for more has gone astray.
const MOST_WITHIN: usize = 32;
const MOST_LEVELS: usize = 4;
/// Orphans that are ended at a time.
const PAGE: i64 = 100;

/// No session within another outlives it.
pub(in crate::app) fn no_later(at: DateTime<Utc>, parent: Option<&LiveSession>) -> DateTime<Utc> {
    parent.map_or(at, |parent| at.min(parent.row.expires_at))
}

impl App {
    /// Start a session within the caller's own.
    pub async fn start_child_session(
        &self,
        caller: &GatewayCaller,
        mut start: StartSession,
    ) -> Result<StartedSession> {
        let outer = &caller.session.row;
        let mut held: Vec<String> = caller.held().map(ToString::to_string).collect();
        narrows(outer, &held, &start)?;
        if start.credentials.is_empty() {
            // One that was revoked since is no more.
            held.retain(|name| Name::parse(name).is_ok_and(|name| self.live_credential(&name).is_some()));
            start.credentials = held;
        }
        start.confinement = start.confinement.min(outer.confinement);
        let live = self.0.store.sessions_within(&outer.id).await?;
        if live.iter().filter(|row| row.ended_at.is_none()).count() >= MOST_WITHIN {
            let detail = format!("{MOST_WITHIN} sessions are live within this one already");
            return Err(Error::new(Code::Denied, detail).hint("let some of their commands end first"));
        }
        if self.level_of(outer).await? >= MOST_LEVELS {
            let detail = format!("sessions are within each other {MOST_LEVELS} levels deep already");
            return Err(
                Error::new(Code::Denied, detail).hint("run the command itself, without another session")
            );
        }
        let key = identify::parse_key(&start.key)?;
        let starter = Starter {
            subject: outer.subject.clone(),
            key: &key,
            used: vec![caller.used_proof()],
            login: None,
            parent: Some(caller.session.clone()),
        };
        self.begin_session(starter, start).await
    }

    /// 1 for a session that is within none.
    async fn level_of(&self, row: &SessionRow) -> Result<usize> {
        let mut level = 1;
        let mut outer = row.parent.clone();
        while let Some(id) = outer.filter(|_| level < MOST_LEVELS) {
            level += 1;
            outer = self.live_session(&id).await?.row.parent.clone();
        }
        Ok(level)
    }

    /// End on record what ended with the session around it. What fails is tried again by the sweep; the tokens are
    /// refused already.
    pub(in crate::app) async fn end_orphans(&self) {
        match self.0.store.sessions_orphaned(PAGE).await {
            Ok(rows) => {
                for row in rows {
                    Box::pin(self.end_quietly(&row, PARENT_ENDED)).await;
                }
            }
            Err(error) => tracing::warn!(%error, "sessions within ended ones could not be listed yet"),
        }
    }
}

impl GatewayCaller {
    /// Names of the session's credentials that its token covers.
    fn held(&self) -> impl Iterator<Item = &Name> {
        let covered = self.token_credentials();
        let all = self.session.row.grants.iter().map(|grant| &grant.credential);
        all.filter(move |name| covered.is_empty() || covered.contains(name))
    }
}

/// Refuses what the session around it is not or has not.
fn narrows(outer: &SessionRow, held: &[String], start: &StartSession) -> Result<()> {
    let wider = |detail: String| {
        Err(Error::new(Code::Denied, detail)
            .hint("a session within a session only narrows it; start a wider one outside of it"))
    };
    if start.environment != outer.environment.as_str() {
        return wider(format!("the session around this one is of {}", outer.environment));
    }
    if start.agent != outer.agent.as_str() {
        return wider(format!("the session around this one is of the agent {}", outer.agent));
    }
    match start.credentials.iter().find(|name| !held.contains(name)) {
        Some(missing) => {
            let missing: String = missing.chars().take(80).collect();
            wider(format!("the session around this one has no credential '{}'", missing.escape_debug()))
        }
        None => Ok(()),
    }
}
