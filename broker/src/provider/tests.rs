//! Tests of the room through its public types.

mod resolving;
mod sending;
mod standing;
mod world;
