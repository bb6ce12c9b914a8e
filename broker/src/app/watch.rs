//! Sessions as people look at them.

use stint_api::{Code, Session, SessionList, SessionState};

use super::session::session;
use super::{App, Error, Result};
use crate::model::{Name, SessionId};

/// Which sessions to list; what is `None` filters nothing.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub state: Option<SessionState>,
    pub agent: Option<String>,
    pub environment: Option<String>,
    /// Only those that were started before this one.
    pub before: Option<String>,
}

impl App {
    /// Those that live, or with `all` the newest of all.
    pub async fn sessions(&self, all: bool) -> Result<SessionList> {
        let rows = self.0.store.sessions(!all, 500).await?;
        let now = self.0.clock.now();
        let shown = rows.iter().map(session).filter(|session| all || session.expires_at > now);
        Ok(SessionList { sessions: shown.collect(), next: None })
    }

    /// A page of those that fit, newest first.
    pub async fn sessions_page(&self, filter: &SessionFilter, limit: i64) -> Result<SessionList> {
        let name = |text: &Option<String>| match text.as_deref().map(str::trim) {
            None | Some("") => Ok(String::new()),
            Some(text) => Name::parse(text).map(|name| name.to_string()),
        };
        let (agent, environment) = (name(&filter.agent)?, name(&filter.environment)?);
        let before = match filter.before.as_deref() {
            None | Some("") => String::new(),
            Some(id) => {
                let wrong = |_| Error::new(Code::InvalidInput, "before is the id of a session");
                SessionId::parse(id).map_err(wrong)?.to_string()
            }
        };
        let state = match filter.state {
            None => "",
            Some(SessionState::Live) => "live",
            Some(SessionState::Ended) => "ended",
        };
        // One more than is shown says whether there is another page.
        let rows = self.0.store.sessions_page(&before, &agent, &environment, state, limit + 1).await?;
        let mut sessions: Vec<Session> = rows.iter().map(session).collect();
        let more = i64::try_from(sessions.len()).unwrap_or(i64::MAX) > limit;
        sessions.truncate(usize::try_from(limit).unwrap_or_default());
        let next = if more { sessions.last().map(|last| last.id.clone()) } else { None };
        Ok(SessionList { sessions, next })
    }

    pub async fn session(&self, id: &str) -> Result<Session> {
        let missing = || Error::not_found("session", id);
        let id = SessionId::parse(id).map_err(|_| missing())?;
        let row = self.0.store.session(&id).await?.ok_or_else(missing)?;
        let budget = if row.ended_at.is_none() { self.budget_of(&id) } else { None };
        Ok(Session { budget, ..session(&row) })
    }
}
