use super::backend::Connection;
use super::error::Fault;
use super::{
    Change, agents, approvals, credentials, device_codes, environments, keys, passwords, people, records,
    replay, sessions, settings, sign_ins,
};

/// Applies one change inside the open transaction.
///
/// `Remember` is not here: what a whole batch uses up is looked up before and written with its records.
pub(super) async fn apply(c: &mut Connection, change: &Change) -> Result<(), Fault> {
    match change {
        Change::Remember { .. } => Ok(()),
        Change::AddPerson(row) => people::add_person(c, row).await,
        Change::AddLogin(row) => people::add_login(c, row).await,
        Change::AddDeviceCode(row) => device_codes::add(c, row).await,
        Change::DecideDeviceCode { hash, state, person, at } => {
            device_codes::decide(c, hash, *state, person, *at).await
        }
        Change::UseDeviceCode { hash, at } => device_codes::use_up(c, hash, *at).await,
        Change::MissDeviceCode { person, at, after, most } => {
            device_codes::miss(c, person, *at, *after, *most).await
        }
        Change::ElevateLogin { client, person, until } => {
            device_codes::elevate(c, client, person, *until).await
        }
        Change::EndLogin { client, person, at } => device_codes::end_login(c, client, person, *at).await,
        Change::TieSession { session, client } => device_codes::tie_session(c, session, client).await,
        Change::AddConsoleLink { hash, person, at, until } => {
            device_codes::add_link(c, hash, person, *at, *until).await
        }
        Change::UseConsoleLink { hash, at } => device_codes::use_link(c, hash, *at).await,
        Change::PutPassword { person, hash, at } => passwords::put(c, person, hash, *at).await,
        Change::AddSignIn(row) => sign_ins::add(c, row).await,
        Change::ProveSignIn { id, at } => sign_ins::prove(c, id, *at).await,
        Change::EndSignIn { id, at } => sign_ins::end(c, id, *at).await,
        Change::AddAgent(row) => agents::add(c, row).await,
        Change::AddEnvironment(row) => environments::add(c, row).await,
        Change::AddSelector { environment, selector } => {
            environments::add_selector(c, environment, selector).await
        }
        Change::RemoveSelector { environment, selector } => {
            environments::remove_selector(c, environment, selector).await
        }
        Change::AddCredential { row, secret } => credentials::add(c, row, secret).await,
        Change::AddVersion { credential, secret, fingerprint } => {
            credentials::add_version(c, credential, secret, fingerprint).await
        }
        Change::RevokeCredential { credential, at } => credentials::revoke(c, credential, *at).await,
        Change::AddSession(row) => sessions::add(c, row).await,
        Change::EndSession { id, at, reason } => sessions::end(c, id, *at, reason).await,
        Change::AddApproval(row) => approvals::add(c, row).await,
        Change::DecideApproval { id, state, by, at, reason } => {
            approvals::decide(c, id, *state, by, *at, reason.as_deref()).await
        }
        Change::UseApproval { id, at } => approvals::use_up(c, id, *at).await,
        Change::ExpireApproval { id, at } => approvals::expire(c, id, *at).await,
        Change::SetSetupToken { hash } => settings::set_setup_token(c, hash).await,
        Change::UseSetupToken { hash } => settings::use_setup_token(c, hash).await,
        Change::PutKey(row) => keys::put(c, row).await,
        Change::PutSeal(record) => settings::put_seal(c, record).await,
        Change::AddCheckpoint { seq, hash, at, key_id, signature } => {
            records::add_checkpoint(c, *seq, hash, *at, key_id, signature).await
        }
        Change::RevokeToken { jti, until } => replay::revoke_token(c, jti, *until).await,
    }
}

/// Whether the change is one guarded statement: it applies, or it changes nothing and raises no error. A job with one
/// such change needs no savepoint.
pub(super) fn is_one_guarded_statement(change: &Change) -> bool {
    match change {
        Change::AddPerson(_)
        | Change::AddAgent(_)
        | Change::ProveSignIn { .. }
        | Change::EndSignIn { .. }
        | Change::RemoveSelector { .. }
        | Change::RevokeCredential { .. }
        | Change::UseDeviceCode { .. }
        | Change::ElevateLogin { .. }
        | Change::EndLogin { .. }
        | Change::TieSession { .. }
        | Change::UseConsoleLink { .. }
        | Change::AddSession(_)
        | Change::EndSession { .. }
        | Change::AddApproval(_)
        | Change::DecideApproval { .. }
        | Change::UseApproval { .. }
        | Change::ExpireApproval { .. }
        | Change::SetSetupToken { .. }
        | Change::UseSetupToken { .. }
        | Change::PutKey(_)
        | Change::PutSeal(_)
        | Change::AddCheckpoint { .. }
        | Change::RevokeToken { .. } => true,
        // These write to several tables, or fail by a foreign key, which PostgreSQL answers by ending the transaction.
        Change::AddLogin(_)
        | Change::AddDeviceCode(_)
        | Change::DecideDeviceCode { .. }
        | Change::MissDeviceCode { .. }
        | Change::AddConsoleLink { .. }
        | Change::PutPassword { .. }
        | Change::AddSignIn(_)
        | Change::AddEnvironment(_)
        | Change::AddSelector { .. }
        | Change::AddCredential { .. }
        | Change::AddVersion { .. }
        | Change::Remember { .. } => false,
    }
}
