//! The strict reader in front of the server's own HTTP/1 parser.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::chunk::Chunk;
use super::head::{self, Framing};
use super::{Limits, Refused};

/// RFC 9113 s3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the server reads in the place of a head that was refused.
const STAND_IN: &[u8] = b"GET /refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

/// What an answer waits for, and reads away, so that closing does not reset the connection under it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 << 10;

/// Where the connection leaves word of the head that it refused.
pub(super) type Word = Arc<OnceLock<Refused>>;

/// A connection whose HTTP/1 heads and bodies have been judged before anyone sees them; HTTP/2 passes as it is.
///
/// INVARIANT: no byte of a head is handed on before the whole head has been judged, and nothing is read after the first
/// violation.
pub(super) struct Guard<IO> {
    io: IO,
    limits: Limits,
    word: Word,
    state: State,
    /// Read and not judged yet.
    pending: BytesMut,
    /// Bytes of `pending` that were searched for the end of the head.
    scanned: usize,
    line: usize,
    /// Judged and not handed on yet.
    judged: Vec<u8>,
    handed: usize,
    read_time: Option<Pin<Box<Sleep>>>,
    write_time: Option<Pin<Box<Sleep>>>,
    closing: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing is known of the connection yet.
    Start,
    Head,
    Length(u64),
    Chunked(Chunk),
    Http2,
    /// A head was refused.
    Stopped,
    /// A body was refused.
    Broken(&'static str),
}

impl<IO> Guard<IO> {
    pub(super) fn new(io: IO, limits: Limits, word: Word) -> Self {
        Guard {
            io,
            limits,
            word,
            state: State::Start,
            pending: BytesMut::new(),
            scanned: 0,
            line: 0,
            judged: Vec::new(),
            handed: 0,
            read_time: None,
            write_time: None,
            closing: None,
            discarded: 0,
        }
    }

    /// Moves what can be judged from `pending` to `judged`.
    fn advance(&mut self) {
        loop {
            match self.state {
                State::Start => {
                    if self.pending.starts_with(PREFACE) {
                        self.state = State::Http2;
                    } else if PREFACE.starts_with(&self.pending) {
                        return;
                    } else {
                        self.state = State::Head;
                    }
                }
                State::Head => match self.head_end().and_then(|end| self.take_head(end)) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(refused) => {
                        self.refuse(refused);
                        return;
                    }
                },
                State::Length(_) | State::Chunked(_) => {
                    if self.pending.is_empty() {
                        return;
                    }
                    let mut bytes = self.pending.split();
                    let n = self.body(&bytes);
                    self.pending = bytes.split_off(n);
                    self.judged.extend_from_slice(&bytes);
                }
                State::Http2 => {
                    let bytes = self.pending.split();
                    self.judged.extend_from_slice(&bytes);
                    return;
                }
                State::Stopped | State::Broken(_) => {
                    self.pending.clear();
                    return;
                }
            }
        }
    }

    /// Where the head at the start of `pending` ends, once all of it is there.
    fn head_end(&mut self) -> Result<Option<usize>, Refused> {
        match self.pending.first() {
            None => return Ok(None),
            Some(b'A'..=b'Z') => {}
            Some(_) => return Err(head::malformed("a request does not begin with a method in upper case")),
        }
        while let Some(found) = self.pending.get(self.scanned..).and_then(|new| memchr::memchr(b'\n', new)) {
            let at = self.scanned + found;
            if at.checked_sub(1).and_then(|before| self.pending.get(before)) != Some(&b'\r') {
                return Err(head::malformed("a line does not end in CRLF"));
            }
            let empty = at - 1 == self.line;
            self.scanned = at + 1;
            self.line = at + 1;
            if at + 1 > self.limits.head {
                break;
            }
            if empty {
                return Ok(Some(at + 1));
            }
        }
        self.scanned = self.pending.len();
        if self.pending.len() > self.limits.head {
            return Err(head::too_large("the head is too large"));
        }
        Ok(None)
    }

    fn take_head(&mut self, end: Option<usize>) -> Result<bool, Refused> {
        let Some(end) = end else { return Ok(false) };
        let bytes = self.pending.split_to(end);
        let framing = head::judge(&bytes, self.limits.headers)?;
        self.judged.extend_from_slice(&bytes);
        (self.scanned, self.line) = (0, 0);
        self.state = match framing {
            Framing::Length(0) => State::Head,
            Framing::Length(left) => State::Length(left),
            Framing::Chunked => State::Chunked(Chunk::start()),
        };
        Ok(true)
    }

    /// Reads body bytes on; gives how many of them belong to the body.
    fn body(&mut self, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Length(left) => {
                let n = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= n as u64;
                if *left == 0 {
                    self.state = State::Head;
                }
                n
            }
            State::Chunked(chunk) => match chunk.feed(bytes) {
                Ok(n) => {
                    if *chunk == Chunk::Done {
                        self.state = State::Head;
                    }
                    n
                }
                Err(detail) => {
                    self.state = State::Broken(detail);
                    0
                }
            },
            _ => 0,
        }
    }

    fn refuse(&mut self, refused: Refused) {
        // The first refusal of a connection is its only one: nothing is read after it.
        let _ = self.word.set(refused);
        self.state = State::Stopped;
        self.pending.clear();
        self.judged.extend_from_slice(STAND_IN);
    }

    /// Hands judged bytes on; whether there were any.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let waiting = self.judged.get(self.handed..).unwrap_or_default();
        if waiting.is_empty() {
            return false;
        }
        let n = waiting.len().min(buf.remaining());
        buf.put_slice(waiting.get(..n).unwrap_or_default());
        self.handed += n;
        if self.handed == self.judged.len() {
            self.judged.clear();
            self.judged.shrink_to(16 << 10);
            self.handed = 0;
        }
        true
    }

    /// How long the next byte may take; `None` where someone else watches the time.
    fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Start => Some(self.limits.head_time),
            State::Head if !self.pending.is_empty() => Some(self.limits.head_time),
            State::Length(_) | State::Chunked(_) => Some(self.limits.stall_time),
            _ => None,
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guard<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.hand_on(buf) {
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Http2 => return Pin::new(&mut this.io).poll_read(cx, buf),
                // The end of the stream would make the server drop the answer that it owes.
                State::Stopped => return Poll::Pending,
                State::Broken(detail) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, detail)));
                }
                State::Start | State::Head | State::Length(_) | State::Chunked(_) => {}
            }
            let before = buf.filled().len();
            if Pin::new(&mut this.io).poll_read(cx, buf)?.is_pending() {
                let Some(patience) = this.patience() else {
                    this.read_time = None;
                    return Poll::Pending;
                };
                ready!(this.read_time.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let new = buf.filled().get(before..).unwrap_or_default();
            if new.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if matches!(this.state, State::Length(_) | State::Chunked(_)) {
                this.read_time = None;
                let n = this.body(new);
                // What follows the body is not judged yet: it is taken back.
                this.pending.extend_from_slice(new.get(n..).unwrap_or_default());
                buf.set_filled(before + n);
                this.advance();
                if n > 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                let first = this.pending.is_empty();
                this.pending.extend_from_slice(new);
                buf.set_filled(before);
                this.advance();
                if first || this.pending.is_empty() {
                    // A head has its time from its first byte on, however slowly the others follow.
                    this.read_time = None;
                }
            }
        }
    }
}

impl<IO> Guard<IO> {
    /// Ends a write that made no progress for too long: a peer that does not read holds nothing for ever.
    fn stalled<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_time = None;
            return result;
        }
        let stall = self.limits.stall_time;
        ready!(self.write_time.get_or_insert_with(|| Box::pin(sleep(stall))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write(cx, data);
        this.stalled(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write_vectored(cx, data);
        this.stalled(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_flush(cx);
        this.stalled(cx, result)
    }

    /// Closes, and where the peer may still be sending, reads that away for a moment: data that nobody reads turns the
    /// close into a reset, which can overtake the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing.is_none() {
            let result = Pin::new(&mut this.io).poll_shutdown(cx);
            ready!(this.stalled(cx, result))?;
        }
        if !matches!(this.state, State::Stopped | State::Broken(_) | State::Length(_) | State::Chunked(_)) {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0u8; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            let read = Pin::new(&mut this.io).poll_read(cx, &mut buf);
            if read.is_pending() {
                let time = this.closing.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                return time.as_mut().poll(cx).map(Ok);
            }
            this.discarded += buf.filled().len();
            if buf.filled().is_empty() || this.discarded > LINGER_BYTES {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
