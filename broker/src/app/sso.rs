//! Signing in by an OpenID provider, proving it again there, and tying a person to who they are there.
//!
//! A person is the issuer and the subject together. Nothing of a flow is kept: the `state` is a challenge that only the
//! browser with its cookie can bring back, once, within ten minutes; nonce and PKCE verifier are made from the two.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stint_api::Code;

use super::identify::{PersonCaller, Via};
use super::passkey::{Ceremony, Spent, at_console, end_of};
use super::sign_in::{Browser, SignedIn};
use super::sso_provider::Redemption;
use super::{App, Error, Facts, Result};
use crate::identity::oidc::{self, AuthorizationRequest};
use crate::model::{Event, EventKind, Name, PersonRow, SignInId, SignInRow};
use crate::store::{Change, Commit, CommitError};

/// How long a browser may be at the provider.
pub(in crate::app) const LASTS: TimeDelta = TimeDelta::minutes(10);
/// Seconds by which the provider's clock may differ from ours.
const SKEW: i64 = 60;

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
struct Flow {
    random: String,
    kind: SsoKind,
    /// The sign-in of whoever proves or links.
    sign_in: Option<SignInId>,
    next: String,
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
struct Known {
    issuer: String,
    subject: String,
    claims: Map<String, Value>,
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

    async fn sso_sign_in(
        &self,
        known: &Known,
        used: Spent,
        browser: Browser,
        next: String,
    ) -> Result<SsoDone> {
        let role = self.mapped(known)?;
        let bound = self.0.store.person_of_subject(&known.issuer, &known.subject).await?;
        let Some(person) = bound else { return self.sso_newcomer(known, role, used, browser, next).await };
        let Some(row) = self.0.store.person(&person).await? else {
            return Err(Error::new(Code::Forbidden, format!("'{person}', who you were here, was removed"))
                .hint("an owner can invite you under another name; then tie yourself to the provider on the page of your account"));
        };
        let mut follow = (row.role != role).then_some(role);
        loop {
            let (signed_in, sign_in) = self.sso_browser(known, &person, browser.clone())?;
            let mut changes = vec![used.change()];
            let mut events = Vec::new();
            if let Some(role) = follow {
                let facts = Facts::new()
                    .with("person", person.as_str())
                    .with("role", role)
                    .with("by", "single sign-on");
                events.push(self.event(EventKind::RoleChanged, "broker", None, facts)?);
                changes.push(Change::FollowRole { person: person.clone(), role: role.to_owned() });
            }
            // The last owner with a way in of their own stays one, whatever the groups say.
            let kept = (follow.is_none() && row.role != role).then_some(role);
            events.push(self.sso_event(&person, &sign_in, kept)?);
            let at = sign_in.created_at;
            let (issuer, subject) = (known.issuer.clone(), known.subject.clone());
            changes.push(Change::UseSubject { issuer, subject, person: person.clone(), at });
            changes.push(Change::AddSignIn(sign_in));
            match self.0.store.commit(Commit { changes, events, digest: None }).await {
                Ok(_) => {
                    self.tell(super::News::Record);
                    return Ok(SsoDone::SignedIn(signed_in, next));
                }
                Err(CommitError::Conflict("owner")) if follow.is_some() => follow = None,
                Err(error) => return Err(used_before(error)),
            }
        }
    }

    /// Somebody who was never here: they become a person, under a name that nobody has or had.
    async fn sso_newcomer(
        &self,
        known: &Known,
        role: &str,
        used: Spent,
        browser: Browser,
        next: String,
    ) -> Result<SsoDone> {
        let wished = oidc::wished_name(&known.claims);
        let Ok(person) = Name::parse(&wished) else {
            return Err(Error::new(Code::Forbidden, "the provider says no name that can be one here")
                .hint("it is read from preferred_username; an owner can also invite you, and you tie yourself to the provider then"));
        };
        if self.0.store.is_name_taken(&person).await? {
            return Err(Error::new(Code::Forbidden, format!("the name '{person}' is or was somebody's here"))
                .hint(format!(
                    "if that is you, sign in as '{person}' with what you have here and tie yourself to the provider on the page of \
                     your account; if not, an owner can invite you under another name"
                )));
        }
        let (signed_in, sign_in) = self.sso_browser(known, &person, browser)?;
        let at = sign_in.created_at;
        let facts = Facts::new()
            .with("person", person.as_str())
            .with("role", role)
            .with("method", "sso")
            .with("issuer", known.issuer.as_str())
            .with("subject", known.subject.as_str());
        let added = self.event(EventKind::PersonAdded, "broker", None, facts)?;
        let events = vec![added, self.sso_event(&person, &sign_in, None)?];
        let (issuer, subject) = (known.issuer.clone(), known.subject.clone());
        let changes = vec![
            used.change(),
            Change::AddPerson(PersonRow { name: person.clone(), role: role.to_owned(), created_at: at }),
            Change::AddSubject { issuer, subject, person, at },
            Change::AddSignIn(sign_in),
        ];
        self.0.store.commit(Commit { changes, events, digest: None }).await.map_err(used_before)?;
        self.tell(super::News::Record);
        Ok(SsoDone::SignedIn(signed_in, next))
    }

    /// A fresh proof by the provider: the same person, who was asked anew after this began (Core 1.0 s3.1.2.1, `auth_time`).
    async fn sso_prove(&self, known: &Known, used: Spent, flow: Flow, begun: i64) -> Result<SsoDone> {
        let row = self.sso_visitor(&flow).await?;
        let bound = self.0.store.person_of_subject(&known.issuer, &known.subject).await?;
        if bound.as_ref() != Some(&row.person) {
            return Err(Error::new(Code::Forbidden, format!("at the provider you are not '{}'", row.person))
                .hint("sign in there as yourself"));
        }
        let at = self.0.clock.now();
        let proven = known.claims.get("auth_time").and_then(Value::as_i64);
        if proven.is_none_or(|proven| proven < begun - SKEW || proven > at.timestamp() + SKEW) {
            return Err(Error::new(Code::NotAuthenticated, "the provider did not ask you anew")
                .hint("it has to honour prompt=login and say auth_time; prove it with a passkey or a password instead"));
        }
        let facts = Facts::new().with("method", "sso").with("sign_in", row.id.as_str());
        let event = self.event(EventKind::SignInProven, &format!("person:{}", row.person), None, facts)?;
        let changes = vec![used.change(), Change::ProveSignIn { id: row.id, at }];
        self.0
            .store
            .commit(Commit { changes, events: vec![event], digest: None })
            .await
            .map_err(used_before)?;
        self.tell(super::News::Record);
        Ok(SsoDone::Back(flow.next))
    }

    async fn sso_link(&self, known: &Known, used: Spent, flow: Flow) -> Result<SsoDone> {
        let row = self.sso_visitor(&flow).await?;
        let person = row.person.clone();
        let role = self.0.store.person(&person).await?.map(|row| row.role).unwrap_or_default();
        let caller = PersonCaller { person: person.clone(), role, via: Via::SignIn(row) };
        self.steps_up(&caller).await?;
        self.mapped(known)?;
        let facts = Facts::new()
            .with("person", person.as_str())
            .with("issuer", known.issuer.as_str())
            .with("subject", known.subject.as_str());
        let event = self.event(EventKind::SubjectLinked, &caller.actor(), None, facts)?;
        let (issuer, subject, at) = (known.issuer.clone(), known.subject.clone(), self.0.clock.now());
        let changes = vec![used.change(), Change::AddSubject { issuer, subject, person, at }];
        let linked = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await;
        linked.map_err(|error| match error {
            CommitError::Conflict("subject") => Error::new(
                Code::Conflict,
                "you are somebody else here at the provider, or tied to it already",
            )
            .hint("an owner can remove the other person; or untie yourself first"),
            other => used_before(other),
        })?;
        self.tell(super::News::Record);
        Ok(SsoDone::Back(flow.next))
    }

    /// No longer whoever the provider says. Takes something of one's own to get in by.
    pub async fn unlink_sso(&self, caller: &PersonCaller) -> Result<()> {
        self.steps_up(caller).await?;
        let facts = Facts::new().with("person", caller.person.as_str());
        let change = Change::RemoveSubjects { person: caller.person.clone() };
        let removed = self.account_change(caller, EventKind::SubjectUnlinked, facts, vec![change]).await;
        removed.map_err(|error| match error.code {
            Code::Conflict => Error::new(Code::Conflict, "this is your only way in")
                .hint("add a passkey or a password before you untie yourself"),
            _ => error,
        })
    }

    fn mapped(&self, known: &Known) -> Result<&'static str> {
        let sso = self.sso()?;
        let groups = oidc::groups(&known.claims, &sso.groups_claim);
        oidc::role(&groups, &sso.roles).ok_or_else(|| {
            let wanted: Vec<String> =
                sso.roles.iter().map(|(group, role)| format!("{group} ({role})")).collect();
            Error::new(Code::Forbidden, "none of your groups at the provider lets anybody in here").hint(
                format!(
                    "one of these would: {}. They are read from the claim '{}', which named {} for you",
                    wanted.join(", "),
                    sso.groups_claim,
                    if groups.is_empty() { "none".to_owned() } else { format!("{} others", groups.len()) }
                ),
            )
        })
    }

    /// The sign-in that a flow was begun in, which has to go on still.
    async fn sso_visitor(&self, flow: &Flow) -> Result<SignInRow> {
        let over = || {
            Error::new(Code::NotAuthenticated, "you are not signed in any more")
                .hint("sign in, then do it again")
        };
        let id = flow.sign_in.as_ref().ok_or_else(over)?;
        let row = self.0.store.sign_in_of_id(id).await?;
        row.filter(|row| row.ended_at.is_none() && self.0.clock.now() < row.expires_at).ok_or_else(over)
    }

    /// A browser that the provider vouches for. It counts as a fresh proof only where the person was asked just now.
    fn sso_browser(&self, known: &Known, person: &Name, browser: Browser) -> Result<(SignedIn, SignInRow)> {
        let (signed_in, mut row) = self.new_sign_in(person, "sso", browser)?;
        let asked = known.claims.get("auth_time").and_then(Value::as_i64);
        let asked = asked.and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0));
        row.proven_at = asked.unwrap_or(row.created_at - super::identify::PROVEN).min(row.created_at);
        Ok((signed_in, row))
    }

    fn sso_event(&self, person: &Name, row: &SignInRow, kept: Option<&str>) -> Result<Event> {
        let facts = Facts::new()
            .with("person", person.as_str())
            .with("method", "sso")
            .with("sign_in", row.id.as_str())
            .with("device", row.device.as_str())
            .with("address", row.address.as_str())
            .maybe("role_not_followed", kept);
        self.event(EventKind::SignedIn, &format!("person:{person}"), None, facts)
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

fn used_before(error: CommitError) -> Error {
    match error {
        CommitError::Replayed => {
            Error::new(Code::NotAuthenticated, "this answer of the provider was used before")
                .hint("begin again on the page to sign in")
        }
        other => other.into(),
    }
}
