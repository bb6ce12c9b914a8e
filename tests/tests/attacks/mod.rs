//! The attacks of THREATS, through the doors that an attacker has: bytes on the broker's sockets.
//!
//! Each test is a good request with one thing wrong: it brings a live session's own token and a fresh proof, so that
//! what refuses it is the check that is named. Four things are asked of every refusal: the status and the stable code,
//! that nothing reached the provider, that a record of it exists, and that no secret is in the answer. The ids in the
//! names are those of the catalogue of threats.

mod bypasses;
mod claims;
mod client;
mod control;
mod differential;
mod echo;
mod endpoints;
mod floods;
mod forge;
mod framing;
mod graphql;
mod ground;
mod headers;
mod index;
mod issuer;
mod proofs;
mod replicas;
mod responses;
mod swaps;
mod targets;
mod tokens;
mod uploads;
