use std::fs;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use stint_jose::{NewProof, Proof, SigningKey};
use stint_tests::TestBroker;
use stint_tests::proof::{assertion, now, proof, unique};
use stint_tests::wire::{self, Answer};

use super::browser::escaped;

/// The login that `stint login` left in a test's home, used by hand: what an agent on that machine could do.
pub(super) struct Login {
    pub(super) id: String,
    key: SigningKey,
    url: String,
    addr: SocketAddr,
}

impl Login {
    pub(super) fn of(broker: &TestBroker) -> Self {
        let login: Value =
            serde_json::from_slice(&fs::read(broker.home().join("login.json")).unwrap()).unwrap();
        let seed = fs::read_to_string(broker.home().join(login["key"].as_str().unwrap())).unwrap();
        let seed = URL_SAFE_NO_PAD.decode(seed.trim()).unwrap();
        Login {
            id: login["client_id"].as_str().unwrap().to_owned(),
            key: SigningKey::from_seed(&seed).unwrap(),
            url: broker.url.clone(),
            addr: broker.addr,
        }
    }

    /// The token endpoint's answer.
    pub(super) fn token(&self) -> Answer {
        let proof = proof(&self.key, None, "POST", &format!("{}/oauth/token", self.url));
        let assertion = assertion(&self.key, &self.id, &self.url);
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_assertion_type={}&client_assertion={assertion}",
            self.id,
            escaped(stint_api::CLIENT_ASSERTION_TYPE),
        );
        let lines = ["content-type: application/x-www-form-urlencoded", &format!("dpop: {proof}")];
        wire::request(self.addr, "POST", "/oauth/token", &lines, body.as_bytes()).unwrap()
    }

    /// A call to `/v1` with a new token.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let token = self.token();
        assert_eq!(token.status, 200, "{}", token.text());
        self.call_with(token.json()["access_token"].as_str().unwrap(), method, path, body)
    }

    pub(super) fn call_with(&self, token: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
        let answer = self.once(token, method, path, body, None);
        match answer.header("dpop-nonce") {
            Some(nonce) if answer.status == 401 => self.once(token, method, path, body, Some(nonce)),
            _ => answer,
        }
    }

    fn once(&self, token: &str, method: &str, path: &str, body: Option<&str>, nonce: Option<&str>) -> Answer {
        let (jti, url) = (unique(), format!("{}{path}", self.url));
        let new =
            NewProof { htm: method, htu: &url, access_token: Some(token), nonce, jti: &jti, iat: now() };
        let proof = Proof::make(&self.key, &new).unwrap();
        let mut lines = vec![format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
        if body.is_some() {
            lines.push("content-type: application/json".to_owned());
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(self.addr, method, path, &lines, body.unwrap_or_default().as_bytes()).unwrap()
    }
}
