//! The client of Stint: the library behind the command line `stint`.
//!
//! Rooms, from the leaves up: `clock`, `secret` and `config` (the only readers of time, of memory that must not leak and
//! of the process environment); `home` (files of this user); `api` (typed calls to the broker); `session` (what a
//! running session does); `sidecar` (the proxy beside a command); `confine` (namespaces, and what is seen in them); `run` (what a command inherits, and becoming it);
//! `command` (one file per subcommand: the only room that writes to the terminal, through `output`).
//!
//! Nothing here knows how a provider works or how a request is judged: that is the broker's. No provider secret ever
//! passes through this crate except on its way in (`credential add`).

pub mod api;
pub mod clock;
pub mod command;
pub mod config;
pub mod confine;
pub mod exit;
pub mod home;
pub mod output;
pub mod run;
pub mod secret;
pub mod session;
pub mod sidecar;
