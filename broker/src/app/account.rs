//! A person's own account: how they get in, and where they are in.

use stint_api::{Account, Code, Login, Passkey, SignIn};

use super::identify::{PersonCaller, Via};
use super::{App, Error, Facts, Result};
use crate::identity::{OneTimeSecret, RecoveryCode};
use crate::model::{ClientId, EventKind, LoginRow, Name, PasskeyRow, SignInId, SignInRow};
use crate::secret::Secret;
use crate::store::{Change, CommitError};

impl App {
    pub async fn account(&self, caller: &PersonCaller) -> Result<Account> {
        self.account_of(caller, &caller.person).await
    }

    pub(in crate::app) async fn account_of(&self, caller: &PersonCaller, person: &Name) -> Result<Account> {
        let store = &self.0.store;
        let ways = store.ways_in().await?.into_iter().find(|ways| ways.person.name == *person);
        let ways = ways.ok_or_else(|| Error::not_found("person", person))?;
        let sign_ins = store.sign_ins(person, self.0.clock.now()).await?;
        Ok(Account {
            person: super::people::person(ways),
            keys: store.passkeys(person).await?.into_iter().map(passkey).collect(),
            sign_ins: sign_ins.into_iter().map(|row| sign_in(caller, row)).collect(),
            logins: store.logins(person).await?.into_iter().map(|row| login(caller, row)).collect(),
        })
    }

    /// Set or change one's own password. Other browsers of theirs are signed out: whoever knew the old one may sit there.
    pub async fn set_password(&self, caller: &PersonCaller, password: Secret) -> Result<()> {
        self.steps_up(caller).await?;
        let own = match &caller.via {
            Via::SignIn(row) => Some(row.id.clone()),
            // The first login, whose person has nothing to get in by yet.
            Via::Login { .. } => None,
        };
        let hash = self.hashed(password).await?;
        let (person, at) = (caller.person.clone(), self.0.clock.now());
        let changes = vec![
            Change::PutPassword { person: person.clone(), hash: hash.as_str().to_owned(), at },
            Change::EndSignIns { person, but: own, at },
        ];
        self.account_change(caller, EventKind::PasswordChanged, Facts::new(), changes).await
    }

    /// Remove one's own password: a passkey has to be there.
    pub async fn remove_password(&self, caller: &PersonCaller) -> Result<()> {
        self.steps_up(caller).await?;
        let change = Change::RemovePassword { person: caller.person.clone() };
        let removed =
            self.account_change(caller, EventKind::PasswordRemoved, Facts::new(), vec![change]).await;
        removed.map_err(|error| match error.code {
            Code::Conflict => Error::new(Code::Conflict, "the password is your last way in")
                .hint("add a passkey before you remove it"),
            _ => error,
        })
    }

    /// Make a secret for one-time codes. It counts only once a code of it was typed.
    pub async fn offer_one_time_codes(&self, caller: &PersonCaller) -> Result<()> {
        self.steps_up(caller).await?;
        let secret = Secret::new(self.random::<20>()?.to_vec());
        let person = caller.person.clone();
        let sealed = self.0.vault.seal_one_time_codes(&self.0.clock, person.as_str(), &secret);
        let sealed = sealed.map_err(Error::internal)?;
        let change = Change::OfferOneTimeCodes { person, sealed, at: self.0.clock.now() };
        let facts = Facts::new();
        let offered = self.account_change(caller, EventKind::OneTimeCodesOffered, facts, vec![change]).await;
        offered.map_err(|error| match error.code {
            Code::Conflict => Error::new(Code::Conflict, "you have one-time codes already")
                .hint("remove them before you set up others"),
            _ => error,
        })
    }

    /// The secret that is offered to the caller and was not used yet, for their authenticator app: URI and text.
    pub async fn offered_codes(&self, caller: &PersonCaller) -> Result<Option<(String, String)>> {
        self.steps_up(caller).await?;
        let row = self.0.store.one_time_codes(&caller.person).await?.filter(|row| row.step < 0);
        let Some(row) = row else { return Ok(None) };
        let opened = self.0.vault.open_one_time_codes(caller.person.as_str(), &row.sealed);
        let secret = OneTimeSecret::new(opened.map_err(Error::internal)?);
        Ok(Some((secret.uri(caller.person.as_str()), secret.text())))
    }

    /// The first code: from now on the caller's password is not enough.
    pub async fn confirm_one_time_codes(&self, caller: &PersonCaller, code: &str) -> Result<()> {
        self.steps_up(caller).await?;
        let row = self.0.store.one_time_codes(&caller.person).await?.filter(|row| row.step < 0);
        let row = row.ok_or_else(|| {
            Error::new(Code::Conflict, "no one-time codes are offered to you").hint("set them up anew")
        })?;
        let opened = self.0.vault.open_one_time_codes(caller.person.as_str(), &row.sealed);
        let secret = OneTimeSecret::new(opened.map_err(Error::internal)?);
        let step = secret.step_of(code, self.0.clock.unix(), row.step).ok_or_else(|| {
            Error::new(Code::InvalidInput, "this is not the code that the app shows now")
                .hint("see that the clock of the phone is right, and type the code that is shown now")
        })?;
        let change = Change::UseOneTimeCode { person: caller.person.clone(), step };
        self.account_change(caller, EventKind::OneTimeCodesAdded, Facts::new(), vec![change]).await
    }

    pub async fn remove_one_time_codes(&self, caller: &PersonCaller) -> Result<()> {
        self.steps_up(caller).await?;
        let change = Change::RemoveOneTimeCodes { person: caller.person.clone() };
        self.account_change(caller, EventKind::OneTimeCodesRemoved, Facts::new(), vec![change]).await
    }

    /// Ten new recovery codes in place of those of before. They are not to be had again.
    pub async fn make_recovery_codes(&self, caller: &PersonCaller) -> Result<Vec<String>> {
        self.steps_up(caller).await?;
        let codes = (0..RecoveryCode::SET)
            .map(|_| self.random::<10>().map(RecoveryCode::new))
            .collect::<Result<Vec<_>>>()?;
        let hashes = codes.iter().map(RecoveryCode::hash).collect();
        let change = Change::PutRecoveryCodes { person: caller.person.clone(), hashes };
        self.account_change(caller, EventKind::RecoveryCodesMade, Facts::new(), vec![change]).await?;
        Ok(codes.iter().map(RecoveryCode::text).collect())
    }

    /// End one of one's own sign-ins. Another person's is none (E16).
    pub async fn end_own_sign_in(&self, caller: &PersonCaller, id: &str) -> Result<()> {
        self.end_sign_in(caller, &caller.person, id).await
    }

    pub async fn end_own_login(&self, caller: &PersonCaller, client: &str) -> Result<()> {
        self.end_login(caller, &caller.person, client).await
    }

    pub(in crate::app) async fn end_sign_in(&self, caller: &PersonCaller, of: &Name, id: &str) -> Result<()> {
        let none = || Error::not_found("sign-in", id);
        let parsed = SignInId::parse(id).map_err(|_| none())?;
        let facts = Facts::new().with("person", of.as_str()).with("sign_in", parsed.as_str());
        let change = Change::EndSignInOf { id: parsed, person: of.clone(), at: self.0.clock.now() };
        self.end_of(caller, EventKind::SignInEnded, facts, change).await?.ok_or_else(none)
    }

    pub(in crate::app) async fn end_login(&self, caller: &PersonCaller, of: &Name, id: &str) -> Result<()> {
        let none = || Error::not_found("login", id);
        let client = ClientId::parse(id).map_err(|_| none())?;
        let facts = Facts::new().with("person", of.as_str()).with("client_id", client.as_str());
        let change = Change::EndLogin { client, person: of.clone(), at: self.0.clock.now() };
        self.end_of(caller, EventKind::LoginEnded, facts, change).await?.ok_or_else(none)
    }

    /// `None` where there is nothing of that id to end.
    async fn end_of(
        &self,
        caller: &PersonCaller,
        kind: EventKind,
        facts: Facts,
        change: Change,
    ) -> Result<Option<()>> {
        let changes = caller.used_proof().into_iter().chain([change]).collect();
        let event = self.event(kind, &caller.actor(), None, facts)?;
        let commit = crate::store::Commit { changes, events: vec![event], digest: None };
        match self.0.store.commit(commit).await {
            Ok(_) => {
                self.tell(super::News::Record);
                Ok(Some(()))
            }
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

fn passkey(row: PasskeyRow) -> Passkey {
    Passkey {
        id: row.id,
        name: row.name,
        synced: row.eligible,
        created_at: row.created_at,
        used_at: row.used_at,
    }
}

fn sign_in(caller: &PersonCaller, row: SignInRow) -> SignIn {
    SignIn {
        current: matches!(&caller.via, Via::SignIn(own) if own.id == row.id),
        id: row.id.to_string(),
        method: row.method,
        device: row.device,
        address: row.address,
        created_at: row.created_at,
        proven_at: row.proven_at,
        expires_at: row.expires_at,
    }
}

fn login(caller: &PersonCaller, row: LoginRow) -> Login {
    Login {
        current: matches!(&caller.via, Via::Login { client, .. } if *client == row.client),
        client_id: row.client.to_string(),
        device: row.device,
        created_at: row.created_at,
    }
}
