use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use stint_broker::identity::Password;
use stint_broker::secret::Secret;
use stint_jose::SigningKey;
use stint_tests::wire::{self, Answer};
use stint_tests::{Lab, Output, TestBroker};

/// A policy that forbids one operation, and its test.
pub(super) fn forbid(id: &str, operation: &str) -> (String, String) {
    let text = format!("@id(\"{id}\")\nforbid (principal, action == Action::\"{operation}\", resource);\n");
    let tests = format!(
        "[[test]]\nname = \"it is forbidden\"\nsession = [\"staging\", \"staging\"]\n\
         touch = [{{ operation = \"{operation}\", class = \"write\", resource = \"environment/x\", place = [\"staging\", \"staging\"] }}]\n\
         decision = \"deny\"\npolicies = [\"{id}\"]\n"
    );
    (text, tests)
}

/// The two files of a policy, in the test's own folder.
pub(super) fn write(broker: &TestBroker, name: &str, text: &str, tests: &str) -> String {
    let path = broker.scratch().join(format!("{name}.cedar"));
    fs::write(&path, text).unwrap();
    fs::write(path.with_extension("tests.toml"), tests).unwrap();
    path.display().to_string()
}

/// `STINT_HOME` of a second person, who is put into the database: people are added elsewhere.
pub(super) fn second(lab: &Lab, name: &str, role: &str) -> PathBuf {
    let key = SigningKey::generate(&ring::rand::SystemRandom::new()).unwrap();
    let client = format!("cli_{:032x}", name.bytes().fold(7u128, |n, b| n * 31 + u128::from(b)));
    let jwk = key.public().to_value().to_string();
    lab.sql(&format!(
        "INSERT INTO people (name, role, created_at) VALUES ('{name}', '{role}', 1); \
         INSERT INTO logins (client, person, key, device, created_at) VALUES ('{client}', '{name}', '{jwk}', NULL, 1)"
    ));
    let home = lab.broker.scratch().join(format!("home-{name}"));
    let first = lab.broker.home();
    let mut login: Value =
        serde_json::from_str(&fs::read_to_string(first.join("login.json")).unwrap()).unwrap();
    fs::create_dir_all(&home).unwrap();
    login["client_id"] = json!(client);
    login["person"] = json!(name);
    let file = home.join(login["key"].as_str().unwrap());
    fs::write(home.join("login.json"), login.to_string()).unwrap();
    fs::write(&file, stint::api::key_to_text(&key).as_str()).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    for path in [home.join("login.json"), file] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    home
}

/// `stint` as that person.
pub(super) fn by(lab: &Lab, home: &std::path::Path, args: &[&str]) -> Output {
    lab.broker.command_at(home, args).run()
}

pub(super) fn list(broker: &TestBroker) -> Value {
    broker.stint(&["policy", "list", "--json"]).ok().json()
}

/// The summary of one file.
pub(super) fn summary(broker: &TestBroker, name: &str) -> Value {
    let list = list(broker);
    let policies = list["policies"].as_array().unwrap();
    policies.iter().find(|policy| policy["name"] == name).cloned().unwrap_or_default()
}

/// A browser: a cookie, and forms as a page of the console sends them.
pub(super) struct Browser<'a> {
    broker: &'a TestBroker,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Set up at the console: the first owner, with a password.
    pub(super) fn set_up(broker: &'a TestBroker, person: &str) -> Self {
        let token = fs::read_to_string(broker.data().join("setup-token")).unwrap();
        let mut browser = Browser { broker, cookie: String::new() };
        let form = [("setup_token", token.trim()), ("person", person), ("password", PASSWORD)];
        browser.admit(&browser.post("/console/setup", &form));
        browser
    }

    pub(super) fn sign_in(broker: &'a TestBroker, person: &str) -> Self {
        let mut browser = Browser { broker, cookie: String::new() };
        let form = [("person", person), ("password", PASSWORD), ("next", "")];
        browser.admit(&browser.post("/console/sign-in", &form));
        browser
    }

    fn admit(&mut self, answer: &Answer) {
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").expect("a cookie");
        self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        let cookie = format!("cookie: {}", self.cookie);
        wire::request(self.broker.addr, "GET", path, &[&cookie], b"").unwrap()
    }

    pub(super) fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let lines = [
            format!("cookie: {}", self.cookie),
            format!("origin: {}", self.broker.url),
            "content-type: application/x-www-form-urlencoded".to_owned(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(self.broker.addr, "POST", path, &lines, body.join("&").as_bytes()).unwrap()
    }
}

/// A person who is put into the database with a password, and signs in: people are added elsewhere.
pub(super) fn joined<'a>(lab: &'a Lab, name: &str, role: &str) -> Browser<'a> {
    let password = Secret::from(PASSWORD.to_owned());
    let hash = Password::hash(&password, &[7; 16]).unwrap().as_str().to_owned();
    lab.sql(&format!(
        "INSERT INTO people (name, role, created_at) VALUES ('{name}', '{role}', 1); \
         INSERT INTO passwords (person, hash, changed_at) VALUES ('{name}', '{hash}', 1)"
    ));
    Browser::sign_in(&lab.broker, name)
}

pub(super) const PASSWORD: &str = "correct horse battery staple";

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
