//! The audit chain: what a record's bytes are, how records are linked, signed, exported and verified.
//!
//! Knows canonical bytes, hashes and Ed25519 signatures. Pure: it is handed events, rows and lines, and gives back
//! bytes and findings; the only reader it takes is the one that `verify_export` is given. The same [`Verifier`] judges a
//! stream from the database and an export.
//!
//! Must not know SQL, files, the vault or the clock, nor what an event means. Holds nothing back for later: a
//! verification needs constant memory however long the chain is.
//!
//! What a verification shows: with the public key alone, that the records are those that were written, all of them up to
//! the last signature, in order. What it cannot show: that the newest records, after the last signature that the verifier
//! has ever seen, were not cut off together with the machine that wrote them. Keep exports elsewhere for that.

mod chain;
mod checkpoint;
mod encode;
mod export;
mod line;
mod verify;

pub use chain::{GENESIS, Head, link};
pub use checkpoint::{AuditKey, Checkpoint, PublicKey};
pub use encode::encode;
pub use export::Export;
pub use verify::{Fault, Report, Verifier, What, verify_export};

use thiserror::Error;

/// What goes wrong with keys; findings about records are [`Fault`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not an audit key of the form 'stint-audit-key-v1 <base64>'")]
    KeyForm,
    #[error("not a signing key of 32 bytes")]
    Seed,
}
