//! The OpenID provider of the configuration: what it says of itself, its keys, and the exchange of a code for who
//! somebody is.

use std::sync::Arc;

use serde_json::{Map, Value};
use stint_api::{Code, SsoCheck};
use stint_jose::{IdTokenExpect, KeySet, verify_id_token};

use super::{App, Error, PersonCaller, Result};
use crate::config::Sso;
use crate::identity::oidc::{self, Discovered, OidcError};
use crate::provider::Fetch;

/// Seconds for which description and keys are believed.
const BELIEVED: i64 = 3600;
/// Seconds between two look-ups of the keys that a token's unknown key makes.
const APART: i64 = 60;
/// Seconds after a failed look-up in which nobody tries again.
const PAUSE: i64 = 5;
/// Exchanges at once: each waits for another's server.
const AT_ONCE: usize = 16;

/// What the provider said, in this process.
pub(in crate::app) struct Memory {
    /// One at a time looks it up; the others wait for what it finds.
    known: tokio::sync::Mutex<Known>,
    places: tokio::sync::Semaphore,
}

#[derive(Default)]
struct Known {
    described: Option<(Arc<Discovered>, i64)>,
    keys: Option<(Arc<KeySet>, i64)>,
    /// When keys were last asked for because a token had one that is not among them.
    renewed: Option<i64>,
    failed: Option<(String, i64)>,
}

/// A code that came back, and what it has to fit.
pub(in crate::app) struct Redemption<'a> {
    pub(in crate::app) code: &'a str,
    pub(in crate::app) verifier: &'a str,
    pub(in crate::app) nonce: &'a str,
}

impl Default for Memory {
    fn default() -> Self {
        Memory { known: tokio::sync::Mutex::default(), places: tokio::sync::Semaphore::new(AT_ONCE) }
    }
}

impl App {
    pub(in crate::app) fn sso(&self) -> Result<&Sso> {
        self.0.config.sso.as_ref().ok_or_else(|| {
            Error::new(Code::NotFound, "single sign-on is not set up")
                .hint("sign in with what you have registered here; whoever runs the broker can set up [sso]")
        })
    }

    /// What people call the provider, where there is one.
    pub fn sso_name(&self) -> Option<&str> {
        self.0.config.sso.as_ref().map(|sso| sso.name.as_str())
    }

    /// Where the provider sends browsers back to.
    pub fn sso_callback(&self) -> String {
        format!("{}/console/sso/callback", self.issuer())
    }

    /// The provider's description, remembered for an hour.
    pub(in crate::app) async fn described(&self) -> Result<Arc<Discovered>> {
        let sso = self.sso()?;
        let now = self.0.clock.unix();
        let mut known = self.0.provider.known.lock().await;
        if let Some((described, at)) = &known.described
            && now - at < BELIEVED
        {
            return Ok(Arc::clone(described));
        }
        known.rest(now)?;
        match self.describe(sso).await {
            Ok(described) => {
                let described = Arc::new(described);
                known.described = Some((Arc::clone(&described), now));
                known.failed = None;
                Ok(described)
            }
            Err(error) => Err(known.fails(error, now)),
        }
    }

    /// The provider's keys, remembered for an hour; `anew` asks again, but not more often than once a minute.
    async fn keys_of_provider(&self, described: &Discovered, anew: bool) -> Result<Arc<KeySet>> {
        let sso = self.sso()?;
        let now = self.0.clock.unix();
        let mut known = self.0.provider.known.lock().await;
        let anew = anew && known.renewed.is_none_or(|at| now - at >= APART);
        if let Some((keys, at)) = &known.keys
            && now - at < BELIEVED
            && !anew
        {
            return Ok(Arc::clone(keys));
        }
        known.rest(now)?;
        if anew {
            known.renewed = Some(now);
        }
        match self.fetch_keys(sso, described).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                known.keys = Some((Arc::clone(&keys), now));
                known.failed = None;
                Ok(keys)
            }
            Err(error) => Err(known.fails(error, now)),
        }
    }

    async fn describe(&self, sso: &Sso) -> std::result::Result<Discovered, OidcError> {
        let answer =
            self.said(sso, &oidc::discovery_url(&sso.issuer), Fetch::default(), "description").await?;
        Discovered::parse(&answer, &sso.issuer)
    }

    async fn fetch_keys(&self, sso: &Sso, described: &Discovered) -> std::result::Result<KeySet, OidcError> {
        let answer = self.said(sso, &described.jwks_uri, Fetch::default(), "keys").await?;
        KeySet::parse(&answer)
            .map_err(|error| OidcError(format!("the provider's keys cannot be used: {error}")))
    }

    async fn said(
        &self,
        sso: &Sso,
        url: &str,
        fetch: Fetch,
        what: &str,
    ) -> std::result::Result<Vec<u8>, OidcError> {
        let wrong = |why: &str| OidcError(format!("the provider's {what} cannot be had: {why}"));
        let answer = self.0.upstream.fetch(url, sso.ca.as_deref(), fetch).await;
        let answer = answer.map_err(|error| wrong(&error.detail))?;
        // A redirect is not followed: it would let another server speak for the provider.
        if answer.status == 200 {
            Ok(answer.body.to_vec())
        } else {
            Err(wrong(&format!("it answered {}", answer.status)))
        }
    }

    /// Redeem a code: the claims of an identity token that holds in every point. `NotAuthenticated` for one that does not.
    pub(in crate::app) async fn redeem(&self, redemption: &Redemption<'_>) -> Result<Map<String, Value>> {
        let sso = self.sso()?;
        let _place = self.0.provider.places.acquire().await.map_err(Error::internal)?;
        let described = self.described().await?;
        let exchange = described.exchange(
            &sso.client_id,
            sso.client_secret.as_deref(),
            &self.sso_callback(),
            redemption.code,
            redemption.verifier,
        );
        let exchange = exchange.map_err(unusable)?;
        let fetch = Fetch { authorization: exchange.authorization, form: Some(exchange.body) };
        let answer = self.0.upstream.fetch(&described.token_endpoint, sso.ca.as_deref(), fetch).await;
        let answer = answer.map_err(|error| {
            unavailable(OidcError(format!("the provider's token endpoint does not answer: {}", error.detail)))
        })?;
        let token = oidc::id_token(answer.status, &answer.body).map_err(unusable)?;
        let expect = IdTokenExpect {
            issuer: &sso.issuer,
            client_id: &sso.client_id,
            nonce: redemption.nonce,
            now: self.0.clock.unix(),
        };
        let keys = self.keys_of_provider(&described, false).await?;
        let verified = match verify_id_token(&token, &expect, &keys) {
            // The provider may have changed its keys, under new names or under none.
            Err(stint_jose::Error::Key(_) | stint_jose::Error::Signature) => {
                let keys = self.keys_of_provider(&described, true).await?;
                verify_id_token(&token, &expect, &keys)
            }
            done => done,
        };
        let verified = verified.map_err(|error| {
            unusable(OidcError(format!("the provider's identity token does not hold: {error}")))
        })?;
        verified.into_claims().map_err(Error::internal)
    }

    /// Ask the provider now, for an owner to see what is wrong before anybody signs in by it.
    pub async fn check_sso(&self, caller: &PersonCaller) -> Result<SsoCheck> {
        caller.administers()?;
        let sso = self.sso()?;
        let mut check = SsoCheck {
            works: false,
            description: oidc::discovery_url(&sso.issuer),
            callback: self.sso_callback(),
            authorization_endpoint: None,
            token_endpoint: None,
            keys: 0,
            says_pkce: false,
            problem: None,
        };
        let described = match self.describe(sso).await {
            Ok(described) => described,
            Err(error) => return Ok(SsoCheck { problem: Some(error.0), ..check }),
        };
        check.authorization_endpoint = Some(described.authorization_endpoint.clone());
        check.token_endpoint = Some(described.token_endpoint.clone());
        check.says_pkce = described.says_pkce;
        match self.fetch_keys(sso, &described).await {
            Ok(keys) => {
                Ok(SsoCheck { works: true, keys: u64::try_from(keys.len()).unwrap_or_default(), ..check })
            }
            Err(error) => Ok(SsoCheck { problem: Some(error.0), ..check }),
        }
    }
}

impl Known {
    /// A provider that does not answer is not asked by everybody who waits.
    fn rest(&self, now: i64) -> Result<()> {
        match &self.failed {
            Some((why, at)) if now - at < PAUSE => Err(unavailable(OidcError(why.clone()))),
            _ => Ok(()),
        }
    }

    fn fails(&mut self, error: OidcError, now: i64) -> Error {
        self.failed = Some((error.0.clone(), now));
        unavailable(error)
    }
}

/// What the provider said cannot be used. Nobody is let in, and its text says why.
fn unusable(error: OidcError) -> Error {
    tracing::warn!(cause = %error, "single sign-on failed");
    Error::new(Code::NotAuthenticated, error.0)
        .hint("try again; if it stays, an owner finds out more on the page Settings, with Check")
}

/// The provider does not answer, or not as one: nobody's fault who signs in.
fn unavailable(error: OidcError) -> Error {
    Error { code: Code::Busy, ..unusable(error) }
}
