use crate::catalog::refusal::{Refusal, code};

/// Longest line with its length (gitprotocol-common, pkt-line Format).
const LONGEST: usize = 65_520;

/// One packet line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Data(&'a [u8]),
    /// `0000`
    Flush,
}

/// Reads packet lines in the one form that git writes: four lower-case hexadecimal digits, then what they count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    /// Whether more follows after what is here.
    partial: bool,
}

impl<'a> Lines<'a> {
    pub fn new(body: &'a [u8], partial: bool) -> Self {
        Lines { rest: body, partial }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next line, without the one line feed that may end it.
    pub fn next(&mut self) -> Result<Line<'a>, Refusal> {
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or_else(|| self.short())?;
        let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let length = Some(length)
            .filter(|digits| digits.iter().all(plain))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .ok_or_else(|| malformed("a packet line does not begin with its length"))?;
        match length {
            0 => {
                self.rest = rest;
                Ok(Line::Flush)
            }
            5..=LONGEST => {
                let (line, rest) = rest.split_at_checked(length - 4).ok_or_else(|| self.short())?;
                self.rest = rest;
                Ok(Line::Data(line.strip_suffix(b"\n").unwrap_or(line)))
            }
            _ => Err(malformed("a packet line has a length that no line has")),
        }
    }

    fn short(&self) -> Refusal {
        if self.partial {
            return Refusal::new(
                code::BODY_TOO_LARGE,
                "what the push changes is longer than what is read of it",
            );
        }
        malformed("the packet lines break off")
    }
}

/// A line with its length before it; what is too long for one is cut.
pub(super) fn write(out: &mut Vec<u8>, data: &[u8]) {
    let data = data.get(..LONGEST - 4).unwrap_or(data);
    out.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    out.extend_from_slice(data);
}

pub(super) fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::new(code::MALFORMED_BODY, detail)
}
