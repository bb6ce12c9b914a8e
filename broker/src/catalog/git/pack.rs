//! Whether a pushed branch keeps what it held: told from the pack itself, or not at all.
//!
//! A commit's id is the digest of its content, so commits that the pack brings prove their own parents, whoever sent
//! them. From the new tip parents are followed through these commits; reaching the old tip proves that nothing is
//! dropped. Commits that the pack does not bring, or brings as a difference to an object that it does not bring, end
//! the search without a proof. What is not proven is a rewrite.

use std::collections::{HashMap, HashSet};

use flate2::{Decompress, FlushDecompress, Status};
use ring::digest;

/// Objects that are looked at; a push of more proves nothing.
const MOST: u32 = 50_000;
/// Bytes of one commit, or of a difference to one.
const LARGEST: usize = 256 * 1024;
/// Bytes of commits that are kept.
const KEPT: usize = 32 * 1024 * 1024;
/// Bytes that are inflated in all, kept or not.
const WORK: u64 = 64 * 1024 * 1024;

/// Parents of the commits of a pack, by id.
#[derive(Debug, Default)]
pub(super) struct Commits {
    parents: HashMap<String, Vec<String>>,
}

/// What an object of a pack is (gitformat-pack).
enum Kind {
    Commit,
    Other,
    /// A difference to the object that begins so many bytes before this one.
    Offset(u64),
    /// A difference to an object that is named: none of the pack, where git wrote it.
    Named,
}

impl Commits {
    /// Reads as much of a pack as there is; what cannot be read ends it, and what was read before still counts.
    pub fn read(pack: &[u8], sha256: bool) -> Commits {
        let mut commits = Commits::default();
        let _ = commits.fill(pack, sha256);
        commits
    }

    /// Whether every way of the old tip is kept: it is an ancestor of the new one.
    pub fn lead(&self, new: &str, old: &str) -> bool {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut next = vec![new];
        while let Some(id) = next.pop() {
            for parent in self.parents.get(id).into_iter().flatten() {
                if parent == old {
                    return true;
                }
                if seen.insert(parent) {
                    next.push(parent);
                }
            }
        }
        false
    }

    fn fill(&mut self, pack: &[u8], sha256: bool) -> Option<()> {
        let count = u32::from_be_bytes(*pack.get(8..)?.first_chunk::<4>()?).min(MOST);
        // Content of commits, by where they begin: what differences among them refer to.
        let mut known: HashMap<usize, Vec<u8>> = HashMap::new();
        let (mut at, mut kept, mut work) = (12usize, 0usize, 0u64);
        for _ in 0..count {
            let begin = at;
            let (kind, size) = header(pack, &mut at)?;
            let base = match kind {
                Kind::Commit | Kind::Other => None,
                Kind::Offset(back) => begin.checked_sub(usize::try_from(back).ok()?),
                Kind::Named => {
                    at = at.checked_add(if sha256 { 32 } else { 20 })?;
                    None
                }
            };
            let base = base.and_then(|base| known.get(&base));
            let wanted = (matches!(kind, Kind::Commit) || base.is_some()) && size <= LARGEST;
            let content = inflate(pack.get(at..)?, wanted.then_some(size), &mut at, &mut work)?;
            let content = match (kind, base) {
                _ if !wanted => continue,
                (Kind::Commit, _) => content,
                (_, Some(base)) => apply(base, &content)?,
                (_, None) => continue,
            };
            self.parents.insert(id(&content, sha256), parents(&content));
            kept = kept.saturating_add(content.len());
            if kept > KEPT {
                return None;
            }
            known.insert(begin, content);
        }
        Some(())
    }
}

/// Kind and size of the object that begins at `at`, which is moved behind them.
fn header(pack: &[u8], at: &mut usize) -> Option<(Kind, usize)> {
    let mut byte = next(pack, at)?;
    let kind = byte >> 4 & 7;
    let mut size = usize::from(byte & 15);
    let mut shift = 4u32;
    while byte & 0x80 != 0 {
        byte = next(pack, at)?;
        if shift > 40 {
            return None;
        }
        size |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let kind = match kind {
        1 => Kind::Commit,
        2..=4 => Kind::Other,
        6 => {
            let mut byte = next(pack, at)?;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next(pack, at)?;
                back = back.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
            }
            Kind::Offset(back)
        }
        7 => Kind::Named,
        _ => return None,
    };
    Some((kind, size))
}

fn next(pack: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *pack.get(*at)?;
    *at += 1;
    Some(byte)
}

/// What stands compressed at the beginning of `data`, if it has the size that is `wanted`; `at` is moved behind it.
fn inflate(data: &[u8], wanted: Option<usize>, at: &mut usize, work: &mut u64) -> Option<Vec<u8>> {
    let mut stream = Decompress::new(true);
    let mut out = Vec::with_capacity(wanted.unwrap_or(0));
    let mut chunk = [0u8; 16 * 1024];
    loop {
        let (read, written) = (stream.total_in(), stream.total_out());
        let rest = data.get(usize::try_from(read).ok()?..)?;
        let status = stream.decompress(rest, &mut chunk, FlushDecompress::None).ok()?;
        let made = stream.total_out() - written;
        *work += made;
        if *work > WORK {
            return None;
        }
        if let Some(size) = wanted {
            out.extend_from_slice(chunk.get(..usize::try_from(made).ok()?)?);
            if out.len() > size {
                return None;
            }
        }
        if status == Status::StreamEnd {
            break;
        }
        if made == 0 && stream.total_in() == read {
            return None;
        }
    }
    *at = at.checked_add(usize::try_from(stream.total_in()).ok()?)?;
    if wanted.is_some_and(|size| out.len() != size) {
        return None;
    }
    Some(out)
}

/// A difference applied to what it is one to (gitformat-pack, Deltified representation).
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    if varint(delta, &mut at)? != base.len() {
        return None;
    }
    let size = varint(delta, &mut at).filter(|size| *size <= LARGEST)?;
    let mut out = Vec::with_capacity(size);
    while at < delta.len() {
        let op = next(delta, &mut at)?;
        if op & 0x80 == 0 {
            let end = at.checked_add(usize::from(op)).filter(|_| op != 0)?;
            out.extend_from_slice(delta.get(at..end)?);
            at = end;
        } else {
            let mut part = |bits: std::ops::Range<u32>| {
                let mut value = 0usize;
                for (place, bit) in bits.enumerate() {
                    if op & 1u8.checked_shl(bit)? != 0 {
                        value |= usize::from(next(delta, &mut at)?) << (8 * place);
                    }
                }
                Some(value)
            };
            let from = part(0..4)?;
            let length = part(4..7)?;
            let length = if length == 0 { 0x1_0000 } else { length };
            out.extend_from_slice(base.get(from..from.checked_add(length)?)?);
        }
        if out.len() > size {
            return None;
        }
    }
    Some(out).filter(|out| out.len() == size)
}

fn varint(data: &[u8], at: &mut usize) -> Option<usize> {
    let (mut value, mut shift) = (0usize, 0u32);
    loop {
        let byte = next(data, at)?;
        if shift > 40 {
            return None;
        }
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}

/// The id of a commit with this content.
fn id(content: &[u8], sha256: bool) -> String {
    let algorithm = if sha256 { &digest::SHA256 } else { &digest::SHA1_FOR_LEGACY_USE_ONLY };
    let mut context = digest::Context::new(algorithm);
    context.update(format!("commit {}\0", content.len()).as_bytes());
    context.update(content);
    crate::model::digest_hex(context.finish())
}

/// The `parent` lines, which stand right behind the `tree` line. Lines further down say nothing to git.
fn parents(content: &[u8]) -> Vec<String> {
    let mut lines = content.split(|byte| *byte == b'\n');
    if !lines.next().is_some_and(|line| line.starts_with(b"tree ")) {
        return Vec::new();
    }
    let parents = lines.map_while(|line| line.strip_prefix(b"parent "));
    parents.filter_map(|id| std::str::from_utf8(id).ok().map(str::to_owned)).collect()
}
