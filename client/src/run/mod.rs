//! What a command inherits, and becoming it.
//!
//! `shape` knows what credentials look like, `environment` and `git` which variables lead tools to the sidecar, `plan` puts both
//! together as a value that can be shown before anything happens, and `exec` finds the program and becomes it. Must not
//! know the broker, the terminal or the process environment: what was inherited is an argument.

mod bundle;
mod environment;
mod exec;
mod git;
pub mod plan;
mod shape;
mod truststore;

pub use bundle::bundle;
pub use exec::{Missing, become_command, resolve};
pub use plan::{Inputs, Plan};
pub use truststore::{FILE as TRUSTSTORE, truststore};
