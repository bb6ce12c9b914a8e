use std::sync::{Arc, Mutex as Short};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stint_api::{CLIENT_ASSERTION_TYPE, OAuthError, Problem, TokenResponse};
use stint_jose::{ClientAssertion, NewAssertion, NewProof, Proof, SigningKey};
use tokio::sync::Mutex;

use super::transport::full;
use super::{Error, Transport};
use crate::clock::Clock;
use crate::secret::Secret;

/// Bytes of a refusal that are read.
const LARGEST_REFUSAL: usize = 1024 * 1024;

const DPOP: &str = "dpop";
const DPOP_NONCE: &str = "dpop-nonce";

/// A client of the token endpoint: a person's login, or a session.
#[derive(Debug, Clone)]
pub struct Identity {
    pub client_id: String,
    /// Audience of client assertions.
    pub issuer: String,
    pub token_endpoint: String,
}

/// The holder of a key: gets tokens bound to it and proves it with each request. Tokens stay in memory.
#[derive(Debug)]
pub struct Holder {
    identity: Identity,
    key: SigningKey,
    transport: Transport,
    clock: Clock,
    /// Held while a token is fetched, so that many requests fetch one.
    token: Mutex<Option<Arc<Token>>>,
    /// The nonce that the broker gave last (RFC 9449 s8).
    nonce: Short<Option<String>>,
}

/// A token and its time.
#[derive(Debug)]
pub struct Token {
    pub access_token: Secret,
    /// Seconds since the epoch.
    pub obtained_at: i64,
    /// Seconds since the epoch.
    pub expires_at: i64,
}

impl Token {
    /// Whether most of its life is behind it.
    fn is_stale(&self, now: i64) -> bool {
        let life = self.expires_at.saturating_sub(self.obtained_at);
        self.expires_at.saturating_sub(now) < (life / 10).max(5)
    }
}

impl Holder {
    pub fn new(identity: Identity, key: SigningKey, transport: Transport, clock: Clock) -> Self {
        Holder { identity, key, transport, clock, token: Mutex::new(None), nonce: Short::new(None) }
    }

    /// The same key as another client; tokens of the first are not taken along.
    pub fn as_client(self, identity: Identity) -> Self {
        Holder { identity, token: Mutex::new(None), ..self }
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// A token with some life left: the one at hand, or a new one.
    pub async fn token(&self) -> Result<Arc<Token>, Error> {
        let mut held = self.token.lock().await;
        match held.as_ref() {
            Some(token) if !token.is_stale(self.clock.unix()) => Ok(token.clone()),
            _ => {
                let token = Arc::new(self.fetch().await?);
                *held = Some(token.clone());
                Ok(token)
            }
        }
    }

    /// A new token, whatever is at hand. The old one stays in use until the new one is there.
    pub async fn renew(&self) -> Result<Arc<Token>, Error> {
        let token = Arc::new(self.fetch().await?);
        *self.token.lock().await = Some(token.clone());
        Ok(token)
    }

    /// Forgets `refused`, if it is still the one in use.
    pub async fn discard(&self, refused: &Arc<Token>) {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            *held = None;
        }
    }

    /// The `DPoP` header of one request (RFC 9449 s4.2). `url` without query and fragment; `token` where one is sent.
    pub fn proof(&self, method: &Method, url: &str, token: Option<&Token>) -> Result<HeaderValue, Error> {
        let jti = self.clock.unguessable().map_err(|error| Error::protocol(error.to_string()))?;
        let nonce = self.nonce.lock().map_or(None, |nonce| nonce.clone());
        let token = token.map(|token| token.access_token.expose());
        let new = NewProof {
            htm: method.as_str(),
            htu: url,
            access_token: token,
            nonce: nonce.as_deref(),
            jti: &jti,
            iat: self.clock.unix(),
        };
        let proof = Proof::make(&self.key, &new)
            .map_err(|error| Error::protocol(format!("no proof could be made: {error}")))?;
        HeaderValue::try_from(proof).map_err(|_| Error::protocol("the proof is no header value"))
    }

    /// The `Authorization` header (RFC 9449 s7.1), which is not to be logged.
    pub fn authorization(token: &Token) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(format!("DPoP {}", token.access_token.expose()))
            .map_err(|_| Error::protocol("the token is no header value"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Keeps the nonce of an answer for the next proof. True when the answer asks for the request to be sent again.
    pub fn learn_nonce(&self, status: http::StatusCode, headers: &HeaderMap) -> bool {
        let Some(nonce) = headers.get(DPOP_NONCE).and_then(|value| value.to_str().ok()) else { return false };
        if let Ok(mut held) = self.nonce.lock() {
            *held = Some(nonce.to_owned());
        }
        status == 401
            && headers
                .get_all(WWW_AUTHENTICATE)
                .iter()
                .any(|value| value.to_str().is_ok_and(|text| text.contains("use_dpop_nonce")))
    }

    /// One call to `/v1`: JSON in, JSON out. `extra` is time that the call may take beyond the usual.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        body: Option<&impl Serialize>,
        extra: Duration,
    ) -> Result<T, Error> {
        let body = match body {
            Some(body) => Bytes::from(
                serde_json::to_vec(body).map_err(|error| Error::protocol(format!("the request: {error}")))?,
            ),
            None => Bytes::new(),
        };
        let mut answer = self.send(&method, url, &body, extra).await?;
        if self.learn_nonce(answer.status(), answer.headers()) {
            // A broker that refused before it read the body closes the connection, which may only show when the next
            // request is on it: that one was not read either.
            answer = match self.send(&method, url, &body, extra).await {
                Err(Error::Unreachable { .. }) => self.send(&method, url, &body, extra).await?,
                other => other?,
            };
        }
        read(&answer)
    }

    /// An answer that is too large to be read whole: its head, and a body as it comes. A refusal is read, and is the error.
    pub async fn download(&self, method: Method, url: &str) -> Result<Response<Incoming>, Error> {
        for again in [true, false] {
            let request = self.request(&method, url, &Bytes::new()).await?.map(full);
            let answer = self
                .transport
                .stream(request)
                .await
                .map_err(|error| Error::Unreachable { url: url.to_owned(), why: error.to_string() })?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            if again && self.learn_nonce(answer.status(), answer.headers()) {
                continue;
            }
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST_REFUSAL).collect().await;
            let body = body.map_err(|error| Error::protocol(format!("the refusal broke off: {error}")))?;
            return Err(refusal(&Response::from_parts(head, body.to_bytes())));
        }
        Err(Error::protocol("the broker asks for one nonce after the other".to_owned()))
    }

    async fn send(
        &self,
        method: &Method,
        url: &str,
        body: &Bytes,
        extra: Duration,
    ) -> Result<Response<Bytes>, Error> {
        let request = self.request(method, url, body).await?;
        self.transport.exchange(request, extra).await
    }

    async fn request(&self, method: &Method, url: &str, body: &Bytes) -> Result<Request<Bytes>, Error> {
        let token = self.token().await?;
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(AUTHORIZATION, Holder::authorization(&token)?)
            .header(DPOP, self.proof(method, without_query(url), Some(&token))?);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(body.clone()).map_err(|error| Error::protocol(format!("{url}: {error}")))
    }

    async fn fetch(&self) -> Result<Token, Error> {
        let mut answer = self.ask_for_token().await?;
        if self.learn_token_nonce(&answer) {
            answer = self.ask_for_token().await?;
        }
        if !answer.status().is_success() {
            return Err(refusal(&answer));
        }
        let answer: TokenResponse = serde_json::from_slice(answer.body())
            .map_err(|error| Error::protocol(format!("the token endpoint's answer: {error}")))?;
        if !answer.token_type.eq_ignore_ascii_case("dpop") {
            return Err(Error::protocol("the broker gave a token that is not bound to this key"));
        }
        let obtained_at = self.clock.unix();
        let life = i64::try_from(answer.expires_in).unwrap_or(i64::MAX);
        Ok(Token {
            access_token: Secret::new(answer.access_token),
            obtained_at,
            expires_at: obtained_at.saturating_add(life),
        })
    }

    /// RFC 6749 s4.4 with RFC 7523 s2.2 and RFC 9449 s5.
    async fn ask_for_token(&self) -> Result<Response<Bytes>, Error> {
        let Identity { client_id, issuer, token_endpoint } = &self.identity;
        let jti = self.clock.unguessable().map_err(|error| Error::protocol(error.to_string()))?;
        let new = NewAssertion { client_id, audience: issuer, jti: &jti, iat: self.clock.unix() };
        let assertion = ClientAssertion::make(&self.key, None, &new)
            .map_err(|error| Error::protocol(format!("no assertion could be made: {error}")))?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        self.post_form(token_endpoint, &form).await
    }

    /// One form to an OAuth endpoint, with a proof of the key (RFC 9449 s5).
    async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Response<Bytes>, Error> {
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", form_encoded(value))).collect();
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(USER_AGENT, concat!("stint/", env!("CARGO_PKG_VERSION")))
            .header(DPOP, self.proof(&Method::POST, without_query(url), None)?)
            .body(Bytes::from(form.join("&")))
            .map_err(|error| Error::protocol(format!("{url}: {error}")))?;
        self.transport.exchange(request, Duration::ZERO).await
    }

    /// The same, once more where the broker asks for a nonce, and read.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<T, Error> {
        let mut answer = self.post_form(url, form).await?;
        if self.learn_token_nonce(&answer) {
            answer = self.post_form(url, form).await?;
        }
        read(&answer)
    }

    /// The token endpoint asks for a nonce with 400 and an error code (RFC 9449 s8), and not with a challenge.
    fn learn_token_nonce(&self, answer: &Response<Bytes>) -> bool {
        self.learn_nonce(answer.status(), answer.headers())
            || (matches!(answer.status().as_u16(), 400 | 401)
                && answer.headers().contains_key(DPOP_NONCE)
                && matches!(refusal(answer), Error::OAuth { error, .. } if error == "use_dpop_nonce"))
    }
}

/// Reads an answer of `/v1`.
pub(super) fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, Error> {
    if answer.status().is_success() {
        // An answer without content is `null`, which a call that expects nothing takes.
        let body = if answer.body().is_empty() { &b"null"[..] } else { answer.body() };
        return serde_json::from_slice(body)
            .map_err(|error| Error::protocol(format!("the broker's answer: {error}")));
    }
    Err(refusal(answer))
}

fn refusal(answer: &Response<Bytes>) -> Error {
    if let Ok(problem) = serde_json::from_slice::<Problem>(answer.body()) {
        return Error::Problem(Box::new(problem));
    }
    if let Ok(OAuthError { error, error_description }) = serde_json::from_slice(answer.body()) {
        return Error::OAuth { error, description: error_description };
    }
    Error::protocol(format!("the broker answered {} without saying why", answer.status()))
}

/// `htu` names the target without query and fragment (RFC 9449 s4.2).
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// One value of `application/x-www-form-urlencoded`.
fn form_encoded(text: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let token = Token { access_token: Secret::new("t".into()), obtained_at: 1000, expires_at: 1600 };
        assert!(!token.is_stale(1000));
        assert!(!token.is_stale(1539));
        assert!(token.is_stale(1541));
        assert!(token.is_stale(1600));
    }

    #[test]
    fn the_target_of_a_proof_has_no_query() {
        assert_eq!(without_query("http://b/v1/sessions?all=true"), "http://b/v1/sessions");
        assert_eq!(without_query("http://b/v1#x?y"), "http://b/v1");
    }

    #[test]
    fn a_refusal_keeps_its_kind() {
        let answer = |status: u16, body: &'static str| {
            Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
        };
        let oauth = answer(401, r#"{"error":"invalid_client","error_description":"no such client"}"#);
        assert!(matches!(refusal(&oauth), Error::OAuth { error, .. } if error == "invalid_client"));
        let problem = serde_json::to_vec(&Problem::new(stint_api::Code::Denied, "no")).unwrap();
        let problem = Response::builder().status(403).body(Bytes::from(problem)).unwrap();
        assert!(matches!(refusal(&problem), Error::Problem(problem) if problem.code == "denied"));
        assert!(matches!(refusal(&answer(502, "<html>")), Error::Protocol(_)));
    }
}
