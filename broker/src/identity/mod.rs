//! How a person proves who they are: passwords, and what else a person knows or holds.
//!
//! Pure: what was shown and what is kept in, a verdict out; time and randomness are handed in. Must not know tables,
//! cookies, pages or roles.

mod password;

pub use password::{MAX_PASSWORD, MIN_PASSWORD, Password, PasswordError};
