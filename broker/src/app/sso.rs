//! Signing in by an OpenID provider, proving it again there, and tying a person to who they are there.
//!
//! A person is the issuer and the subject together. Nothing of a flow is kept: the `state` is a challenge that only the
//! browser with its cookie can bring back, once, within ten minutes; nonce and PKCE verifier are made from the two.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stint_api::Code;

use super::identify::PersonCaller;
use super::passkey::{Ceremony, Spent, at_console, end_of};
use super::sign_in::{Browser, SignedIn};
use super::sso_provider::Redemption;
use super::{App, Error, Facts, Result};
use crate::identity::oidc::{self, AuthorizationRequest};
use crate::model::{EventKind, SignInId};
use crate::store::{Commit, CommitError};

/// How long a browser may be at the provider.
pub(in crate::app) const LASTS: TimeDelta = TimeDelta::minutes(10);

/// What somebody goes to the provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SsoKind {
    SignIn,
    /// To prove again who they are.
    Prove,
    /// To tie themselves to who they are there.
    Link,
}

/// What the browser's cookie holds while it is away. The `state` is a MAC over it: a changed one fits none.
#[derive(Serialize, Deserialize)]
pub(in crate::app) struct Flow {
    random: String,
    kind: SsoKind,
    /// The sign-in of whoever proves or links.
    pub(in crate::app) sign_in: Option<SignInId>,
    pub(in crate::app) next: String,
}

/// Where a browser goes, and with which cookie.
#[derive(Debug)]
pub struct SsoStart {
    pub location: String,
    pub cookie: String,
    pub lasts: TimeDelta,
}

/// What the provider sent the browser back with (RFC 6749 s4.1.2, RFC 9207).
#[derive(Debug, Default)]
pub struct SsoAnswer {
    pub code: Option<String>,
    pub state: Option<String>,
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// What became of it, and where the person wanted to go.
#[derive(Debug)]
pub enum SsoDone {
    SignedIn(SignedIn, String),
    /// Proven or tied: the browser is signed in already.
    Back(String),
}

/// Who somebody is at the provider.
pub(in crate::app) struct Known {
    pub(in crate::app) issuer: String,
    pub(in crate::app) subject: String,
    pub(in crate::app) claims: Map<String, Value>,
}

impl App {
    /// Begin: `caller` is whoever proves or links; nobody is needed to sign in.
    pub async fn begin_sso(
        &self,
        caller: Option<&PersonCaller>,
        kind: SsoKind,
        next: &str,
    ) -> Result<SsoStart> {
        self.unsealed()?;
        let sso = self.sso()?;
        if self.is_new().await? {
            return Err(Error::new(
                Code::Conflict,
                "nobody is registered yet: the first person comes in by the setup token",
            )
            .hint(format!("open {}/console/setup", self.issuer())));
        }
        let sign_in = match (kind, caller) {
            (SsoKind::SignIn, _) => None,
            (_, Some(caller)) => Some(at_console(caller)?.clone()),
            (_, None) => return Err(Error::internal("nobody is signed in")),
        };
        if let (SsoKind::Link, Some(caller)) = (kind, caller) {
            self.steps_up(caller).await?;
        }
        let described = self.described().await?;
        let flow =
            Flow { random: self.fresh_cookie()?, kind, sign_in, next: next.chars().take(500).collect() };
        let cookie = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&flow).map_err(Error::internal)?);
        let state = self.challenge(&Ceremony::Provider(&cookie))?;
        let request = AuthorizationRequest {
            client_id: &sso.client_id,
            redirect_uri: &self.sso_callback(),
            scopes: &sso.scopes,
            state: &state,
            nonce: &self.sso_mac("stint sso nonce v1", &state, &cookie)?,
            verifier: &self.sso_mac("stint sso verifier v1", &state, &cookie)?,
            again: kind == SsoKind::Prove,
        };
        Ok(SsoStart { location: described.authorization_url(&request), cookie, lasts: LASTS })
    }

    /// The browser is back. Whatever comes of it, the `state` is used up.
    pub async fn finish_sso(&self, answer: SsoAnswer, cookie: &str, browser: Browser) -> Result<SsoDone> {
        self.unsealed()?;
        let sso = self.sso()?;
        let attempt = self.attempt(None, &browser.address).await?;
        self.in_time(&attempt, "unknown").await?;
        // The provider may take its time; others go on meanwhile.
        drop(attempt);
        let state = answer.state.as_deref().unwrap_or_default();
        let flow =
            URL_SAFE_NO_PAD.decode(cookie).ok().and_then(|json| serde_json::from_slice::<Flow>(&json).ok());
        let used = self.spend(state, &Ceremony::Provider(cookie))?;
        let (Some(flow), Some(used)) = (flow, used) else {
            let error = Error::new(
                Code::NotAuthenticated,
                "this was not begun in this browser, or longer than ten minutes ago",
            )
            .hint("begin again on the page to sign in; one sign-in at a time in one browser");
            return Err(self.sso_failed(error, "another state", None, &browser.address).await?);
        };
        let described = self.described().await?;
        // RFC 9207 s2.4: an answer of another provider is not taken to this one.
        let named = answer.iss.as_deref().map_or(!described.names_issuer, |iss| iss == sso.issuer);
        if !named {
            let error = Error::new(
                Code::NotAuthenticated,
                "the answer is of another provider than the one that was asked",
            );
            return Err(self.sso_failed(error, "another issuer", Some(used), &browser.address).await?);
        }
        let code = match (&answer.code, &answer.error) {
            (Some(code), None) if !code.is_empty() && code.len() <= 4096 => code,
            (_, Some(error)) => {
                let why = oidc::word(error);
                let error = Error::new(Code::NotAuthenticated, format!("the provider let nobody in: {why}"))
                    .hint("try again, or ask whoever runs the provider");
                return Err(self
                    .sso_failed(error, "refused by the provider", Some(used), &browser.address)
                    .await?);
            }
            _ => {
                let error = Error::new(Code::NotAuthenticated, "the provider's answer holds no code");
                return Err(self.sso_failed(error, "no code", Some(used), &browser.address).await?);
            }
        };
        let redemption = Redemption {
            code,
            verifier: &self.sso_mac("stint sso verifier v1", state, cookie)?,
            nonce: &self.sso_mac("stint sso nonce v1", state, cookie)?,
        };
        let claims = match self.redeem(&redemption).await {
            Ok(claims) => claims,
            Err(error) => {
                let reason = error.detail.clone();
                return Err(self.sso_failed(error, &reason, Some(used), &browser.address).await?);
            }
        };
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        let known = Known { issuer: sso.issuer.clone(), subject, claims };
        let begun = end_of(state).unwrap_or_default() - LASTS.num_seconds();
        let done = match flow.kind {
            SsoKind::SignIn => self.sso_sign_in(&known, used, browser.clone(), flow.next).await,
            SsoKind::Prove => self.sso_prove(&known, used, flow, begun).await,
            SsoKind::Link => self.sso_link(&known, used, flow).await,
        };
        match done {
            Err(error) if matches!(error.code, Code::NotAuthenticated | Code::Forbidden | Code::Conflict) => {
                let reason = error.detail.clone();
                Err(self.sso_failed(error, &reason, Some(used), &browser.address).await?)
            }
            done => done,
        }
    }

    /// Record and count an attempt that let nobody in; gives back what to say.
    async fn sso_failed(
        &self,
        error: Error,
        reason: &str,
        used: Option<Spent>,
        address: &str,
    ) -> Result<Error> {
        let attempt = self.attempt(None, address).await?;
        let facts = Facts::new().with("method", "sso").with("reason", reason).with("address", address);
        let event = self.event(EventKind::SignInRefused, "unknown", None, facts)?;
        // Whoever is known at the provider, or finds it silent, has guessed nothing.
        let guessed = error.code == Code::NotAuthenticated;
        let counted = || if guessed { attempt.counted(self.0.clock.now()) } else { Vec::new() };
        let commit = |used: Option<Spent>| Commit {
            changes: counted().into_iter().chain(used.map(Spent::change)).collect(),
            events: vec![event.clone()],
            digest: None,
        };
        match self.0.store.commit(commit(used)).await {
            // Used before: that is what is wrong, and counts all the same.
            Err(CommitError::Replayed) => {
                self.0.store.commit(commit(None)).await?;
                self.tell(super::News::Record);
                Ok(used_before(CommitError::Replayed))
            }
            Err(other) => Err(other.into()),
            Ok(_) => {
                self.tell(super::News::Record);
                Ok(error)
            }
        }
    }

    /// 43 characters that only the broker can make of a `state` and its cookie.
    fn sso_mac(&self, label: &'static str, state: &str, cookie: &str) -> Result<String> {
        // The state has one length, so no byte slides from one into the other.
        let message = [state, ".", cookie].concat();
        let mac = self.0.vault.mac(label, message.as_bytes()).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(mac))
    }
}

pub(in crate::app) fn used_before(error: CommitError) -> Error {
    match error {
        CommitError::Replayed => {
            Error::new(Code::NotAuthenticated, "this answer of the provider was used before")
                .hint("begin again on the page to sign in")
        }
        other => other.into(),
    }
}
