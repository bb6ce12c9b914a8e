//! Logins of people on machines: how far each reaches, raised for a while, ended, and a way from the first one to the
//! console.
//!
//! A key on a machine where agents run is worth less than a person who proves who they are. What a login may do by
//! itself is decided here, in one place.

use chrono::{DateTime, TimeDelta, Utc};
use stint_api::{Code, ConsoleLink, Elevated, EndedLogin, Reaches, SessionList};

use super::identify::Via;
use super::{App, Error, Facts, PersonCaller, Result, SessionFilter};
use crate::model::{ClientId, EventKind, LoginKind, LoginRow, LoginStanding, SessionId};
use crate::store::{Change, Commit};

/// How long a login administers after its person said so.
pub const ELEVATION: TimeDelta = TimeDelta::minutes(15);

/// How far a person reaches by the way they are known; their role limits it further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Sees what is not their own: people, the audit, approvals and sessions of others.
    pub reads: bool,
    /// Approves what can be put back.
    pub approves: bool,
    /// Approves what cannot be put back without proving again who they are.
    pub destroys: bool,
    /// Registers, maps, adds and removes.
    pub administers: bool,
}

impl Reach {
    /// A browser that is signed in. What cannot be put back takes a fresh proof besides.
    pub const CONSOLE: Reach = Reach { reads: true, approves: true, destroys: false, administers: true };

    /// A login on a machine.
    pub fn of_login(standing: &LoginStanding, now: DateTime<Utc>) -> Self {
        let elevated = standing.elevated_until.is_some_and(|until| now < until);
        match standing.kind {
            // Nobody could prove anything yet: first run, and set-ups without a screen.
            LoginKind::Setup if !standing.has_factor => {
                Reach { reads: true, approves: true, destroys: true, administers: true }
            }
            LoginKind::Setup => Reach { reads: true, approves: true, destroys: false, administers: elevated },
            LoginKind::Device => {
                Reach { reads: elevated, approves: false, destroys: false, administers: elevated }
            }
        }
    }
}

impl From<Reach> for Reaches {
    fn from(Reach { reads, approves, destroys, administers }: Reach) -> Self {
        Reaches { reads, approves, destroys, administers }
    }
}

/// A login as its person sees it before they raise it.
#[derive(Debug, Clone)]
pub struct OwnLogin {
    pub client: ClientId,
    pub device: Option<String>,
    pub kind: LoginKind,
    pub created_at: DateTime<Utc>,
    pub elevated_until: Option<DateTime<Utc>>,
}

impl App {
    /// One of the person's own logins that has not ended. Those of others are `NotFound`.
    pub async fn own_login(&self, caller: &PersonCaller, client: &str) -> Result<OwnLogin> {
        let missing = || Error::not_found("login", client);
        let id = ClientId::parse(client).map_err(|_| missing())?;
        let row = self.0.store.login(&id).await?.filter(|row| row.person == caller.person);
        let row: LoginRow = row.ok_or_else(missing)?;
        let standing = self.0.store.login_standing(&id).await?.ok_or_else(missing)?;
        if standing.ended_at.is_some() {
            return Err(missing());
        }
        let now = self.0.clock.now();
        Ok(OwnLogin {
            client: row.client,
            device: row.device,
            kind: standing.kind,
            created_at: row.created_at,
            elevated_until: standing.elevated_until.filter(|until| now < *until),
        })
    }

    /// Let one's own login administer for a quarter of an hour. Takes a person who proved a moment ago who they are,
    /// which no login on a machine does.
    pub async fn elevate_login(&self, caller: &PersonCaller, client: &str) -> Result<Elevated> {
        let login = self.own_login(caller, client).await?;
        caller.is_owner()?;
        let now = self.0.clock.now();
        if !caller.is_proven(now) {
            return Err(Error::new(
                Code::StepUpRequired,
                "prove again who you are: this lets a machine administer",
            )
            .hint(format!(
                "do it in the console: {}/console/logins/{}/elevate",
                self.issuer(),
                login.client
            )));
        }
        let until = now + ELEVATION;
        self.set_elevation(caller, &login.client, Some(until)).await?;
        Ok(Elevated { client_id: login.client.to_string(), until: Some(until) })
    }

    /// Take it back before its time. Whoever holds the login may do that too.
    pub async fn lower_login(&self, caller: &PersonCaller, client: &str) -> Result<Elevated> {
        let login = self.own_login(caller, client).await?;
        self.set_elevation(caller, &login.client, None).await?;
        Ok(Elevated { client_id: login.client.to_string(), until: None })
    }

    async fn set_elevation(
        &self,
        caller: &PersonCaller,
        client: &ClientId,
        until: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let facts = Facts::new()
            .with("client_id", client.as_str())
            .maybe("until", until.map(|until| until.to_rfc3339()));
        let event = self.event(EventKind::LoginElevated, &caller.actor(), None, facts)?;
        let change = Change::ElevateLogin { client: client.clone(), person: caller.person.clone(), until };
        let changes = std::iter::once(change).chain(caller.used_proof()).collect();
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        Ok(())
    }

    /// The login that asks is forgotten: its key opens nothing any more. Sessions that it started go on until their end.
    pub async fn log_out(&self, caller: &PersonCaller) -> Result<EndedLogin> {
        let Via::Login { client, .. } = &caller.via else {
            return Err(Error::new(Code::InvalidInput, "a browser signs out instead"));
        };
        if caller.reach().destroys {
            return Err(Error::new(Code::Conflict, "this login is the only way in for its person")
                .hint("set a password first: stint console"));
        }
        let facts = Facts::new().with("client_id", client.as_str());
        let event = self.event(EventKind::LoginEnded, &caller.actor(), None, facts)?;
        let at = self.0.clock.now();
        let change = Change::EndLogin { client: client.clone(), person: caller.person.clone(), at };
        let changes = std::iter::once(change).chain(caller.used_proof()).collect();
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        Ok(EndedLogin { client_id: client.to_string() })
    }

    /// Where the console is; for the first login of somebody who has no way in yet, a link that lets them set one, once.
    pub async fn console_link(&self, caller: &PersonCaller) -> Result<ConsoleLink> {
        let plain = format!("{}/console/", self.issuer());
        if !caller.reach().destroys || caller.is_at_console() {
            return Ok(ConsoleLink { url: plain, expires_at: None });
        }
        let made = self.link(caller, caller.person.clone(), None, EventKind::ConsoleLinkMade).await?;
        Ok(ConsoleLink { url: made.url, expires_at: Some(made.expires_at) })
    }

    /// The sessions that the caller may see: all, or those that their login started.
    pub async fn sessions_for(&self, caller: &PersonCaller, all: bool) -> Result<SessionList> {
        let mut list = self.sessions(all).await?;
        if let Some(own) = self.sessions_of(caller).await? {
            list.sessions.retain(|session| own.iter().any(|id| id.as_str() == session.id));
        }
        Ok(list)
    }

    /// A page of everybody's sessions, for whoever may see them all.
    pub async fn sessions_page_for(
        &self,
        caller: &PersonCaller,
        filter: &SessionFilter,
        limit: i64,
    ) -> Result<SessionList> {
        caller.reads()?;
        self.sessions_page(filter, limit).await
    }

    /// `NotFound` for a session that the caller's login may not see.
    pub async fn sees_session(&self, caller: &PersonCaller, id: &str) -> Result<()> {
        match self.sessions_of(caller).await? {
            Some(own) if !own.iter().any(|session| session.as_str() == id) => {
                Err(Error::not_found("session", id))
            }
            _ => Ok(()),
        }
    }

    /// The sessions that a limited login started; `None` where the caller sees all.
    pub(in crate::app) async fn sessions_of(&self, caller: &PersonCaller) -> Result<Option<Vec<SessionId>>> {
        match &caller.via {
            Via::Login { client, reach, .. } if !reach.reads => {
                Ok(Some(self.0.store.sessions_of_login(client).await?))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(kind: LoginKind, has_factor: bool, elevated: i64) -> Reach {
        let now = DateTime::UNIX_EPOCH;
        let until = now + TimeDelta::seconds(elevated);
        let standing = LoginStanding { kind, elevated_until: Some(until), ended_at: None, has_factor };
        Reach::of_login(&standing, now)
    }

    fn words(reach: Reach) -> [bool; 4] {
        [reach.reads, reach.approves, reach.destroys, reach.administers]
    }

    #[test]
    fn e14_a_login_by_the_device_grant_never_approves_and_administers_only_while_raised() {
        for has_factor in [false, true] {
            assert_eq!(words(reach(LoginKind::Device, has_factor, 0)), [false, false, false, false]);
            assert_eq!(words(reach(LoginKind::Device, has_factor, 1)), [true, false, false, true]);
        }
    }

    #[test]
    fn the_first_login_keeps_everything_until_its_person_can_prove_who_they_are() {
        assert_eq!(words(reach(LoginKind::Setup, false, 0)), [true, true, true, true]);
        assert_eq!(words(reach(LoginKind::Setup, true, 0)), [true, true, false, false]);
        assert_eq!(words(reach(LoginKind::Setup, true, 1)), [true, true, false, true]);
    }
}
