//! Stand-ins for providers that cannot be reached.
//!
//! They keep a small world in memory and answer as the providers' published descriptions say, so that what a request
//! really does can be seen: a volume that is deleted here is gone, and its backups with it. They take everything
//! that real servers are known to take (any content type, aliases, batches), log every request as it arrived, and
//! misbehave on demand. They know nothing of the broker: `stint-broker demo` and the tests put them behind it.
//!
//! Identifiers and times are made from a counter, so that two runs see the same world.

mod body;
mod echo;
mod fault;
pub mod github;
mod log;
pub mod railway;
mod scripted;
mod serve;
mod tls;

pub use body::Body;
pub use echo::Echo;
pub use fault::{Coding, Fault, Faults, Place};
pub use github::Github;
pub use log::{Entry, Log};
pub use railway::Railway;
pub use scripted::{Said, Scripted};
pub use serve::{Handle, Inbound, Site, Standin};
pub use tls::Tls;
