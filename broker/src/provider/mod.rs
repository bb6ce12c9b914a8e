//! How requests reach a provider, and how a provider is asked what owns a thing.
//!
//! `upstream` is the only HTTP client of the broker: it knows addresses, TLS and pools, and nothing of what a request
//! means. `resolve` turns resources into the selectors that own them, by rules that a pack brings as data
//! ([`rules`]) and with an `inventory` of what a credential can see. This room never sees a secret: its look-ups go
//! through a [`Lookup`] that the application layer implements, with a permit and a receipt for each. It does not decide
//! anything: an owner that cannot be found for certain is an [`Unresolved`], never a guess.

mod about;
pub mod address;
mod ask;
mod body;
mod connect;
mod fetch;
mod get;
mod inventory;
mod json;
mod mail;
mod read;
mod resolve;
pub mod rules;
mod survey;
mod upstream;
mod walk;

#[cfg(test)]
mod tests;

pub use about::{Probe, Question, Told};
pub use ask::{Lookup, LookupError, LookupFailure};
pub use body::{Body, BoxError, IdleBody};
pub use connect::Destination;
pub use fetch::{Fetch, Fetched};
pub use mail::{MailServer, send_mail};
pub use resolve::{Freshness, Resolver, Unresolved};
pub use rules::{Rules, RulesError};
pub use survey::{Known, Place, Survey};
pub use upstream::{Options, Times, UpstreamError, UpstreamFailure, Upstreams};
