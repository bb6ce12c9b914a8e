//! Approvals: asked for, waited for, given or refused by a person, used once.

use std::time::Duration;

use chrono::TimeDelta;
use stint_api::{Approval, ApprovalList, ApprovalState, Approve, Code, Deny, ProblemApproval};
use tokio::sync::broadcast;

use super::{App, Error, Facts, Judged, LiveCredential, LiveSession, PersonCaller, Result};
use crate::model::{ApprovalId, ApprovalRow, EventKind, Lift, SessionId, digest_hex};
use crate::policy::Needed;
use crate::store::{Change, Commit};

/// Something that a person watches changed. Nothing more is said: whoever hears it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Approval,
    Session,
    /// A request was decided, refused or closed, or a person changed something.
    Record,
}

#[derive(Debug)]
pub(in crate::app) struct Newsroom(broadcast::Sender<News>);

impl Newsroom {
    pub(in crate::app) fn new() -> Self {
        Newsroom(broadcast::channel(256).0)
    }
}

impl App {
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.0.news.0.subscribe()
    }

    pub async fn approvals(&self, state: Option<ApprovalState>) -> Result<ApprovalList> {
        let rows = self.0.store.approvals(None, 500).await?;
        let shown = rows.into_iter().map(|row| self.shown(row));
        let approvals = shown.filter(|approval| state.is_none_or(|state| approval.state == state)).collect();
        Ok(ApprovalList { approvals })
    }

    /// One approval. A session sees its own only: others are `NotFound`.
    pub async fn approval(&self, id: &str, session: Option<&SessionId>) -> Result<Approval> {
        let row = self.approval_row(id).await?;
        if session.is_some_and(|session| *session != row.session) {
            return Err(Error::not_found("approval", id));
        }
        Ok(self.shown(row))
    }

    /// The same, but answered only when it is decided or `wait` is over.
    pub async fn approval_decided(
        &self,
        id: &str,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Approval> {
        let deadline = tokio::time::Instant::now() + wait.min(Duration::from_secs(60));
        let mut news = self.news();
        loop {
            let approval = self.approval(id, session).await?;
            if approval.state != ApprovalState::Waiting || tokio::time::Instant::now() >= deadline {
                return Ok(approval);
            }
            self.next_news(&mut news, deadline).await;
        }
    }

    /// A person says yes to one exact request.
    pub async fn approve(&self, caller: &PersonCaller, id: &str, approve: Approve) -> Result<Approval> {
        caller.approves()?;
        let row = self.waiting(id).await?;
        if row.lift.confirm.is_some() {
            self.proves(caller).await?;
        }
        if row.lift.approvers > 1 {
            return Err(Error::new(
                Code::Forbidden,
                format!(
                    "this takes {} approvers, and a second approver cannot be collected yet",
                    row.lift.approvers
                ),
            ));
        }
        if let Some(confirm) = &row.lift.confirm {
            let typed = approve.confirm.as_deref().map(str::trim).unwrap_or_default();
            let named = row.resources.iter().any(|resource| !resource.id.is_empty() && resource.id == typed);
            if typed != confirm.text && !named {
                return Err(Error::new(
                    Code::ConfirmationMismatch,
                    format!("this cannot be put back: type the name {:?} to approve it", confirm.text),
                )
                .hint(format!(
                    "stint approval approve {} --confirm {}",
                    row.id,
                    shell_word(&confirm.text)
                )));
            }
        }
        self.decide_approval(caller, row, ApprovalState::Approved, None).await
    }

    /// Whether a signed-in person has to prove again who they are before they approve this.
    pub fn needs_proof(&self, caller: &PersonCaller, approval: &Approval) -> bool {
        approval.confirm.is_some() && !caller.is_proven(self.0.clock.now())
    }

    /// What cannot be put back takes a person who proved a moment ago who they are. A login on a machine cannot; the first
    /// ones may until their person has something to prove it with.
    pub(in crate::app) async fn proves(&self, caller: &PersonCaller) -> Result<()> {
        if caller.is_proven(self.0.clock.now()) {
            return Ok(());
        }
        if caller.is_at_console() {
            return Err(Error::new(Code::StepUpRequired, "prove again who you are: this cannot be put back"));
        }
        if self.0.store.password(&caller.person).await?.is_none() {
            return Ok(());
        }
        Err(Error::new(
            Code::StepUpRequired,
            "this cannot be put back, and a login on a machine cannot approve it",
        )
        .hint(format!("approve it in the console: {}/console/", self.issuer())))
    }

    pub async fn deny(&self, caller: &PersonCaller, id: &str, deny: Deny) -> Result<Approval> {
        caller.approves()?;
        let reason: String = deny.reason.chars().take(1000).collect();
        if reason.trim().is_empty() {
            return Err(Error::new(Code::InvalidInput, "a denial needs a reason: the agent reads it"));
        }
        let row = self.waiting(id).await?;
        self.decide_approval(caller, row, ApprovalState::Denied, Some(reason)).await
    }

    /// Ask a person. The same request of the same session asks once: a second one joins the first.
    pub async fn ask(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
        judged: &Judged,
        needed: &Needed,
    ) -> Result<ApprovalRow> {
        let digest = digest_hex(judged.approval_digest(session, credential));
        if let Some(row) = self.asked(session, &digest).await? {
            return Ok(row);
        }
        let now = self.0.clock.now();
        let lifetime = i64::try_from(self.0.config.approval.lifetime.as_secs()).unwrap_or(600);
        let request = &judged.request;
        let row = ApprovalRow {
            id: ApprovalId::from_uuid(self.uuid()?),
            state: ApprovalState::Waiting,
            session: session.row.id.clone(),
            environment: session.row.environment.clone(),
            agent: session.row.agent.clone(),
            subject: session.row.subject.clone(),
            credential: credential.row.name.clone(),
            request: format!("{} {}{}", request.method, request.host, request.path),
            digest,
            operations: judged.operation_names(),
            class: judged.class(),
            resources: judged.touched(),
            lift: needed.lift.clone(),
            requested_at: now,
            expires_at: now + TimeDelta::seconds(lifetime),
            decided_by: None,
            decided_at: None,
            reason: None,
        };
        let facts = Facts::new()
            .with("approval", row.id.as_str())
            .with("digest", row.digest.as_str())
            .with("request", row.request.as_str())
            .with_all("operations", &row.operations)
            .with_all("resources", &row.resources)
            .with_all("policies", &row.lift.policies);
        let event =
            self.event(EventKind::ApprovalRequested, &session.row.subject, Some(&session.row.id), facts)?;
        let change = Change::AddApproval(row.clone());
        let committed =
            self.0.store.commit(Commit { changes: vec![change], events: vec![event], digest: None }).await;
        match committed {
            Ok(_) => {}
            // Another request of the session asked the same in the same moment.
            Err(crate::store::CommitError::Conflict(_)) => {
                return self
                    .asked(session, &row.digest)
                    .await?
                    .ok_or_else(|| Error::internal("an approval was lost"));
            }
            Err(other) => return Err(other.into()),
        }
        self.tell(News::Approval);
        Ok(row)
    }

    /// The person's yes to this very request that has not been used yet, if there is one.
    pub async fn approved(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
        judged: &Judged,
    ) -> Result<Option<(ApprovalId, Lift)>> {
        let digest = digest_hex(judged.approval_digest(session, credential));
        let row = self.asked(session, &digest).await?;
        Ok(row.filter(|row| row.state == ApprovalState::Approved).map(|row| (row.id, row.lift)))
    }

    /// Hold until a person has decided, or `hold` is over. Gives the row as it then is.
    pub async fn hold(&self, id: &ApprovalId, hold: Duration) -> Result<ApprovalRow> {
        let deadline = tokio::time::Instant::now() + hold;
        let mut news = self.news();
        loop {
            let row = self.approval_row(id.as_str()).await?;
            if row.state != ApprovalState::Waiting || tokio::time::Instant::now() >= deadline {
                return Ok(row);
            }
            self.next_news(&mut news, deadline).await;
        }
    }

    /// Where a problem says that an approval can be looked at.
    pub fn approval_pointer(&self, row: &ApprovalRow) -> ProblemApproval {
        ProblemApproval {
            id: row.id.to_string(),
            url: format!("{}/v1/approvals/{}", self.issuer(), row.id),
            expires_at: row.expires_at,
        }
    }

    pub(in crate::app) fn tell(&self, news: News) {
        // Nobody listening is no fault.
        let _ = self.0.news.0.send(news);
    }

    async fn next_news(&self, news: &mut broadcast::Receiver<News>, deadline: tokio::time::Instant) {
        // Another replica's decision is not heard here, so the row is read now and then as well.
        let poll = tokio::time::Instant::now() + Duration::from_secs(1);
        let heard = async { while matches!(news.recv().await, Ok(News::Session | News::Record)) {} };
        let _ = tokio::time::timeout_at(deadline.min(poll), heard).await;
    }

    /// The newest approval of the session for this digest that is still open or has just been decided.
    async fn asked(&self, session: &LiveSession, digest: &str) -> Result<Option<ApprovalRow>> {
        let now = self.0.clock.now();
        let rows = self.0.store.approvals_for(&session.row.id, digest).await?;
        Ok(rows.into_iter().find(|row| {
            now < row.expires_at
                && matches!(
                    row.state,
                    ApprovalState::Waiting | ApprovalState::Approved | ApprovalState::Denied
                )
        }))
    }

    async fn approval_row(&self, id: &str) -> Result<ApprovalRow> {
        let missing = || Error::not_found("approval", id);
        let id = ApprovalId::parse(id).map_err(|_| missing())?;
        let mut row = self.0.store.approval(&id).await?.ok_or_else(missing)?;
        let open = matches!(row.state, ApprovalState::Waiting | ApprovalState::Approved);
        if open && self.0.clock.now() >= row.expires_at {
            row.state = ApprovalState::Expired;
        }
        Ok(row)
    }

    async fn waiting(&self, id: &str) -> Result<ApprovalRow> {
        let row = self.approval_row(id).await?;
        match row.state {
            ApprovalState::Waiting => Ok(row),
            state => Err(Error::new(Code::Conflict, format!("the approval is {}", word(state)))),
        }
    }

    async fn decide_approval(
        &self,
        caller: &PersonCaller,
        row: ApprovalRow,
        state: ApprovalState,
        reason: Option<String>,
    ) -> Result<Approval> {
        // A session that has ended has nothing left to approve.
        if state == ApprovalState::Approved {
            self.live_session(&row.session).await?;
        }
        let kind = match state {
            ApprovalState::Approved => EventKind::ApprovalApproved,
            _ => EventKind::ApprovalDenied,
        };
        let facts = Facts::new()
            .with("approval", row.id.as_str())
            .with("digest", row.digest.as_str())
            .maybe("reason", reason.as_deref());
        let event = self.event(kind, &caller.actor(), Some(&row.session), facts)?;
        let change = Change::DecideApproval {
            id: row.id.clone(),
            state,
            by: caller.person.clone(),
            at: self.0.clock.now(),
            reason,
        };
        let changes = std::iter::once(change).chain(caller.used_proof()).collect();
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await.map_err(
            |error| match error {
                crate::store::CommitError::Conflict(_) => {
                    Error::new(Code::Conflict, "somebody else decided this approval first, or it expired")
                }
                other => other.into(),
            },
        )?;
        self.tell(News::Approval);
        self.approval(row.id.as_str(), None).await
    }

    fn shown(&self, mut row: ApprovalRow) -> Approval {
        let open = matches!(row.state, ApprovalState::Waiting | ApprovalState::Approved);
        if open && self.0.clock.now() >= row.expires_at {
            row.state = ApprovalState::Expired;
        }
        Approval {
            id: row.id.to_string(),
            state: row.state,
            session: row.session.to_string(),
            environment: row.environment.to_string(),
            agent: row.agent.to_string(),
            subject: row.subject,
            credential: row.credential.to_string(),
            request: row.request,
            digest: row.digest,
            operations: row.operations,
            class: row.class,
            resources: row.resources,
            policies: row.lift.policies,
            confirm: row.lift.confirm,
            approvers: row.lift.approvers,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            decided_by: row.decided_by.map(|name| name.to_string()),
            decided_at: row.decided_at,
            reason: row.reason,
        }
    }
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
