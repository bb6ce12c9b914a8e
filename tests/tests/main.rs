//! One binary for all tests that go through public doors.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "helpers of tests stop the test that they cannot serve"
)]

mod architecture;
mod attacks;
mod clients;
mod config;
mod confine;
mod console;
mod contract;
mod custody;
mod decide;
mod demo;
mod denials;
mod durable;
mod incident;
mod login;
mod notices;
mod people;
mod place;
mod policies;
mod registered;
mod resolution;
mod session;
mod sidecar;
mod sso;
mod store;
mod token;
mod upstream;
mod vault;
