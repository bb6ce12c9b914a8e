//! Programs of others, as people have them, in a session.

mod gh;
mod git;
mod gitlab;
mod matrix;
mod mcp;
mod registries;
