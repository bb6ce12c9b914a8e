//! Approvals: asked for, waited for, shown, used once. What people say to them is in `vote.rs`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use stint_api::{Advice, Approval, ApprovalList, ApprovalState, Code, ProblemApproval, Vote};
use tokio::sync::broadcast;

use super::{App, Error, Facts, Judged, LiveCredential, LiveSession, PersonCaller, Result, budget};
use crate::model::{ApprovalId, ApprovalRow, EventKind, Lift, SessionId, VoteRow, digest_hex};
use crate::policy::Needed;
use crate::store::{Change, Commit};

/// Approvals that a list holds.
const LISTED: i64 = 500;

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
        // However many were decided since, what waits is found.
        let stored = state.filter(|state| *state == ApprovalState::Waiting);
        let rows = self.0.store.approvals(stored, LISTED).await?;
        let mut list = self.listed(rows).await?;
        list.approvals.retain(|approval| state.is_none_or(|state| approval.state == state));
        Ok(list)
    }

    /// What waits, and the newest of the others.
    pub async fn approvals_to_show(&self, decided: usize) -> Result<(Vec<Approval>, Vec<Approval>)> {
        let waiting = self.approvals(Some(ApprovalState::Waiting)).await?.approvals;
        let rows = self.0.store.approvals(None, LISTED).await?;
        let mut others = self.listed(rows).await?.approvals;
        others.retain(|approval| approval.state != ApprovalState::Waiting);
        let at = |approval: &Approval| approval.decided_at.unwrap_or(approval.requested_at);
        others.sort_by_key(|approval| std::cmp::Reverse(at(approval)));
        others.truncate(decided);
        Ok((waiting, others))
    }

    /// What a session asked for, newest first.
    pub async fn approvals_of(&self, session: &str, limit: i64) -> Result<ApprovalList> {
        let session = SessionId::parse(session).map_err(|_| Error::not_found("session", session))?;
        let rows = self.0.store.approvals_of(&session, limit).await?;
        self.listed(rows).await
    }

    async fn listed(&self, rows: Vec<ApprovalRow>) -> Result<ApprovalList> {
        let votes = match rows.iter().any(|row| takes_time(&row.lift)) {
            true => self.0.store.votes_of_recent(LISTED).await?,
            false => Vec::new(),
        };
        let shown = |row: ApprovalRow| {
            let votes = votes.iter().filter(|vote| vote.approval == row.id).cloned().collect();
            self.shown(row, votes)
        };
        Ok(ApprovalList { approvals: rows.into_iter().map(shown).collect() })
    }

    /// One approval. A session sees its own only: others are `NotFound`.
    pub async fn approval(&self, id: &str, session: Option<&SessionId>) -> Result<Approval> {
        let row = self.approval_row(id).await?;
        if session.is_some_and(|session| *session != row.session) {
            return Err(Error::not_found("approval", id));
        }
        let votes = self.0.store.votes(&row.id).await?;
        Ok(self.shown(row, votes))
    }

    /// Those that the caller may see: all, or those of the sessions that their login started.
    pub async fn approvals_for(
        &self,
        caller: &PersonCaller,
        state: Option<ApprovalState>,
    ) -> Result<ApprovalList> {
        let mut list = self.approvals(state).await?;
        if let Some(own) = self.sessions_of(caller).await? {
            list.approvals.retain(|approval| own.iter().any(|id| id.as_str() == approval.session));
        }
        Ok(list)
    }

    /// `NotFound` for an approval that the caller's login may not see.
    pub async fn sees_approval(&self, caller: &PersonCaller, id: &str) -> Result<()> {
        if let Some(own) = self.sessions_of(caller).await?
            && !own.contains(&self.approval_row(id).await?.session)
        {
            return Err(Error::not_found("approval", id));
        }
        Ok(())
    }

    /// One approval, but answered only when it is decided or `wait` is over.
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

    /// Ask a person. The same request of the same session asks once: a second one joins the first. `reason` is the
    /// agent's own. A session that has asked for too much already is denied.
    pub async fn ask(
        &self,
        session: &LiveSession,
        credential: &LiveCredential,
        judged: &Judged,
        needed: &Needed,
        reason: Option<&str>,
    ) -> Result<ApprovalRow> {
        let digest = digest_hex(judged.approval_digest(session, credential));
        // One question at a time, so that equal ones meet and the limit holds however many come at once.
        let _turn = session.asking.lock().await;
        if let Some(row) = self.asked(session, &digest).await? {
            return Ok(row);
        }
        let now = self.0.clock.now();
        let most = self.0.config.approval.waiting;
        if self.0.store.count_waiting(&session.row.id, now).await? >= most {
            return Err(Error::new(
                Code::Denied,
                format!("{most} requests of this session wait for a person already, so this one is denied"),
            )
            .hint("wait until they are decided before you ask for more: stint approval wait ID")
            .decided(judged.facts(needed.lift.policies.clone())));
        }
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
            expires_at: now + TimeDelta::seconds(lifetime + i64::from(needed.lift.cooldown)),
            decided_by: None,
            decided_at: None,
            reason: None,
            agent_reason: reason.map(str::to_owned),
        };
        let facts = Facts::new()
            .with("approval", row.id.as_str())
            .with("digest", row.digest.as_str())
            .with("agent", row.agent.as_str())
            .with("environment", row.environment.as_str())
            .with("request", row.request.as_str())
            .with("class", row.class.as_str())
            .with_all("operations", &row.operations)
            .with_all("resources", &row.resources)
            .with_all("policies", &row.lift.policies)
            .maybe("agent_reason", row.agent_reason.as_deref());
        let event =
            self.event(EventKind::ApprovalRequested, &session.row.subject, Some(&session.row.id), facts)?;
        let told = self.tells(&self.asks(&row))?;
        let over = super::alerts::of_question(session, needed, &event);
        let changes = std::iter::once(Change::AddApproval(row.clone())).chain(over).chain(told).collect();
        let committed = self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await;
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

    pub(in crate::app) async fn approval_row(&self, id: &str) -> Result<ApprovalRow> {
        let missing = || Error::not_found("approval", id);
        let id = ApprovalId::parse(id).map_err(|_| missing())?;
        let mut row = self.0.store.approval(&id).await?.ok_or_else(missing)?;
        let open = matches!(row.state, ApprovalState::Waiting | ApprovalState::Approved);
        if open && self.0.clock.now() >= row.expires_at {
            row.state = ApprovalState::Expired;
        }
        Ok(row)
    }

    fn shown(&self, mut row: ApprovalRow, votes: Vec<VoteRow>) -> Approval {
        let open = matches!(row.state, ApprovalState::Waiting | ApprovalState::Approved);
        if open && self.0.clock.now() >= row.expires_at {
            row.state = ApprovalState::Expired;
        }
        let not_before = not_before(&row);
        let policies = self.0.policy.load();
        let advice = |policy: &String| {
            policies
                .advice(policy)
                .or_else(|| budget::advice(policy))
                .map(|advice| Advice { policy: policy.clone(), advice: advice.to_owned() })
        };
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
            advice: row.lift.policies.iter().filter_map(advice).collect(),
            not_before,
            agent_reason: row.agent_reason,
            votes: votes.into_iter().map(vote).collect(),
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

/// Whether more than one yes, given at once, is needed.
pub(in crate::app) fn takes_time(lift: &Lift) -> bool {
    lift.approvers > 1 || lift.cooldown > 0
}

/// When the cool-down is over, where there is one.
pub(in crate::app) fn not_before(row: &ApprovalRow) -> Option<DateTime<Utc>> {
    (row.lift.cooldown > 0).then(|| row.requested_at + TimeDelta::seconds(i64::from(row.lift.cooldown)))
}

fn vote(row: VoteRow) -> Vote {
    Vote { person: row.person.to_string(), at: row.at, within: row.good_for }
}
