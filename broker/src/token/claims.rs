//! The claims of an access token as they are on the wire (RFC 9068 s2.2, RFC 8693 s4.1, RFC 9396 s9.1, RFC 9449 s6.1).

use serde::{Deserialize, Serialize};
use stint_api::AuthorizationDetail;

use crate::model::{Name, Principal, SessionId};

/// RFC 9068 s2.1.
pub(super) const TYP: &str = "at+jwt";

/// Which half of the broker a token is for: each refuses the other's (RFC 9068 s5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// `{issuer}/gateway`: provider requests.
    Gateway,
    /// `{issuer}/v1`: the broker's own API.
    Control,
}

impl Audience {
    pub fn path(self) -> &'static str {
        match self {
            Audience::Gateway => "/gateway",
            Audience::Control => "/v1",
        }
    }
}

/// INVARIANT: an unknown claim is refused, since nobody but us writes these.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    pub iss: String,
    pub sub: Principal,
    pub aud: String,
    pub client_id: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub cnf: Confirmation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<AuthorizationDetail>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "https://stint.dev/session")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "https://stint.dev/environment")]
    pub environment: Option<Name>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    /// RFC 7638 thumbprint of the holder's key.
    pub jkt: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Actor {
    pub sub: Principal,
}

/// What must hold between claims, of a token to be minted and of one to be verified alike.
pub(super) fn inconsistency(claims: &Claims, audience: Audience) -> Option<&'static str> {
    let printable =
        |text: &str| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let base64url = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !printable(&claims.client_id) || !printable(&claims.jti) {
        return Some("client_id or jti is not 1 to 128 printable characters");
    }
    if claims.cnf.jkt.len() != 43 || !base64url(&claims.cnf.jkt) {
        return Some("jkt is not a SHA-256 thumbprint");
    }
    if claims.act.as_ref().is_some_and(|act| !matches!(act.sub, Principal::Agent(_))) {
        return Some("the actor is not an agent");
    }
    let for_environment = |detail: &AuthorizationDetail| {
        detail.kind == "stint"
            && claims.environment.as_ref().is_some_and(|name| name.as_str() == detail.environment)
    };
    match (&claims.environment, claims.authorization_details.as_slice()) {
        (None, []) => {}
        (Some(_), [detail]) if for_environment(detail) => {}
        _ => return Some("authorization_details are not of the token's environment"),
    }
    // At the gateway every request belongs to a session in an environment, and is an agent's.
    let complete = claims.session.is_some() && claims.environment.is_some() && claims.act.is_some();
    if audience == Audience::Gateway && !complete {
        return Some("a gateway token names session, environment and agent");
    }
    None
}
