//! (room under construction)

mod permit;

pub use permit::{Permit, Purpose};
