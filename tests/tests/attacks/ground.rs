use std::net::SocketAddr;

use serde_json::Value;
use stint_broker::vault;
use stint_standin::railway::Viewer;
use stint_standin::{Echo, Github, Handle, Log, Railway, Site, Standin, Tls};
use stint_tests::wire::{self, Answer};
use stint_tests::{Options, TestBroker};
use tokio::runtime::Runtime;

use super::client::Client;

/// A broker, a provider's stand-in behind it, a person who is logged in, and a live session in `staging`.
pub(super) struct Ground<S: Site> {
    pub(super) broker: TestBroker,
    pub(super) standin: Running<S>,
    pub(super) person: Client,
    pub(super) session: Client,
    /// What `POST /v1/sessions` answered.
    pub(super) started: Value,
    /// The session's token.
    pub(super) token: String,
    /// What is in the vault.
    pub(super) secret: String,
}

/// A stand-in in a runtime of its own.
pub(super) struct Running<S: Site> {
    handle: Option<Handle<S>>,
    runtime: Runtime,
}

/// A provider that the ground can be laid for.
pub(super) trait Provider: Site {
    const PACK: &'static str;
    const SELECTORS: &'static [&'static str];
    /// Let the secret in, if the provider looks at it.
    fn admit(&self, secret: &str);
}

/// One request to the gateway, good but for what a test changes.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// Path and query at the provider.
    pub(super) target: String,
    pub(super) lines: Vec<String>,
    pub(super) body: Vec<u8>,
}

/// The name of the credential.
pub(super) const CREDENTIAL: &str = "main";

impl Provider for Github {
    const PACK: &'static str = "github";
    const SELECTORS: &'static [&'static str] = &["github:repository/atlas/sandbox"];

    fn admit(&self, secret: &str) {
        self.world().admit(secret, "robin");
    }
}

impl Provider for Railway {
    const PACK: &'static str = "railway";
    const SELECTORS: &'static [&'static str] = &["railway:environment/c7e5a3b1-0d2f-4c8e-9a6b-4d3c2b1a0f9e"];

    fn admit(&self, secret: &str) {
        let user = stint_standin::railway::ids::USER.to_owned();
        self.world().admit(secret, Viewer::Account { user });
    }
}

/// Behind GitHub's hosts.
impl Provider for Echo {
    const PACK: &'static str = "github";
    const SELECTORS: &'static [&'static str] = &["github:repository/atlas/sandbox"];

    fn admit(&self, _secret: &str) {}
}

impl<S: Site> Running<S> {
    pub(super) fn start(site: S) -> Self {
        Self::over(site, Tls::loopback())
    }

    /// Without TLS, for raw bytes.
    pub(super) fn plain(site: S) -> Self {
        Self::over(site, Tls::Plain)
    }

    fn over(site: S, tls: Tls) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let handle = runtime.block_on(Standin::start(site, tls, anywhere)).unwrap();
        Running { handle: Some(handle), runtime }
    }

    pub(super) fn handle(&self) -> &Handle<S> {
        self.handle.as_ref().unwrap()
    }

    pub(super) fn log(&self) -> &Log {
        &self.handle().log
    }
}

impl<S: Site> Drop for Running<S> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.runtime.block_on(handle.shutdown());
        }
    }
}

impl<S: Provider> Ground<S> {
    pub(super) fn lay(site: S) -> Self {
        Self::lay_with(site, Options::default())
    }

    pub(super) fn lay_with(site: S, options: Options) -> Self {
        let broker = TestBroker::start(options);
        let secret = broker.secret(S::PACK);
        site.admit(&secret);
        let standin = Running::start(site);
        prepare::<S>(&broker, &standin.handle().url(), standin.handle().ca_pem(), &secret);
        let person = person(&broker);
        let (session, started) = person.start_session("staging", "coder");
        let token = session.token();
        Ground { broker, standin, person, session, started, token, secret }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.broker.addr
    }

    /// Whether a secret is in an answer, a failure of the test if so.
    pub(super) fn is_clean(&self, what: &str, bytes: &[u8]) {
        assert_eq!(self.broker.canary.found_in(bytes), None, "{what}: the secret is in the answer");
    }

    /// `Authorization` and `DPoP` for one call.
    pub(super) fn credentials(&self, method: &str, target: &str) -> [String; 2] {
        let door = door(target);
        let proof = self.session.proof(method, &door, Some(&self.token), None);
        [format!("authorization: DPoP {}", self.token), format!("dpop: {proof}")]
    }

    /// The call as bytes, with the session's token and a fresh proof.
    pub(super) fn bytes(&self, call: &Call) -> Vec<u8> {
        let credentials = self.credentials(&call.method, &call.target);
        self.bytes_with(call, &credentials)
    }

    /// The call as bytes, with these lines in the place of token and proof.
    pub(super) fn bytes_with(&self, call: &Call, credentials: &[String]) -> Vec<u8> {
        let Call { method, target, lines, body } = call;
        let mut head = format!(
            "{method} /gateway/{CREDENTIAL}{target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.addr()
        );
        for line in credentials.iter().chain(lines) {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }

    pub(super) fn send(&self, call: &Call) -> Answer {
        self.answer(&call.label(), &self.bytes(call))
    }

    pub(super) fn answer(&self, what: &str, bytes: &[u8]) -> Answer {
        let raw = wire::send(self.addr(), bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        self.is_clean(what, &raw);
        wire::parse(&raw).unwrap_or_else(|| panic!("{what}: no answer in {}", raw.escape_ascii()))
    }

    /// The call is refused with `code`, nothing of it reached the provider, and a record says so.
    pub(super) fn refused(&self, call: &Call, code: &str) -> Answer {
        self.refused_bytes(&call.label(), &self.bytes(call), code)
    }

    /// A refusal in the words that git shows to people.
    pub(super) fn refused_to_git(&self, call: &Call, code: &str) {
        let what = call.label();
        self.standin.log().clear();
        let answer = self.answer(&what, &self.bytes(call));
        // Where git itself would never ask so, the words are those for programs.
        let said = answer.text().starts_with("stint: ") || answer.json()["code"] == code;
        assert!(said, "{what}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, status(code), "{what}");
        let id = answer.header("stint-record").unwrap_or_else(|| panic!("{what}: no record"));
        let page = self.audit("?kind=request_refused&limit=20");
        let records = page["records"].as_array().unwrap();
        let record = records.iter().find(|record| record["body"]["id"] == id);
        let record = record.unwrap_or_else(|| panic!("{what}: no record {id} in {page}"));
        assert_eq!(record["body"]["facts"]["code"], code, "{what}: {record}");
        assert!(self.standin.log().is_empty(), "{what}: reached the provider: {:?}", self.standin.log());
    }

    pub(super) fn refused_bytes(&self, what: &str, bytes: &[u8], code: &str) -> Answer {
        self.standin.log().clear();
        let answer = self.answer(what, bytes);
        self.is_refusal(what, &answer, code);
        assert!(self.standin.log().is_empty(), "{what}: reached the provider: {:?}", self.standin.log());
        answer
    }

    /// An answer of the gateway that says `code`, whose record exists and says the same.
    pub(super) fn is_refusal(&self, what: &str, answer: &Answer, code: &str) {
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{what}: {} {}", answer.status, answer.text());
        assert_eq!(u64::from(answer.status), problem["status"], "{what}");
        assert_eq!(status(code), answer.status, "{what}");
        let id = problem["record"].as_str().unwrap_or_else(|| panic!("{what}: no record in {problem}"));
        assert_eq!(answer.header("stint-record"), Some(id), "{what}");
        let page = self.audit("?kind=request_refused&limit=20");
        let records = page["records"].as_array().unwrap();
        let record = records.iter().find(|record| record["body"]["id"] == id);
        let record = record.unwrap_or_else(|| panic!("{what}: no record {id} in {page}"));
        assert_eq!(record["body"]["facts"]["code"], code, "{what}: {record}");
    }

    /// A page of the audit records, newest first.
    pub(super) fn audit(&self, query: &str) -> Value {
        let answer = self.person.call("GET", &format!("/v1/audit{query}"), None);
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.is_clean("audit", &answer.body);
        answer.json()
    }

    /// How many records of a kind there are, of the last 500.
    pub(super) fn recorded(&self, kind: &str) -> usize {
        self.audit(&format!("?kind={kind}&limit=500"))["records"].as_array().unwrap().len()
    }
}

impl Call {
    pub(super) fn get(target: &str) -> Self {
        Call::new("GET", target)
    }

    pub(super) fn new(method: &str, target: &str) -> Self {
        Call { method: method.to_owned(), target: target.to_owned(), lines: Vec::new(), body: Vec::new() }
    }

    pub(super) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.line("content-type: application/json").body(body)
    }

    pub(super) fn label(&self) -> String {
        let body: String = self.body.escape_ascii().to_string().chars().take(200).collect();
        format!("{} {} {:?} {body}", self.method, self.target, self.lines)
    }
}

/// The path that a proof for a target at the provider names.
pub(super) fn door(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    format!("/gateway/{CREDENTIAL}{path}")
}

/// The person whose login `stint login` made.
pub(super) fn person(broker: &TestBroker) -> Client {
    let read = |name: &str| std::fs::read_to_string(broker.home().join(name)).unwrap();
    let login: Value = serde_json::from_str(&read("login.json")).unwrap();
    let text = |name: &str| login[name].as_str().unwrap().to_owned();
    let key = stint::api::key_from_text(read(&text("key")).trim()).unwrap();
    Client::new(&text("client_id"), key, &text("issuer"), broker.addr)
}

/// Environment, agent and credential, as an administrator makes them.
pub(super) fn prepare<S: Provider>(broker: &TestBroker, upstream: &str, ca: Option<&str>, secret: &str) {
    broker.login();
    broker.add_environment("staging", "staging");
    for selector in S::SELECTORS {
        broker.map("staging", selector);
    }
    broker.add_agent("coder");
    broker.add_credential(CREDENTIAL, S::PACK, upstream, ca, secret);
}

fn status(code: &str) -> u16 {
    let known = stint_api::Code::ALL.iter().find(|known| known.as_str() == code);
    known.unwrap_or_else(|| panic!("{code} is no code of the contract")).status()
}

/// The text that stands where a secret was.
pub(super) const REDACTED: &str = vault::REDACTED;
