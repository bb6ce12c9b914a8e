//! The nouns, already valid.
//!
//! Values in this room cannot be wrong: a `Name` has been parsed, a `Selector` names a provider, a `Request` is in
//! canonical form. Knows nothing of SQL, HTTP servers, policy or crypto, reads no clock and does no I/O.

mod account;
mod alert;
mod approval;
mod channel;
mod credential;
mod environment;
mod event;
mod ids;
mod login;
mod operation;
mod policy;
mod principal;
mod request;
mod session;

pub use account::{InvitationRow, OneTimeCodesRow, PasskeyRow, SignInRow, SubjectRow, WaysIn};
pub use alert::{AlertKind, AlertRow};
pub use approval::{ApprovalRow, Lift, VoteRow};
pub use channel::{ChannelRow, DeliveryRow};
pub use credential::{Captured, Carrier, CredentialRow, Sealed, SecretVersion, Upstream};
pub use environment::{EnvironmentRow, Selector};
pub use event::{Event, EventKind};
pub use ids::{
    AgentRow, ApprovalId, ChannelId, ClientId, CredentialId, DeliveryId, IdError, LoginRow, Name, PersonRow,
    RecordId, SessionId, SignInId,
};
pub use login::{DeviceCodeRow, DeviceState, LoginKind, LoginStanding};
pub use operation::{Located, Mark, Operation, Pending, Resource, Scope, Touch, Where};
pub use policy::PolicyRow;
pub use principal::Principal;
pub use request::{Request, digest_hex};
pub use session::{Grant, Placeholder, SessionRow};
pub use stint_api::{Class, Confinement, Tier};
