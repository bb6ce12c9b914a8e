use chrono::{DateTime, Utc};
use stint_api::{ApprovalState, Tier};

use super::{KeyRow, RollUp};
use crate::model::{
    AgentRow, AlertRow, ApprovalId, ApprovalRow, Captured, ChannelId, ChannelRow, ClientId, CredentialId,
    CredentialRow, DeliveryId, DeliveryRow, DeviceCodeRow, DeviceState, EnvironmentRow, Event, InvitationRow,
    LoginRow, Name, PasskeyRow, PersonRow, PolicyRow, Sealed, SecretVersion, Selector, SessionId, SessionRow,
    SignInId, SignInRow, VoteRow,
};

/// What is written in one transaction: all of it or nothing.
#[derive(Debug)]
pub struct Commit {
    /// Applied in order.
    pub changes: Vec<Change>,
    /// At least one, in the order in which they join the chain. A commit without events is refused.
    pub events: Vec<Event>,
    /// Digest of the request whose intent this records; handed on by the receipt.
    pub digest: Option<[u8; 32]>,
}

impl Commit {
    /// A record of something that changes no state.
    pub fn event(event: Event) -> Self {
        Commit { changes: Vec::new(), events: vec![event], digest: None }
    }
}

/// One change of state. What it conflicts with is said by the word in `CommitError::Conflict`.
#[derive(Debug)]
pub enum Change {
    /// `person` where the name is taken.
    AddPerson(PersonRow),
    /// `login` where the client id is taken, `person` where there is no such person.
    AddLogin(LoginRow),
    /// `device_code` where either code is taken.
    AddDeviceCode(DeviceCodeRow),
    /// To `Approved` or `Denied`, from waiting and unexpired only, otherwise `device_code`.
    DecideDeviceCode {
        hash: [u8; 32],
        state: DeviceState,
        person: Name,
        at: DateTime<Utc>,
    },
    /// From approved and unexpired only, otherwise `device_code`: one login comes of it.
    UseDeviceCode {
        hash: [u8; 32],
        at: DateTime<Utc>,
    },
    /// A wrong code was typed. `device_miss` where there were `most` since `after`.
    MissDeviceCode {
        person: Name,
        at: DateTime<Utc>,
        after: DateTime<Utc>,
        most: i64,
    },
    /// Lets a login administer until then, or no longer. `login` where that person has none of that id.
    ElevateLogin {
        client: ClientId,
        person: Name,
        until: Option<DateTime<Utc>>,
    },
    /// Which login started a session. `session` where that is known.
    TieSession {
        session: SessionId,
        client: ClientId,
    },
    /// A session belongs to the login that started the one around it.
    TieWithin {
        session: SessionId,
        parent: SessionId,
    },
    /// Sets or replaces it. `person` where there is none of that name.
    PutPassword {
        person: Name,
        hash: String,
        at: DateTime<Utc>,
    },
    /// `sign_in` where the id or the cookie is taken, `person` where there is no such person.
    AddSignIn(SignInRow),
    /// Its person proved who they are. `sign_in` where it has ended.
    ProveSignIn {
        id: SignInId,
        at: DateTime<Utc>,
    },
    /// `sign_in` where it has ended before.
    EndSignIn {
        id: SignInId,
        at: DateTime<Utc>,
    },
    /// `sign_in` where it has ended before or is another person's.
    EndSignInOf {
        id: SignInId,
        person: Name,
        at: DateTime<Utc>,
    },
    /// All of a person's, but for one. None is no conflict.
    EndSignIns {
        person: Name,
        but: Option<SignInId>,
        at: DateTime<Utc>,
    },
    /// `login` where it has ended before or is another person's.
    EndLogin {
        client: ClientId,
        person: Name,
        at: DateTime<Utc>,
    },
    /// `owner` where it would leave nobody who is one, or the person is gone.
    SetRole {
        person: Name,
        role: String,
    },
    /// As the groups at an OpenID provider say. `owner` where no other owner who gets in by something of their own would be
    /// left, or the person is gone.
    FollowRole {
        person: Name,
        role: String,
    },
    /// Whom an issuer's subject is here. `subject` where it is somebody else who is still here, or the person has one of that
    /// issuer; `person` where there is none of that name.
    AddSubject {
        issuer: String,
        subject: String,
        person: Name,
        at: DateTime<Utc>,
    },
    /// `subject` where it is not that person's any more.
    UseSubject {
        issuer: String,
        subject: String,
        person: Name,
        at: DateTime<Utc>,
    },
    /// All of a person's. `subject` where there is none, or nothing of their own to get in by.
    RemoveSubjects {
        person: Name,
    },
    /// With everything by which they got in. `owner` where it would leave nobody who is one, or the person is gone.
    RemovePerson {
        person: Name,
        at: DateTime<Utc>,
    },
    /// Replaces one that was not used.
    AddInvitation(InvitationRow),
    /// `invitation` where it was used, withdrawn or is over.
    UseInvitation {
        hash: [u8; 32],
        at: DateTime<Utc>,
    },
    /// `invitation` where there is none for that person.
    WithdrawInvitation {
        person: Name,
    },
    /// `password` where there is none, or no passkey beside it.
    RemovePassword {
        person: Name,
    },
    /// `passkey` where it is registered already, `person` where there is no such person.
    AddPasskey(PasskeyRow),
    /// `passkey` where the counter does not go on from the one before.
    UsePasskey {
        id: String,
        counter: i64,
        at: DateTime<Utc>,
    },
    /// `passkey` where it is another person's or gone.
    RenamePasskey {
        id: String,
        person: Name,
        name: String,
    },
    /// `passkey` where it is another person's or gone, or their last way in.
    RemovePasskey {
        id: String,
        person: Name,
    },
    /// Counts from its first use on. `one_time_codes` where one is in use already.
    OfferOneTimeCodes {
        person: Name,
        sealed: Sealed,
        at: DateTime<Utc>,
    },
    /// `one_time_code` where that step, or a later one, was used before.
    UseOneTimeCode {
        person: Name,
        step: i64,
    },
    /// `one_time_codes` where there is none.
    RemoveOneTimeCodes {
        person: Name,
    },
    /// In place of those of before.
    PutRecoveryCodes {
        person: Name,
        hashes: Vec<[u8; 32]>,
    },
    /// `recovery_code` where it was used before.
    UseRecoveryCode {
        person: Name,
        hash: [u8; 32],
        at: DateTime<Utc>,
    },
    /// One more for that subject; those whose last one is older than `since` are forgotten.
    CountFailure {
        subject: [u8; 32],
        at: DateTime<Utc>,
        since: DateTime<Utc>,
    },
    /// None is no conflict.
    ForgetFailures {
        subject: [u8; 32],
    },
    /// `channel` where the name or the id is taken.
    AddChannel(ChannelRow),
    /// With what was on its way. `channel` where there is none.
    RemoveChannel {
        id: ChannelId,
    },
    AddDelivery(DeliveryRow),
    /// `delivery` where somebody else took it, or it is over.
    TakeDelivery {
        id: DeliveryId,
        attempts: i64,
        until: DateTime<Utc>,
    },
    /// Over, or to be tried again at `next`. `delivery` where it was over before.
    SettleDelivery {
        id: DeliveryId,
        next: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
        error: Option<String>,
    },
    /// `agent` where the name or the client id is taken.
    AddAgent(AgentRow),
    /// From one list of environments to another. `agent` where it is not there, or its list is another one by now.
    EditAgent {
        name: Name,
        from: Vec<Name>,
        to: Vec<Name>,
    },
    /// Its name is free again. `agent` where there is none of that name.
    RemoveAgent {
        name: Name,
    },
    /// With its selectors. `environment` where the name is taken, `selector` where one is mapped already.
    AddEnvironment(EnvironmentRow),
    /// From one tier to another. `environment` where it is not there, or its tier is another one by now.
    SetTier {
        environment: Name,
        from: Tier,
        to: Tier,
    },
    /// `environment` where there is none of that name, or something still points to it: a selector, a credential in
    /// use, an agent that may ask for it, a session that nobody has ended.
    RemoveEnvironment {
        environment: Name,
        at: DateTime<Utc>,
    },
    /// `environment` where there is none of that name, `selector` where it is mapped already, anywhere.
    AddSelector {
        environment: Name,
        selector: Selector,
    },
    /// `selector` where it is not mapped to that environment.
    RemoveSelector {
        environment: Name,
        selector: Selector,
    },
    /// `credential` where the name was ever used, `environment` where there is none of that name.
    AddCredential {
        row: CredentialRow,
        secret: SecretVersion,
    },
    /// The next version, which becomes the one in use; older ones stay. `credential` where it was revoked, or where
    /// the version does not follow the one in use.
    AddVersion {
        credential: CredentialId,
        secret: SecretVersion,
        fingerprint: String,
    },
    /// From then on none of its secrets is read. `credential` where it was revoked before.
    RevokeCredential {
        credential: CredentialId,
        at: DateTime<Utc>,
    },
    /// `credential` where it was revoked, or was not captured.
    KeepCredential {
        credential: CredentialId,
        captured: Captured,
    },
    /// Moments at which credentials were used last; older ones than those that are kept change nothing.
    NoteUses(Vec<(CredentialId, DateTime<Utc>)>),
    /// `session` where the id is taken.
    AddSession(SessionRow),
    /// `session` where it has ended before. One that only ran out of time is ended by this too.
    EndSession {
        id: SessionId,
        at: DateTime<Utc>,
        reason: String,
    },
    /// `CommitError::Replayed` where the key is there. `until` is in unix seconds, after which it may be forgotten.
    Remember {
        key: [u8; 32],
        until: i64,
    },
    /// `approval` where the id is taken.
    AddApproval(ApprovalRow),
    /// To `Approved` or `Denied`, from waiting and unexpired only, otherwise `approval`.
    DecideApproval {
        id: ApprovalId,
        state: ApprovalState,
        by: Name,
        at: DateTime<Utc>,
        reason: Option<String>,
    },
    /// A person's yes, to one that waits. `approval` where it does not wait any more, or the person said it before.
    AddVote(VoteRow),
    /// Of an approved one: it ends sooner than it would. `approval` where it would have ended before.
    ShortenApproval {
        id: ApprovalId,
        until: DateTime<Utc>,
    },
    /// From approved and unexpired only, otherwise `approval`: one caller wins.
    UseApproval {
        id: ApprovalId,
        at: DateTime<Utc>,
    },
    /// From waiting or approved, and only when its time is over, otherwise `approval`.
    ExpireApproval {
        id: ApprovalId,
        at: DateTime<Utc>,
    },
    /// Again is no conflict.
    AddAlert(AlertRow),
    /// A person has seen the alerts up to this one. Again is no conflict.
    SeeAlerts {
        person: Name,
        until: i64,
    },
    /// SHA-256 of the setup token. Replaces an unused one; `setup_token` where one was used before.
    SetSetupToken {
        hash: [u8; 32],
    },
    /// Once, otherwise `setup_token`.
    UseSetupToken {
        hash: [u8; 32],
    },
    /// Adds the key or replaces it by its `kid`.
    PutKey(KeyRow),
    /// How the vault is sealed: text of the vault's own making.
    PutSeal(String),
    /// `checkpoint` where there is another at this position.
    AddCheckpoint {
        seq: i64,
        hash: [u8; 32],
        at: DateTime<Utc>,
        key_id: String,
        signature: Vec<u8>,
    },
    /// The next version of a file, in use from now on in the place of its `base`. `policies` where anything in use changed
    /// after `revision`, `policy` where the base is not in use or the version is taken.
    PutPolicy {
        row: PolicyRow,
        revision: i64,
    },
    /// A version that waits for a second person. `policy` where one waits already, or the version is taken.
    ProposePolicy(PolicyRow),
    /// In use from now on, as `PutPolicy`. `policy` where it waits no more.
    ConfirmPolicy {
        row: PolicyRow,
        by: Name,
        at: DateTime<Utc>,
        revision: i64,
    },
    /// `policy` where it waits no more.
    WithdrawPolicy {
        row: PolicyRow,
        by: Name,
        at: DateTime<Utc>,
    },
    /// `rollup` where somebody else read the same records before.
    RollUp(RollUp),
    /// Again is no conflict. `until` is in unix seconds: the token's own end.
    RevokeToken {
        jti: String,
        until: i64,
    },
}
