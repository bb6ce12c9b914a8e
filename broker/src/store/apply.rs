use super::backend::Connection;
use super::error::Fault;
use super::{
    Change, agents, alerts, approvals, channels, credentials, device_codes, environments, failures,
    invitations, keys, one_time_codes, passkeys, passwords, people, policies, records, recovery_codes,
    replay, rollups, sessions, settings, sign_ins, subjects, votes,
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
        Change::TieSession { session, client } => device_codes::tie_session(c, session, client).await,
        Change::TieWithin { session, parent } => device_codes::tie_within(c, session, parent).await,
        Change::PutPassword { person, hash, at } => passwords::put(c, person, hash, *at).await,
        Change::AddSignIn(row) => sign_ins::add(c, row).await,
        Change::ProveSignIn { id, at } => sign_ins::prove(c, id, *at).await,
        Change::EndSignIn { id, at } => sign_ins::end(c, id, *at).await,
        Change::AddChannel(row) => channels::add(c, row).await,
        Change::RemoveChannel { id } => channels::remove(c, id).await,
        Change::AddDelivery(row) => channels::add_delivery(c, row).await,
        Change::TakeDelivery { id, attempts, until } => channels::take(c, id, *attempts, *until).await,
        Change::SettleDelivery { id, next, at, error } => {
            channels::settle(c, id, *next, *at, error.as_deref()).await
        }
        Change::EndSignInOf { id, person, at } => sign_ins::end_of(c, id, person, *at).await,
        Change::EndSignIns { person, but, at } => sign_ins::end_all(c, person, but.as_ref(), *at).await,
        Change::EndLogin { client, person, at } => people::end_login(c, client, person, *at).await,
        Change::SetRole { person, role } => people::set_role(c, person, role).await,
        Change::FollowRole { person, role } => people::follow_role(c, person, role).await,
        Change::AddSubject { issuer, subject, person, at } => {
            subjects::add(c, issuer, subject, person, *at).await
        }
        Change::UseSubject { issuer, subject, person, at } => {
            subjects::use_once(c, issuer, subject, person, *at).await
        }
        Change::RemoveSubjects { person } => subjects::remove(c, person).await,
        Change::RemovePerson { person, at } => people::remove(c, person, *at).await,
        Change::AddInvitation(row) => invitations::add(c, row).await,
        Change::UseInvitation { hash, at } => invitations::use_up(c, hash, *at).await,
        Change::WithdrawInvitation { person } => invitations::withdraw(c, person).await,
        Change::RemovePassword { person } => passwords::remove(c, person).await,
        Change::AddPasskey(row) => passkeys::add(c, row).await,
        Change::UsePasskey { id, counter, at } => passkeys::use_once(c, id, *counter, *at).await,
        Change::RenamePasskey { id, person, name } => passkeys::rename(c, id, person, name).await,
        Change::RemovePasskey { id, person } => passkeys::remove(c, id, person).await,
        Change::OfferOneTimeCodes { person, sealed, at } => {
            one_time_codes::offer(c, person, sealed, *at).await
        }
        Change::UseOneTimeCode { person, step } => one_time_codes::use_step(c, person, *step).await,
        Change::RemoveOneTimeCodes { person } => one_time_codes::remove(c, person).await,
        Change::PutRecoveryCodes { person, hashes } => recovery_codes::put(c, person, hashes).await,
        Change::UseRecoveryCode { person, hash, at } => recovery_codes::use_up(c, person, hash, *at).await,
        Change::CountFailure { subject, at, since } => failures::count(c, subject, *at, *since).await,
        Change::ForgetFailures { subject } => failures::forget(c, subject).await,
        Change::AddAgent(row) => agents::add(c, row).await,
        Change::EditAgent { name, from, to } => agents::edit(c, name, from, to).await,
        Change::RemoveAgent { name } => agents::remove(c, name).await,
        Change::SetTier { environment, from, to } => environments::set_tier(c, environment, *from, *to).await,
        Change::RemoveEnvironment { environment, at } => environments::remove(c, environment, *at).await,
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
        Change::KeepCredential { credential, captured } => credentials::keep(c, credential, captured).await,
        Change::NoteUses(uses) => credentials::note_uses(c, uses).await,
        Change::AddSession(row) => sessions::add(c, row).await,
        Change::EndSession { id, at, reason } => sessions::end(c, id, *at, reason).await,
        Change::AddApproval(row) => approvals::add(c, row).await,
        Change::DecideApproval { id, state, by, at, reason } => {
            approvals::decide(c, id, *state, by, *at, reason.as_deref()).await
        }
        Change::UseApproval { id, at } => approvals::use_up(c, id, *at).await,
        Change::ExpireApproval { id, at } => approvals::expire(c, id, *at).await,
        Change::AddVote(row) => votes::add(c, row).await,
        Change::ShortenApproval { id, until } => approvals::shorten(c, id, *until).await,
        Change::AddAlert(row) => alerts::add(c, row).await,
        Change::SeeAlerts { person, until } => alerts::see(c, person, *until).await,
        Change::SetSetupToken { hash } => settings::set_setup_token(c, hash).await,
        Change::UseSetupToken { hash } => settings::use_setup_token(c, hash).await,
        Change::PutKey(row) => keys::put(c, row).await,
        Change::PutSeal(record) => settings::put_seal(c, record).await,
        Change::AddCheckpoint { seq, hash, at, key_id, signature } => {
            records::add_checkpoint(c, *seq, hash, *at, key_id, signature).await
        }
        Change::PutPolicy { row, revision } => policies::put(c, row, *revision).await,
        Change::ProposePolicy(row) => policies::propose(c, row).await,
        Change::ConfirmPolicy { row, by, at, revision } => {
            policies::confirm(c, row, by, *at, *revision).await
        }
        Change::WithdrawPolicy { row, by, at } => policies::withdraw(c, row, by, *at).await,
        Change::RollUp(rollup) => rollups::apply(c, rollup).await,
        Change::RevokeToken { jti, until } => replay::revoke_token(c, jti, *until).await,
    }
}

/// Whether the change is one guarded statement: it applies, or it changes nothing and raises no error. A job with one
/// such change needs no savepoint.
pub(super) fn is_one_guarded_statement(change: &Change) -> bool {
    match change {
        Change::AddPerson(_)
        | Change::AddAgent(_)
        | Change::AddChannel(_)
        | Change::AddDelivery(_)
        | Change::TakeDelivery { .. }
        | Change::SettleDelivery { .. }
        | Change::EditAgent { .. }
        | Change::RemoveAgent { .. }
        | Change::SetTier { .. }
        | Change::ProveSignIn { .. }
        | Change::EndSignIn { .. }
        | Change::EndSignInOf { .. }
        | Change::EndSignIns { .. }
        | Change::EndLogin { .. }
        | Change::SetRole { .. }
        | Change::FollowRole { .. }
        | Change::UseSubject { .. }
        | Change::RemoveSubjects { .. }
        | Change::AddInvitation(_)
        | Change::UseInvitation { .. }
        | Change::WithdrawInvitation { .. }
        | Change::RemovePassword { .. }
        | Change::UsePasskey { .. }
        | Change::RenamePasskey { .. }
        | Change::RemovePasskey { .. }
        | Change::UseOneTimeCode { .. }
        | Change::RemoveOneTimeCodes { .. }
        | Change::UseRecoveryCode { .. }
        | Change::ForgetFailures { .. }
        | Change::RemoveSelector { .. }
        | Change::RevokeCredential { .. }
        | Change::KeepCredential { .. }
        | Change::UseDeviceCode { .. }
        | Change::ElevateLogin { .. }
        | Change::TieSession { .. }
        | Change::TieWithin { .. }
        | Change::AddSession(_)
        | Change::EndSession { .. }
        | Change::AddApproval(_)
        | Change::DecideApproval { .. }
        | Change::UseApproval { .. }
        | Change::AddVote(_)
        | Change::ShortenApproval { .. }
        | Change::AddAlert(_)
        | Change::SeeAlerts { .. }
        | Change::ExpireApproval { .. }
        | Change::SetSetupToken { .. }
        | Change::UseSetupToken { .. }
        | Change::PutKey(_)
        | Change::PutSeal(_)
        | Change::AddCheckpoint { .. }
        | Change::RevokeToken { .. } => true,
        // These write to several tables, or fail by a foreign key, which PostgreSQL answers by ending the transaction.
        Change::AddLogin(_)
        | Change::RemoveChannel { .. }
        | Change::AddDeviceCode(_)
        | Change::DecideDeviceCode { .. }
        | Change::MissDeviceCode { .. }
        | Change::PutPassword { .. }
        | Change::AddSignIn(_)
        | Change::RemovePerson { .. }
        | Change::AddPasskey(_)
        | Change::AddSubject { .. }
        | Change::OfferOneTimeCodes { .. }
        | Change::PutRecoveryCodes { .. }
        | Change::CountFailure { .. }
        | Change::AddEnvironment(_)
        | Change::RemoveEnvironment { .. }
        | Change::NoteUses(_)
        | Change::AddSelector { .. }
        | Change::AddCredential { .. }
        | Change::AddVersion { .. }
        | Change::PutPolicy { .. }
        | Change::ProposePolicy(_)
        | Change::ConfirmPolicy { .. }
        | Change::WithdrawPolicy { .. }
        | Change::RollUp(_)
        | Change::Remember { .. } => false,
    }
}
