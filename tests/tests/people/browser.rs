use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use serde_json::Value;
use stint_broker::identity::OneTimeSecret;
use stint_broker::secret::Secret;
use stint_tests::authenticator::Authenticator;
use stint_tests::proof::now;
use stint_tests::wire::{self, Answer};
use stint_tests::{Options, TestBroker};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const OTHER: &str = "another four words entirely";

/// A browser without a script: cookies, and forms of its own origin.
pub(crate) struct Browser<'a> {
    broker: &'a TestBroker,
    cookies: BTreeMap<String, String>,
}

/// A broker that calls itself by a name, where browsers have passkeys.
pub(crate) fn named(options: Options) -> TestBroker {
    let mut broker = TestBroker::prepare(options);
    broker.url = format!("http://localhost:{}", broker.addr.port());
    broker.options.args.extend(["--public-url".to_owned(), broker.url.clone()]);
    broker.restart();
    broker
}

/// The same, with `alice`, an owner, signed in by her password.
pub(crate) fn set_up(broker: &TestBroker) -> Browser<'_> {
    let mut browser = Browser::new(broker);
    let token = fs::read_to_string(broker.data().join("setup-token")).unwrap();
    let form = [("setup_token", token.trim()), ("person", "alice"), ("password", PASSWORD)];
    browser.post("/console/setup", &form).goes("/console/welcome");
    browser
}

impl<'a> Browser<'a> {
    pub(crate) fn new(broker: &'a TestBroker) -> Self {
        Browser { broker, cookies: BTreeMap::new() }
    }

    /// Another one with the same cookies: whoever stole them.
    pub(crate) fn copy(&self) -> Self {
        Browser { broker: self.broker, cookies: self.cookies.clone() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, &[])
    }

    pub(crate) fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        self.send("POST", path, form)
    }

    fn send(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> Page {
        let mut lines = vec![format!("origin: {}", self.broker.url), "user-agent: a test".to_owned()];
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            lines.push(format!("cookie: {}", pairs.join("; ")));
        }
        let mut body = String::new();
        for (name, value) in form {
            let and = if body.is_empty() { "" } else { "&" };
            body.push_str(&format!("{and}{name}={}", escaped(value)));
        }
        lines.push("content-type: application/x-www-form-urlencoded".to_owned());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = wire::request(self.broker.addr, method, path, &lines, body.as_bytes()).unwrap();
        for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            // The one that has to come back from another site is lax.
            let site = if line.starts_with("stint-sso=") { "SameSite=Lax" } else { "SameSite=Strict" };
            assert!(line.contains("HttpOnly") && line.contains(site), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page(answer)
    }

    pub(crate) fn cookie(&self) -> Option<&String> {
        self.cookies.get("stint-console")
    }

    pub(crate) fn is_in(&mut self) -> bool {
        self.get("/console/account").0.status == 200
    }

    pub(crate) fn sign_in(&mut self, person: &str, password: &str, code: &str) -> Page {
        self.post("/console/sign-in", &[("person", person), ("password", password), ("code", code)])
    }

    /// The challenge that a script asks for.
    pub(crate) fn options(&mut self, path: &str, form: &[(&str, &str)]) -> Value {
        let page = self.post(path, form);
        assert_eq!(page.0.status, 200, "{}", page.0.text());
        page.0.json()
    }

    pub(crate) fn add_passkey(&mut self, authenticator: &mut Authenticator) -> Page {
        let options = self.options("/console/account/passkeys/options", &[]);
        authenticator.user = options["user"].as_str().unwrap().to_owned();
        let made = authenticator.made(options["challenge"].as_str().unwrap());
        self.post("/console/account/passkeys", &[("name", "a test"), ("passkey", &made)])
    }

    pub(crate) fn sign_in_by(&mut self, authenticator: &mut Authenticator) -> Page {
        let options = self.options("/console/sign-in/passkey/options", &[]);
        let given = authenticator.given(options["challenge"].as_str().unwrap());
        self.post("/console/sign-in/passkey", &[("passkey", &given)])
    }

    /// Sets one-time codes up, confirmed by the code of the step before this one: those of now and of the next are left.
    pub(crate) fn set_up_codes(&mut self) -> OneTimeSecret {
        self.post("/console/account/codes/offer", &[]).goes("/console/account/codes");
        let page = self.get("/console/account/codes").0.text();
        let (_, rest) = page.split_once("secret=").unwrap();
        let secret = OneTimeSecret::new(Secret::new(unbase32(rest.split('&').next().unwrap())));
        let first = secret.code(now() / 30 - 1);
        self.post("/console/account/codes", &[("code", &first)]).goes("/console/account#codes");
        secret
    }
}

/// An answer, read as a person reads it.
pub(crate) struct Page(pub(crate) Answer);

impl Page {
    /// A redirect to there.
    #[track_caller]
    pub(crate) fn goes(&self, path: &str) -> &Self {
        assert_eq!((self.0.status, self.0.header("location")), (303, Some(path)), "{}", self.0.text());
        self
    }

    /// A page with this status that says this.
    #[track_caller]
    pub(crate) fn says(&self, status: u16, text: &str) -> &Self {
        let page = self.0.text();
        assert!(
            self.0.status == status && page.contains(text),
            "{} instead of {status} {text:?}: {page}",
            self.0.status
        );
        self
    }
}

/// Kinds of the newest records first.
pub(crate) fn kinds(broker: &TestBroker, kind: &str) -> usize {
    let exported = broker.broker(&["audit", "export"]).ok().stdout;
    exported.matches(&format!("\\\"kind\\\":\\\"{kind}\\\"")).count()
        + exported.matches(&format!("\"kind\":\"{kind}\"")).count()
}

pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn unbase32(text: &str) -> Vec<u8> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for letter in text.bytes() {
        let value = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        held = (held << 5) | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    out
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
