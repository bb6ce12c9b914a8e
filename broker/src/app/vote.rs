//! What people say to approvals: yes, one or several of them, now or after a while; or no.

use stint_api::{Approval, ApprovalList, ApprovalState, Approve, Code, Deny};

use super::approve::not_before;
use super::{App, Error, Facts, PersonCaller, Result};
use crate::model::{ApprovalId, ApprovalRow, EventKind, VoteRow};
use crate::store::{Change, Commit, CommitError};

/// Approvals that one person denies at once.
const ALIKE: i64 = 500;

impl App {
    /// A person says yes to one exact request. Where others, or time, are needed too, it is kept until they are there.
    pub async fn approve(&self, caller: &PersonCaller, id: &str, approve: Approve) -> Result<Approval> {
        let said = self.say_yes(caller, id, approve).await;
        self.counted(caller, id, "approve", said).await
    }

    pub async fn deny(&self, caller: &PersonCaller, id: &str, deny: Deny) -> Result<Approval> {
        let said = self.say_no(caller, id, &deny).await;
        self.counted(caller, id, "deny", said).await
    }

    /// A person says no, for one reason, to all that wait of the same agent, operations and environment as this one.
    /// Answers with those that this call denied.
    pub async fn deny_alike(&self, caller: &PersonCaller, id: &str, deny: Deny) -> Result<ApprovalList> {
        let said = self.say_no_to_alike(caller, id, &deny).await;
        self.counted(caller, id, "deny_alike", said).await
    }

    async fn say_no_to_alike(&self, caller: &PersonCaller, id: &str, deny: &Deny) -> Result<ApprovalList> {
        caller.approves()?;
        let reason = reason(deny)?;
        let like = self.approval_row(id).await?;
        let rows = self.0.store.approvals(Some(ApprovalState::Waiting), ALIKE).await?;
        let now = self.0.clock.now();
        let mut approvals = Vec::new();
        let mut used = caller.used_proof();
        for row in rows.into_iter().filter(|row| now < row.expires_at && is_alike(row, &like)) {
            let id = row.id.clone();
            let changes = vec![self.settle(caller, &row, ApprovalState::Denied, Some(reason.clone()))];
            let changes = changes.into_iter().chain(used.take()).collect();
            match self.commit_decision(caller, &row, EventKind::ApprovalDenied, changes, Some(&reason)).await
            {
                Ok(()) => approvals.push(self.approval(id.as_str(), None).await?),
                // Somebody was faster with this one.
                Err(error) if error.code == Code::Conflict => {}
                Err(other) => return Err(other),
            }
        }
        if approvals.is_empty() {
            return Err(Error::new(Code::Conflict, "nothing like this waits any more"));
        }
        Ok(ApprovalList { approvals })
    }

    /// Whether a signed-in person has to prove again who they are before they approve this.
    pub fn needs_proof(&self, caller: &PersonCaller, approval: &Approval) -> bool {
        approval.confirm.is_some() && !caller.is_proven(self.0.clock.now())
    }

    /// Why this person's yes would not count, where it is certain already.
    pub fn may_not_approve(&self, caller: &PersonCaller, approval: &Approval) -> Option<&'static str> {
        if approval.approvers > 1 && approval.subject == caller.actor() {
            return Some(OWN);
        }
        let voted = approval.votes.iter().any(|vote| vote.person == caller.person.as_str());
        voted.then_some(TWICE)
    }

    /// Let a request go on that enough people said yes to and whose cool-down is over; otherwise nothing happens. Of
    /// several that try, one does it.
    pub(in crate::app) async fn release(&self, row: &ApprovalRow, actor: &str) -> Result<()> {
        let now = self.0.clock.now();
        if not_before(row).is_some_and(|at| now < at) {
            return Ok(());
        }
        let mut votes = self.0.store.votes(&row.id).await?;
        // Whoever may not approve any more has not approved.
        let mut able = Vec::new();
        for vote in votes.drain(..) {
            let person = self.0.store.person(&vote.person).await?;
            if person.is_some_and(|person| matches!(person.role.as_str(), "owner" | "approver")) {
                able.push(vote);
            }
        }
        let Some(last) = able.last() else { return Ok(()) };
        let enough = u32::try_from(able.len()).is_ok_and(|votes| votes >= row.lift.approvers);
        if !enough || self.live_session(&row.session).await.is_err() {
            return Ok(());
        }
        let people: Vec<&str> = able.iter().map(|vote| vote.person.as_str()).collect();
        let facts = Facts::new()
            .with("approval", row.id.as_str())
            .with("digest", row.digest.as_str())
            .with_all("people", &people);
        let event = self.event(EventKind::ApprovalApproved, actor, Some(&row.session), facts)?;
        let mut changes = vec![Change::DecideApproval {
            id: row.id.clone(),
            state: ApprovalState::Approved,
            by: last.person.clone(),
            at: now,
            reason: None,
        }];
        changes.extend(shortened(row, able.iter().filter_map(|vote| vote.good_for).min(), now));
        match self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await {
            Ok(_) => self.tell(super::News::Approval),
            // Decided in the meantime, or out of time.
            Err(CommitError::Conflict(_)) => {}
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    async fn say_yes(&self, caller: &PersonCaller, id: &str, approve: Approve) -> Result<Approval> {
        caller.approves()?;
        let row = self.waiting(id).await?;
        if row.lift.confirm.is_some() {
            caller.approves_for_good(self.0.clock.now())?;
        }
        self.may_vote(caller, &row).await?;
        is_confirmed(&row, &approve)?;
        if approve.within == Some(0) {
            return Err(Error::new(Code::InvalidInput, "a yes that holds for no time is no yes"));
        }
        // A session that has ended has nothing left to approve.
        self.live_session(&row.session).await?;
        let now = self.0.clock.now();
        let vote = VoteRow {
            approval: row.id.clone(),
            person: caller.person.clone(),
            at: now,
            good_for: approve.within,
        };
        let mut changes = vec![Change::AddVote(vote)];
        let at_once = row.lift.approvers <= 1 && not_before(&row).is_none_or(|at| at <= now);
        let kind = match at_once {
            true => EventKind::ApprovalApproved,
            false => EventKind::ApprovalVoted,
        };
        if at_once {
            changes.push(self.settle(caller, &row, ApprovalState::Approved, None));
            changes.extend(shortened(&row, approve.within, now));
        }
        changes.extend(caller.used_proof());
        self.commit_decision(caller, &row, kind, changes, None).await?;
        if !at_once {
            self.release(&row, &caller.actor()).await?;
        }
        self.approval(row.id.as_str(), None).await
    }

    async fn say_no(&self, caller: &PersonCaller, id: &str, deny: &Deny) -> Result<Approval> {
        caller.approves()?;
        let reason = reason(deny)?;
        let row = self.waiting(id).await?;
        let change = self.settle(caller, &row, ApprovalState::Denied, Some(reason.clone()));
        let changes = std::iter::once(change).chain(caller.used_proof()).collect();
        self.commit_decision(caller, &row, EventKind::ApprovalDenied, changes, Some(&reason)).await?;
        self.approval(row.id.as_str(), None).await
    }

    /// Two people are two, and where two are needed the one whom the session works for is none of them (E4).
    async fn may_vote(&self, caller: &PersonCaller, row: &ApprovalRow) -> Result<()> {
        if row.lift.approvers > 1 && row.subject == caller.actor() {
            return Err(Error::new(Code::Forbidden, OWN));
        }
        let votes = self.0.store.votes(&row.id).await?;
        if votes.iter().any(|vote| vote.person == caller.person) {
            return Err(Error::new(Code::Conflict, TWICE));
        }
        Ok(())
    }

    async fn waiting(&self, id: &str) -> Result<ApprovalRow> {
        let row = self.approval_row(id).await?;
        match row.state {
            ApprovalState::Waiting => Ok(row),
            state => Err(Error::new(Code::Conflict, format!("the approval is {}", word(state)))),
        }
    }

    fn settle(
        &self,
        caller: &PersonCaller,
        row: &ApprovalRow,
        state: ApprovalState,
        reason: Option<String>,
    ) -> Change {
        let (id, by) = (row.id.clone(), caller.person.clone());
        Change::DecideApproval { id, state, by, at: self.0.clock.now(), reason }
    }

    async fn commit_decision(
        &self,
        caller: &PersonCaller,
        row: &ApprovalRow,
        kind: EventKind,
        changes: Vec<Change>,
        reason: Option<&str>,
    ) -> Result<()> {
        let facts = Facts::new()
            .with("approval", row.id.as_str())
            .with("digest", row.digest.as_str())
            .maybe("reason", reason);
        let event = self.event(kind, &caller.actor(), Some(&row.session), facts)?;
        let committed = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await;
        committed.map_err(|error| match error {
            CommitError::Conflict(_) => {
                Error::new(Code::Conflict, "somebody else decided this approval first, or it expired")
            }
            other => other.into(),
        })?;
        self.tell(super::News::Approval);
        Ok(())
    }

    /// What was said and did not count is on record too: of two who race, both are seen (E10). The control plane records
    /// by itself whom it kept out; the console does not.
    async fn counted<T>(&self, caller: &PersonCaller, id: &str, wanted: &str, said: Result<T>) -> Result<T> {
        let Err(error) = said else { return said };
        let late = error.code == Code::Conflict;
        let kept_out = caller.is_at_console() && matches!(error.code.status(), 401 | 403);
        let Ok(id) = ApprovalId::parse(id) else { return Err(error) };
        if late || kept_out {
            let facts = Facts::new()
                .with("approval", id.as_str())
                .with("wanted", wanted)
                .with("code", error.code.as_str())
                .with("detail", error.detail.as_str());
            self.record_refusal(EventKind::ApprovalRefused, &caller.actor(), None, facts).await?;
        }
        Err(error)
    }
}

const OWN: &str = "this takes two people, and the session works for you: others have to approve it";
const TWICE: &str = "you said yes to this already: somebody else has to";

fn reason(deny: &Deny) -> Result<String> {
    let reason: String = deny.reason.trim().chars().take(1000).collect();
    if reason.is_empty() {
        return Err(Error::new(Code::InvalidInput, "a denial needs a reason: the agent reads it"));
    }
    Ok(reason)
}

fn is_alike(row: &ApprovalRow, like: &ApprovalRow) -> bool {
    row.agent == like.agent && row.operations == like.operations && row.environment == like.environment
}

/// Ends a released approval before its own life does, where somebody said so.
fn shortened(row: &ApprovalRow, good_for: Option<u32>, now: chrono::DateTime<chrono::Utc>) -> Option<Change> {
    let until = now + chrono::TimeDelta::seconds(i64::from(good_for?));
    (until < row.expires_at).then(|| Change::ShortenApproval { id: row.id.clone(), until })
}

fn is_confirmed(row: &ApprovalRow, approve: &Approve) -> Result<()> {
    let Some(confirm) = &row.lift.confirm else { return Ok(()) };
    let typed = approve.confirm.as_deref().map(str::trim).unwrap_or_default();
    let named = row.resources.iter().any(|resource| !resource.id.is_empty() && resource.id == typed);
    if typed == confirm.text || named {
        return Ok(());
    }
    Err(Error::new(
        Code::ConfirmationMismatch,
        format!("this cannot be put back: type the name {:?} to approve it", confirm.text),
    )
    .hint(format!("stint approval approve {} --confirm {}", row.id, shell_word(&confirm.text))))
}

fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved already",
        ApprovalState::Denied => "denied already",
        ApprovalState::Used => "used already",
        ApprovalState::Expired => "expired",
    }
}

/// A word that a shell reads as it is written.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
