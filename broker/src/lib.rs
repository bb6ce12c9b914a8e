//! Stint's broker: vault, policy, gateway and audit.
//!
//! The rooms and the arrows between them are drawn in `ARCHITECTURE.md`; `tests/tests/architecture.rs` holds them.

pub mod app;
pub mod audit;
pub mod catalog;
pub mod clock;
pub mod command;
pub mod config;
pub mod console;
pub mod demo;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod listen;
pub mod model;
pub mod notify;
pub mod policy;
pub mod problem;
pub mod provider;
pub mod secret;
pub mod serve;
pub mod store;
pub mod token;
pub mod vault;
