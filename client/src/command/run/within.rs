//! `stint run` within a session: no login and no way to the broker are here, but the sidecar of the session around it,
//! which starts the narrower one and serves it at the same doors.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::IntoRawFd as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use stint_api::{Confinement, Problem};

use super::{Run, could_not_start, show, tell};
use crate::command::context::Context;
use crate::confine;
use crate::exit::Failure;
use crate::sidecar::{LARGEST, PATH, PROTOCOL, Within};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the descriptor goes that the session lives by: past those that scripts use by number.
const OUT_OF_THE_WAY: i32 = 300;

impl Run {
    pub(super) fn within(&self, context: &Context) -> Result<(), Failure> {
        if self.kill_on_end {
            return Err(Failure::usage("--kill-on-end is not for a session within a session")
                .hint("name it for the outer command"));
        }
        let file = self.find_command(context)?;
        // The sidecar makes the key, and the broker takes no more of confinement than the session around it has.
        let start = self.start(context, serde_json::Value::Null, Confinement::Full)?;
        let question = serde_json::to_vec(&start).map_err(|error| could_not_start(error.to_string()))?;
        let proxy = context.config.variable("HTTPS_PROXY").map(|url| url.to_string_lossy().into_owned());
        let door = proxy.as_deref().and_then(door).ok_or_else(|| {
            could_not_start("this is within a session, and the way to its sidecar is not in HTTPS_PROXY")
                .hint("run it with the variables that `stint run` set, or run the command itself")
        })?;
        let (stream, answer) = ask(&door, &question)?;
        let Within { started, proxy_url, bundle } = serde_json::from_slice(&answer)
            .map_err(|error| could_not_start(format!("the sidecar's answer: {error}")))?;
        self.hold.within(context, started.session.confinement)?;
        if self.dry_run {
            return show::within(&self.plan(context, &started, super::SHOWN_PROXY, &bundle), self.json);
        }
        let plan = self.plan(context, &started, &proxy_url, &bundle);
        tell(&plan);
        if started.session.confinement != Confinement::None {
            // What the command around it holds, in its memory and its variables, is not this one's to look into.
            confine::hold_back().map_err(|error| could_not_start(error.to_string()))?;
        }
        hand_on(stream)
            .map_err(|error| could_not_start(format!("the session cannot be handed on: {error}")))?;
        Err(self.become_it(&file, &plan))
    }
}

/// The sidecar's address and what it asks for, from `http://stint:SECRET@127.0.0.1:PORT`.
struct Door {
    address: String,
    authorization: String,
}

fn door(url: &str) -> Option<Door> {
    let (secret, address) = url.strip_prefix("http://")?.trim_end_matches('/').rsplit_once('@')?;
    let is_ours = secret.starts_with("stint:") && address.starts_with("127.0.0.1:");
    let authorization = format!("Basic {}", STANDARD.encode(secret));
    is_ours.then(|| Door { address: address.to_owned(), authorization })
}

/// One question; the answer is the line after `101`, and the connection stays.
fn ask(door: &Door, question: &[u8]) -> Result<(TcpStream, Vec<u8>), Failure> {
    let broken = |error: io::Error| {
        could_not_start(format!("the sidecar of the session around this one does not answer: {error}"))
    };
    let mut stream = TcpStream::connect(&door.address).map_err(broken)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {}\r\nproxy-authorization: {}\r\nconnection: upgrade\r\nupgrade: {PROTOCOL}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        door.address,
        door.authorization,
        question.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(question)).map_err(broken)?;
    let head = read_to(&mut stream, b"\r\n\r\n").map_err(broken)?;
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    if head.starts_with("http/1.1 101 ") {
        let line = read_to(&mut stream, b"\n").map_err(broken)?;
        return Ok((stream, line));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0usize).min(LARGEST)];
    stream.read_exact(&mut body).map_err(broken)?;
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Err(Failure::from(&problem)),
        Err(_) => Err(could_not_start("the sidecar of the session around this one starts none within it")),
    }
}

/// Byte by byte, for what follows is the command's to keep.
fn read_to(stream: &mut TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end) {
        if read.len() > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.read_exact(&mut byte)?;
        read.extend(byte);
    }
    Ok(read)
}

/// The session lives for as long as this is open: in the command and in everything that it starts.
fn hand_on(stream: TcpStream) -> io::Result<()> {
    let kept = match fcntl_dupfd_cloexec(&stream, OUT_OF_THE_WAY) {
        Ok(kept) => kept,
        // Few descriptors are allowed here: then where it is.
        Err(_) => stream.into(),
    };
    fcntl_setfd(&kept, FdFlags::empty())?;
    let _ = kept.into_raw_fd();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::door;

    #[test]
    fn only_a_sidecar_on_this_machine_is_asked() {
        let found = door("http://stint:s3cret@127.0.0.1:7381").unwrap();
        assert_eq!(
            (found.address.as_str(), found.authorization.as_str()),
            ("127.0.0.1:7381", "Basic c3RpbnQ6czNjcmV0")
        );
        for other in [
            "http://proxy.example:3128",
            "http://stint:x@evil.example:80",
            "http://me:x@127.0.0.1:1",
            "socks5://x",
        ] {
            assert!(door(other).is_none(), "{other}");
        }
    }
}
