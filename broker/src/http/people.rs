//! People and accounts. What takes a fresh proof of who asks is done in the console: a login has none to give.

use axum::extract::{Path, State};
use stint_api::{Account, ChangeRole, Invite, Invited, PersonList};

use super::caller::{AsPerson, Failed};
use super::json::{Answer, Body};
use crate::app::App;

type Reply<T> = Result<Answer<T>, Failed>;

pub(super) async fn list(State(app): State<App>, _: AsPerson) -> Reply<PersonList> {
    Ok(Answer(app.people().await?))
}

pub(super) async fn invite(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<Invite>,
) -> Reply<Invited> {
    Ok(Answer(app.invite(&caller, body).await?))
}

pub(super) async fn enrol_anew(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Invited> {
    Ok(Answer(app.enrol_anew(&caller, &name).await?))
}

pub(super) async fn withdraw(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<PersonList> {
    app.withdraw_invitation(&caller, &name).await?;
    Ok(Answer(app.people().await?))
}

pub(super) async fn account_of(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Account> {
    Ok(Answer(app.account_of_person(&caller, &name).await?))
}

pub(super) async fn change_role(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<ChangeRole>,
) -> Reply<Account> {
    app.change_role(&caller, &name, &body.role).await?;
    Ok(Answer(app.account_of_person(&caller, &name).await?))
}

pub(super) async fn remove(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<PersonList> {
    app.remove_person(&caller, &name).await?;
    Ok(Answer(app.people().await?))
}

pub(super) async fn end_sign_in_of(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path((name, id)): Path<(String, String)>,
) -> Reply<Account> {
    app.end_sign_in_of(&caller, &name, &id).await?;
    Ok(Answer(app.account_of_person(&caller, &name).await?))
}

pub(super) async fn end_login_of(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path((name, id)): Path<(String, String)>,
) -> Reply<Account> {
    app.end_login_of(&caller, &name, &id).await?;
    Ok(Answer(app.account_of_person(&caller, &name).await?))
}

pub(super) async fn account(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<Account> {
    Ok(Answer(app.account(&caller).await?))
}

pub(super) async fn end_sign_in(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
) -> Reply<Account> {
    app.end_own_sign_in(&caller, &id).await?;
    Ok(Answer(app.account(&caller).await?))
}

pub(super) async fn end_login(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
) -> Reply<Account> {
    app.end_own_login(&caller, &id).await?;
    Ok(Answer(app.account(&caller).await?))
}
