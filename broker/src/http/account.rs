//! One's own account at `/v1`: what the page of the account does. What takes a fresh proof of who asks is refused to a login
//! whose person has anything to prove it with: it has none to give.

use axum::extract::{Path, State};
use axum::routing::{get, patch, post};
use stint_api::{Account, ConfirmCode, OfferedCodes, RecoveryCodes, RenamePasskey, SetPassword};

use super::caller::{AsPerson, Failed};
use super::json::{Answer, Body};
use super::people::{account, end_login, end_sign_in};
use super::routes::Routes;
use crate::app::{App, Error, PersonCaller};
use crate::secret::Secret;

type Reply<T> = Result<Answer<T>, Failed>;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .route("/v1/account", get(account))
        .route("/v1/account/sign-ins/{id}/end", post(end_sign_in))
        .route("/v1/account/logins/{id}/end", post(end_login))
        .route("/v1/account/password", post(set_password).delete(remove_password))
        .route("/v1/account/passkeys/{id}", patch(rename_passkey).delete(remove_passkey))
        .route("/v1/account/one-time-codes", post(offer_codes).delete(remove_codes))
        .route("/v1/account/one-time-codes/confirm", post(confirm_codes))
        .route("/v1/account/recovery-codes", post(make_recovery_codes))
        .route("/v1/account/single-sign-on", axum::routing::delete(unlink))
}

/// The account as it is after a change.
async fn after(app: &App, caller: &PersonCaller, done: Result<(), Error>) -> Reply<Account> {
    done?;
    Ok(Answer(app.account(caller).await?))
}

async fn set_password(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<SetPassword>,
) -> Reply<Account> {
    let done = app.set_password(&caller, Secret::from(body.password)).await;
    after(&app, &caller, done).await
}

async fn remove_password(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<Account> {
    let done = app.remove_password(&caller).await;
    after(&app, &caller, done).await
}

async fn rename_passkey(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
    Body(body): Body<RenamePasskey>,
) -> Reply<Account> {
    let done = app.rename_passkey(&caller, &id, &body.name).await;
    after(&app, &caller, done).await
}

async fn remove_passkey(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
) -> Reply<Account> {
    let done = app.remove_passkey(&caller, &id).await;
    after(&app, &caller, done).await
}

async fn offer_codes(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<OfferedCodes> {
    app.offer_one_time_codes(&caller).await?;
    let offered = app.offered_codes(&caller).await?;
    let (uri, secret) = offered.ok_or_else(|| Error::internal("the codes that were offered are gone"))?;
    Ok(Answer(OfferedCodes { uri, secret }))
}

async fn confirm_codes(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<ConfirmCode>,
) -> Reply<Account> {
    let done = app.confirm_one_time_codes(&caller, &body.code).await;
    after(&app, &caller, done).await
}

async fn remove_codes(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<Account> {
    let done = app.remove_one_time_codes(&caller).await;
    after(&app, &caller, done).await
}

async fn make_recovery_codes(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<RecoveryCodes> {
    Ok(Answer(RecoveryCodes { codes: app.make_recovery_codes(&caller).await? }))
}

async fn unlink(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<Account> {
    let done = app.unlink_sso(&caller).await;
    after(&app, &caller, done).await
}
