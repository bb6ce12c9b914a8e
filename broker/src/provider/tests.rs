//! Tests of the room through its public types.

mod mapped;
mod resolving;
mod rest;
mod sending;
mod standing;
mod world;
