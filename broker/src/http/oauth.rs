//! `POST /oauth/token` (RFC 6749 s3.2): `client_credentials` with `private_key_jwt` and DPoP, and the device grant, which
//! begins at `POST /oauth/device_authorization` (RFC 8628).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use stint_api::{Code, OAuthError};

use super::caller::texts;
use super::refusal::Refusal;
use crate::app::{App, DeviceRequest, Error, TokenRequest};
use crate::listen::Client;
use crate::model::EventKind;

const LIMIT: usize = 64 * 1024;

pub(super) async fn token(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(failed) => failed.into_response(),
    }
}

async fn answer(app: &App, request: Request) -> Result<Response, Fault> {
    let Asked { form, proofs, .. } = Asked::read(request).await?;
    let request = TokenRequest {
        grant_type: form.one("grant_type"),
        client_id: form.one("client_id"),
        client_assertion_type: form.one("client_assertion_type"),
        client_assertion: form.one("client_assertion"),
        client_secret: form.one("client_secret").is_some(),
        authorization_details: form.one("authorization_details"),
        scope: form.one("scope"),
        device_code: form.one("device_code"),
        proofs: &proofs,
    };
    Ok(unkept(app.token(request).await.map_err(fault)?))
}

/// `POST /oauth/device_authorization` (RFC 8628 s3.1).
pub(super) async fn device_authorization(State(app): State<App>, request: Request) -> Response {
    let answer = async {
        let Asked { form, proofs, program, address } = Asked::read(request).await?;
        let request = DeviceRequest {
            client_id: form.one("client_id"),
            scope: form.one("scope"),
            device: form.one("device"),
            proofs: &proofs,
            program: &program,
            address: &address,
        };
        Ok::<_, Fault>(unkept(app.device_authorization(request).await.map_err(fault)?))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// RFC 6749 s5.1.
fn unkept(answer: impl serde::Serialize) -> Response {
    let mut response = super::json::Answer(answer).into_response();
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A request to an OAuth endpoint, taken apart.
struct Asked {
    form: Form,
    proofs: Vec<String>,
    program: String,
    address: String,
}

impl Asked {
    async fn read(request: Request) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let invalid = |text: &str| Fault::new(StatusCode::BAD_REQUEST, "invalid_request", text);
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !header(header::CONTENT_TYPE)
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(invalid("the body must be application/x-www-form-urlencoded"));
        }
        let authorization =
            texts(&parts.headers, "authorization").map_err(|_| invalid("a header value is not text"))?;
        if !authorization.is_empty() {
            return Err(Fault::new(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "this client authenticates by a client assertion",
            ));
        }
        let proofs = texts(&parts.headers, "dpop").map_err(|_| invalid("a header value is not text"))?;
        let reading = Limited::new(body, LIMIT).collect();
        let body = tokio::time::timeout(super::json::BODY_TIMEOUT, reading).await;
        let body = body
            .map_err(|_| invalid("the body did not arrive in time"))?
            .map_err(|_| invalid("the body is too large or broke off"))?;
        let form = Form::parse(&body.to_bytes()).map_err(|text| invalid(&text))?;
        let address = parts.extensions.get::<Client>().map(|client| client.0.to_string());
        let program = header(header::USER_AGENT).to_owned();
        Ok(Asked { form, proofs, program, address: address.unwrap_or_default() })
    }
}

/// Form parameters. One that stands twice is an error (RFC 6749 s3.2); an empty one counts as left out.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the body is not UTF-8".to_owned())?;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if pairs.iter().any(|(seen, _)| *seen == name) {
                let shown: String = name.chars().take(40).collect();
                return Err(format!("the parameter {shown:?} stands twice"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Form(pairs))
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(seen, value)| seen == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

struct Fault {
    status: StatusCode,
    error: OAuthError,
    nonce: Option<String>,
    refusal: Option<Refusal>,
}

impl Fault {
    fn new(status: StatusCode, error: &str, description: &str) -> Self {
        // RFC 6749 s5.2: printable ASCII without quote and backslash.
        let plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        let description = description.chars().map(|c| if plain(c) { c } else { '\'' }).take(300).collect();
        Fault {
            status,
            error: OAuthError { error: error.to_owned(), error_description: Some(description) },
            nonce: None,
            refusal: None,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(serde_json::to_vec(&self.error).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(nonce) = self.nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
            headers.insert("dpop-nonce", nonce);
        }
        if let Some(refusal) = self.refusal {
            response.extensions_mut().insert(refusal);
        }
        response
    }
}

/// An error of the use case, to go on record unless it is the broker's own.
fn fault(error: Error) -> Fault {
    let (refusal, asks) = (Refusal::of(EventKind::TokenRefused, &error), error.code == Code::UseNonce);
    let fault = in_words(error);
    // To ask for a nonce is a step on the way in.
    let refused = fault.status.is_client_error() && !asks && !GO_ON.contains(&fault.error.error.as_str());
    Fault { refusal: refused.then_some(refusal), ..fault }
}

/// An error of the use case in OAuth's words.
fn in_words(error: Error) -> Fault {
    let (status, code) = match error.code {
        Code::NotAuthenticated => (StatusCode::UNAUTHORIZED, "invalid_client"),
        Code::UseNonce => {
            let mut fault = Fault::new(StatusCode::BAD_REQUEST, "use_dpop_nonce", &error.detail);
            fault.nonce = error.nonce;
            return fault;
        }
        Code::InvalidProof => (StatusCode::BAD_REQUEST, "invalid_dpop_proof"),
        Code::SessionEnded => (StatusCode::UNAUTHORIZED, "invalid_client"),
        Code::Sealed | Code::NotRecorded | Code::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        Code::Denied | Code::Forbidden => (StatusCode::BAD_REQUEST, "unauthorized_client"),
        Code::NotFound => (StatusCode::BAD_REQUEST, "invalid_authorization_details"),
        _ => match error.detail.split_once(": ") {
            Some((code, _)) if OAUTH_CODES.contains(&code) => {
                let code = code.to_owned();
                return Fault::new(StatusCode::BAD_REQUEST, &code, &error.detail);
            }
            _ => (StatusCode::BAD_REQUEST, "invalid_request"),
        },
    };
    Fault::new(status, code, &error.detail)
}

/// Codes that the use case names itself, before a colon.
const OAUTH_CODES: &[&str] = &[
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_authorization_details",
    "invalid_target",
    "invalid_request",
    "invalid_grant",
    "authorization_pending",
    "slow_down",
    "access_denied",
    "expired_token",
];

/// RFC 8628 s3.5: a machine is told to go on asking, which is no refusal.
const GO_ON: &[&str] = &["authorization_pending", "slow_down"];
