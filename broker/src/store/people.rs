use super::backend::{Connection, all, changed, execute, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{ClientId, LoginKind, LoginRow, Name, PersonRow};

impl Store {
    /// In the order in which they were added.
    pub async fn people(&self) -> Result<Vec<PersonRow>, Error> {
        let rows: Vec<Person> = all!(self, sql::PEOPLE)?;
        rows.into_iter().map(Person::parse).collect()
    }

    pub async fn person(&self, name: &Name) -> Result<Option<PersonRow>, Error> {
        let row: Option<Person> = one!(self, sql::PERSON, name.as_str())?;
        row.map(Person::parse).transpose()
    }

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
