//! HTTP/1.1 answers, read with as little work as possible: the load must cost less than what it loads.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;

/// A keep-alive connection, one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: std::net::SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Send the bytes of one request, and read its answer to the end. Anything but 200 is an error with what was said.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(format!("the connection was closed: {}", self.text()).into());
            }
            if is_whole(&self.buffer) {
                break;
            }
        }
        match self.buffer.get(9..12) {
            Some(b"200") => Ok(()),
            _ => Err(format!("not the answer that was expected: {}", self.text()).into()),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).chars().take(2000).collect()
    }
}

/// Whether `bytes` hold all of one answer. Servers here write header names in lower case.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let (head, body) = bytes.split_at_checked(end + 4).unwrap_or((bytes, &[]));
    let Ok(head) = std::str::from_utf8(head) else { return true };
    for line in head.split("\r\n") {
        if let Some(length) = line.strip_prefix("content-length: ") {
            return length.parse().is_ok_and(|length: usize| body.len() >= length);
        }
    }
    // Chunked: the last chunk is empty. No body here holds these bytes.
    body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn an_answer_is_whole_by_its_length_or_its_last_chunk() {
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    }
}
