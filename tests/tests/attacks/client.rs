use std::net::SocketAddr;

use ring::rand::SystemRandom;
use serde_json::{Value, json};
use stint_api::CLIENT_ASSERTION_TYPE;
use stint_jose::{ClientAssertion, NewAssertion, SigningKey, fresh_id};
use stint_tests::wire::{self, Answer};

use super::forge;

/// A client of the broker that holds a key: a person's login or a session. It does by hand what `stint` does.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) key: SigningKey,
    /// The broker's origin, as it calls itself.
    pub(super) issuer: String,
    /// Where it listens.
    pub(super) addr: SocketAddr,
}

impl Client {
    pub(super) fn new(id: &str, key: SigningKey, issuer: &str, addr: SocketAddr) -> Self {
        Client { id: id.to_owned(), key, issuer: issuer.to_owned(), addr }
    }

    /// A proof for a path of the broker, with `token`'s hash if there is one.
    pub(super) fn proof(&self, method: &str, path: &str, token: Option<&str>, nonce: Option<&str>) -> String {
        let htu = format!("{}{path}", self.issuer);
        proof_of(&self.key, method, &htu, token, nonce, now())
    }

    pub(super) fn assertion(&self) -> String {
        let jti = fresh();
        let new = NewAssertion { client_id: &self.id, audience: &self.issuer, jti: &jti, iat: now() };
        ClientAssertion::make(&self.key, None, &new).unwrap()
    }

    /// The token endpoint's answer to a form with this assertion and these `DPoP` lines.
    pub(super) fn ask_token(&self, form: &[(&str, &str)], proofs: &[&str]) -> Answer {
        ask_token_at(self.addr, form, proofs)
    }

    /// The form of a good request for a token.
    pub(super) fn form<'a>(&'a self, assertion: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", assertion),
        ]
    }

    /// A new token.
    pub(super) fn token(&self) -> String {
        let assertion = self.assertion();
        let proof = self.proof("POST", "/oauth/token", None, None);
        let answer = self.ask_token(&self.form(&assertion), &[&proof]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// A call to `/v1` with a new token and proof; once more with the nonce if one is asked for.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let token = self.token();
        let answer = self.call_with(&token, method, path, body, None);
        match answer.header("dpop-nonce") {
            Some(nonce) if answer.status == 401 => self.call_with(&token, method, path, body, Some(nonce)),
            _ => answer,
        }
    }

    fn call_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
        nonce: Option<&str>,
    ) -> Answer {
        let door = path.split('?').next().unwrap_or(path);
        let mut lines = vec![
            format!("authorization: DPoP {token}"),
            format!("dpop: {}", self.proof(method, door, Some(token), nonce)),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            lines.push("content-type: application/json".to_owned());
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(self.addr, method, path, &lines, body.as_bytes()).unwrap()
    }

    /// Start a session as this person.
    pub(super) fn start_session(&self, environment: &str, agent: &str) -> (Client, Value) {
        let key = new_key();
        let start = json!({ "environment": environment, "agent": agent, "key": key.public().to_value() });
        let answer = self.call("POST", "/v1/sessions", Some(&start));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let started = answer.json();
        let id = started["session"]["id"].as_str().expect("an id").to_owned();
        (Client::new(&id, key, &self.issuer, self.addr), started)
    }
}

pub(super) fn ask_token_at(addr: SocketAddr, form: &[(&str, &str)], proofs: &[&str]) -> Answer {
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let mut lines = vec!["content-type: application/x-www-form-urlencoded".to_owned()];
    lines.extend(proofs.iter().map(|proof| format!("dpop: {proof}")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    wire::request(addr, "POST", "/oauth/token", &lines, body.join("&").as_bytes()).unwrap()
}

/// A proof with `htu` exactly as given: an attacker need not normalise it.
pub(super) fn proof_of(
    key: &SigningKey,
    htm: &str,
    htu: &str,
    token: Option<&str>,
    nonce: Option<&str>,
    iat: i64,
) -> String {
    let mut claims = forge::proof_claims(htm, htu, token);
    claims["iat"] = iat.into();
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    forge::jws(key, forge::proof_header(key), claims)
}

pub(super) fn new_key() -> SigningKey {
    SigningKey::generate(&SystemRandom::new()).unwrap()
}

pub(super) fn fresh() -> String {
    fresh_id(&SystemRandom::new()).unwrap()
}

/// Seconds since the epoch.
#[allow(clippy::disallowed_methods, reason = "the broker under test runs on the system's clock")]
pub(super) fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// As a value of a form.
pub(super) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
