use stint_api::AuthorizationDetail;

use super::claims::{Actor, Claims, Confirmation, TYP, inconsistency};
use super::{Audience, Error, Tokens};
use crate::model::{Name, Principal, SessionId};

/// Longest life of a token, in seconds.
pub const MAX_TTL: i64 = 3600;

/// What a token is to say.
#[derive(Debug, Clone)]
pub struct Mint {
    /// Whom the work is for.
    pub subject: Principal,
    pub client_id: String,
    /// Who acts; required for the gateway.
    pub agent: Option<Name>,
    /// Required for the gateway.
    pub session: Option<SessionId>,
    /// Required for the gateway.
    pub environment: Option<Name>,
    /// Credentials that may be used; empty means all of the environment.
    pub credentials: Vec<Name>,
    pub audience: Audience,
    /// RFC 7638 thumbprint of the key that must prove each use.
    pub jkt: String,
    /// Cut to `MAX_TTL`. The caller cuts it to what is left of the session.
    pub ttl_seconds: i64,
    /// Unique among all tokens.
    pub jti: String,
    /// Seconds since the epoch.
    pub now: i64,
}

#[derive(Debug, Clone)]
pub struct Minted {
    /// Shown once, to its holder: never logged, never stored.
    pub token: String,
    pub jti: String,
    /// Seconds since the epoch.
    pub expires_at: i64,
    pub authorization_details: Vec<AuthorizationDetail>,
}

impl Tokens {
    /// Sign an access token (RFC 9068). `Error::Mint` when what it would say does not hold together.
    pub fn mint(&self, mint: Mint) -> Result<Minted, Error> {
        if mint.ttl_seconds <= 0 {
            return Err(Error::Mint("a token lives for a second at least"));
        }
        if mint.environment.is_none() && !mint.credentials.is_empty() {
            return Err(Error::Mint("credentials without an environment"));
        }
        let detail = |environment: &Name| AuthorizationDetail {
            kind: "stint".to_owned(),
            environment: environment.to_string(),
            credentials: mint.credentials.iter().map(Name::to_string).collect(),
            ttl: None,
            heartbeat: None,
        };
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: mint.subject,
            aud: self.audience(mint.audience).to_owned(),
            client_id: mint.client_id,
            iat: mint.now,
            exp: mint.now.saturating_add(mint.ttl_seconds.min(MAX_TTL)),
            jti: mint.jti,
            cnf: Confirmation { jkt: mint.jkt },
            act: mint.agent.map(|name| Actor { sub: Principal::Agent(name) }),
            authorization_details: mint.environment.iter().map(detail).collect(),
            session: mint.session,
            environment: mint.environment,
        };
        if let Some(why) = inconsistency(&claims, mint.audience) {
            return Err(Error::Mint(why));
        }
        let key = self.signing()?;
        let token = stint_jose::sign(&key.key, TYP, Some(&key.kid), &claims)
            .map_err(|_| Error::Mint("the claims do not serialise"))?;
        Ok(Minted {
            token,
            jti: claims.jti,
            expires_at: claims.exp,
            authorization_details: claims.authorization_details,
        })
    }
}
