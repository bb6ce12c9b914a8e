//! Programs and libraries of others in a session: what each is asked to do, and what must come of it.
//!
//! `tests/clients/matrix.toml` says it, a row a client. [`Desk`] is a broker with a credential of each provider that a row
//! needs and a stand-in behind it; [`Desk::drive`] runs a row's commands under `stint run` and finds what is wrong, by what
//! the tool printed, by the audit trail and by what arrived. `./tests/clients/run` drives all rows and writes the table of
//! `tests/clients/README.md`.

mod desk;
mod drive;
mod learn;
mod row;
mod site;
mod table;

pub use desk::Desk;
pub use drive::{Driven, installed};
pub use learn::{learn, proposed};
pub use row::{Row, folder, rows};
pub use site::Anything;
pub use table::{Entry, replace};
