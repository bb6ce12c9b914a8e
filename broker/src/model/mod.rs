//! The nouns, already valid.
//!
//! Values in this room cannot be wrong: a `Name` has been parsed, a `Selector` names a provider, a `Request` is in
//! canonical form. Knows nothing of SQL, HTTP servers, policy or crypto, reads no clock and does no I/O.

mod account;
mod approval;
mod credential;
mod environment;
mod event;
mod ids;
mod operation;
mod policy;
mod principal;
mod request;
mod session;

pub use account::SignInRow;
pub use approval::{ApprovalRow, Lift};
pub use credential::{Carrier, CredentialRow, Sealed, SecretVersion, Upstream};
pub use environment::{EnvironmentRow, Selector};
pub use event::{Event, EventKind};
pub use ids::{
    AgentRow, ApprovalId, ClientId, CredentialId, IdError, LoginRow, Name, PersonRow, RecordId, SessionId,
    SignInId,
};
pub use operation::{Located, Mark, Operation, Pending, Resource, Scope, Touch, Where};
pub use policy::PolicyRow;
pub use principal::Principal;
pub use request::{Request, digest_hex};
pub use session::{Grant, Placeholder, SessionRow};
pub use stint_api::{Class, Tier};
