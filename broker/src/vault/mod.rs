//! Secrets under keys: sealing, opening, injecting, and screening what comes back.
//!
//! Knows the key hierarchy (a *seal* gives the KEK, the KEK wraps one data key for each value, a data key encrypts one
//! value), what bytes may be a header's value, and in which encodings a provider could echo them. Pure: bytes in,
//! bytes out, randomness from the `Clock` that is handed in.
//!
//! Must not know SQL, files, HTTP connections or policies. It looks at two types of other mechanisms, and only at
//! them: `policy::Permit` and `store::Receipt`, because a credential is opened for nobody who does not hold both.
//!
//! INVARIANT: the plaintext of a credential leaves this room only inside an outgoing request's header, by
//! [`Injection::apply`]. There is no function that returns it.

mod envelope;
mod error;
mod injection;
mod kek;
mod known;
mod needles;
mod screen;
mod seal;
mod spelling;
mod value;

pub use envelope::{Context, seal};
pub use error::Error;
pub use injection::{Injection, Vault};
pub use kek::{Kek, fingerprint};
pub use screen::{REDACTED, Screen};
pub use seal::{Cost, KeyFile, PassphraseSeal, SealKind, SealRecord};
pub use value::{MAX_SECRET, check_secret};
