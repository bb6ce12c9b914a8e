use crate::model::RecordId;

/// Proof that an audit record is durable.
///
/// INVARIANT: only `store` makes one, after the transaction that holds the record has been synced to disk.
#[derive(Debug)]
pub struct Receipt {
    record: RecordId,
    seq: i64,
    digest: Option<[u8; 32]>,
}

impl Receipt {
    pub(in crate::store) fn new(record: RecordId, seq: i64, digest: Option<[u8; 32]>) -> Self {
        Receipt { record, seq, digest }
    }

    /// For the unit tests of the room that takes receipts; no build but a test's has it.
    #[cfg(test)]
    pub(crate) fn for_test(record: RecordId, digest: Option<[u8; 32]>) -> Self {
        Receipt::new(record, 1, digest)
    }

    /// The last record of the commit.
    pub fn record(&self) -> &RecordId {
        &self.record
    }

    /// Position of that record in the chain.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// Digest of the request whose intent was recorded, where the commit was one.
    pub fn digest(&self) -> Option<&[u8; 32]> {
        self.digest.as_ref()
    }
}
