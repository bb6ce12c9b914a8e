use std::fmt;
use std::io::{self, BufRead, Read as _};

use super::line::{self, CheckpointLine, FORMAT, Footer, FooterLine, Header};
use super::{Checkpoint, Head, PublicKey, link};

/// Faults that are kept; more are counted.
const MAX_FAULTS: usize = 100;
/// Longest line, end included: six times a record's bound, because its body is escaped, and room.
const MAX_LINE: usize = 1024 * 1024;

/// Judges a chain record by record, in constant memory.
#[derive(Debug)]
pub struct Verifier {
    key: PublicKey,
    head: Head,
    /// Lines since the head that could not be read, each perhaps a record: that many may be missing without a word more.
    unread: i64,
    report: Report,
}

/// What a verification found. Good only if [`Report::is_sound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Position of the first record.
    pub first: i64,
    /// Records read.
    pub records: u64,
    /// Checkpoints that verified.
    pub checkpoints: u64,
    pub head: Head,
    /// The last position that a signature covers: later records are linked, but could still be replaced together.
    pub signed: i64,
    /// In the order found, at most 100.
    pub faults: Vec<Fault>,
    /// Further faults that were only counted.
    pub more_faults: u64,
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Position in the chain; 0 for an export's header.
    pub seq: i64,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The record, or its link to the one before, is not what was written.
    Changed,
    /// Records from this position up to this one are not there.
    Missing { through: i64 },
    /// The record stands after later ones.
    OutOfOrder,
    /// The record stands there twice.
    Duplicate,
    /// The line cannot be read.
    Malformed,
    /// The checkpoint was not signed by this key.
    CheckpointForged,
    /// The checkpoint does not stand behind the record that it signs.
    CheckpointMisplaced,
    /// A genuine checkpoint signs another history: something after this position was rewritten, with all its links.
    Rewritten { after: i64 },
    /// The first line is missing or not of this format.
    Header,
    /// The export was signed with another key than the one given.
    OtherKey,
    /// The export has no end: it was cut off.
    FooterMissing,
    /// The end was not signed by this key for this beginning.
    FooterForged,
    /// The signed end is another: the export was cut, extended or rewritten.
    FooterMismatch { signed: i64 },
    /// Something stands after the end.
    AfterFooter,
}

// === impl Verifier ===

impl Verifier {
    /// For records that follow `before`: [`Head::EMPTY`] for the whole chain.
    pub fn new(key: PublicKey, before: Head) -> Self {
        let report = Report {
            first: before.seq.saturating_add(1),
            records: 0,
            checkpoints: 0,
            head: before,
            signed: before.seq,
            faults: Vec::new(),
            more_faults: 0,
        };
        Verifier { key, head: before, unread: 0, report }
    }

    /// The next record. Never believes `seq`: where the links say otherwise, the fault is put where the links say.
    pub fn push(&mut self, seq: i64, hash: &[u8; 32], body: &[u8]) {
        self.report.records += 1;
        let next = self.head.seq.saturating_add(1);
        let follows = link(&self.head.hash, next, body) == *hash;
        if seq == next || follows {
            // Where the link is right and only the number is not, it is the next record with its number changed.
            if seq != next || !follows {
                self.fault(next, What::Changed);
            }
            return self.move_to(next, hash);
        }
        if seq == self.head.seq && *hash == self.head.hash {
            return self.fault(seq, What::Duplicate);
        }
        if seq < next {
            return self.fault(seq, What::OutOfOrder);
        }
        // Its link leads to a record that is not there, and cannot be judged.
        if seq > next.saturating_add(self.unread) {
            self.fault(next, What::Missing { through: seq - 1 });
        }
        self.move_to(seq, hash);
    }

    /// A checkpoint, after the record that it signs and before the next.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let seq = self.head.seq;
        if !checkpoint.verify(&self.key) {
            self.fault(seq, What::CheckpointForged);
        } else if checkpoint.seq != seq {
            self.fault(seq, What::CheckpointMisplaced);
        } else if checkpoint.hash != self.head.hash {
            self.fault(seq, What::Rewritten { after: self.report.signed });
        } else {
            self.report.checkpoints += 1;
            self.report.signed = seq;
        }
    }

    pub fn head(&self) -> Head {
        self.head
    }

    /// The end of the records.
    pub fn finish(mut self) -> Report {
        self.report.head = self.head;
        self.report
    }

    /// A line that could not be read: a record, or something between records.
    fn unreadable(&mut self) {
        self.unread += 1;
        self.fault(self.head.seq.saturating_add(1), What::Malformed);
    }

    fn footer(&mut self, header: &Header, footer: &Footer) {
        let next = self.head.seq.saturating_add(1);
        let message = Footer::message(header, footer.count, &footer.head(), footer.at);
        if !self.key.verify(&message, &footer.signature) {
            self.fault(next, What::FooterForged);
        } else if footer.head() != self.head || footer.count != next - self.report.first {
            self.fault(next, What::FooterMismatch { signed: footer.seq });
        } else {
            self.report.signed = footer.seq;
        }
    }

    fn move_to(&mut self, seq: i64, hash: &[u8; 32]) {
        self.head = Head { seq, hash: *hash };
        self.unread = 0;
    }

    fn fault(&mut self, seq: i64, what: What) {
        if self.report.faults.len() < MAX_FAULTS {
            self.report.faults.push(Fault { seq, what });
        } else {
            self.report.more_faults += 1;
        }
    }
}

// === impl Report ===

impl Report {
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.what {
            What::Changed => write!(f, "record {seq}: it, or its link to the one before, was changed"),
            What::Missing { through } if through == seq => write!(f, "record {seq}: missing"),
            What::Missing { through } => write!(f, "records {seq} to {through}: missing"),
            What::OutOfOrder => write!(f, "record {seq}: out of order"),
            What::Duplicate => write!(f, "record {seq}: there twice"),
            What::Malformed => write!(f, "before record {seq} or at it: a line that cannot be read"),
            What::CheckpointForged => write!(f, "checkpoint after record {seq}: not signed by this key"),
            What::CheckpointMisplaced => write!(f, "checkpoint after record {seq}: belongs elsewhere"),
            What::Rewritten { after } => {
                write!(f, "records {} to {seq}: not the history that was signed", after.saturating_add(1))
            }
            What::Header => write!(f, "header: not an audit export of this format"),
            What::OtherKey => write!(f, "header: signed with another key"),
            What::FooterMissing => write!(f, "end before record {seq}: cut off, there is no signed end"),
            What::FooterForged => {
                write!(f, "end before record {seq}: not signed by this key for this beginning")
            }
            What::FooterMismatch { signed } => {
                write!(f, "end before record {seq}: the signed end is another, after record {signed}")
            }
            What::AfterFooter => write!(f, "end before record {seq}: something stands after it"),
        }
    }
}

/// Verify an export with nothing but the public key. Faults are findings, not errors; an error is the reader's own.
pub fn verify_export(mut reader: impl BufRead, key: &PublicKey) -> io::Result<Report> {
    let mut lines = Lines { buffer: Vec::with_capacity(4096) };
    let header = lines.next(&mut reader)?.and_then(|line| line::read::<Header>(line?));
    let Some(header) = header.filter(|header| header.format == FORMAT && header.first > 0) else {
        return Ok(unread(key, What::Header));
    };
    if header.key != key.id() {
        return Ok(unread(key, What::OtherKey));
    }
    let mut verifier = Verifier::new(key.clone(), Head { seq: header.first - 1, hash: header.prev });
    let mut scratch = Vec::with_capacity(4096);
    let mut ended = false;
    while let Some(line) = lines.next(&mut reader)? {
        let line = line.unwrap_or_default();
        if ended {
            verifier.fault(verifier.head.seq.saturating_add(1), What::AfterFooter);
            break;
        }
        if line::is_record(line) {
            match line::read_record(line, &mut scratch) {
                Some(record) => verifier.push(record.seq, &record.hash, record.body),
                None => verifier.unreadable(),
            }
        } else if let Some(line) = line::read::<CheckpointLine>(line) {
            verifier.checkpoint(&line.checkpoint);
        } else if let Some(line) = line::read::<FooterLine>(line) {
            verifier.footer(&header, &line.footer);
            ended = true;
        } else {
            verifier.unreadable();
        }
    }
    if !ended {
        verifier.fault(verifier.head.seq.saturating_add(1), What::FooterMissing);
    }
    Ok(verifier.finish())
}

fn unread(key: &PublicKey, what: What) -> Report {
    let mut verifier = Verifier::new(key.clone(), Head::EMPTY);
    verifier.fault(0, what);
    verifier.finish()
}

struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    /// The next line without its end; `Some(None)` for one that is too long or has no end; `None` at the end.
    fn next(&mut self, reader: &mut impl BufRead) -> io::Result<Option<Option<&[u8]>>> {
        self.buffer.clear();
        let length = reader.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut self.buffer)?;
        if length == 0 {
            return Ok(None);
        }
        let whole = self.buffer.last() == Some(&b'\n');
        if !whole && length == MAX_LINE {
            reader.skip_until(b'\n')?;
        }
        Ok(Some(self.buffer.strip_suffix(b"\n")))
    }
}

#[cfg(test)]
mod tests;
