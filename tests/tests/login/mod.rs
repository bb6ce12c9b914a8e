//! Logins of machines: let in by a person, and never more than their person wants them to be.

pub(crate) mod browser;
mod grant;
mod proxies;
mod reach;

use std::path::PathBuf;

use serde_json::Value;
use stint_jose::SigningKey;
use stint_tests::proof::{new_key, proof};
use stint_tests::wire::{self, Answer};
use stint_tests::{Lab, TestBroker};

use browser::{Browser, escaped};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A machine that asks to be let in, by hand.
struct Machine<'a> {
    broker: &'a TestBroker,
    key: SigningKey,
}

impl<'a> Machine<'a> {
    fn new(broker: &'a TestBroker) -> Self {
        Machine { broker, key: new_key() }
    }

    fn form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.form_through(&[], path, form)
    }

    /// The same with what a proxy adds: whole lines.
    fn form_through(&self, added: &[&str], path: &str, form: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.broker.url);
        let dpop = format!("dpop: {}", proof(&self.key, None, "POST", &url));
        let lines =
            ["content-type: application/x-www-form-urlencoded", "user-agent: curl/8 (robot)", dpop.as_str()];
        let lines = [&lines[..], added].concat();
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        wire::request(self.broker.addr, "POST", path, &lines, form.join("&").as_bytes()).unwrap()
    }

    fn ask(&self) -> Value {
        let answer =
            self.form("/oauth/device_authorization", &[("client_id", "stint"), ("device", "build-box")]);
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, Some("no-store")),
            "{}",
            answer.text()
        );
        answer.json()
    }

    fn poll(&self, code: &str) -> Answer {
        self.form("/oauth/token", &[("grant_type", GRANT), ("client_id", "stint"), ("device_code", code)])
    }
}

#[track_caller]
fn refused(answer: &Answer, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{}", answer.text());
    assert!(answer.json()["access_token"].is_null());
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// `stint login` by a code on a machine of its own, let in by the person at `browser`: its `STINT_HOME`.
fn let_in(broker: &TestBroker, browser: &Browser, name: &str) -> PathBuf {
    let home = broker.folder().join(name);
    let shown = broker.scratch().join(format!("{name}.terminal"));
    let (at, terminal) = (home.display().to_string(), shown.display().to_string());
    let script = r#"STINT_HOME=$1 STINT_BROKER=$2 exec "$3" login --no-browser --device "$4" --json 2>"$5""#;
    let stint = broker.program_path("stint");
    let login =
        broker.program("sh", &["-c", script, "sh", &at, &broker.url, &stint, name, &terminal]).start();
    let code = stint_tests::until("the terminal shows a code", || {
        let text = std::fs::read_to_string(&shown).ok()?;
        let (_, code) = text.split_once("enter the code ")?;
        code.get(..9).map(str::to_owned)
    });
    // The person reads the code, types it, compares what is shown, and says yes.
    let typed = browser.post("/console/device", &[("user_code", &code.to_lowercase())]);
    assert_eq!(typed.status, 303, "{}", typed.text());
    let page = browser.get(typed.header("location").unwrap());
    for seen in [&code, name, "127.0.0.1", "stint/"] {
        assert!(page.text().contains(seen), "{seen} is not on the page: {}", page.text());
    }
    let yes = browser.post("/console/device/approve", &[("user_code", &code)]);
    assert_eq!(yes.status, 303, "{}", yes.text());
    assert!(browser.get(yes.header("location").unwrap()).text().contains("Let in."));
    assert_eq!(
        login.wait().ok().json()["person"],
        broker.stint(&["login", "status", "--json"]).json()["login"]["person"]
    );
    home
}

/// As if everybody had proven long ago who they are.
fn forget_proofs(broker: &TestBroker) {
    Lab::sql_on(broker, "UPDATE sign_ins SET proven_at = 1");
}
