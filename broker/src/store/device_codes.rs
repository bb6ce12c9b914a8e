use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, hash, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{ClientId, DeviceCodeRow, DeviceState, LoginKind, LoginStanding, Name, SessionId};

impl Store {
    /// By the digest of the device code.
    pub async fn device_code(&self, hash: &[u8; 32]) -> Result<Option<DeviceCodeRow>, Error> {
        let row: Option<DeviceCode> = one!(self, sql::DEVICE_CODE, &hash[..])?;
        row.map(DeviceCode::parse).transpose()
    }

    /// By the digest of the code that a person types.
    pub async fn device_code_of_user(&self, code: &[u8; 32]) -> Result<Option<DeviceCodeRow>, Error> {
        let row: Option<DeviceCode> = one!(self, sql::DEVICE_CODE_OF_USER, &code[..])?;
        row.map(DeviceCode::parse).transpose()
    }

    /// How many wait for a person: of all, and of those from this address.
    pub async fn device_codes_waiting(&self, address: &str, now: DateTime<Utc>) -> Result<(i64, i64), Error> {
        let now = now.timestamp_millis();
        let all: Option<(i64,)> = one!(self, sql::COUNT_DEVICE_CODES, now)?;
        let from: Option<(i64,)> = one!(self, sql::COUNT_DEVICE_CODES_FROM, now, address)?;
        Ok((all.map_or(0, |(count,)| count), from.map_or(0, |(count,)| count)))
    }

    /// Wrong codes that the person typed since `after`.
    pub async fn device_misses(&self, person: &Name, after: DateTime<Utc>) -> Result<i64, Error> {
        let row: Option<(i64,)> = one!(self, sql::DEVICE_MISSES, person.as_str(), after.timestamp_millis())?;
        Ok(row.map_or(0, |(misses,)| misses))
    }

    pub async fn login_standing(&self, client: &ClientId) -> Result<Option<LoginStanding>, Error> {
        let row: Option<Standing> = one!(self, sql::LOGIN_STANDING, client.as_str())?;
        row.map(Standing::parse).transpose()
    }

    /// Whether the person has a password or a passkey.
    pub async fn has_factor(&self, person: &Name) -> Result<bool, Error> {
        let row: Option<(i64,)> = one!(self, sql::FACTORS, person.as_str())?;
        Ok(row.is_some_and(|(count,)| count > 0))
    }

    /// The sessions that a login started.
    pub async fn sessions_of_login(&self, client: &ClientId) -> Result<Vec<SessionId>, Error> {
        let rows: Vec<(String,)> = all!(self, sql::SESSIONS_OF_LOGIN, client.as_str())?;
        rows.into_iter().map(|(session,)| parse(&session, "session_logins.session")).collect()
    }
}

/// Adds one, and forgets those of more than a day ago.
pub(super) async fn add(c: &mut Connection, row: &DeviceCodeRow) -> Result<(), Fault> {
    let created = row.created_at.timestamp_millis();
    execute!(c, sql::SWEEP_DEVICE_CODES, created - DAY)?;
    let added = execute!(
        c,
        sql::ADD_DEVICE_CODE,
        &row.hash[..],
        &row.user_code[..],
        &row.key,
        &row.jkt,
        &row.device,
        &row.program,
        &row.address,
        row.state.as_str(),
        created,
        row.expires_at.timestamp_millis(),
    );
    changed(added?, "device_code")
}

const DAY: i64 = 86_400_000;

pub(super) async fn decide(
    c: &mut Connection,
    hash: &[u8; 32],
    state: DeviceState,
    person: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let decided = execute!(
        c,
        sql::DECIDE_DEVICE_CODE,
        &hash[..],
        state.as_str(),
        person.as_str(),
        at.timestamp_millis()
    );
    changed(needs(decided, "person")?, "device_code")
}

pub(super) async fn use_up(c: &mut Connection, hash: &[u8; 32], at: DateTime<Utc>) -> Result<(), Fault> {
    changed(execute!(c, sql::USE_DEVICE_CODE, &hash[..], at.timestamp_millis())?, "device_code")
}

pub(super) async fn miss(
    c: &mut Connection,
    person: &Name,
    at: DateTime<Utc>,
    after: DateTime<Utc>,
    most: i64,
) -> Result<(), Fault> {
    let (at, after) = (at.timestamp_millis(), after.timestamp_millis());
    let missed = execute!(c, sql::MISS_DEVICE_CODE, person.as_str(), at, after, most);
    changed(needs(missed, "person")?, "device_miss")
}

pub(super) async fn tie_session(
    c: &mut Connection,
    session: &SessionId,
    client: &ClientId,
) -> Result<(), Fault> {
    changed(execute!(c, sql::TIE_SESSION, session.as_str(), client.as_str())?, "session")
}

/// Nothing to tie where an agent started the outer session by itself.
pub(super) async fn tie_within(
    c: &mut Connection,
    session: &SessionId,
    parent: &SessionId,
) -> Result<(), Fault> {
    execute!(c, sql::TIE_WITHIN, session.as_str(), parent.as_str())?;
    Ok(())
}

pub(super) async fn elevate(
    c: &mut Connection,
    client: &ClientId,
    person: &Name,
    until: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    let until = until.map(|until| until.timestamp_millis());
    changed(execute!(c, sql::ELEVATE_LOGIN, client.as_str(), person.as_str(), until)?, "login")
}

row! {
    struct DeviceCode {
        hash: Vec<u8>,
        user_code: Vec<u8>,
        key: String,
        jkt: String,
        device: String,
        program: String,
        address: String,
        state: String,
        person: Option<String>,
        created_at: i64,
        expires_at: i64,
    }
}

impl DeviceCode {
    fn parse(self) -> Result<DeviceCodeRow, Error> {
        Ok(DeviceCodeRow {
            hash: hash(self.hash, "device_codes.hash")?,
            user_code: hash(self.user_code, "device_codes.user_code")?,
            key: self.key,
            jkt: self.jkt,
            device: self.device,
            program: self.program,
            address: self.address,
            state: parse(&self.state, "device_codes.state")?,
            person: self.person.map(|name| parse(&name, "device_codes.person")).transpose()?,
            created_at: time(self.created_at)?,
            expires_at: time(self.expires_at)?,
        })
    }
}

row! {
    struct Standing {
        kind: String,
        elevated_until: Option<i64>,
        ended_at: Option<i64>,
        factors: i64,
    }
}

impl Standing {
    fn parse(self) -> Result<LoginStanding, Error> {
        Ok(LoginStanding {
            kind: LoginKind::parse(&self.kind),
            elevated_until: self.elevated_until.map(time).transpose()?,
            ended_at: self.ended_at.map(time).transpose()?,
            has_factor: self.factors > 0,
        })
    }
}
