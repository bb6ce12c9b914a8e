//! What becomes of somebody whom the OpenID provider knows: they are in, they have proven it, or they are tied to who they
//! are there.

use chrono::{DateTime, Utc};
use serde_json::Value;
use stint_api::Code;

use super::identify::{PROVEN, PersonCaller, Via};
use super::passkey::Spent;
use super::sign_in::{Browser, SignedIn};
use super::sso::{Flow, Known, SsoDone, used_before};
use super::{App, Error, Facts, Result};
use crate::identity::oidc;
use crate::model::{Event, EventKind, Name, PersonRow, SignInRow};
use crate::store::{Change, Commit, CommitError};

/// Seconds by which the provider's clock may differ from ours.
const SKEW: i64 = 60;

impl App {
    pub(in crate::app) async fn sso_sign_in(
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
    pub(in crate::app) async fn sso_prove(
        &self,
        known: &Known,
        used: Spent,
        flow: Flow,
        begun: i64,
    ) -> Result<SsoDone> {
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

    pub(in crate::app) async fn sso_link(&self, known: &Known, used: Spent, flow: Flow) -> Result<SsoDone> {
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
        row.proven_at = asked.unwrap_or(row.created_at - PROVEN).min(row.created_at);
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
}
