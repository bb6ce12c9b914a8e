//! The harness: what the tests that go through public doors share.

pub mod postgres;
