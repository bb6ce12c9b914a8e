//! The device grant (RFC 8628): a machine asks to be let in, a person in front of a browser says yes or no.
//!
//! Stricter than the RFC where it leaves room: the request carries a DPoP proof and only the holder of that key gets the
//! login (as RFC 9449 s10 does for codes); and what comes of it starts sessions, and nothing else.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use stint_api::{Code, DEVICE_CLIENT, DeviceAuthorization, TokenResponse};

use super::mint::TokenRequest;
use super::{App, Error, Facts, PersonCaller, Result, identify, setup};
use crate::model::{ClientId, DeviceCodeRow, DeviceState, EventKind, LoginKind, LoginRow, Name};
use crate::store::{Change, Commit, CommitError};

/// No vowels, so no words; no letters that look like another (RFC 8628 s6.1).
const ALPHABET: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// Seconds between two questions of a machine.
const INTERVAL: i64 = 5;
/// Questions that come too soon before the code is given up.
const HASTE: u32 = 5;
/// Wrong codes that one person may type in the life of a code: 5 in 20^8, less than 2^-32 (E15).
const MISSES: i64 = 5;
/// Machines that may wait at once, of all and of one address: nobody shuts others out by asking often.
const WAITING: i64 = 200;
const WAITING_FROM: i64 = 20;

/// `POST /oauth/device_authorization` (RFC 8628 s3.1), as sent.
#[derive(Debug, Clone, Copy)]
pub struct DeviceRequest<'a> {
    pub client_id: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// What the machine is called, as it says.
    pub device: Option<&'a str>,
    pub proofs: &'a [String],
    /// What the program says it is: its `User-Agent`.
    pub program: &'a str,
    /// Where it connects from.
    pub address: &'a str,
}

/// A machine that waits, or that this person decided about, as the page shows it.
#[derive(Debug, Clone)]
pub struct WaitingDevice {
    /// `WDJB-MJHT`
    pub user_code: String,
    pub device: String,
    pub program: String,
    pub address: String,
    pub asked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub state: DeviceState,
}

/// When machines asked last. Kept in memory: it slows them down, and decides nothing.
#[derive(Debug, Default)]
pub(in crate::app) struct Polls {
    paces: Mutex<HashMap<[u8; 32], Pace>>,
    /// Codes that people type are looked up one at a time, so that none is tried more often than is counted.
    typing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Pace {
    last: DateTime<Utc>,
    interval: i64,
    hasty: u32,
    until: DateTime<Utc>,
}

enum Poll {
    InTime,
    TooSoon,
    GivenUp,
}

impl Polls {
    fn ask(&self, hash: [u8; 32], now: DateTime<Utc>, until: DateTime<Utc>) -> Poll {
        let mut paces = self.paces.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        paces.retain(|_, pace| now < pace.until);
        let Some(pace) = paces.get_mut(&hash) else {
            paces.insert(hash, Pace { last: now, interval: INTERVAL, hasty: 0, until });
            return Poll::InTime;
        };
        // A timer that fires a little early is no haste.
        let soon = now - pace.last < TimeDelta::milliseconds(pace.interval * 1000 - 500);
        pace.last = now;
        if pace.hasty >= HASTE {
            return Poll::GivenUp;
        }
        if soon {
            // RFC 8628 s3.5: five seconds more, for this and all that follow.
            pace.interval += 5;
            pace.hasty += 1;
            return Poll::TooSoon;
        }
        Poll::InTime
    }
}

impl App {
    /// A machine asks to be let in.
    pub async fn device_authorization(&self, request: DeviceRequest<'_>) -> Result<DeviceAuthorization> {
        self.unsealed()?;
        known_client(request.client_id)?;
        if request.scope.is_some() {
            return Err(oauth("invalid_scope", "there are no scopes: a login of a machine starts sessions"));
        }
        let [proof] = request.proofs else {
            return Err(Error::new(
                Code::InvalidProof,
                "one DPoP header is needed: the login is bound to its key",
            ));
        };
        let endpoint = format!("{}/oauth/device_authorization", self.issuer());
        let proven = self.proven_key(proof, "POST", &endpoint)?;
        let used = self.use_proof(&proven)?;
        let key = identify::parse_key(&proven.jwk().to_value())?;
        let now = self.0.clock.now();
        let (all, from) = self.0.store.device_codes_waiting(request.address, now).await?;
        if all >= WAITING || from >= WAITING_FROM {
            return Err(Error::new(
                Code::Busy,
                "too many machines wait to be let in; try again in some minutes",
            ));
        }
        let device_code = URL_SAFE_NO_PAD.encode(self.random::<32>()?);
        let user_code = self.random_text(ALPHABET, LENGTH)?;
        let row = DeviceCodeRow {
            hash: setup::hash(device_code.as_bytes()),
            user_code: setup::hash(user_code.as_bytes()),
            key: key.text,
            jkt: key.jkt,
            device: plain(request.device.unwrap_or_default(), 100),
            program: plain(request.program, 200),
            address: plain(request.address, 100),
            state: DeviceState::Waiting,
            person: None,
            created_at: now,
            expires_at: now + LIFETIME,
        };
        let event = self.event(EventKind::DeviceAsked, "unknown", None, facts(&row))?;
        let changes = vec![used.change(), Change::AddDeviceCode(row)];
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        let page = format!("{}/console/device", self.issuer());
        let user_code = dashed(&user_code);
        Ok(DeviceAuthorization {
            device_code,
            verification_uri_complete: format!("{page}?user_code={user_code}"),
            verification_uri: page,
            user_code,
            expires_in: LIFETIME.num_seconds().unsigned_abs(),
            interval: INTERVAL.unsigned_abs(),
        })
    }

    /// The machine asks what became of it (RFC 8628 s3.4). A code that is unknown and one that belongs to another key are
    /// told apart by nothing.
    pub(in crate::app) async fn device_token(&self, request: &TokenRequest<'_>) -> Result<TokenResponse> {
        known_client(request.client_id)?;
        if request.client_assertion.is_some() || request.client_secret {
            return Err(oauth("invalid_request", "this client has no assertion and no secret, only a key"));
        }
        if request.scope.is_some() || request.authorization_details.is_some() {
            return Err(oauth(
                "invalid_request",
                "a login of a machine starts sessions, and cannot be more or less",
            ));
        }
        let code = request.device_code.ok_or_else(|| oauth("invalid_request", "device_code is missing"))?;
        let [proof] = request.proofs else {
            return Err(Error::new(
                Code::InvalidProof,
                "one DPoP header is needed: every token is bound to a key",
            ));
        };
        let proven = self.proven_key(proof, "POST", &self.token_endpoint())?;
        let used = self.use_proof(&proven)?;
        let row = self.0.store.device_code(&setup::hash(code.as_bytes())).await?;
        let row = row.filter(|row| row.jkt == proven.jkt()).ok_or_else(invalid_grant)?;
        let now = self.0.clock.now();
        if row.state == DeviceState::Used {
            return Err(invalid_grant());
        }
        if now >= row.expires_at {
            return Err(oauth("expired_token", "nobody said yes in time: start again"));
        }
        match self.0.polls.ask(row.hash, now, row.expires_at) {
            Poll::InTime => {}
            Poll::TooSoon => {
                return Err(oauth("slow_down", "asked too soon: wait five seconds longer each time"));
            }
            Poll::GivenUp => {
                return Err(oauth("invalid_request", "this code was asked for too often: start again"));
            }
        }
        match (row.state, &row.person) {
            (DeviceState::Waiting, _) => Err(oauth("authorization_pending", "nobody has decided yet")),
            (DeviceState::Denied, _) => Err(oauth("access_denied", "a person said no")),
            (DeviceState::Approved, Some(person)) => {
                let person = person.clone();
                self.hand_over(row, person, used.change()).await
            }
            _ => Err(invalid_grant()),
        }
    }

    /// The login and its first token, in one commit.
    async fn hand_over(&self, row: DeviceCodeRow, person: Name, used: Change) -> Result<TokenResponse> {
        // Somebody may have left since they said yes.
        self.0.store.person(&person).await?.ok_or_else(invalid_grant)?;
        let client = ClientId::from_uuid(self.uuid()?);
        let now = self.0.clock.now();
        let facts = facts(&row).with("person", person.as_str()).with("client_id", client.as_str());
        let added = self.event(EventKind::LoginAdded, &format!("person:{person}"), None, facts)?;
        let login = LoginRow {
            client: client.clone(),
            person: person.clone(),
            key: row.key,
            device: Some(row.device).filter(|device| !device.is_empty()),
            created_at: now,
            kind: LoginKind::Device,
        };
        let changes = vec![used, Change::UseDeviceCode { hash: row.hash, at: now }, Change::AddLogin(login)];
        self.mint_for_login(&client, &person, row.jkt, changes, vec![added]).await
    }

    /// What waits under the code that a person typed. What no machine shows is counted and recorded.
    pub async fn device_waiting(&self, caller: &PersonCaller, typed: &str) -> Result<WaitingDevice> {
        let row = self.typed(caller, typed).await?;
        Ok(shown(&row, &normal(typed)))
    }

    /// A person lets the machine in. Takes one who proved a moment ago who they are.
    pub async fn approve_device(&self, caller: &PersonCaller, typed: &str) -> Result<WaitingDevice> {
        caller.works()?;
        if !caller.is_proven(self.0.clock.now()) {
            return Err(Error::new(Code::StepUpRequired, "prove again who you are: this lets a machine in")
                .hint(format!("do it in the console: {}/console/device", self.issuer())));
        }
        self.decide_device(caller, typed, DeviceState::Approved).await
    }

    pub async fn deny_device(&self, caller: &PersonCaller, typed: &str) -> Result<WaitingDevice> {
        self.decide_device(caller, typed, DeviceState::Denied).await
    }

    async fn decide_device(
        &self,
        caller: &PersonCaller,
        typed: &str,
        state: DeviceState,
    ) -> Result<WaitingDevice> {
        if !caller.is_at_console() {
            return Err(Error::new(Code::StepUpRequired, "machines are let in at the console"));
        }
        let mut row = self.typed(caller, typed).await?;
        let kind = match state {
            DeviceState::Approved => EventKind::DeviceApproved,
            _ => EventKind::DeviceDenied,
        };
        let event = self.event(kind, &caller.actor(), None, facts(&row))?;
        let at = self.0.clock.now();
        let change = Change::DecideDeviceCode { hash: row.hash, state, person: caller.person.clone(), at };
        let commit = Commit { changes: vec![change], events: vec![event], digest: None };
        self.0.store.commit(commit).await.map_err(|error| match error {
            CommitError::Conflict("device_code") => {
                Error::new(Code::Conflict, "this was decided before, or its time is over")
            }
            other => other.into(),
        })?;
        self.tell(super::News::Record);
        row.state = state;
        Ok(shown(&row, &normal(typed)))
    }

    async fn typed(&self, caller: &PersonCaller, typed: &str) -> Result<DeviceCodeRow> {
        let _one_at_a_time = self.0.polls.typing.lock().await;
        let now = self.0.clock.now();
        let after = now - LIFETIME;
        if self.0.store.device_misses(&caller.person, after).await? >= MISSES {
            return Err(too_often());
        }
        let row = self.0.store.device_code_of_user(&setup::hash(normal(typed).as_bytes())).await?;
        // What another person decided is theirs to see.
        let row = row.filter(|row| {
            now < row.expires_at && row.person.as_ref().is_none_or(|person| *person == caller.person)
        });
        if let Some(row) = row {
            return Ok(row);
        }
        let facts = Facts::new().with("person", caller.person.as_str());
        let event = self.event(EventKind::DeviceRefused, &caller.actor(), None, facts)?;
        let change = Change::MissDeviceCode { person: caller.person.clone(), at: now, after, most: MISSES };
        let commit = Commit { changes: vec![change], events: vec![event], digest: None };
        match self.0.store.commit(commit).await {
            Ok(_) => Err(Error::new(Code::NotFound, "no machine shows this code, or its time is over")
                .hint("type the eight letters as the terminal shows them; stint login makes a new code")),
            Err(CommitError::Conflict("device_miss")) => Err(too_often()),
            Err(other) => Err(other.into()),
        }
    }
}

fn facts(row: &DeviceCodeRow) -> Facts {
    Facts::new()
        .with("jkt", row.jkt.as_str())
        .with("device", row.device.as_str())
        .with("program", row.program.as_str())
        .with("address", row.address.as_str())
}

fn shown(row: &DeviceCodeRow, code: &str) -> WaitingDevice {
    WaitingDevice {
        user_code: dashed(code),
        device: row.device.clone(),
        program: row.program.clone(),
        address: row.address.clone(),
        asked_at: row.created_at,
        expires_at: row.expires_at,
        state: row.state,
    }
}

/// As people type it: in any case, with or without the dash (RFC 8628 s6.1).
fn normal(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphabetic).take(LENGTH + 1).collect::<String>().to_ascii_uppercase()
}

fn dashed(code: &str) -> String {
    match code.split_at_checked(LENGTH / 2) {
        Some((first, second)) if !second.is_empty() => format!("{first}-{second}"),
        _ => code.to_owned(),
    }
}

fn plain(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

fn known_client(client: Option<&str>) -> Result<()> {
    if client == Some(DEVICE_CLIENT) {
        return Ok(());
    }
    Err(Error::new(
        Code::NotAuthenticated,
        format!("the client of the device grant is called {DEVICE_CLIENT}"),
    ))
}

fn invalid_grant() -> Error {
    oauth("invalid_grant", "the device code is not valid for this key")
}

fn too_often() -> Error {
    Error::new(Code::Busy, "too many wrong codes: wait ten minutes, then start again with stint login")
}

/// An error in OAuth's own words; the token endpoint takes the code from before the colon.
fn oauth(code: &str, detail: &str) -> Error {
    Error::new(Code::InvalidInput, format!("{code}: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        assert_eq!(normal(" wdjb mjht\n"), "WDJBMJHT");
        assert_eq!(dashed("WDJBMJHT"), "WDJB-MJHT");
        assert_eq!(normal("WDJB-MJHT-XYZ"), "WDJBMJHTX", "a longer one is another");
    }

    #[test]
    fn e12_haste_is_slowed_and_then_given_up() {
        let polls = Polls::default();
        let start = DateTime::UNIX_EPOCH;
        let at = |seconds| start + TimeDelta::seconds(seconds);
        let ask = |hash, seconds| polls.ask([hash; 32], at(seconds), at(600));
        assert!(matches!(ask(1, 0), Poll::InTime));
        assert!(matches!(ask(1, 5), Poll::InTime));
        assert!(matches!(ask(1, 6), Poll::TooSoon));
        assert!(matches!(ask(1, 12), Poll::TooSoon), "the interval is ten seconds now");
        assert!(matches!(ask(1, 27), Poll::InTime));
        for _ in 0..3 {
            assert!(matches!(ask(1, 28), Poll::TooSoon));
        }
        assert!(matches!(ask(1, 300), Poll::GivenUp));
        assert!(matches!(ask(2, 300), Poll::InTime), "others are not slowed");
    }

    #[test]
    fn e15_five_tries_find_a_code_with_less_than_two_to_the_minus_thirty_two() {
        let codes = (ALPHABET.len() as f64).powi(i32::try_from(LENGTH).unwrap());
        assert!(MISSES as f64 / codes <= 2f64.powi(-32));
        assert!(LIFETIME <= TimeDelta::minutes(15));
    }
}
