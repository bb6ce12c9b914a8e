//! What the broker says of some bytes against what a provider does with the same bytes, sent past the broker.
//!
//! The stand-in is the oracle: it parses with another parser, validates against the published schema and executes. A
//! root field that it executes and a change that it makes must be among the operations that `pack classify` names, or the
//! request must be refused. To say too much is allowed, to say too little is not.

mod documents;
mod graphql;
mod json;
mod rest;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use stint_tests::wire::{self, Answer};

/// A request in the form that `pack classify` reads, and that a socket can be given.
#[derive(Clone)]
struct Sample {
    method: &'static str,
    host: &'static str,
    target: String,
    kind: &'static str,
    body: Vec<u8>,
}

impl Sample {
    fn line(&self) -> String {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(&self.body);
        let mut line = json!({ "method": self.method, "url": format!("https://{}{}", self.host, self.target), "headers": {} });
        if !self.kind.is_empty() {
            line["headers"]["content-type"] = self.kind.into();
        }
        if !self.body.is_empty() {
            line["body_base64"] = body.into();
        }
        line.to_string()
    }

    /// Straight to the provider, as nobody with a session could.
    fn direct(&self, addr: std::net::SocketAddr, token: &str) -> Option<Answer> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n",
            self.method,
            self.target,
            self.host,
            self.body.len()
        );
        if !self.kind.is_empty() {
            let _ = write!(head, "content-type: {}\r\n", self.kind);
        }
        head.push_str("\r\n");
        wire::send(addr, &[head.as_bytes(), &self.body].concat()).ok().as_deref().and_then(wire::parse)
    }
}

/// The answers of one `stint-broker pack classify --jsonl`.
fn classified(samples: &[Sample]) -> Vec<Value> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let test = std::env::current_exe().unwrap();
    let broker = test
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("stint-broker"))
        .find(|path| path.is_file())
        .unwrap();
    let mut child = Command::new(broker)
        .args(["pack", "classify", "--jsonl"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = samples.iter().map(|sample| sample.line() + "\n").collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(done.status.success());
    let text = String::from_utf8(done.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), samples.len());
    answers
}

fn named(answer: &Value) -> BTreeSet<String> {
    let operations = answer["operations"].as_array().unwrap().iter();
    operations.map(|one| one["operation"].as_str().unwrap().split_once(':').unwrap().1.to_owned()).collect()
}

/// A generator without luck: the same samples in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % below as u64).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}
