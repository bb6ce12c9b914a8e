//! Proving who one is: by a password and what goes with it, or by a passkey; what failed is counted, recorded and waited
//! for.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ring::digest::{SHA256, digest};
use stint_api::Code;

use super::identify::{PersonCaller, Via};
use super::passkey::Ceremony;
use super::{App, Error, Facts, Result, sign_in};
use crate::identity::{OneTimeSecret, Password, RecoveryCode, throttle};
use crate::model::{EventKind, Name, SignInRow};
use crate::secret::Secret;
use crate::store::{Change, Commit, CommitError};

/// Failures that lie further back are forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::hours(24);

/// What a signed-in person shows to prove again who they are: a passkey, or a password with a code where they have codes.
pub struct Proof {
    pub password: Secret,
    /// A one-time code or a recovery code.
    pub code: String,
    /// What the browser's authenticator answered, as JSON; empty where a password is shown.
    pub passkey: String,
}

impl From<Secret> for Proof {
    fn from(password: Secret) -> Self {
        Proof { password, code: String::new(), passkey: String::new() }
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What was right, and what it uses up.
pub(in crate::app) struct Shown {
    pub(in crate::app) method: &'static str,
    pub(in crate::app) changes: Vec<Change>,
}

/// One attempt: at which name, from where. Attempts are looked at a few at a time, so that many at once do not outrun
/// the count of those that failed.
pub(in crate::app) struct Attempt<'a> {
    subjects: Vec<([u8; 32], u32)>,
    address: String,
    _turn: tokio::sync::SemaphorePermit<'a>,
}

impl App {
    /// A signed-in person proves again who they are, before something that cannot be put back.
    pub async fn prove_again(&self, caller: &PersonCaller, proof: impl Into<Proof>) -> Result<PersonCaller> {
        let Via::SignIn(row) = &caller.via else { return Err(Error::internal("no browser is signed in")) };
        let proof = proof.into();
        // Wrong passwords at a name, whoever typed them, do not hold up a passkey.
        let name = Some(caller.person.as_str()).filter(|_| proof.passkey.is_empty());
        let attempt = self.attempt(name, &row.address).await?;
        self.in_time(&attempt, &caller.actor()).await?;
        let shown = if proof.passkey.is_empty() {
            self.known(Some(&caller.person), proof.password, &proof.code, false).await?
        } else {
            let shown = self.assertion(&proof.passkey, &Ceremony::Prove(&row.id)).await?;
            shown.filter(|(person, _)| *person == caller.person).map(|(_, shown)| shown)
        };
        let Some(shown) = shown else {
            return Err(self.failed(&attempt, &caller.actor(), Some(&caller.person)).await?);
        };
        let at = self.0.clock.now();
        let facts = Facts::new().with("method", shown.method).with("sign_in", row.id.as_str());
        let event = self.event(EventKind::SignInProven, &caller.actor(), None, facts)?;
        let mut changes = shown.changes;
        changes.extend(attempt.forgiven());
        changes.push(Change::ProveSignIn { id: row.id.clone(), at });
        if !self.once(Commit { changes, events: vec![event], digest: None }).await? {
            return Err(self.failed(&attempt, &caller.actor(), Some(&caller.person)).await?);
        }
        let via = Via::SignIn(SignInRow { proven_at: at, ..row.clone() });
        Ok(PersonCaller { via, ..caller.clone() })
    }

    /// Whether a signed-in person proved a moment ago who they are.
    pub fn is_proven(&self, caller: &PersonCaller) -> bool {
        caller.is_proven(self.0.clock.now())
    }

    /// Whether a person has something to prove with who they are.
    pub async fn has_way_in(&self, person: &Name) -> Result<bool> {
        Ok(self.0.store.has_factor(person).await?)
    }

    /// What changes who may do what takes a person who proved a moment ago who they are, at the console. A login on a
    /// machine cannot, once its person has something to prove it with (E9).
    pub(in crate::app) async fn steps_up(&self, caller: &PersonCaller) -> Result<()> {
        if self.is_proven(caller) {
            return Ok(());
        }
        if caller.is_at_console() {
            return Err(Error::new(Code::StepUpRequired, "prove again who you are, then do this once more")
                .hint(format!("prove it here: {}/console/prove", self.issuer())));
        }
        if !self.has_way_in(&caller.person).await? {
            return Ok(());
        }
        Err(Error::new(Code::StepUpRequired, "a login on a machine cannot do this")
            .hint(format!("do it in the console: {}/console/", self.issuer())))
    }

    /// A password, with the code that goes with it where its person has codes. `alone`: a recovery code is enough for
    /// whoever has no password. Takes as long whoever is asked for, and whatever is wrong.
    pub(in crate::app) async fn known(
        &self,
        person: Option<&Name>,
        password: Secret,
        code: &str,
        alone: bool,
    ) -> Result<Option<Shown>> {
        let nobody = Name::parse("nobody")?;
        let asked = person.unwrap_or(&nobody);
        let there = self.0.store.person(asked).await?.is_some() && person.is_some();
        let hash = self.0.store.password(asked).await?.filter(|_| there);
        let codes = self.0.store.one_time_codes(asked).await?.filter(|_| there);
        let recovery = RecoveryCode::hash_of(code);
        let recovers = match &recovery {
            Some(hash) => self.0.store.has_recovery_code(asked, hash).await? && there,
            None => false,
        };
        let has_password = hash.is_some();
        let kept = hash.map_or_else(Password::of_nobody, Password::kept);
        let matches = sign_in::apart(move || kept.matches(&password)).await?;

        let mut changes = Vec::new();
        let recover = || {
            let hash = recovery.filter(|_| recovers)?;
            Some(Change::UseRecoveryCode { person: asked.clone(), hash, at: self.0.clock.now() })
        };
        if !there || (has_password && !matches) {
            return Ok(None);
        }
        if !has_password {
            return Ok(recover()
                .filter(|_| alone)
                .map(|used| Shown { method: "recovery", changes: vec![used] }));
        }
        // Codes that are only offered are asked of nobody.
        if let Some(row) = codes.filter(|row| row.step >= 0) {
            let opened = self.0.vault.open_one_time_codes(asked.as_str(), &row.sealed);
            let secret = OneTimeSecret::new(opened.map_err(Error::internal)?);
            match (secret.step_of(code, self.0.clock.unix(), row.step), recover()) {
                (Some(step), _) => changes.push(Change::UseOneTimeCode { person: asked.clone(), step }),
                (None, Some(used)) => changes.push(used),
                (None, None) => return Ok(None),
            }
        }
        Ok(Some(Shown { method: "password", changes }))
    }

    /// `name` as it was typed: known and unknown ones are counted alike, each under one spelling (E18).
    pub(in crate::app) async fn attempt(&self, name: Option<&str>, address: &str) -> Result<Attempt<'_>> {
        let turn = self.0.hashing.acquire().await.map_err(Error::internal)?;
        let mut subjects = Vec::new();
        if let Some(name) = name {
            subjects.push((subject("name", &sign_in::spelled(name)), throttle::FREE_BY_NAME));
        }
        subjects.push((subject("address", &network(address)), throttle::FREE_BY_ADDRESS));
        Ok(Attempt { subjects, address: address.to_owned(), _turn: turn })
    }

    /// Whether it is time for another attempt after those that failed. One that comes too early is not looked at, and
    /// does not make the wait longer.
    pub(in crate::app) async fn in_time(&self, attempt: &Attempt<'_>, actor: &str) -> Result<()> {
        let now = self.0.clock.now();
        let mut until: Option<DateTime<Utc>> = None;
        for (subject, free) in &attempt.subjects {
            if let Some((count, last)) = self.0.store.failures(subject).await? {
                let end = last + TimeDelta::seconds(throttle::wait(count, *free));
                until = until.max(Some(end).filter(|end| now < *end));
            }
        }
        let Some(until) = until else { return Ok(()) };
        let facts = Facts::new().with("reason", "too early").with("address", attempt.address.as_str());
        self.record_refusal(EventKind::SignInRefused, actor, None, facts).await?;
        let seconds = (until - now).num_seconds() + 1;
        Err(Error::new(
            Code::TooManyAttempts,
            format!("too many attempts failed: the next one is looked at in {seconds} seconds"),
        )
        .hint("a passkey needs no password, and is not held up by wrong ones"))
    }

    /// Count and record an attempt that failed; gives what to answer, the same whatever was wrong.
    pub(in crate::app) async fn failed(
        &self,
        attempt: &Attempt<'_>,
        actor: &str,
        person: Option<&Name>,
    ) -> Result<Error> {
        let at = self.0.clock.now();
        let facts = Facts::new()
            .with("reason", "wrong")
            .with("address", attempt.address.as_str())
            .maybe("person", person.map(Name::as_str));
        let event = self.event(EventKind::SignInRefused, actor, None, facts)?;
        self.0
            .store
            .commit(Commit { changes: attempt.counted(at), events: vec![event], digest: None })
            .await?;
        self.tell(super::News::Record);
        Ok(Error::new(Code::NotAuthenticated, "this does not belong together, or was used before")
            .hint("look again at what you typed; whoever has one-time codes gives one too"))
    }

    /// Commit what uses something up. `false` where it was used in the meantime.
    pub(in crate::app) async fn once(&self, commit: Commit) -> Result<bool> {
        match self.0.store.commit(commit).await {
            Ok(_) => {
                self.tell(super::News::Record);
                Ok(true)
            }
            Err(
                CommitError::Replayed | CommitError::Conflict("one_time_code" | "recovery_code" | "passkey"),
            ) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

impl Attempt<'_> {
    /// What counts an attempt that failed.
    pub(in crate::app) fn counted(&self, at: DateTime<Utc>) -> Vec<Change> {
        let since = at - FORGOTTEN;
        let count = |(subject, _): &([u8; 32], u32)| Change::CountFailure { subject: *subject, at, since };
        self.subjects.iter().map(count).collect()
    }

    /// What an attempt that went well makes forgotten: the failures at that name. Those of the address stay, so that
    /// nobody who has a name of their own may go on guessing others (E19).
    pub(in crate::app) fn forgiven(&self) -> Option<Change> {
        let name = self.subjects.first().filter(|_| self.subjects.len() > 1);
        name.map(|(subject, _)| Change::ForgetFailures { subject: *subject })
    }
}

fn subject(kind: &str, text: &str) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest(&SHA256, format!("{kind}:{text}").as_bytes()).as_ref());
    out
}

/// Whoever has one IPv6 address has a network of them.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V6(v6)) => v6.to_ipv4_mapped().map(|v4| v4.to_string()).unwrap_or_default(),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e18_one_network_and_one_name_are_one_subject() {
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:0:ffff::2"));
        assert_ne!(network("2001:db8::1"), network("2001:db9::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(subject("name", "a"), subject("address", "a"));
        assert_eq!(format!("{:?}", Proof::from(Secret::from("x".to_owned()))), "[redacted]");
    }
}
