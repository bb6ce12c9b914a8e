use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{Name, SubjectRow};

impl Store {
    /// Whom an issuer's subject is here; perhaps somebody who was removed.
    pub async fn person_of_subject(&self, issuer: &str, subject: &str) -> Result<Option<Name>, Error> {
        let row: Option<(String,)> = one!(self, sql::SUBJECT, issuer, subject)?;
        row.map(|(person,)| parse(&person, "sso_subjects.person")).transpose()
    }

    /// In the order in which they were tied to the person.
    pub async fn subjects(&self, person: &Name) -> Result<Vec<SubjectRow>, Error> {
        let rows: Vec<Subject> = all!(self, sql::SUBJECTS_OF, person.as_str())?;
        rows.into_iter().map(Subject::parse).collect()
    }
}

pub(super) async fn add(
    c: &mut Connection,
    issuer: &str,
    subject: &str,
    person: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let added = execute!(c, sql::ADD_SUBJECT, issuer, subject, person.as_str(), at.timestamp_millis());
    changed(needs(added, "person")?, "subject")
}

pub(super) async fn use_once(
    c: &mut Connection,
    issuer: &str,
    subject: &str,
    person: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    changed(
        execute!(c, sql::USE_SUBJECT, issuer, subject, person.as_str(), at.timestamp_millis())?,
        "subject",
    )
}

pub(super) async fn remove(c: &mut Connection, person: &Name) -> Result<(), Fault> {
    changed(execute!(c, sql::REMOVE_SUBJECTS, person.as_str())?, "subject")
}

row! {
    struct Subject {
        issuer: String,
        created_at: i64,
        used_at: Option<i64>,
    }
}

impl Subject {
    fn parse(self) -> Result<SubjectRow, Error> {
        Ok(SubjectRow {
            issuer: self.issuer,
            created_at: time(self.created_at)?,
            used_at: self.used_at.map(time).transpose()?,
        })
    }
}
