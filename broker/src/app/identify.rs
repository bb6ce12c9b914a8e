//! Who asks: a token, and a proof that its holder has the key it is bound to (RFC 9449 s7).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use stint_api::{Code, WhoAmI};

use super::login::Reach;
use super::{App, Error, LiveCredential, LiveSession, Result};
use crate::model::{ClientId, Name, SignInRow};
use crate::store::Change;
use crate::token::{self, Audience, Jwk, ProvenKey, Shown, Verified};

/// What a request presents to say who sent it.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    pub method: &'a str,
    /// Path as sent, without the query.
    pub path: &'a str,
    /// Every `Authorization` value.
    pub authorization: &'a [String],
    /// Every `DPoP` value.
    pub proofs: &'a [String],
}

/// A person: by a login on a machine, or signed in to the console.
#[derive(Debug, Clone)]
pub struct PersonCaller {
    pub person: Name,
    pub role: String,
    pub(in crate::app) via: Via,
}

/// How long it counts that a person proved who they are.
pub(in crate::app) const PROVEN: TimeDelta = TimeDelta::minutes(5);

/// How a person is known.
#[derive(Debug, Clone)]
pub(in crate::app) enum Via {
    /// By a token that is bound to the key of a login, with a proof.
    Login {
        client: ClientId,
        used: UsedProof,
        reach: Reach,
        /// Address of the console, where its person does what it does not.
        console: String,
    },
    /// By the cookie of a browser.
    SignIn(SignInRow),
}

/// A live session, by its token.
#[derive(Debug, Clone)]
pub struct GatewayCaller {
    pub session: Arc<LiveSession>,
    credentials: Vec<Name>,
    used: UsedProof,
}

/// A proof that this process has used up, for the commit that it causes to remember.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct UsedProof {
    key: [u8; 32],
    /// Seconds since the epoch, after which the proof is stale anyway.
    until: i64,
}

impl UsedProof {
    pub(in crate::app) fn change(self) -> Change {
        Change::Remember { key: self.key, until: self.until }
    }
}

/// A public key as given, in the forms that are kept.
#[derive(Debug, Clone)]
pub(in crate::app) struct Key {
    /// JWK text, canonical members only.
    pub(in crate::app) text: String,
    /// RFC 7638 thumbprint.
    pub(in crate::app) jkt: String,
}

pub(in crate::app) fn parse_key(value: &serde_json::Value) -> Result<Key> {
    let jwk = Jwk::from_value(value).map_err(|error| {
        Error::new(Code::InvalidInput, format!("the key is not a public Ed25519 or P-256 JWK: {error}"))
    })?;
    if matches!(jwk.algorithm(), stint_jose::Algorithm::Rs256 | stint_jose::Algorithm::Ps256) {
        return Err(Error::new(Code::InvalidInput, "the key is not a public Ed25519 or P-256 JWK"));
    }
    Ok(Key { text: jwk.to_value().to_string(), jkt: jwk.thumbprint() })
}

// === impl PersonCaller ===

impl PersonCaller {
    pub fn actor(&self) -> String {
        format!("person:{}", self.person)
    }

    pub fn whoami(&self) -> WhoAmI {
        WhoAmI {
            person: self.person.to_string(),
            role: self.role.clone(),
            client_id: match &self.via {
                Via::Login { client, .. } => client.to_string(),
                Via::SignIn(row) => row.id.to_string(),
            },
            reaches: Some(self.reach().into()),
        }
    }

    /// The proof, if there is one, to be remembered by the change that it made.
    pub(in crate::app) fn used_proof(&self) -> Option<Change> {
        match &self.via {
            Via::Login { used, .. } => Some(used.change()),
            Via::SignIn(_) => None,
        }
    }

    /// The login that they ask by, if they do not sit at the console.
    pub(in crate::app) fn login(&self) -> Option<&ClientId> {
        match &self.via {
            Via::Login { client, .. } => Some(client),
            Via::SignIn(_) => None,
        }
    }

    /// Whether they are signed in to the console.
    pub(in crate::app) fn is_at_console(&self) -> bool {
        matches!(self.via, Via::SignIn(_))
    }

    /// Whether they proved who they are a moment ago.
    pub fn is_proven(&self, now: DateTime<Utc>) -> bool {
        match &self.via {
            Via::SignIn(row) => now - row.proven_at < PROVEN,
            Via::Login { .. } => false,
        }
    }

    /// How far they reach by the way they are known.
    pub fn reach(&self) -> Reach {
        match &self.via {
            Via::Login { reach, .. } => *reach,
            Via::SignIn(_) => Reach::CONSOLE,
        }
    }

    /// Sees what is not their own.
    pub(in crate::app) fn reads(&self) -> Result<()> {
        self.reaches(
            self.reach().reads,
            "this login starts sessions and sees and ends its own, and nothing else",
        )
    }

    /// Registers agents, environments and credentials.
    pub(in crate::app) fn administers(&self) -> Result<()> {
        self.is_owner()?;
        self.reaches(self.reach().administers, "a login on a machine does not administer by itself")
    }

    pub(in crate::app) fn is_owner(&self) -> Result<()> {
        self.has(&["owner"], "administer")
    }

    /// Starts and ends sessions.
    pub(in crate::app) fn works(&self) -> Result<()> {
        self.has(&["owner", "approver", "operator"], "start or end sessions")
    }

    pub(in crate::app) fn approves(&self) -> Result<()> {
        self.has(&["owner", "approver"], "approve or deny")?;
        if self.reach().approves {
            return Ok(());
        }
        Err(Error::new(Code::StepUpRequired, "a login that was made by a code decides no approvals")
            .hint(format!("decide it in the console: {}", self.console())))
    }

    /// Decides what cannot be put back: who proved a moment ago who they are, or has nothing to prove it with yet.
    pub(in crate::app) fn approves_for_good(&self, now: DateTime<Utc>) -> Result<()> {
        if self.is_proven(now) || self.reach().destroys {
            return Ok(());
        }
        if self.is_at_console() {
            return Err(Error::new(Code::StepUpRequired, "prove again who you are: this cannot be put back"));
        }
        Err(Error::new(
            Code::StepUpRequired,
            "this cannot be put back, and a login on a machine cannot approve it",
        )
        .hint(format!("approve it in the console: {}", self.console())))
    }

    fn reaches(&self, enough: bool, otherwise: &str) -> Result<()> {
        let (client, console) = match &self.via {
            Via::Login { client, console, .. } if !enough => (client, console),
            _ => return Ok(()),
        };
        Err(Error::new(Code::StepUpRequired, otherwise).hint(format!(
            "do it in the console, or let this login do it for a while: {console}logins/{client}/elevate"
        )))
    }

    fn console(&self) -> &str {
        match &self.via {
            Via::Login { console, .. } => console,
            Via::SignIn(_) => "/console/",
        }
    }

    fn has(&self, roles: &[&str], what: &str) -> Result<()> {
        if roles.contains(&self.role.as_str()) {
            return Ok(());
        }
        Err(Error::new(Code::Forbidden, format!("the role {} may not {what}", self.role)))
    }
}

// === impl GatewayCaller ===

impl GatewayCaller {
    pub(in crate::app) fn used_proof(&self) -> Change {
        self.used.change()
    }

    /// Credentials that the token covers; empty means all of the session's.
    pub(in crate::app) fn token_credentials(&self) -> &[Name] {
        &self.credentials
    }
}

// === impl App ===

impl App {
    /// A person with a token for the control plane.
    pub async fn identify_person(&self, presented: &Presented<'_>) -> Result<PersonCaller> {
        let (verified, used) = self.proven(presented, Audience::Control, true)?;
        let client =
            ClientId::parse(verified.client_id()).map_err(|_| invalid("the token names no client"))?;
        let login = self.0.store.login(&client).await?.ok_or_else(|| invalid("the login is gone"))?;
        let standing = self.0.store.login_standing(&client).await?;
        let standing = standing
            .filter(|standing| standing.ended_at.is_none())
            .ok_or_else(|| invalid("the login has ended"))?;
        let reach = Reach::of_login(&standing, self.0.clock.now());
        let console = format!("{}/console/", self.issuer());
        let person =
            self.0.store.person(&login.person).await?.ok_or_else(|| invalid("the person is gone"))?;
        Ok(PersonCaller {
            person: person.name,
            role: person.role,
            via: Via::Login { client, used, reach, console },
        })
    }

    /// The same, where the login reaches beyond sessions of its own.
    pub async fn identify_reader(&self, presented: &Presented<'_>) -> Result<PersonCaller> {
        let caller = self.identify_person(presented).await?;
        caller.reads()?;
        Ok(caller)
    }

    /// A live session with a token of its own, at the gateway: the commit of its request remembers the proof.
    pub async fn identify_session(&self, presented: &Presented<'_>) -> Result<GatewayCaller> {
        self.session_caller(presented, false).await
    }

    /// A live session with a token of its own, at the control plane.
    pub async fn identify_own_session(&self, presented: &Presented<'_>) -> Result<GatewayCaller> {
        self.session_caller(presented, true).await
    }

    async fn session_caller(&self, presented: &Presented<'_>, since_start: bool) -> Result<GatewayCaller> {
        let (verified, used) = self.proven(presented, Audience::Gateway, since_start)?;
        let id = verified.session().ok_or_else(|| invalid("the token belongs to no session"))?;
        let session = self.live_session(id).await?;
        // The key of the token is the key of the session, and both name one environment.
        if session.row.jkt != verified.jkt() || verified.environment() != Some(&session.row.environment) {
            return Err(invalid("the token does not belong to the session it names"));
        }
        Ok(GatewayCaller { session, credentials: verified.credentials().to_vec(), used })
    }

    /// Whether the token, were it valid, is one of a session: a look at its audience, to choose who judges it.
    pub fn is_session_token(&self, presented: &Presented<'_>) -> bool {
        let Ok(token) = scheme(presented.authorization) else { return false };
        let keys = self.0.keys.load();
        let Some(keys) = keys.as_ref().as_ref() else { return false };
        keys.tokens.verify_cached(token, Audience::Gateway, self.0.clock.unix()).is_ok()
    }

    /// The credential of that name, if this session was given it and its token covers it.
    pub fn granted(&self, caller: &GatewayCaller, name: &Name) -> Result<Arc<LiveCredential>> {
        let missing = || {
            Error::new(Code::NotFound, format!("this session has no credential '{name}'"))
                .hint("a session holds the credentials of its environment: stint session show")
        };
        let granted = caller.session.row.grants.iter().any(|grant| grant.credential == *name);
        let covered = caller.credentials.is_empty() || caller.credentials.contains(name);
        if !granted || !covered {
            return Err(missing());
        }
        self.live_credential(name).ok_or_else(missing)
    }

    /// Token and proof, verified: strict, for this audience, for exactly this method and URL, never seen before.
    fn proven(
        &self,
        presented: &Presented<'_>,
        audience: Audience,
        since_start: bool,
    ) -> Result<(Arc<Verified>, UsedProof)> {
        self.unsealed()?;
        let token = scheme(presented.authorization)?;
        let [proof] = presented.proofs else {
            return Err(Error::new(
                Code::InvalidProof,
                match presented.proofs.len() {
                    0 => "the DPoP header is missing",
                    _ => "there is more than one DPoP header",
                },
            ));
        };
        let keys = self.0.keys.load();
        let keys = keys.as_ref().as_ref().ok_or_else(sealed)?;
        let verified = keys
            .tokens
            .verify_cached(token, audience, self.0.clock.unix())
            .map_err(|error| self.refused(error))?;
        let url = format!("{}{}", self.issuer(), presented.path);
        let fresh = |nonce: Option<&str>, iat: i64| self.is_fresh(since_start, nonce, iat);
        let shown =
            Shown { proof, htm: presented.method, htu: &url, nonce: &fresh, now: self.0.clock.unix() };
        let proven = token::prove(verified.clone(), &shown).map_err(|error| self.refused(error))?;
        let used = self.use_proof(proven.key())?;
        Ok((verified, used))
    }

    /// A proof of the key alone, for the token endpoint (RFC 9449 s5). Not yet checked for replay.
    pub(in crate::app) fn proven_key(&self, proof: &str, method: &str, url: &str) -> Result<ProvenKey> {
        // Its commit remembers it, so one of before a restart is found in the store.
        let fresh = |nonce: Option<&str>, iat: i64| self.is_fresh(false, nonce, iat);
        let shown = Shown { proof, htm: method, htu: url, nonce: &fresh, now: self.0.clock.unix() };
        token::prove_key(&shown).map_err(|error| self.refused(error))
    }

    /// With `since_start`, for requests whose proof no commit remembers: one that may have been used before this process
    /// started needs a nonce of this process.
    fn is_fresh(&self, since_start: bool, nonce: Option<&str>, iat: i64) -> bool {
        let now = self.0.clock.unix();
        match nonce {
            Some(_) => self.0.nonces.accepts(nonce, iat, now),
            None => !since_start || self.0.nonces.accepts(None, iat, now),
        }
    }

    /// Use a proof up in this process. The key is to be remembered by the commit that the request makes, which finds a
    /// replay at another replica and after a restart.
    pub(in crate::app) fn use_proof(&self, proof: &ProvenKey) -> Result<UsedProof> {
        let used = UsedProof { key: proof.replay_key(), until: proof.remember_until() };
        self.0
            .replays
            .check_and_insert(used.key, used.until, self.0.clock.unix())
            .map_err(|error| self.refused(error))?;
        Ok(used)
    }

    /// An error of the token room in the words of the contract.
    fn refused(&self, error: token::Error) -> Error {
        let code = match &error {
            token::Error::Proof(_) | token::Error::Replayed => Code::InvalidProof,
            token::Error::UseNonce => {
                let detail =
                    "the proof is too old, or of before this broker started: make another, with the nonce";
                let mut wanted = Error::new(Code::UseNonce, detail);
                wanted.nonce = Some(self.0.nonces.issue(self.0.clock.unix()));
                return wanted;
            }
            token::Error::Full => Code::Busy,
            token::Error::Setup(_) | token::Error::Mint(_) => return Error::internal(error),
            token::Error::Token(_) | token::Error::Expired | token::Error::Client(_) => Code::InvalidToken,
        };
        Error::new(code, error.to_string())
    }

    pub(in crate::app) fn unsealed(&self) -> Result<()> {
        if self.is_sealed() { Err(sealed()) } else { Ok(()) }
    }
}

fn sealed() -> Error {
    Error::new(Code::Sealed, "the broker is sealed and opens nothing")
        .hint("a person unseals it: stint-broker unseal")
}

fn invalid(detail: &str) -> Error {
    Error::new(Code::InvalidToken, detail)
}

/// The token of the one `Authorization: DPoP …` header.
fn scheme(authorization: &[String]) -> Result<&str> {
    let [value] = authorization else {
        return Err(match authorization.len() {
            0 => Error::new(Code::NotAuthenticated, "there is no token")
                .hint("stint token --headers METHOD URL prints what to send"),
            _ => Error::new(Code::AmbiguousRequest, "there is more than one Authorization header"),
        });
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("DPoP") => Ok(token),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("Bearer") => {
            Err(invalid("tokens are bound to a key: send them as DPoP with a proof, not as Bearer"))
        }
        _ => Err(invalid("the Authorization header is not of the form DPoP TOKEN")),
    }
}
