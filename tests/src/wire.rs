//! HTTP/1.1 by hand, one request on one connection: for requests that a proper client would not send.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// An answer. Header names are in lower case.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub fn get(addr: SocketAddr, path: &str) -> io::Result<Answer> {
    request(addr, "GET", path, &[], b"")
}

/// A well-formed request; `headers` are whole lines (`Authorization: DPoP …`), as `stint token --headers` prints them.
pub fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> io::Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n");
    for line in headers {
        head.push_str(line);
        head.push_str("\r\n");
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let answer = send(addr, &[head.as_bytes(), body].concat())?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"))
}

/// Send these bytes as they are; read until the other side closes or goes quiet.
pub fn send(addr: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A refusal may come, and the connection be closed, before everything is written.
    let written = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => Err(written.err().unwrap_or(error)),
        _ => Ok(answer),
    }
}

/// The first answer in `bytes`.
pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let (answer, rest) = parse_head(bytes)?;
    let chunked = answer.header("transfer-encoding") == Some("chunked");
    let length = answer.header("content-length").and_then(|value| value.parse().ok());
    let body = match (chunked, length) {
        (true, _) => unchunk(rest),
        (false, Some(length)) => rest.get(..length).unwrap_or(rest).to_vec(),
        (false, None) => rest.to_vec(),
    };
    Some(Answer { body, ..answer })
}

/// What `curl -i` printed: the head as it came, the body already taken out of its framing.
pub fn parse_printed(bytes: &[u8]) -> Option<Answer> {
    let (answer, rest) = parse_head(bytes)?;
    Some(Answer { body: rest.to_vec(), ..answer })
}

/// The head as an answer without a body, and what follows it.
fn parse_head(bytes: &[u8]) -> Option<(Answer, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, rest) = bytes.split_at_checked(end + 4)?;
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some((Answer { status, headers, body: Vec::new() }, rest))
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let Some((line, after)) = rest.split_at_checked(end) else { break };
        let size =
            std::str::from_utf8(line).ok().and_then(|line| usize::from_str_radix(line.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let Some(chunk) = after.get(2..size + 2) else { break };
        body.extend_from_slice(chunk);
        rest = after.get(size + 4..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_chunks_are_read() {
        let plain = parse(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}rest").unwrap();
        assert_eq!((plain.status, plain.header("x-a"), plain.text().as_str()), (403, Some("b"), "{}"));
        let chunked =
            parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!(chunked.text(), "abc");
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_none());
    }
}
