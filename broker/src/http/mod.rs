//! The control plane: OAuth endpoints and the JSON of `/v1`.
//!
//! A handler extracts, makes one call into `app`, and answers. Must not know SQL, policy or crypto. What goes wrong
//! becomes a problem document through `problem`; the token endpoint answers in OAuth's own form (RFC 6749 s5.2).

mod account;
mod audit;
mod caller;
mod json;
mod oauth;
mod people;
mod policies;
mod refusal;
mod registered;
mod routes;
mod wellknown;
mod within;

pub use routes::router;
