use std::sync::Arc;

use stint_jose::{Expect, Lifetime, Typ, access_token_hash};

use super::cache::TokenCache;
use super::claims::{Claims, TYP, inconsistency};
use super::{Audience, Error, MAX_TTL, Tokens};
use crate::model::{Name, Principal, SessionId};

/// A token of ours that was found good: signed by us, for this audience, not expired.
///
/// It says nothing about who presents it (that is `Proven`) nor whether its session still lives.
///
/// INVARIANT: only `Tokens::verify` makes one. This compiles:
/// ```
/// use stint_broker::token::Verified;
/// fn subject(verified: &Verified) -> String {
///     verified.subject().to_string()
/// }
/// ```
/// and this does not, since no field is public:
/// ```compile_fail,E0451
/// use stint_broker::token::Verified;
/// fn forged(verified: Verified) -> Verified {
///     Verified { jti: "other".to_owned(), ..verified }
/// }
/// ```
#[derive(Debug)]
pub struct Verified {
    subject: Principal,
    client_id: String,
    agent: Option<Name>,
    session: Option<SessionId>,
    environment: Option<Name>,
    credentials: Vec<Name>,
    audience: Audience,
    jkt: String,
    jti: String,
    issued_at: i64,
    expires_at: i64,
    /// From when it is refused: `expires_at`, or earlier when its key retires.
    accepted_until: i64,
    /// Hash of the token itself, as a proof names it.
    ath: String,
}

impl Tokens {
    /// Check a token of ours for `audience` at `now` (seconds since the epoch): RFC 9068 s4, RFC 8725 s3.
    pub fn verify(&self, token: &str, audience: Audience, now: i64) -> Result<Verified, Error> {
        let expect = Expect {
            typ: Typ::Exactly(TYP),
            embedded_key: false,
            issuer: Some(&self.issuer),
            subject: None,
            audience: stint_jose::Audience::Exactly(self.audience(audience)),
            // Replicas differ in `iat` by the leeway; an end is an end, since the clock that wrote it is one of ours.
            lifetime: Lifetime::Ends { max: MAX_TTL, leeway: 0 },
            now,
        };
        let key = |kid: Option<&str>| self.accepted(kid?, now);
        let verified = stint_jose::verify(token, &expect, &|header| {
            Some(key(header.kid.as_deref())?.key.public().clone())
        })
        .map_err(|error| match error {
            stint_jose::Error::Expired => Error::Expired,
            error => Error::Token(error),
        })?;
        let key_until = key(verified.header().kid.as_deref()).and_then(|key| key.accept_until);
        let claims: Claims = verified.into_claims().map_err(Error::Token)?;
        let accepted_until = key_until.map_or(claims.exp, |until| until.min(claims.exp));
        Verified::from_claims(claims, audience, accepted_until, access_token_hash(token))
    }

    /// The same, with the work done once for each token: afterwards a lookup by its SHA-256 until it ends.
    pub fn verify_cached(&self, token: &str, audience: Audience, now: i64) -> Result<Arc<Verified>, Error> {
        if token.len() > stint_jose::MAX_TOKEN {
            return Err(Error::Token(stint_jose::Error::Malformed("longer than 8 KiB")));
        }
        let key = TokenCache::key(token);
        match self.cache.find(&key) {
            Some(known) if known.audience == audience && now < known.accepted_until => Ok(known),
            // Not known, or no longer good: the full check says which error it is.
            _ => {
                let verified = Arc::new(self.verify(token, audience, now)?);
                self.cache.insert(key, Arc::clone(&verified));
                Ok(verified)
            }
        }
    }
}

impl Verified {
    fn from_claims(
        claims: Claims,
        audience: Audience,
        accepted_until: i64,
        ath: String,
    ) -> Result<Self, Error> {
        let refuse = |why| Error::Token(stint_jose::Error::Claim(why));
        if let Some(why) = inconsistency(&claims, audience) {
            return Err(refuse(why));
        }
        let credentials = claims.authorization_details.iter().flat_map(|detail| &detail.credentials);
        let credentials: Result<Vec<Name>, _> = credentials.map(|name| Name::parse(name)).collect();
        Ok(Verified {
            subject: claims.sub,
            client_id: claims.client_id,
            agent: claims.act.map(|act| act.sub.name().clone()),
            session: claims.session,
            environment: claims.environment,
            credentials: credentials.map_err(|_| refuse("a credential's name is not one"))?,
            audience,
            jkt: claims.cnf.jkt,
            jti: claims.jti,
            issued_at: claims.iat,
            expires_at: claims.exp,
            accepted_until,
            ath,
        })
    }

    /// Whom the work is for.
    pub fn subject(&self) -> &Principal {
        &self.subject
    }

    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Who acts. Always there in a gateway token.
    pub fn agent(&self) -> Option<&Name> {
        self.agent.as_ref()
    }

    /// Always there in a gateway token.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Always there in a gateway token.
    pub fn environment(&self) -> Option<&Name> {
        self.environment.as_ref()
    }

    /// Credentials that may be used; empty means all of the environment.
    pub fn credentials(&self) -> &[Name] {
        &self.credentials
    }

    /// Whether the token covers a credential of its environment.
    pub fn covers(&self, credential: &Name) -> bool {
        self.environment.is_some() && (self.credentials.is_empty() || self.credentials.contains(credential))
    }

    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// RFC 7638 thumbprint of the key that must prove each use.
    pub fn jkt(&self) -> &str {
        &self.jkt
    }

    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// Seconds since the epoch.
    pub fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// Seconds since the epoch.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    pub(super) fn ath(&self) -> &str {
        &self.ath
    }
}
