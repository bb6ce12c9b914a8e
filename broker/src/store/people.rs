use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{ClientId, LoginKind, LoginRow, Name, PersonRow, WaysIn};

impl Store {
    /// In the order in which they were added.
    pub async fn people(&self) -> Result<Vec<PersonRow>, Error> {
        let rows: Vec<Person> = all!(self, sql::PEOPLE)?;
        rows.into_iter().map(Person::parse).collect()
    }

    /// Whether the name is a person's, or was one's.
    pub async fn is_name_taken(&self, name: &Name) -> Result<bool, Error> {
        let row: Option<(i64,)> = one!(self, sql::NAME_TAKEN, name.as_str())?;
        Ok(row.is_some_and(|(count,)| count > 0))
    }

    pub async fn person(&self, name: &Name) -> Result<Option<PersonRow>, Error> {
        let row: Option<Person> = one!(self, sql::PERSON, name.as_str())?;
        row.map(Person::parse).transpose()
    }

    /// In the order in which they were added, each with the ways in that they have.
    pub async fn ways_in(&self) -> Result<Vec<WaysIn>, Error> {
        let rows: Vec<Ways> = all!(self, sql::WAYS_IN)?;
        rows.into_iter().map(Ways::parse).collect()
    }

    /// A person's that have not ended, newest first.
    pub async fn logins(&self, person: &Name) -> Result<Vec<LoginRow>, Error> {
        let rows: Vec<Login> = all!(self, sql::LOGINS_OF, person.as_str())?;
        rows.into_iter().map(Login::parse).collect()
    }

    /// One that has not ended, of a person who was not removed.
    pub async fn login(&self, client: &ClientId) -> Result<Option<LoginRow>, Error> {
        let row: Option<Login> = one!(self, sql::LOGIN, client.as_str())?;
        row.map(Login::parse).transpose()
    }
}

pub(super) async fn add_person(connection: &mut Connection, row: &PersonRow) -> Result<(), Fault> {
    let created = row.created_at.timestamp_millis();
    changed(execute!(connection, sql::ADD_PERSON, row.name.as_str(), &row.role, created)?, "person")
}

pub(super) async fn add_login(connection: &mut Connection, row: &LoginRow) -> Result<(), Fault> {
    let added = execute!(
        connection,
        sql::ADD_LOGIN,
        row.client.as_str(),
        row.person.as_str(),
        &row.key,
        row.device.as_deref(),
        row.created_at.timestamp_millis(),
        row.kind.as_str(),
    );
    changed(needs(added, "person")?, "login")
}

pub(super) async fn end_login(
    c: &mut Connection,
    client: &ClientId,
    person: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let ended = execute!(c, sql::END_LOGIN, client.as_str(), person.as_str(), at.timestamp_millis())?;
    changed(ended, "login")
}

pub(super) async fn set_role(c: &mut Connection, person: &Name, role: &str) -> Result<(), Fault> {
    changed(execute!(c, sql::SET_ROLE, person.as_str(), role)?, "owner")
}

/// As the groups at a provider say, which take the last owner who gets in by something of their own nothing away.
pub(super) async fn follow_role(c: &mut Connection, person: &Name, role: &str) -> Result<(), Fault> {
    changed(execute!(c, sql::FOLLOW_ROLE, person.as_str(), role)?, "owner")
}

/// The name stays taken: what is on record of it must not become somebody else's.
pub(super) async fn remove(c: &mut Connection, person: &Name, at: DateTime<Utc>) -> Result<(), Fault> {
    let (name, at) = (person.as_str(), at.timestamp_millis());
    changed(execute!(&mut *c, sql::REMOVE_PERSON, name, at)?, "owner")?;
    execute!(&mut *c, sql::END_SIGN_INS, name, at, "")?;
    execute!(&mut *c, sql::END_LOGINS, name, at)?;
    for forget in [
        sql::FORGET_PASSKEYS,
        sql::FORGET_PASSWORD,
        sql::REMOVE_ONE_TIME_CODE,
        sql::FORGET_RECOVERY_CODES,
        sql::FORGET_INVITATION,
    ] {
        execute!(&mut *c, forget, name)?;
    }
    Ok(())
}

row! {
    struct Ways {
        name: String,
        role: String,
        created_at: i64,
        passkeys: i64,
        passwords: i64,
        codes: i64,
        recovery: i64,
        subjects: i64,
        signed_in_at: Option<i64>,
    }
}

impl Ways {
    fn parse(self) -> Result<WaysIn, Error> {
        let person = Person { name: self.name, role: self.role, created_at: self.created_at };
        Ok(WaysIn {
            person: person.parse()?,
            passkeys: u64::try_from(self.passkeys).unwrap_or_default(),
            password: self.passwords > 0,
            one_time_codes: self.codes > 0,
            recovery_codes: u64::try_from(self.recovery).unwrap_or_default(),
            single_sign_on: self.subjects > 0,
            signed_in_at: self.signed_in_at.map(time).transpose()?,
        })
    }
}

row! {
    struct Person {
        name: String,
        role: String,
        created_at: i64,
    }
}

impl Person {
    fn parse(self) -> Result<PersonRow, Error> {
        Ok(PersonRow {
            name: parse(&self.name, "people.name")?,
            role: self.role,
            created_at: time(self.created_at)?,
        })
    }
}

row! {
    struct Login {
        client: String,
        person: String,
        key: String,
        device: Option<String>,
        created_at: i64,
        kind: String,
    }
}

impl Login {
    fn parse(self) -> Result<LoginRow, Error> {
        Ok(LoginRow {
            client: parse(&self.client, "logins.client")?,
            person: parse(&self.person, "logins.person")?,
            key: self.key,
            device: self.device,
            created_at: time(self.created_at)?,
            kind: LoginKind::parse(&self.kind),
        })
    }
}
