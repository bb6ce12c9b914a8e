use ring::digest::{Context, SHA256};

/// The hash before the first record.
pub const GENESIS: [u8; 32] = [0; 32];

/// The end of a chain: the last record's position and hash. `seq` 0 with [`GENESIS`] is the empty chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl Head {
    pub const EMPTY: Head = Head { seq: 0, hash: GENESIS };

    /// The head after one more record with this body.
    pub fn next(&self, body: &[u8]) -> Head {
        let seq = self.seq.saturating_add(1);
        Head { seq, hash: link(&self.hash, seq, body) }
    }
}

/// The hash of a record: SHA-256 over a label, the hash before it, its position (from 1), its length and its bytes.
/// Numbers are 64-bit big-endian; every field but the last has a fixed length, so no byte can slide between them.
pub fn link(prev: &[u8; 32], seq: i64, body: &[u8]) -> [u8; 32] {
    // One buffer of fixed size for what stands before the body: fewer and larger updates.
    let mut head = [0u8; 62];
    head[..14].copy_from_slice(b"stint audit v1");
    head[14..46].copy_from_slice(prev);
    head[46..54].copy_from_slice(&seq.to_be_bytes());
    head[54..].copy_from_slice(&(body.len() as u64).to_be_bytes());
    let mut context = Context::new(&SHA256);
    context.update(&head);
    context.update(body);
    let mut hash = [0u8; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest_hex;

    #[test]
    fn the_hash_is_what_the_documentation_says() {
        let mut bytes = b"stint audit v1".to_vec();
        bytes.extend([7; 32]);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 2]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 3]);
        bytes.extend(b"abc");
        let expected = ring::digest::digest(&SHA256, &bytes);
        assert_eq!(digest_hex(link(&[7; 32], 258, b"abc")), digest_hex(expected));
    }

    #[test]
    fn the_head_moves_by_one_record() {
        let one = Head::EMPTY.next(b"a");
        assert_eq!(one, Head { seq: 1, hash: link(&GENESIS, 1, b"a") });
        assert_eq!(one.next(b"b"), Head { seq: 2, hash: link(&one.hash, 2, b"b") });
    }
}
