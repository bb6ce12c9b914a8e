use chrono::{DateTime, Utc};

use super::line::{self, CheckpointLine, FORMAT, Footer, FooterLine, Header, Record};
use super::{AuditKey, Checkpoint, Head, PublicKey};

/// Writes an export as JSON lines: a header, records with the checkpoints between them, and a signed footer.
///
/// Each call appends whole lines to `out`, which the caller sends on and empties as it likes.
#[derive(Debug)]
pub struct Export {
    header: Header,
    head: Head,
    count: i64,
}

impl Export {
    /// Begin with what follows `before`: [`Head::EMPTY`] for the whole chain.
    pub fn start(before: Head, key: &PublicKey, out: &mut Vec<u8>) -> Self {
        let header = Header {
            format: FORMAT.to_owned(),
            first: before.seq.saturating_add(1),
            prev: before.hash,
            key: key.id().to_owned(),
        };
        append(out, &header);
        Export { header, head: before, count: 0 }
    }

    /// The next record, exactly as stored. Writes down also what does not verify: an export is evidence.
    pub fn record(&mut self, seq: i64, hash: &[u8; 32], body: &[u8], out: &mut Vec<u8>) {
        line::write_record(out, &Record { seq, hash: *hash, body });
        self.head = Head { seq, hash: *hash };
        self.count += 1;
    }

    /// A checkpoint, directly after the record that it signs.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint, out: &mut Vec<u8>) {
        append(out, &CheckpointLine { checkpoint: checkpoint.clone() });
    }

    /// The end; `key` is the one whose public half began the export.
    pub fn finish(self, at: DateTime<Utc>, key: &AuditKey, out: &mut Vec<u8>) -> Head {
        let signature = key.sign(&Footer::message(&self.header, self.count, &self.head, at));
        let footer = Footer { count: self.count, seq: self.head.seq, hash: self.head.hash, at, signature };
        append(out, &FooterLine { footer });
        self.head
    }
}

fn append(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Plain structs of texts and numbers do not fail to serialize; if one did, the missing line would fail verification.
    out.extend(line::write(value).unwrap_or_default());
    out.push(b'\n');
}
