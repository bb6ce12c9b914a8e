//! Passkeys: the challenges that browsers answer, and what becomes of an answer.
//!
//! A challenge is nothing that the broker keeps: it says itself when it ends and whom it is for, under a MAC that every
//! replica makes alike, and the commit of its answer remembers that it was used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Value, json};
use stint_api::Code;

use super::identify::{PersonCaller, Via};
use super::prove::Shown;
use super::sign_in::{Browser, SignedIn};
use super::{App, Error, Facts, Result};
use crate::identity::webauthn::{self, Assertion, Kept, Registration, RelyingParty};
use crate::model::{EventKind, Name, PasskeyRow, SignInId};
use crate::store::{Change, Commit, CommitError};

/// How long a challenge can be answered.
const LASTS: TimeDelta = TimeDelta::minutes(5);
/// More than anybody needs, and few enough to look through.
const MOST: usize = 20;

/// What a challenge is for, and who may answer it.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) enum Ceremony<'a> {
    /// The browser that holds this cookie.
    SignIn(&'a str),
    Prove(&'a SignInId),
    Register(&'a SignInId),
    /// Whoever holds the token of an invitation.
    Enrol(&'a str),
    /// The browser that holds this cookie and was sent to an OpenID provider: the challenge is its `state`.
    Provider(&'a str),
}

/// A challenge that was answered, to be used up by the commit that comes of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct Spent {
    key: [u8; 32],
    /// Seconds since the epoch.
    until: i64,
}

impl Spent {
    pub(in crate::app) fn change(self) -> Change {
        Change::Remember { key: self.key, until: self.until }
    }
}

impl Ceremony<'_> {
    fn lasts(&self) -> TimeDelta {
        if matches!(self, Ceremony::Provider(_)) { super::sso::LASTS } else { LASTS }
    }
}

/// A browser's answer to `get()`, as the page's script sends it: base64url.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user: String,
}

/// A browser's answer to `create()`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    client_data: String,
    attestation: String,
}

impl App {
    /// Whether browsers have passkeys at the broker's address.
    pub fn has_passkeys(&self) -> bool {
        RelyingParty::of(self.issuer()).is_some()
    }

    /// What a browser needs to sign in by a passkey: any of those that it has for this host.
    pub fn sign_in_options(&self, cookie: &str) -> Result<Value> {
        self.get_options(&Ceremony::SignIn(cookie), &[])
    }

    /// The same to prove again who somebody is.
    pub async fn prove_options(&self, caller: &PersonCaller) -> Result<Value> {
        let id = at_console(caller)?;
        let own = self.0.store.passkeys(&caller.person).await?;
        self.get_options(&Ceremony::Prove(id), &own)
    }

    /// What a browser needs to make a passkey for a person who is signed in.
    pub async fn register_options(&self, caller: &PersonCaller) -> Result<Value> {
        self.steps_up(caller).await?;
        let own = self.0.store.passkeys(&caller.person).await?;
        self.create_options(&Ceremony::Register(at_console(caller)?), &caller.person, &own)
    }

    /// The same for a person who was invited.
    pub async fn enrol_options(&self, token: &str) -> Result<Value> {
        let row = self.invitation(token).await?;
        let own = self.0.store.passkeys(&row.person).await?;
        self.create_options(&Ceremony::Enrol(token), &row.person, &own)
    }

    /// Sign in by a passkey, which says itself whose it is.
    pub async fn sign_in_by_passkey(&self, answer: &str, cookie: &str, browser: Browser) -> Result<SignedIn> {
        self.unsealed()?;
        let attempt = self.attempt(None, &browser.address).await?;
        self.in_time(&attempt, "unknown").await?;
        let Some((person, shown)) = self.assertion(answer, &Ceremony::SignIn(cookie)).await? else {
            return Err(self.failed(&attempt, "unknown", None).await?);
        };
        match self.let_in(&person, shown, None, browser).await? {
            Some(signed_in) => Ok(signed_in),
            None => Err(self.failed(&attempt, "unknown", None).await?),
        }
    }

    /// Add a passkey to one's own.
    pub async fn add_passkey(&self, caller: &PersonCaller, name: &str, made: &str) -> Result<()> {
        self.steps_up(caller).await?;
        let id = at_console(caller)?;
        let (row, used) = self.made(&caller.person, name, made, &Ceremony::Register(id)).await?;
        let facts = Facts::new().with("passkey", row.id.as_str()).with("name", row.name.as_str());
        let changes = vec![used, Change::AddPasskey(row)];
        self.account_change(caller, EventKind::PasskeyAdded, facts, changes).await
    }

    pub async fn rename_passkey(&self, caller: &PersonCaller, id: &str, name: &str) -> Result<()> {
        let own = self.own_passkey(caller, id).await?;
        let name = label(name)?;
        let facts = Facts::new().with("passkey", own.id.as_str()).with("name", name.as_str());
        let change = Change::RenamePasskey { id: own.id, person: caller.person.clone(), name };
        self.account_change(caller, EventKind::PasskeyRenamed, facts, vec![change]).await
    }

    /// Remove one's own passkey, unless it is the last way in.
    pub async fn remove_passkey(&self, caller: &PersonCaller, id: &str) -> Result<()> {
        let own = self.own_passkey(caller, id).await?;
        self.steps_up(caller).await?;
        let facts = Facts::new().with("passkey", own.id.as_str()).with("name", own.name.as_str());
        let change = Change::RemovePasskey { id: own.id, person: caller.person.clone() };
        let removed = self.account_change(caller, EventKind::PasskeyRemoved, facts, vec![change]).await;
        removed.map_err(|error| match error.code {
            Code::Conflict => Error::new(Code::Conflict, "this passkey is your last way in")
                .hint("add another passkey or a password before you remove it"),
            _ => error,
        })
    }

    /// Another person's passkey is none (E16).
    async fn own_passkey(&self, caller: &PersonCaller, id: &str) -> Result<PasskeyRow> {
        let row = self.0.store.passkey(id).await?.filter(|row| row.person == caller.person);
        row.ok_or_else(|| Error::not_found("passkey", id))
    }

    /// The passkey that a browser made for `person`, and the challenge used up.
    pub(in crate::app) async fn made(
        &self,
        person: &Name,
        name: &str,
        made: &str,
        ceremony: &Ceremony<'_>,
    ) -> Result<(PasskeyRow, Change)> {
        let wrong = |error: webauthn::Refused| {
            Error::new(Code::InvalidInput, format!("the passkey was not taken: {error}")).hint("try again")
        };
        let party = self.party()?;
        let unread = || Error::new(Code::InvalidInput, "the browser's answer cannot be read");
        let made: Made = serde_json::from_str(made).map_err(|_| unread())?;
        let client_data = bytes(&made.client_data).ok_or_else(unread)?;
        let attestation = bytes(&made.attestation).ok_or_else(unread)?;
        let challenge = webauthn::challenge_of(&client_data).map_err(wrong)?;
        let used = self.spend(&challenge, ceremony)?.ok_or_else(|| {
            Error::new(Code::InvalidInput, "the passkey took too long to make, or was made for another page")
                .hint("try again")
        })?;
        let registration = Registration { client_data: &client_data, attestation: &attestation };
        let registered = party.register(&registration, &challenge).map_err(wrong)?;
        if self.0.store.passkeys(person).await?.len() >= MOST {
            return Err(Error::new(Code::Conflict, format!("a person has at most {MOST} passkeys"))
                .hint("remove one that is not used any more"));
        }
        let row = PasskeyRow {
            id: URL_SAFE_NO_PAD.encode(&registered.id),
            person: person.clone(),
            name: label(name)?,
            public: registered.public,
            counter: i64::from(registered.counter),
            eligible: registered.eligible,
            created_at: self.0.clock.now(),
            used_at: None,
        };
        Ok((row, used.change()))
    }

    /// Whose passkey answered, and what that uses up. `None` for whatever is wrong with it; the log says what.
    pub(in crate::app) async fn assertion(
        &self,
        answer: &str,
        ceremony: &Ceremony<'_>,
    ) -> Result<Option<(Name, Shown)>> {
        let party = self.party()?;
        let Ok(answer) = serde_json::from_str::<Answer>(answer) else { return Ok(None) };
        let parts = (bytes(&answer.client_data), bytes(&answer.authenticator_data), bytes(&answer.signature));
        let (Some(client_data), Some(data), Some(signature)) = parts else { return Ok(None) };
        let Ok(challenge) = webauthn::challenge_of(&client_data) else { return Ok(None) };
        let Some(used) = self.spend(&challenge, ceremony)? else { return Ok(None) };
        let Some(row) = self.0.store.passkey(&answer.id).await? else { return Ok(None) };
        // Web Authentication s7.2: where the authenticator says whose it is, it has to be theirs.
        if !answer.user.is_empty() && answer.user != self.handle(&row.person)? {
            return Ok(None);
        }
        let kept = Kept {
            public: &row.public,
            counter: u32::try_from(row.counter).map_err(Error::internal)?,
            eligible: row.eligible,
        };
        let assertion =
            Assertion { client_data: &client_data, authenticator_data: &data, signature: &signature };
        let counter = match party.authenticate(&assertion, &challenge, &kept) {
            Ok(counter) => i64::from(counter),
            Err(error) => {
                tracing::warn!(person = %row.person, passkey = %row.id, %error, "a passkey was refused");
                return Ok(None);
            }
        };
        let at = self.0.clock.now();
        let changes = vec![used.change(), Change::UsePasskey { id: row.id, counter, at }];
        Ok(Some((row.person, Shown { method: "passkey", changes })))
    }

    fn get_options(&self, ceremony: &Ceremony<'_>, allowed: &[PasskeyRow]) -> Result<Value> {
        let ids: Vec<&str> = allowed.iter().map(|row| row.id.as_str()).collect();
        Ok(json!({
            "challenge": self.challenge(ceremony)?,
            "rp_id": self.party()?.id(),
            "timeout": LASTS.num_milliseconds(),
            "allow": ids,
        }))
    }

    fn create_options(&self, ceremony: &Ceremony<'_>, person: &Name, own: &[PasskeyRow]) -> Result<Value> {
        let ids: Vec<&str> = own.iter().map(|row| row.id.as_str()).collect();
        Ok(json!({
            "challenge": self.challenge(ceremony)?,
            "rp_id": self.party()?.id(),
            "timeout": LASTS.num_milliseconds(),
            "person": person.as_str(),
            "user": self.handle(person)?,
            "exclude": ids,
        }))
    }

    /// 16 random bytes, when it ends, and a MAC over both and the ceremony: 56 bytes as base64url.
    pub(in crate::app) fn challenge(&self, ceremony: &Ceremony<'_>) -> Result<String> {
        let end = (self.0.clock.now() + ceremony.lasts()).timestamp();
        let mut text = self.random::<16>()?.to_vec();
        text.extend_from_slice(&end.to_be_bytes());
        let mac = self.challenge_mac(&text, ceremony)?;
        text.extend_from_slice(&mac);
        Ok(URL_SAFE_NO_PAD.encode(text))
    }

    /// The use of a challenge, if it is one of ours, for this ceremony, and not over. Whether it was used before is found
    /// out by the commit.
    pub(in crate::app) fn spend(&self, challenge: &str, ceremony: &Ceremony<'_>) -> Result<Option<Spent>> {
        let Some(all) = bytes(challenge) else { return Ok(None) };
        let Some((text, mac)) = all.split_at_checked(24) else { return Ok(None) };
        let end: [u8; 8] = text.get(16..).and_then(|end| end.try_into().ok()).unwrap_or_default();
        let end = i64::from_be_bytes(end);
        let own = self.challenge_mac(text, ceremony)?;
        // Takes as long wherever the two differ.
        let same = mac.len() == own.len() && mac.iter().zip(own).fold(0, |all, (a, b)| all | (a ^ b)) == 0;
        if !same || self.0.clock.unix() >= end {
            return Ok(None);
        }
        let mut key = [0u8; 32];
        key.copy_from_slice(digest(&SHA256, &[b"webauthn challenge ", text].concat()).as_ref());
        Ok(Some(Spent { key, until: end + 1 }))
    }

    fn challenge_mac(&self, text: &[u8], ceremony: &Ceremony<'_>) -> Result<[u8; 32]> {
        let (kind, whom) = match ceremony {
            Ceremony::SignIn(cookie) => ("sign-in", *cookie),
            Ceremony::Prove(id) => ("prove", id.as_str()),
            Ceremony::Register(id) => ("register", id.as_str()),
            Ceremony::Enrol(token) => ("enrol", *token),
            Ceremony::Provider(cookie) => ("provider", *cookie),
        };
        // The first two are of fixed length, and no kind begins another: no byte slides from one into the next.
        let message = [text, kind.as_bytes(), b":", whom.as_bytes()].concat();
        self.0.vault.mac("stint webauthn challenge v1", &message).map_err(Error::internal)
    }

    /// s5.4.3: what authenticators keep for a person says nothing of them to whoever finds it.
    fn handle(&self, person: &Name) -> Result<String> {
        let mac = self.0.vault.mac("stint webauthn user v1", person.as_str().as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(mac.map_err(Error::internal)?))
    }

    fn party(&self) -> Result<RelyingParty> {
        RelyingParty::of(self.issuer()).ok_or_else(|| {
            Error::new(Code::Conflict, "browsers have no passkeys at this address")
                .hint("start the broker with a public URL on a host name, such as http://localhost:7380")
        })
    }

    /// Commit a change of one's own account with its record.
    pub(in crate::app) async fn account_change(
        &self,
        caller: &PersonCaller,
        kind: EventKind,
        facts: Facts,
        mut changes: Vec<Change>,
    ) -> Result<()> {
        changes.extend(caller.used_proof());
        let event = self.event(kind, &caller.actor(), None, facts)?;
        let committed = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await;
        committed.map_err(|error| match error {
            CommitError::Replayed => Error::new(Code::Conflict, "this was done already"),
            other => other.into(),
        })?;
        self.tell(super::News::Record);
        Ok(())
    }
}

pub(in crate::app) fn at_console(caller: &PersonCaller) -> Result<&SignInId> {
    match &caller.via {
        Via::SignIn(row) => Ok(&row.id),
        Via::Login { .. } => Err(Error::new(Code::StepUpRequired, "this is done in a browser")),
    }
}

/// What a person calls a passkey.
fn label(text: &str) -> Result<String> {
    let text = text.trim();
    let count = text.chars().count();
    if (1..=60).contains(&count) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Error::new(Code::InvalidInput, "the name of a passkey has 1 to 60 characters"))
}

/// When a challenge ends, in unix seconds, as it says itself.
pub(in crate::app) fn end_of(challenge: &str) -> Option<i64> {
    let end: [u8; 8] = bytes(challenge)?.get(16..24)?.try_into().ok()?;
    Some(i64::from_be_bytes(end))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
