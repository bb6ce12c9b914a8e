//! An OpenID provider on the loopback interface: OpenID Connect Core 1.0 and Discovery 1.0 as far as a client of the code
//! flow sees it, and whatever a client must not put up with, on wish.
//!
//! It holds clients to the rules: the redirect address, PKCE, the client's secret, codes that are good once.

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use stint_standin::{Body, Fault, Handle, Inbound, Site, Standin, Tls};

use crate::proof::now;

pub use keys::Alg;
use keys::Keys;

pub const CLIENT: &str = "stint@work";
pub const SECRET: &str = "s3cret: with %, + and a space";

/// How an identity token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// By the key that the key set names.
    Good,
    /// `alg: none`, without a signature.
    None,
    /// `alg: HS256`, with the text of the public key as the secret.
    HmacOfPublic,
    /// A good header, no signature.
    Cut,
    /// By a key that is not in the set, under the name of one that is.
    Stranger,
    /// By a key that is not in the set, under a name of its own.
    OtherKid,
}

/// What the provider does; a test changes it as it goes.
#[derive(Debug)]
pub struct World {
    issuer: String,
    /// Where it may send browsers back to.
    pub redirect_uri: String,
    /// Claims of who may sign in, by the name that they type.
    pub people: BTreeMap<String, Value>,
    /// Whoever is signed in at the provider, and since when (unix seconds): is not asked again, unless the client wants it.
    pub signed_in: Option<(String, i64)>,
    pub alg: Alg,
    pub signing: Signing,
    /// Merged into each token; null takes a claim away.
    pub claims: Value,
    /// Merged into the description.
    pub description: Value,
    /// `iss` of each answer; `None` leaves it out.
    pub answers_as: Option<String>,
    /// In place of a code.
    pub error: Option<String>,
    /// Bytes that the key set is made longer by.
    pub padding: usize,
    /// What the last browser was sent with.
    pub asked: BTreeMap<String, String>,
    keys: Keys,
    codes: BTreeMap<String, Code>,
    used: BTreeSet<String>,
}

#[derive(Debug)]
struct Code {
    person: String,
    at: i64,
    asked: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct OpenId(Arc<Mutex<World>>);

impl OpenId {
    /// On any free port, without TLS.
    pub async fn start(redirect_uri: &str) -> Handle<OpenId> {
        Self::start_with(redirect_uri, Tls::Plain).await
    }

    pub async fn start_with(redirect_uri: &str, tls: Tls) -> Handle<OpenId> {
        let world = World {
            issuer: String::new(),
            redirect_uri: redirect_uri.to_owned(),
            people: BTreeMap::new(),
            signed_in: None,
            alg: Alg::Es256,
            signing: Signing::Good,
            claims: json!({}),
            description: json!({}),
            answers_as: None,
            error: None,
            padding: 0,
            asked: BTreeMap::new(),
            keys: Keys::new(),
            codes: BTreeMap::new(),
            used: BTreeSet::new(),
        };
        let site = OpenId(Arc::new(Mutex::new(world)));
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let handle = Standin::start(site, tls, anywhere).await.expect("the provider starts");
        let url = handle.url();
        let mut world = handle.site.world();
        (world.answers_as, world.issuer) = (Some(url.clone()), url);
        drop(world);
        handle
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Somebody with these groups, who has an account and is signed in there since an hour.
    pub fn enter(&mut self, name: &str, subject: &str, groups: &[&str]) {
        let claims = json!({ "sub": subject, "preferred_username": name, "groups": groups });
        self.people.insert(name.to_owned(), claims);
        self.signed_in = Some((name.to_owned(), now() - 3600));
    }

    /// New keys under new names; those of before are not in the set any more.
    pub fn rotate(&mut self) {
        self.keys = self.keys.next();
    }

    fn describe(&self) -> Value {
        let url = &self.issuer;
        merged(
            json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "jwks_uri": format!("{url}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            &self.description,
        )
    }

    /// The browser at the authorization endpoint; `typed` is who says to be there just now.
    fn authorize(&mut self, asked: BTreeMap<String, String>, typed: Option<String>) -> Response<Body> {
        self.asked = asked.clone();
        let of = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        let right = of("client_id") == CLIENT
            && of("redirect_uri") == self.redirect_uri
            && of("response_type") == "code"
            && of("code_challenge_method") == "S256"
            && of("scope").split(' ').any(|scope| scope == "openid");
        if !right {
            // Nobody is sent to an address that the client did not register.
            return text(StatusCode::BAD_REQUEST, "this client is not known, or asks wrongly");
        }
        let again = of("prompt") == "login";
        let known = match typed {
            Some(name) => self.people.contains_key(&name).then(|| (name, now())),
            // `prompt=login` asks a person; with nobody at the keyboard they typed it just now.
            None => self.signed_in.clone().map(|(name, at)| (name, if again { now() } else { at })),
        };
        let Some((person, at)) = known else { return form(&asked) };
        let mut answer = vec![("state", of("state").to_owned())];
        match &self.error {
            Some(error) => answer.push(("error", error.clone())),
            None => {
                let code = format!(
                    "code-{}-{}",
                    self.codes.len(),
                    URL_SAFE_NO_PAD.encode(digest(&SHA256, of("state").as_bytes()))
                );
                self.codes.insert(code.clone(), Code { person, at, asked: asked.clone() });
                answer.push(("code", code));
            }
        }
        answer.extend(self.answers_as.clone().map(|iss| ("iss", iss)));
        redirect(&format!("{}?{}", of("redirect_uri"), encoded(&answer)))
    }

    fn token(&mut self, authorization: Option<&str>, form: &BTreeMap<String, String>) -> Response<Body> {
        let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let refuse = |error: &str| answer(StatusCode::BAD_REQUEST, &json!({ "error": error }));
        // RFC 6749 s2.3.1.
        let pair = format!("{}:{}", encode(CLIENT), encode(SECRET));
        if authorization != Some(format!("Basic {}", STANDARD.encode(pair)).as_str()) {
            return answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));
        }
        let code = of("code");
        let Some(Code { person, at, asked }) = self.codes.get(code) else { return refuse("invalid_grant") };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, of("code_verifier").as_bytes()));
        if of("grant_type") != "authorization_code"
            || of("redirect_uri") != self.redirect_uri
            || asked.get("code_challenge") != Some(&challenge)
            || !self.used.insert(code.to_owned())
        {
            return refuse("invalid_grant");
        }
        let own = json!({
            "iss": self.issuer, "aud": CLIENT, "nonce": asked.get("nonce"), "iat": now(), "exp": now() + 300, "auth_time": at,
        });
        let claims = merged(merged(own, &self.people[person]), &self.claims);
        let token = self.keys.token(self.alg, self.signing, &claims);
        answer(
            StatusCode::OK,
            &json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": token }),
        )
    }
}

impl Site for OpenId {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        let path = request.parts.uri.path();
        vec![match path.trim_start_matches('/') {
            ".well-known/openid-configuration" => "description".to_owned(),
            other => other.to_owned(),
        }]
    }

    async fn answer(&self, request: Inbound, _: &[Fault]) -> Response<Body> {
        let mut world = self.world();
        let query = || decoded(request.parts.uri.query().unwrap_or_default().as_bytes());
        match (request.parts.method.clone(), request.parts.uri.path()) {
            (Method::GET, "/.well-known/openid-configuration") => answer(StatusCode::OK, &world.describe()),
            (Method::GET, "/keys") => {
                let mut set = world.keys.set();
                set["padding"] = json!("x".repeat(world.padding));
                answer(StatusCode::OK, &set)
            }
            (Method::GET, "/authorize") => world.authorize(query(), None),
            (Method::POST, "/authorize") => {
                let typed = decoded(&request.body).remove("user");
                world.authorize(query(), typed)
            }
            (Method::POST, "/token") => {
                let authorization =
                    request.parts.headers.get("authorization").and_then(|value| value.to_str().ok());
                world.token(authorization, &decoded(&request.body))
            }
            _ => text(StatusCode::NOT_FOUND, "nothing is here"),
        }
    }
}

/// `change` over `value`; null takes a member away.
fn merged(value: Value, change: &Value) -> Value {
    let mut members: Map<String, Value> = value.as_object().cloned().unwrap_or_default();
    for (name, member) in change.as_object().into_iter().flatten() {
        if member.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), member.clone());
        }
    }
    Value::Object(members)
}

/// The page on which a person says who they are. It sends the form back to its own address.
fn form(asked: &BTreeMap<String, String>) -> Response<Body> {
    let query: Vec<(&str, String)> =
        asked.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let action = encoded(&query).replace('&', "&amp;");
    let page = format!(
        "<!DOCTYPE html><html lang=en><title>The provider</title><link rel=icon href=\"data:,\"><form method=post action=\"/authorize?{action}\">\
         <label for=user>User</label> <input id=user name=user> <button>Enter</button></form></html>"
    );
    typed(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn answer(status: StatusCode, value: &Value) -> Response<Body> {
    typed(status, "application/json", value.to_string())
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    typed(status, "text/plain", text.to_owned())
}

fn redirect(location: &str) -> Response<Body> {
    let mut response = text(StatusCode::FOUND, "");
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(location).expect("an address"));
    response
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn encoded(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn decoded(form: &[u8]) -> BTreeMap<String, String> {
    let text = |text: &str| {
        let (mut out, mut bytes) = (Vec::new(), text.bytes());
        while let Some(byte) = bytes.next() {
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let hex = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                    let hex = String::from_utf8_lossy(&hex).into_owned();
                    out.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
                }
                byte => out.push(byte),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    let form = String::from_utf8_lossy(form).into_owned();
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}
