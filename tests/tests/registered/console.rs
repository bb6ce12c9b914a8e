use std::fs;

use stint_tests::TestBroker;
use stint_tests::wire::{self, Answer};

pub(super) const PASSWORD: &str = "four words that do not belong";

/// A browser without a script: the cookie of the owner, made by the setup token.
pub(super) struct Console<'a> {
    broker: &'a TestBroker,
    cookie: String,
}

impl<'a> Console<'a> {
    pub(super) fn set_up(broker: &'a TestBroker) -> Self {
        let token = fs::read_to_string(broker.data().join("setup-token")).expect("a setup token");
        let mut console = Console { broker, cookie: String::new() };
        let form = [("setup_token", token.trim()), ("person", "alice"), ("password", PASSWORD)];
        let answer = console.post("/console/setup", &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").expect("a cookie").split(';').next().unwrap_or_default();
        console.cookie = cookie.to_owned();
        console
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        let cookie = format!("cookie: {}", self.cookie);
        wire::request(self.broker.addr, "GET", path, &[&cookie], b"").expect("an answer")
    }

    /// A page that is there.
    #[track_caller]
    pub(super) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(path, "application/x-www-form-urlencoded", form_urlencoded(fields).as_bytes())
    }

    /// A form with a file field, as browsers send it.
    pub(super) fn upload(&self, path: &str, fields: &[(&str, &str)], file: (&str, &str)) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            body.push_str(&format!(
                "--bound\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        let (name, content) = file;
        body.push_str(&format!(
            "--bound\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"key\"\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n--bound--\r\n"
        ));
        self.send(path, "multipart/form-data; boundary=bound", body.as_bytes())
    }

    /// An empty form that a page of another origin sends.
    pub(super) fn post_from(&self, origin: &str, path: &str) -> Answer {
        self.send_from(origin, path, "application/x-www-form-urlencoded", b"")
    }

    fn send(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.send_from(&self.broker.url, path, kind, body)
    }

    fn send_from(&self, origin: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let lines = [
            format!("origin: {origin}"),
            format!("content-type: {kind}"),
            format!("cookie: {}", self.cookie),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(self.broker.addr, "POST", path, &lines, body).expect("an answer")
    }

    /// A form that is taken: the browser is sent to `to`.
    #[track_caller]
    pub(super) fn taken(&self, path: &str, fields: &[(&str, &str)], to: &str) {
        leads(&self.post(path, fields), path, to);
    }
}

#[track_caller]
pub(super) fn leads(answer: &Answer, path: &str, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{path}: {}", answer.text());
}

fn form_urlencoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let mut escaped = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    escaped.push(char::from(byte))
                }
                _ => escaped.push_str(&format!("%{byte:02X}")),
            }
        }
        escaped
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}
