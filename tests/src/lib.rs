//! The harness: the real programs, driven from outside.
//!
//! [`TestBroker`] runs the built `stint-broker` on a data folder of its own and the built `stint` against it, both in
//! an empty environment. Nothing of the broker's inside is used: a test sees what a user sees. When a `TestBroker`
//! goes out of scope it stops the broker and checks what must always hold: the audit chain verifies, and no test
//! secret has got into a file, a log or an output. `./tests/run` builds the programs first.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a harness says what went wrong by panicking, in the test that went wrong"
)]

mod approvers;
pub mod authenticator;
mod axe;
mod binaries;
mod broker;
mod browser;
mod canary;
mod client;
mod commands;
pub mod git;
mod lab;
pub mod matrix;
pub mod openid;
pub mod packs;
pub mod postgres;
pub mod proof;
mod webdriver;
pub mod wire;

pub use binaries::{chosen_number, pictures_wanted};
pub use broker::{Database, Options, TestBroker};
pub use browser::{Browser, Size, Theme};
pub use canary::Canary;
pub use client::{ClientCommand, Output, Started};
pub use lab::{Lab, Reply, until};
