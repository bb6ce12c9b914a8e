use http::Method;
use stint_api::{Account, ChangeRole, Invite, Invited, PersonList};

use super::broker::{NOTHING, segment};
use super::{Broker, Error};

/// People and accounts.
impl Broker {
    pub async fn people(&self) -> Result<PersonList, Error> {
        self.read("/v1/people").await
    }

    /// A link by which a new person enrols.
    pub async fn invite(&self, invite: &Invite) -> Result<Invited, Error> {
        self.write(Method::POST, "/v1/people", invite).await
    }

    /// The same for a person who is there already.
    pub async fn enrol_anew(&self, person: &str) -> Result<Invited, Error> {
        self.write(Method::POST, &format!("/v1/people/{}/enrol", segment(person)), &NOTHING).await
    }

    pub async fn withdraw_invitation(&self, person: &str) -> Result<PersonList, Error> {
        self.write(Method::POST, &format!("/v1/people/{}/withdraw", segment(person)), &NOTHING).await
    }

    pub async fn change_role(&self, person: &str, role: &ChangeRole) -> Result<Account, Error> {
        self.write(Method::POST, &format!("/v1/people/{}/role", segment(person)), role).await
    }

    pub async fn remove_person(&self, person: &str) -> Result<PersonList, Error> {
        self.write(Method::POST, &format!("/v1/people/{}/remove", segment(person)), &NOTHING).await
    }

    /// One's own account, or another person's.
    pub async fn account(&self, person: Option<&str>) -> Result<Account, Error> {
        self.read(&format!("{}/account", of(person))).await
    }

    /// End a sign-in of one's own, or of another person.
    pub async fn end_sign_in(&self, person: Option<&str>, id: &str) -> Result<Account, Error> {
        let path = format!("{}/sign-ins/{}/end", under(person), segment(id));
        self.write(Method::POST, &path, &NOTHING).await
    }

    /// End a login on a machine, of one's own or of another person.
    pub async fn end_login(&self, person: Option<&str>, client: &str) -> Result<Account, Error> {
        let path = format!("{}/logins/{}/end", under(person), segment(client));
        self.write(Method::POST, &path, &NOTHING).await
    }
}

fn of(person: Option<&str>) -> String {
    person.map_or_else(|| "/v1".to_owned(), |person| format!("/v1/people/{}", segment(person)))
}

fn under(person: Option<&str>) -> String {
    person.map_or_else(|| "/v1/account".to_owned(), |person| format!("/v1/people/{}", segment(person)))
}
