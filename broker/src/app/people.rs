//! People: invited, given a role, removed; and the links by which they enrol.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use stint_api::{Account, Code, Invitation, Invite, Invited, Person, PersonList};

use super::passkey::Ceremony;
use super::sign_in::{Browser, SignedIn, person_name};
use super::{App, Error, Facts, PersonCaller, Result, setup};
use crate::model::{EventKind, InvitationRow, Name, PersonRow, WaysIn};
use crate::secret::Secret;
use crate::store::{Change, Commit, CommitError};

/// How long a link can be used.
const LASTS: TimeDelta = TimeDelta::hours(24);
const ROLES: [&str; 4] = ["owner", "approver", "operator", "auditor"];

/// What a link is good for, for the page that it opens.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub person: Name,
    /// `None` for a person who is there already.
    pub role: Option<String>,
    /// Whether they made it themselves, by the first login.
    pub own: bool,
    pub expires_at: DateTime<Utc>,
}

impl App {
    pub async fn people(&self) -> Result<PersonList> {
        let people = self.0.store.ways_in().await?.into_iter().map(person).collect();
        let invitations = self.0.store.invitations(self.0.clock.now()).await?;
        Ok(PersonList { people, invitations: invitations.into_iter().map(shown).collect() })
    }

    /// Another person's account, for an owner.
    pub async fn account_of_person(&self, caller: &PersonCaller, name: &str) -> Result<Account> {
        caller.administers()?;
        self.account_of(caller, &self.person_named(name).await?).await
    }

    /// A link by which a new person enrols.
    pub async fn invite(&self, caller: &PersonCaller, invite: Invite) -> Result<Invited> {
        caller.administers()?;
        self.steps_up(caller).await?;
        let (name, role) = (person_name(&invite.person)?, known_role(&invite.role)?);
        if self.0.store.is_name_taken(&name).await? {
            return Err(Error::new(Code::Conflict, format!("the name '{name}' is or was somebody's"))
                .hint("names are never given twice: what is on record would become another person's"));
        }
        self.link(caller, name, Some(role), EventKind::PersonInvited).await
    }

    /// A link by which a person who is there already gets a way in: their first one, or one in place of what they lost.
    pub async fn enrol_anew(&self, caller: &PersonCaller, name: &str) -> Result<Invited> {
        caller.administers()?;
        self.steps_up(caller).await?;
        let name = self.person_named(name).await?;
        self.link(caller, name, None, EventKind::PersonInvited).await
    }

    /// The one kind of link: used once, for a day, and ended by the next one for the same person.
    pub(in crate::app) async fn link(
        &self,
        caller: &PersonCaller,
        person: Name,
        role: Option<String>,
        kind: EventKind,
    ) -> Result<Invited> {
        let token = URL_SAFE_NO_PAD.encode(self.random::<32>()?);
        let now = self.0.clock.now();
        let row = InvitationRow {
            person: person.clone(),
            role,
            hash: setup::hash(token.as_bytes()),
            by: caller.person.clone(),
            created_at: now,
            expires_at: now + LASTS,
        };
        let (url, expires_at) = (format!("{}/console/enrol?token={token}", self.issuer()), row.expires_at);
        let facts = Facts::new().with("person", person.as_str()).maybe("role", row.role.as_deref());
        let change = Change::AddInvitation(row);
        self.account_change(caller, kind, facts, vec![change]).await?;
        Ok(Invited { person: person.to_string(), url, expires_at })
    }

    pub async fn withdraw_invitation(&self, caller: &PersonCaller, name: &str) -> Result<()> {
        caller.administers()?;
        let person = person_name(name)?;
        let facts = Facts::new().with("person", person.as_str());
        let change = Change::WithdrawInvitation { person };
        self.account_change(caller, EventKind::InvitationWithdrawn, facts, vec![change]).await
    }

    pub async fn change_role(&self, caller: &PersonCaller, name: &str, role: &str) -> Result<()> {
        caller.administers()?;
        self.steps_up(caller).await?;
        let (person, role) = (self.person_named(name).await?, known_role(role)?);
        let facts = Facts::new().with("person", person.as_str()).with("role", role.as_str());
        let change = Change::SetRole { person, role };
        let changed = self.account_change(caller, EventKind::RoleChanged, facts, vec![change]).await;
        changed.map_err(last_owner)
    }

    /// Remove a person: their sign-ins, logins and sessions end, and what they got in by is forgotten, or nothing of it.
    pub async fn remove_person(&self, caller: &PersonCaller, name: &str) -> Result<()> {
        caller.administers()?;
        self.steps_up(caller).await?;
        let person = self.person_named(name).await?;
        let mut tries = 0;
        loop {
            match self.remove_with_sessions(caller, &person).await {
                Ok(()) => return Ok(()),
                // One of the sessions ended by itself meanwhile: those that are left are looked up again.
                Err(CommitError::Conflict("session")) if tries < 5 => tries += 1,
                Err(CommitError::Conflict("owner")) => {
                    return Err(last_owner(CommitError::Conflict("owner").into()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn remove_with_sessions(
        &self,
        caller: &PersonCaller,
        person: &Name,
    ) -> std::result::Result<(), CommitError> {
        let (at, actor, subject) = (self.0.clock.now(), caller.actor(), format!("person:{person}"));
        let mut sessions = self.0.store.sessions(true, 100_000).await?;
        sessions.retain(|row| row.subject == subject);
        let event = |kind, session, facts| {
            self.event(kind, &actor, session, facts)
                .map_err(|_| CommitError::Unavailable(crate::store::Error::Busy))
        };
        let facts = Facts::new().with("person", person.as_str()).with("sessions", sessions.len());
        let mut events = vec![event(EventKind::PersonRemoved, None, facts)?];
        let mut changes: Vec<Change> = caller.used_proof().into_iter().collect();
        changes.push(Change::RemovePerson { person: person.clone(), at });
        for row in &sessions {
            let reason = "its person was removed".to_owned();
            let facts = Facts::new().with("reason", reason.as_str());
            events.push(event(EventKind::SessionEnded, Some(&row.id), facts)?);
            changes.push(Change::EndSession { id: row.id.clone(), at, reason });
        }
        self.0.store.commit(Commit { changes, events, digest: None }).await?;
        for row in &sessions {
            self.0.sessions.remove(&row.id);
        }
        self.tell(super::News::Session);
        Ok(())
    }

    /// End another person's sign-in.
    pub async fn end_sign_in_of(&self, caller: &PersonCaller, name: &str, id: &str) -> Result<()> {
        caller.administers()?;
        let person = self.person_named(name).await?;
        self.end_sign_in(caller, &person, id).await
    }

    /// End another person's login on a machine.
    pub async fn end_login_of(&self, caller: &PersonCaller, name: &str, client: &str) -> Result<()> {
        caller.administers()?;
        let person = self.person_named(name).await?;
        self.end_login(caller, &person, client).await
    }

    /// What a link is good for. Looking at it does not use it up: a mail scanner may look, too.
    pub async fn enrolment(&self, token: &str) -> Result<Enrolment> {
        let row = self.invitation(token).await?;
        let own = row.by == row.person;
        Ok(Enrolment { person: row.person, role: row.role, own, expires_at: row.expires_at })
    }

    /// Use a link with a password.
    pub async fn enrol_with_password(
        &self,
        token: &str,
        password: Secret,
        browser: Browser,
    ) -> Result<SignedIn> {
        let row = self.invitation(token).await?;
        let hash = self.hashed(password).await?;
        let (person, at) = (row.person.clone(), self.0.clock.now());
        let change = Change::PutPassword { person, hash: hash.as_str().to_owned(), at };
        self.enrol(row, vec![change], browser).await
    }

    /// Use a link with a passkey.
    pub async fn enrol_with_passkey(
        &self,
        token: &str,
        name: &str,
        made: &str,
        browser: Browser,
    ) -> Result<SignedIn> {
        let row = self.invitation(token).await?;
        let (passkey, used) = self.made(&row.person, name, made, &Ceremony::Enrol(token)).await?;
        self.enrol(row, vec![used, Change::AddPasskey(passkey)], browser).await
    }

    /// The person, their way in and their first sign-in, or nothing of it.
    async fn enrol(&self, row: InvitationRow, way_in: Vec<Change>, browser: Browser) -> Result<SignedIn> {
        let (name, at) = (row.person, self.0.clock.now());
        let (signed_in, sign_in) = self.new_sign_in(&name, "invitation", browser)?;
        let facts = Facts::new()
            .with("person", name.as_str())
            .maybe("role", row.role.as_deref())
            .with("invited_by", row.by.as_str())
            .with("sign_in", sign_in.id.as_str())
            .with("address", sign_in.address.as_str());
        let mut changes = vec![Change::UseInvitation { hash: row.hash, at }];
        let kind = match row.role {
            Some(role) => {
                changes.push(Change::AddPerson(PersonRow { name: name.clone(), role, created_at: at }));
                EventKind::PersonAdded
            }
            None => {
                // Whoever lost what they got in by lost the app with the codes, too; and may have lost it to somebody.
                if self.0.store.one_time_codes(&name).await?.is_some() {
                    changes.push(Change::RemoveOneTimeCodes { person: name.clone() });
                }
                changes.push(Change::PutRecoveryCodes { person: name.clone(), hashes: vec![] });
                changes.push(Change::EndSignIns { person: name.clone(), but: None, at });
                EventKind::PersonEnrolled
            }
        };
        changes.extend(way_in);
        changes.push(Change::AddSignIn(sign_in));
        let event = self.event(kind, &format!("person:{name}"), None, facts)?;
        let committed = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await;
        committed.map_err(|error| match error {
            CommitError::Conflict("invitation") | CommitError::Replayed => no_link(),
            other => other.into(),
        })?;
        self.tell(super::News::Record);
        Ok(signed_in)
    }

    /// The invitation of a token that can be used now. Unknown, used and old ones are one to whoever asks.
    pub(in crate::app) async fn invitation(&self, token: &str) -> Result<InvitationRow> {
        self.unsealed()?;
        let row = self.0.store.invitation(&setup::hash(token.as_bytes())).await?;
        let row = row.filter(|row| self.0.clock.now() < row.expires_at).ok_or_else(no_link)?;
        // A link for somebody who is there is worth nothing once they are not.
        if row.role.is_none() && self.0.store.person(&row.person).await?.is_none() {
            return Err(no_link());
        }
        Ok(row)
    }

    async fn person_named(&self, name: &str) -> Result<Name> {
        let none = || Error::not_found("person", name.chars().take(80).collect::<String>());
        let name = Name::parse(name).map_err(|_| none())?;
        Ok(self.0.store.person(&name).await?.ok_or_else(none)?.name)
    }
}

pub(in crate::app) fn person(ways: WaysIn) -> Person {
    Person {
        name: ways.person.name.to_string(),
        role: ways.person.role,
        created_at: ways.person.created_at,
        passkeys: ways.passkeys,
        password: ways.password,
        one_time_codes: ways.one_time_codes,
        recovery_codes: ways.recovery_codes,
        single_sign_on: ways.single_sign_on,
        signed_in_at: ways.signed_in_at,
    }
}

fn shown(row: InvitationRow) -> Invitation {
    Invitation {
        person: row.person.to_string(),
        role: row.role,
        invited_by: row.by.to_string(),
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}

fn known_role(role: &str) -> Result<String> {
    if ROLES.contains(&role) {
        return Ok(role.to_owned());
    }
    Err(Error::new(Code::InvalidInput, "there is no such role")
        .hint(format!("the roles are {}", ROLES.join(", "))))
}

fn last_owner(error: Error) -> Error {
    match error.code {
        Code::Conflict => Error::new(Code::Conflict, "this is the last owner: nobody could administer then")
            .hint("make somebody else an owner first"),
        _ => error,
    }
}

fn no_link() -> Error {
    Error::new(Code::NotFound, "this link was used, withdrawn, or is over")
        .hint("an owner makes another on the page People of the console; for the first login of a broker, stint console does")
}
