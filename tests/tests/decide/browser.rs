//! A browser by hand: a cookie, an origin, forms.

use stint_broker::identity::Password;
use stint_tests::Lab;
use stint_tests::wire::{self, Answer};

/// Everybody's.
const PASSWORD: &str = "correct horse battery staple";

pub(super) struct Browser<'l> {
    lab: &'l Lab,
    cookie: String,
}

/// People who sign in at the console, besides the one whom the lab logged in: name and role.
pub(super) fn add_people(lab: &Lab, people: &[(&str, &str)]) {
    for (name, role) in people {
        lab.sql(&format!("INSERT INTO people (name, role, created_at) VALUES ('{name}', '{role}', 0)"));
        give_password(lab, name);
    }
}

pub(super) fn give_password(lab: &Lab, name: &str) {
    let hash = Password::hash(&stint_broker::secret::Secret::from(PASSWORD.to_owned()), &[7; 16]).unwrap();
    lab.sql(&format!(
        "INSERT INTO passwords (person, hash, changed_at) VALUES ('{name}', '{}', 0)",
        hash.as_str()
    ));
}

/// The person whom the lab logged in.
pub(super) fn owner(lab: &Lab) -> String {
    let people = lab.broker.records("setup_used");
    people[0]["actor"].as_str().unwrap().strip_prefix("person:").unwrap().to_owned()
}

impl<'l> Browser<'l> {
    pub(super) fn sign_in(lab: &'l Lab, person: &str) -> Self {
        let mut browser = Browser { lab, cookie: String::new() };
        let answer = browser.post("/console/sign-in", &[("person", person), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").expect("a cookie");
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// The page, which is there.
    #[track_caller]
    pub(super) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// A form of one of our own pages.
    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("origin: {}", self.lab.broker.url);
        self.send("POST", path, &[&origin], &form(fields))
    }

    pub(super) fn send(&self, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
        let cookie = format!("cookie: {}", self.cookie);
        let kind = "content-type: application/x-www-form-urlencoded";
        let lines = [lines, &[cookie.as_str(), kind]].concat();
        wire::request(self.lab.broker.addr, method, path, &lines, body.as_bytes()).unwrap()
    }

    /// Say yes, with the password and the name that are asked for.
    pub(super) fn approve(&self, id: &str, name: &str) -> Answer {
        self.approve_within(id, name, "")
    }

    pub(super) fn approve_within(&self, id: &str, name: &str, within: &str) -> Answer {
        let fields = [("confirm", name), ("password", PASSWORD), ("within", within)];
        self.post(&format!("/console/approvals/{id}/approve"), &fields)
    }

    pub(super) fn deny(&self, id: &str, reason: &str) -> Answer {
        self.post(&format!("/console/approvals/{id}/deny"), &[("reason", reason)])
    }
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}
