//! A strict reader of chunked framing (RFC 9112 s7.1): sizes in hex only, no extensions, CRLF only, no trailers.

/// Where in the chunked body the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size { value: u64, digits: u8 },
    SizeEnd { value: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    LastCr,
    LastLf,
    Done,
}

impl Chunk {
    pub(super) fn start() -> Self {
        Chunk::Size { value: 0, digits: 0 }
    }

    /// Reads on; gives how many of the bytes belong to the body. Stops after the last one.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        let mut at = 0usize;
        while let Some(&byte) = bytes.get(at) {
            *self = match *self {
                Chunk::Done => break,
                Chunk::Data { left } => {
                    let have = bytes.len() - at;
                    let take = usize::try_from(left).map_or(have, |left| left.min(have));
                    at += take;
                    let left = left - take as u64;
                    *self = if left == 0 { Chunk::DataCr } else { Chunk::Data { left } };
                    continue;
                }
                Chunk::Size { value, digits } => match (byte, char::from(byte).to_digit(16)) {
                    (_, Some(digit)) if digits < 16 => {
                        Chunk::Size { value: (value << 4) | u64::from(digit), digits: digits + 1 }
                    }
                    (b'\r', _) if digits > 0 => Chunk::SizeEnd { value },
                    _ => return Err("a chunk size is not plain hexadecimal"),
                },
                Chunk::SizeEnd { value: 0 } if byte == b'\n' => Chunk::LastCr,
                Chunk::SizeEnd { value } if byte == b'\n' => Chunk::Data { left: value },
                Chunk::DataCr if byte == b'\r' => Chunk::DataLf,
                Chunk::DataLf if byte == b'\n' => Chunk::start(),
                Chunk::LastCr if byte == b'\r' => Chunk::LastLf,
                Chunk::LastLf if byte == b'\n' => Chunk::Done,
                Chunk::LastCr => return Err("trailers are not accepted"),
                Chunk::SizeEnd { .. } | Chunk::DataCr | Chunk::DataLf | Chunk::LastLf => {
                    return Err("a chunk does not end in CRLF");
                }
            };
            at += 1;
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::Chunk;

    #[test]
    fn f7_only_plain_chunks_are_read_however_they_are_cut() {
        let body = b"4\r\nWiki\r\n00000a\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1";
        let end = body.len() - 14;
        for cut in 1..body.len() {
            let mut chunk = Chunk::start();
            let mut read = 0;
            for piece in body.chunks(cut) {
                let n = chunk.feed(piece).unwrap();
                read += n;
                if n < piece.len() {
                    break;
                }
            }
            assert_eq!((read, chunk), (end, Chunk::Done), "pieces of {cut}");
        }
    }

    #[test]
    fn f7_odd_chunks_are_refused() {
        for body in [
            &b"0x1\r\nA\r\n"[..],
            b"+1\r\nA\r\n",
            b"-1\r\nA\r\n",
            b"1 \r\nA\r\n",
            b"1 ;x\r\nA\r\n",
            b"1;x=y\r\nA\r\n",
            b"1\nA\n",
            b"1\r\nAB\r\n",
            b"1\r\nA\n",
            b"\r\nA\r\n",
            b"00000000000000001\r\nA\r\n",
            b"fffffffffffffffff\r\n",
            b"1_0\r\n",
            b"0\r\nx: y\r\n\r\n",
            b"0\n\n",
            b"0\r\n\n",
        ] {
            assert!(Chunk::start().feed(body).is_err(), "{}", body.escape_ascii());
        }
    }
}
