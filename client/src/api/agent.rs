use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use stint_api::{AuthorizationDetail, CLIENT_ASSERTION_TYPE, StartedSession, TokenResponse};
use stint_jose::{ClientAssertion, NewAssertion, SigningKey};
use zeroize::Zeroizing;

use super::{Error, Holder, Identity, Transport, device, key_from_text, key_to_text};
use crate::clock::Clock;

/// What an agent authenticates with by itself: its key, and the `client_id` that it was registered under.
#[derive(Debug)]
pub struct AgentKey {
    pub client_id: String,
    key: SigningKey,
}

/// An Ed25519 JWK (RFC 8037 s2) with one member more.
#[derive(Deserialize)]
struct File<'a> {
    client_id: String,
    kty: String,
    crv: String,
    /// Read in place: no copy of it is made.
    d: &'a str,
}

impl AgentKey {
    pub fn new(client_id: String, key: SigningKey) -> Self {
        AgentKey { client_id, key }
    }

    /// The private JWK, and `client_id` in it: text of a file that nobody else may read.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut jwk = self.key.public().to_value();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("client_id".to_owned(), json!(self.client_id));
            members.insert("d".to_owned(), json!(key_to_text(&self.key).as_str()));
        }
        Zeroizing::new(jwk.to_string())
    }

    pub fn from_text(text: &str) -> Result<Self, Error> {
        // What is wrong is said without what stands there.
        let unreadable = || {
            Error::protocol(
                "the agent's key is not what `stint agent add --new-key` writes: an Ed25519 JWK with client_id",
            )
        };
        let file: File<'_> = serde_json::from_str(text).map_err(|_| unreadable())?;
        if file.kty != "OKP" || file.crv != "Ed25519" || URL_SAFE_NO_PAD.decode(file.d).is_err() {
            return Err(unreadable());
        }
        Ok(AgentKey { client_id: file.client_id, key: key_from_text(file.d)? })
    }
}

/// Begins a session as an agent by its own key (RFC 7523 s2.2 with RFC 9396), bound to `key` (RFC 9449 s5).
pub async fn begin(
    transport: Transport,
    base: &str,
    agent: &AgentKey,
    detail: &AuthorizationDetail,
    key: SigningKey,
    clock: &Clock,
) -> Result<(StartedSession, Holder), Error> {
    let metadata = device::metadata(&transport, base).await?;
    let jti = clock.unguessable().map_err(|error| Error::protocol(error.to_string()))?;
    let new = NewAssertion {
        client_id: &agent.client_id,
        audience: &metadata.issuer,
        jti: &jti,
        iat: clock.unix(),
    };
    let assertion = ClientAssertion::make(&agent.key, None, &new)
        .map_err(|error| Error::protocol(format!("no assertion could be made: {error}")))?;
    let details = json!([detail]).to_string();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", agent.client_id.as_str()),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", &assertion),
        ("authorization_details", &details),
    ];
    let (issuer, token_endpoint) = (metadata.issuer, metadata.token_endpoint);
    let identity = |client_id: String| Identity {
        client_id,
        issuer: issuer.clone(),
        token_endpoint: token_endpoint.clone(),
    };
    let holder = Holder::new(identity(agent.client_id.clone()), key, transport, clock.clone());
    let token: TokenResponse = holder.ask(&token_endpoint, &form).await?;
    let id = token.session.ok_or_else(|| Error::protocol("the broker began no session for this agent"))?;
    let holder = holder.as_client(identity(id.clone()));
    let url = format!("{base}/v1/sessions/{id}/started");
    let started = holder.call(Method::GET, &url, None::<&()>, Duration::ZERO).await?;
    Ok((started, holder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::new_key;

    #[test]
    fn a_key_is_read_back_and_anything_else_is_no_key() {
        let key = AgentKey::new("agent-1".to_owned(), new_key(&Clock::system()).unwrap());
        let read = AgentKey::from_text(&key.to_text()).unwrap();
        assert_eq!((read.client_id.as_str(), read.key.seed()), ("agent-1", key.key.seed()));
        for other in ["", "{}", r#"{"client_id":"a","kty":"EC","crv":"P-256","d":"AA"}"#] {
            assert!(
                AgentKey::from_text(other).unwrap_err().to_string().contains("stint agent add --new-key")
            );
        }
        let wrong = r#"{"client_id":"a","kty":"OKP","crv":"Ed25519","d":"c2hvcnQ"}"#;
        let said = AgentKey::from_text(wrong).unwrap_err().to_string();
        assert!(!said.contains("c2hvcnQ"), "{said}");
    }
}
