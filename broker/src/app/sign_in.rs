//! People at the console: signed in by what they know or hold, until they leave.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use stint_api::Code;

use super::identify::{PersonCaller, Via};
use super::{App, Error, Facts, Result, setup};
use crate::identity::Password;
use crate::model::{EventKind, Name, PersonRow, SignInId, SignInRow};
use crate::secret::Secret;
use crate::store::{Change, Commit, CommitError};

/// How long a browser stays signed in.
const LASTS: TimeDelta = TimeDelta::hours(12);

/// What a browser says of itself, and where it connects from.
#[derive(Debug, Clone)]
pub struct Browser {
    pub device: String,
    pub address: String,
}

/// A browser that was signed in just now.
#[derive(Debug)]
pub struct SignedIn {
    /// The value of its cookie: it is not kept, and not to be had again.
    pub cookie: String,
    pub lasts: TimeDelta,
}

impl App {
    /// Whether nobody is registered yet, so that the setup token is what opens the console.
    pub async fn is_new(&self) -> Result<bool> {
        Ok(self.0.store.people().await?.is_empty())
    }

    /// Use the setup token in the console: makes the first person, an owner, with a password, and signs them in.
    pub async fn setup_at_console(
        &self,
        token: &str,
        person: &str,
        password: Secret,
        browser: Browser,
    ) -> Result<SignedIn> {
        self.unsealed()?;
        let name = person_name(person)?;
        let token = self.check_setup_token(token).await?;
        let now = self.0.clock.now();
        let hash = self.hashed(password).await?;
        let (signed_in, row) = self.new_sign_in(&name, "setup", browser)?;
        let facts = Facts::new().with("person", name.as_str()).with("sign_in", row.id.as_str());
        let event = self.event(EventKind::SetupUsed, &format!("person:{name}"), None, facts)?;
        let changes = vec![
            Change::UseSetupToken { hash: token },
            Change::AddPerson(PersonRow { name: name.clone(), role: "owner".to_owned(), created_at: now }),
            Change::PutPassword { person: name, hash: hash.as_str().to_owned(), at: now },
            Change::AddSignIn(row),
        ];
        let commit = Commit { changes, events: vec![event], digest: None };
        self.0.store.commit(commit).await.map_err(|error| match error {
            CommitError::Conflict("setup_token") => setup::wrong(),
            other => other.into(),
        })?;
        self.setup_is_over();
        Ok(signed_in)
    }

    /// Sign in with a password. Whoever is not let in is told the same, and as late, whatever was wrong.
    pub async fn sign_in(&self, person: &str, password: Secret, browser: Browser) -> Result<SignedIn> {
        self.unsealed()?;
        let wrong = || Error::new(Code::NotAuthenticated, "name and password do not belong together");
        let name = person_name(person).ok();
        let known = match &name {
            Some(name) => self.0.store.password(name).await?.map(|hash| (name.clone(), hash)),
            None => None,
        };
        let (name, kept) = match known {
            Some((name, hash)) => (Some(name), Password::kept(hash)),
            None => (None, Password::of_nobody()),
        };
        let matches = self.slowly(move || kept.matches(&password)).await?;
        let Some(name) = name.filter(|_| matches) else {
            let facts = Facts::new().with("method", "password").with("address", browser.address.as_str());
            self.record_refusal(EventKind::SignInRefused, "unknown", None, facts).await?;
            return Err(wrong());
        };
        let (signed_in, row) = self.new_sign_in(&name, "password", browser)?;
        let facts = Facts::new()
            .with("person", name.as_str())
            .with("method", row.method.as_str())
            .with("sign_in", row.id.as_str())
            .with("device", row.device.as_str())
            .with("address", row.address.as_str());
        let event = self.event(EventKind::SignedIn, &format!("person:{name}"), None, facts)?;
        let commit = Commit { changes: vec![Change::AddSignIn(row)], events: vec![event], digest: None };
        self.0.store.commit(commit).await?;
        Ok(signed_in)
    }

    /// The person whose browser holds this cookie.
    pub async fn identify_sign_in(&self, cookie: &str) -> Result<PersonCaller> {
        self.unsealed()?;
        let over = || Error::new(Code::NotAuthenticated, "you are not signed in any more");
        let row = self.0.store.sign_in(&setup::hash(cookie.as_bytes())).await?.ok_or_else(over)?;
        if row.ended_at.is_some() || self.0.clock.now() >= row.expires_at {
            return Err(over());
        }
        let person = self.0.store.person(&row.person).await?.ok_or_else(over)?;
        Ok(PersonCaller { person: person.name, role: person.role, via: Via::SignIn(row) })
    }

    /// A signed-in person proves again who they are, before something that cannot be put back.
    pub async fn prove_again(&self, caller: &PersonCaller, password: Secret) -> Result<PersonCaller> {
        let Via::SignIn(row) = &caller.via else { return Err(Error::internal("no browser is signed in")) };
        let kept = self.0.store.password(&caller.person).await?;
        let kept = kept.map_or_else(Password::of_nobody, Password::kept);
        if !self.slowly(move || kept.matches(&password)).await? {
            let facts = Facts::new().with("method", "password").with("sign_in", row.id.as_str());
            self.record_refusal(EventKind::SignInRefused, &caller.actor(), None, facts).await?;
            return Err(Error::new(Code::NotAuthenticated, "this is not your password"));
        }
        let at = self.0.clock.now();
        let facts = Facts::new().with("method", "password").with("sign_in", row.id.as_str());
        let event = self.event(EventKind::SignInProven, &caller.actor(), None, facts)?;
        let changes = vec![Change::ProveSignIn { id: row.id.clone(), at }];
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        let via = Via::SignIn(SignInRow { proven_at: at, ..row.clone() });
        Ok(PersonCaller { via, ..caller.clone() })
    }

    pub async fn sign_out(&self, caller: &PersonCaller) -> Result<()> {
        let Via::SignIn(row) = &caller.via else { return Ok(()) };
        let facts = Facts::new().with("sign_in", row.id.as_str());
        let event = self.event(EventKind::SignedOut, &caller.actor(), None, facts)?;
        let changes = vec![Change::EndSignIn { id: row.id.clone(), at: self.0.clock.now() }];
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        Ok(())
    }

    pub(in crate::app) fn new_sign_in(
        &self,
        person: &Name,
        method: &str,
        browser: Browser,
    ) -> Result<(SignedIn, SignInRow)> {
        let cookie = URL_SAFE_NO_PAD.encode(self.random::<32>()?);
        let now = self.0.clock.now();
        let row = SignInRow {
            id: SignInId::from_uuid(self.uuid()?),
            person: person.clone(),
            hash: setup::hash(cookie.as_bytes()),
            method: method.to_owned(),
            device: plain(&browser.device),
            address: plain(&browser.address),
            created_at: now,
            proven_at: now,
            expires_at: now + LASTS,
            ended_at: None,
        };
        Ok((SignedIn { cookie, lasts: LASTS }, row))
    }

    pub(in crate::app) async fn hashed(&self, password: Secret) -> Result<Password> {
        let salt = self.random::<16>()?;
        let hashed = self.slowly(move || Password::hash(&password, &salt)).await?;
        hashed.map_err(|error| Error::new(Code::InvalidInput, error.to_string()))
    }

    /// Work that takes a processor for a while: few at once, and where nothing else waits.
    async fn slowly<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = self.0.hashing.acquire().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal);
        drop(place);
        done
    }
}

/// A name as people type it: with spaces around it, in capitals. One person has one name.
fn person_name(text: &str) -> Result<Name> {
    Ok(Name::parse(&text.trim().to_lowercase())?)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
