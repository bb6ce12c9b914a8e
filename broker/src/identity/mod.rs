//! How a person proves who they are: passkeys, passwords, one-time codes and recovery codes, what an OpenID provider
//! says of them, and how long to wait after attempts that failed.
//!
//! Pure: what was shown and what is kept in, a verdict out; time and randomness are handed in. Must not know tables,
//! cookies, pages or roles.

mod base32;
pub mod oidc;
mod one_time;
mod password;
mod recovery;
pub mod throttle;
pub mod webauthn;

pub use one_time::OneTimeSecret;
pub use password::{MAX_PASSWORD, MIN_PASSWORD, Password, PasswordError};
pub use recovery::RecoveryCode;
