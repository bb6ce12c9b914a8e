//! (room under construction)

pub mod pack;
mod refusal;

pub use pack::Pack;
pub use refusal::Refusal;
