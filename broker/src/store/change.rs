use chrono::{DateTime, Utc};
use stint_api::ApprovalState;

use super::KeyRow;
use crate::model::{
    AgentRow, ApprovalId, ApprovalRow, ClientId, CredentialId, CredentialRow, DeviceCodeRow, DeviceState,
    EnvironmentRow, Event, LoginRow, Name, PersonRow, SecretVersion, Selector, SessionId, SessionRow,
    SignInId, SignInRow,
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
    DecideDeviceCode { hash: [u8; 32], state: DeviceState, person: Name, at: DateTime<Utc> },
    /// From approved and unexpired only, otherwise `device_code`: one login comes of it.
    UseDeviceCode { hash: [u8; 32], at: DateTime<Utc> },
    /// A wrong code was typed. `device_miss` where there were `most` since `after`.
    MissDeviceCode { person: Name, at: DateTime<Utc>, after: DateTime<Utc>, most: i64 },
    /// Lets a login administer until then, or no longer. `login` where that person has none of that id.
    ElevateLogin { client: ClientId, person: Name, until: Option<DateTime<Utc>> },
    /// `login` where it has ended before or is another person's.
    EndLogin { client: ClientId, person: Name, at: DateTime<Utc> },
    /// Which login started a session. `session` where that is known.
    TieSession { session: SessionId, client: ClientId },
    /// The person's earlier links count as used. `console_link` where it is taken.
    AddConsoleLink { hash: [u8; 32], person: Name, at: DateTime<Utc>, until: DateTime<Utc> },
    /// Once, and in time, otherwise `console_link`.
    UseConsoleLink { hash: [u8; 32], at: DateTime<Utc> },
    /// Sets or replaces it. `person` where there is none of that name.
    PutPassword { person: Name, hash: String, at: DateTime<Utc> },
    /// `sign_in` where the id or the cookie is taken, `person` where there is no such person.
    AddSignIn(SignInRow),
    /// Its person proved who they are. `sign_in` where it has ended.
    ProveSignIn { id: SignInId, at: DateTime<Utc> },
    /// `sign_in` where it has ended before.
    EndSignIn { id: SignInId, at: DateTime<Utc> },
    /// `agent` where the name or the client id is taken.
    AddAgent(AgentRow),
    /// With its selectors. `environment` where the name is taken, `selector` where one is mapped already.
    AddEnvironment(EnvironmentRow),
    /// `environment` where there is none of that name, `selector` where it is mapped already, anywhere.
    AddSelector { environment: Name, selector: Selector },
    /// `selector` where it is not mapped to that environment.
    RemoveSelector { environment: Name, selector: Selector },
    /// `credential` where the name was ever used, `environment` where there is none of that name.
    AddCredential { row: CredentialRow, secret: SecretVersion },
    /// The next version, which becomes the one in use; older ones stay. `credential` where it was revoked, or where
    /// the version does not follow the one in use.
    AddVersion { credential: CredentialId, secret: SecretVersion, fingerprint: String },
    /// From then on none of its secrets is read. `credential` where it was revoked before.
    RevokeCredential { credential: CredentialId, at: DateTime<Utc> },
    /// `session` where the id is taken.
    AddSession(SessionRow),
    /// `session` where it has ended before. One that only ran out of time is ended by this too.
    EndSession { id: SessionId, at: DateTime<Utc>, reason: String },
    /// `CommitError::Replayed` where the key is there. `until` is in unix seconds, after which it may be forgotten.
    Remember { key: [u8; 32], until: i64 },
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
    /// From approved and unexpired only, otherwise `approval`: one caller wins.
    UseApproval { id: ApprovalId, at: DateTime<Utc> },
    /// From waiting or approved, and only when its time is over, otherwise `approval`.
    ExpireApproval { id: ApprovalId, at: DateTime<Utc> },
    /// SHA-256 of the setup token. Replaces an unused one; `setup_token` where one was used before.
    SetSetupToken { hash: [u8; 32] },
    /// Once, otherwise `setup_token`.
    UseSetupToken { hash: [u8; 32] },
    /// Adds the key or replaces it by its `kid`.
    PutKey(KeyRow),
    /// How the vault is sealed: text of the vault's own making.
    PutSeal(String),
    /// `checkpoint` where there is another at this position.
    AddCheckpoint { seq: i64, hash: [u8; 32], at: DateTime<Utc>, key_id: String, signature: Vec<u8> },
    /// Again is no conflict. `until` is in unix seconds: the token's own end.
    RevokeToken { jti: String, until: i64 },
}
