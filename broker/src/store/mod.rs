//! What is kept: one database, SQLite or PostgreSQL, behind one set of statements.
//!
//! The only room with SQL. Everything that changes goes through a queue (`queue.rs`) to one writer (`writer.rs`), which
//! puts what waits into one transaction (`commit.rs`) together with its audit records, and answers when it is durable. Everything that is read
//! has one file per table. Rows come out as the nouns of `model`, parsed again: a row that does not parse is an error.
//!
//! Knows nothing of who may do what, of keys or plaintext, of HTTP, and reads no clock. It does not know how a record is
//! encoded or hashed either: `open` is handed both as functions.

mod agents;
mod alerts;
mod apply;
mod approvals;
mod backend;
mod backup;
mod change;
mod channels;
mod commit;
mod credentials;
mod device_codes;
mod environments;
mod error;
mod failures;
mod invitations;
mod job;
mod keys;
mod one_time_codes;
mod open;
mod passkeys;
mod passwords;
mod people;
mod policies;
mod queue;
mod receipt;
mod records;
mod recovery_codes;
mod replay;
mod rollups;
mod search;
mod sessions;
mod settings;
mod sign_ins;
pub mod sql;
mod subjects;
mod votes;
mod writer;

use std::sync::Arc;

pub use change::{Change, Commit};
pub use error::{CommitError, Error};
pub use keys::KeyRow;
pub use open::Database;
pub use receipt::Receipt;
pub use records::{CheckpointRow, StoredRecord};
pub use rollups::{Bar, Count, RollUp};
pub use search::{Found, Search};
pub use settings::Counts;

use crate::model::Event;

/// Hash of a record: from the hash before it (32 zero bytes before the first), its position counted from 1, its bytes.
pub type Link = fn(prev: &[u8; 32], seq: i64, body: &[u8]) -> [u8; 32];

/// Bytes of a record, the same for the same event.
pub type Encode = fn(&Event) -> Vec<u8>;

/// The database, shared by clones.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    readers: backend::Readers,
    queue: queue::Queue,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}
