//! Fuzzing without a compiler of its own: inputs are mutated, and one is kept where the target answers what it has not
//! answered before (a refusal's code, the operations that it understood). Every target also holds what it parsed against
//! a second reading of the same bytes, so that a wrong answer is found as well as a panic.
//!
//! Knows the parsers by their public doors only. Must not be used by the programs.

mod driver;
mod mutate;
mod targets;

pub use driver::{Found, fuzz, replay};
pub use targets::{TARGETS, Target};
