use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use stint::clock::Clock;
use stint_api::{CLIENT_ASSERTION_TYPE, Code, Problem};
use stint_jose::{ClientAssertion, Jwk, ProofExpect, verify_proof};

use super::{PLACEHOLDER, SETUP_TOKEN};

const NONCE: &str = "nonce-1";

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A request as it reached the gateway.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query, after `/gateway`.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

#[derive(Default)]
pub struct State {
    clients: HashMap<String, Jwk>,
    /// Token to client and thumbprint.
    tokens: HashMap<String, (String, String)>,
    setup_used: bool,
    pub started: Vec<Value>,
    pub seen: Vec<Seen>,
    /// Session and reason.
    pub ended: Vec<(String, Option<String>)>,
    pub heartbeats: usize,
    /// Tokens given out.
    pub minted: usize,
    pub approval_state: Option<&'static str>,
    /// Every call to the control plane, `POST /v1/environments`, with its body.
    pub calls: Vec<(String, Value)>,
}

pub struct FakeBroker {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Always there until the end.
    runtime: Option<tokio::runtime::Runtime>,
    serving: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl FakeBroker {
    pub fn start() -> Self {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let broker = FakeBroker {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().ok(),
            serving: Mutex::new(None),
        };
        broker.serve(listener);
        broker
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The only request that reached the gateway.
    pub fn only_seen(&self) -> Seen {
        let state = self.state();
        assert_eq!(state.seen.len(), 1, "{:?}", state.seen);
        state.seen[0].clone()
    }

    /// Refuses the tokens of all sessions from now on.
    pub fn end_all(&self) {
        let mut state = self.state();
        state.clients.retain(|client, _| !client.starts_with("session"));
        state.tokens.retain(|_, (client, _)| !client.starts_with("session"));
    }

    /// Closes the port, and every connection with it.
    pub fn stop(&self) {
        if let Some(serving) = self.serving.lock().unwrap().take() {
            serving.abort();
        }
    }

    /// Opens the same port again.
    pub fn resume(&self) {
        let listener = (0..100).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            StdListener::bind(self.address).ok()
        });
        self.serve(listener.unwrap());
    }

    fn serve(&self, listener: StdListener) {
        listener.set_nonblocking(true).unwrap();
        let (base, state) = (self.url(), self.state.clone());
        let runtime = self.runtime.as_ref().unwrap();
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        *self.serving.lock().unwrap() = Some(runtime.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (base, state) = (base.clone(), state.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let (base, state) = (base.clone(), state.clone());
                        async move { Ok::<_, Infallible>(answer(request, &base, &state).await) }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }));
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(request: Request<Incoming>, base: &str, state: &Mutex<State>) -> Answer {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return problem(Code::MalformedRequest) };
    let body = body.to_bytes();
    let path = head.uri.path().to_owned();
    let method = head.method.as_str();
    let mut state = state.lock().unwrap();
    if path == "/oauth/token" {
        return token(&mut state, base, &head.headers, &body);
    }
    if path == "/v1/setup" {
        return setup(&mut state, base, &body);
    }
    if path == "/healthz" {
        return reply(200, json!("ok"));
    }
    let Some(client) = authenticated(&state, base, method, &path, &head.headers) else {
        let mut answer = problem(Code::InvalidToken);
        answer.headers_mut().insert(WWW_AUTHENTICATE, "DPoP error=\"invalid_token\"".parse().unwrap());
        return answer;
    };
    if let Some(rest) = path.strip_prefix("/gateway") {
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        assert!(!head.headers.contains_key("proxy-authorization") && head.headers.contains_key(HOST));
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let seen = Seen {
            method: method.to_owned(),
            path: format!("{rest}{query}"),
            headers: headers.collect(),
            body: body.to_vec(),
        };
        state.seen.push(seen);
        return gateway(rest);
    }
    let input: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    state.calls.push((format!("{method} {path}"), input.clone()));
    control(&mut state, base, method, &path, &client, input)
}

/// The rule of the contract: every call is made with a token of a known key, and proves that it holds the key.
fn authenticated(state: &State, base: &str, method: &str, path: &str, headers: &HeaderMap) -> Option<String> {
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("DPoP ")?;
    let (client, jkt) = state.tokens.get(token)?;
    let ath = stint_jose::access_token_hash(token);
    let expect = ProofExpect {
        htm: method,
        htu: &format!("{base}{path}"),
        ath: Some(&ath),
        now: Clock::system().unix(),
        nonce: &|nonce, _| nonce == Some(NONCE),
    };
    let proof = verify_proof(headers.get("dpop")?.to_str().ok()?, &expect).expect("a proof that verifies");
    (proof.jkt == *jkt).then(|| client.clone())
}

fn setup(state: &mut State, base: &str, body: &[u8]) -> Answer {
    let setup: stint_api::Setup = serde_json::from_slice(body).unwrap();
    if setup.setup_token != SETUP_TOKEN || state.setup_used {
        return problem(Code::NotAuthenticated);
    }
    state.setup_used = true;
    state.clients.insert("login-1".to_owned(), Jwk::from_value(&setup.key).unwrap());
    let token_endpoint = format!("{base}/oauth/token");
    reply(
        200,
        json!({"person": setup.person, "client_id": "login-1", "issuer": base, "token_endpoint": token_endpoint}),
    )
}

fn token(state: &mut State, base: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    let form = std::str::from_utf8(body).unwrap();
    let field = |name: &str| {
        let value = form.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap();
        percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned()
    };
    assert_eq!(field("grant_type"), "client_credentials");
    assert_eq!(field("client_assertion_type"), CLIENT_ASSERTION_TYPE);
    let client = field("client_id");
    let Some(key) = state.clients.get(&client).cloned() else {
        return reply(401, json!({"error": "invalid_client", "error_description": "no such client"}));
    };
    let now = Clock::system().unix();
    ClientAssertion::verify(&field("client_assertion"), &client, base, now, &|_| Some(key.clone())).unwrap();
    let nonce = |nonce: Option<&str>, _| nonce == Some(NONCE);
    let htu = format!("{base}/oauth/token");
    let expect = ProofExpect { htm: "POST", htu: &htu, ath: None, now, nonce: &nonce };
    let Ok(proof) = verify_proof(headers.get("dpop").unwrap().to_str().unwrap(), &expect) else {
        let mut answer = reply(400, json!({"error": "use_dpop_nonce"}));
        answer.headers_mut().insert("dpop-nonce", NONCE.parse().unwrap());
        return answer;
    };
    state.minted += 1;
    let token = format!("token-{}", state.minted);
    state.tokens.insert(token.clone(), (client, proof.jkt));
    reply(200, json!({"access_token": token, "token_type": "DPoP", "expires_in": 600}))
}

fn control(state: &mut State, base: &str, method: &str, path: &str, client: &str, input: Value) -> Answer {
    let person = client == "login-1";
    match (method, path.trim_start_matches("/v1/").split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["whoami"]) if person => {
            reply(200, json!({"person": "alice", "role": "administrator", "client_id": client}))
        }
        ("POST", ["environments"]) if person => {
            let made = json!({"name": input["name"], "tier": input["tier"], "selectors": [], "created_at": "2026-11-22T10:00:00Z"});
            reply(201, made)
        }
        ("GET", ["environments"]) if person => reply(200, json!({"environments": []})),
        ("POST", ["credentials"]) if person => reply(
            201,
            json!({"name": input["name"], "provider": input["provider"], "kind": "account", "version": 1,
                   "fingerprint": "abcdef012345", "created_at": "2026-11-22T10:00:00Z"}),
        ),
        ("POST", ["sessions"]) if person => start(state, base, &input),
        ("POST", ["sessions", id, "heartbeat"]) if *id == client => {
            state.heartbeats += 1;
            reply(200, json!({"expires_at": "2126-11-22T11:00:00Z"}))
        }
        ("POST", ["sessions", id, "end"]) if *id == client || person => {
            state.clients.remove(*id);
            state.tokens.retain(|_, (client, _)| client != id);
            state.ended.push(((*id).to_owned(), input["reason"].as_str().map(str::to_owned)));
            reply(200, json!({"ended": [id]}))
        }
        ("GET", ["approvals", id]) if person => {
            let decision = state.approval_state.unwrap_or("waiting");
            reply(200, approval(id, decision))
        }
        ("GET", ["approvals"]) if person => reply(200, json!({"approvals": [approval("a-1", "waiting")]})),
        ("POST", ["approvals", id, "approve"]) if person => match input["confirm"].as_str() {
            Some("pgdata") => reply(200, approval(id, "approved")),
            _ => problem(Code::ConfirmationMismatch),
        },
        _ => problem(Code::NotFound),
    }
}

fn start(state: &mut State, base: &str, input: &Value) -> Answer {
    if input["environment"] == "production" {
        return problem(Code::Denied);
    }
    let dry_run = input["dry_run"] == true;
    let id = format!("session-{}", state.started.len() + 1);
    if !dry_run {
        state.clients.insert(id.clone(), Jwk::from_value(&input["key"]).unwrap());
        state.started.push(input.clone());
    }
    let credential = |name: &str, host: &str, placeholder: &str, variable: &str| {
        json!({"name": name, "provider": name, "hosts": [host], "placeholder": placeholder,
               "variables": [{"name": variable, "value": placeholder}]})
    };
    reply(
        201,
        json!({
            "session": {"id": id, "environment": input["environment"], "tier": "staging", "agent": input["agent"],
                "subject": "person:alice", "state": "live", "confined": false, "credentials": ["railway"],
                "started_at": "2026-11-22T10:00:00Z", "expires_at": "2126-11-22T11:00:00Z"},
            "credentials": [credential("railway", "backboard.railway.app", PLACEHOLDER, "RAILWAY_API_TOKEN")],
            "hosts": [{"host": "backboard.railway.app", "provider": "railway"},
                      {"host": "api.github.com", "provider": "github"}],
            "scrub": ["RAILWAY_TOKEN", "RAILWAY_API_TOKEN", "GH_TOKEN"],
            "gateway": format!("{base}/gateway"), "issuer": base, "token_endpoint": format!("{base}/oauth/token"),
            "heartbeat_seconds": 1
        }),
    )
}

fn approval(id: &str, state: &str) -> Value {
    json!({
        "id": id, "state": state, "session": "session-1", "environment": "staging", "agent": "coder",
        "subject": "person:alice", "credential": "railway", "request": "POST backboard.railway.app/graphql/v2",
        "digest": "00", "operations": ["railway:volumeDelete"], "class": "destroy",
        "resources": [{"operation": "railway:volumeDelete", "kind": "volume", "id": "v-1",
            "name": "pgdata\u{1b}[2J", "environments": ["staging"], "consequences": ["3 backups live in this volume"]}],
        "policies": ["guardrail.destroy"], "confirm": {"kind": "type-name", "text": "pgdata"}, "approvers": 1,
        "requested_at": "2026-11-22T10:00:00Z", "expires_at": "2026-11-22T10:10:00Z"
    })
}

fn gateway(path: &str) -> Answer {
    match path.rsplit('/').next() {
        Some("denied") => {
            let mut answer =
                reply(403, json!({"code": "denied", "errors": [{"message": "no"}], "odd": "  kept  "}));
            answer.headers_mut().insert("stint-record", "r-1".parse().unwrap());
            answer
        }
        // One piece, and then an answer that never ends.
        Some("stream") => {
            let first = futures_util::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(
                b"first\n",
            )))]);
            let never = futures_util::stream::pending();
            let body = futures_util::StreamExt::chain(first, never);
            Response::new(BoxBody::new(StreamBody::new(body)))
        }
        _ => reply(200, json!({"data": {"ok": true}})),
    }
}

fn problem(code: Code) -> Answer {
    let mut answer = reply(code.status(), json!(Problem::new(code, "as the stand-in sees it")));
    answer.headers_mut().insert(CONTENT_TYPE, "application/problem+json".parse().unwrap());
    answer
}

fn reply(status: u16, body: Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())).boxed());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
    answer
}
