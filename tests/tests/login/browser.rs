//! A person's browser, by hand: a cookie, and the origin that its forms come from.

use std::cell::RefCell;
use std::net::SocketAddr;

use stint_tests::TestBroker;
use stint_tests::wire::{self, Answer};

pub(crate) struct Browser {
    addr: SocketAddr,
    origin: String,
    cookie: RefCell<Option<String>>,
}

pub(crate) const PASSWORD: &str = "four words that do not belong";

impl Browser {
    pub(crate) fn of(broker: &TestBroker) -> Self {
        Browser { addr: broker.addr, origin: broker.url.clone(), cookie: RefCell::default() }
    }

    /// Signed in by the link that `stint console` gives to the first login, which sets a password.
    pub(crate) fn welcomed(broker: &TestBroker) -> Self {
        let browser = Browser::of(broker);
        let link = broker.stint(&["console", "--no-browser", "--json"]).ok().json();
        let url = link["url"].as_str().unwrap();
        let token = url.split_once("?token=").expect("a link that lets somebody in").1;
        assert_eq!(browser.get(url.strip_prefix(&broker.url).unwrap()).status, 200);
        let answer = browser.post("/console/enrol", &[("token", token), ("password", PASSWORD)]);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/console/account")),
            "{}",
            answer.text()
        );
        browser
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        self.send("POST", path, Some(form.join("&")))
    }

    fn send(&self, method: &str, path: &str, body: Option<String>) -> Answer {
        let mut lines = Vec::new();
        if let Some(cookie) = self.cookie.borrow().as_ref() {
            lines.push(format!("cookie: {cookie}"));
        }
        if body.is_some() {
            lines.push(format!("origin: {}", self.origin));
            lines.push("content-type: application/x-www-form-urlencoded".to_owned());
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer =
            wire::request(self.addr, method, path, &lines, body.unwrap_or_default().as_bytes()).unwrap();
        if let Some(set) = answer.header("set-cookie") {
            *self.cookie.borrow_mut() = set.split(';').next().map(str::to_owned);
        }
        answer
    }
}

/// As a value of a form.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
