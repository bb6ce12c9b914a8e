//! (room under construction)

pub mod graphql;
pub mod pack;
mod refusal;

pub use pack::Pack;
pub use refusal::Refusal;
