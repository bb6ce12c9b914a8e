//! (room under construction)

mod receipt;

pub use receipt::Receipt;
