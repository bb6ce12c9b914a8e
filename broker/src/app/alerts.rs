//! Alerts: what a person should look at. Each is written with the record that it is about.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use stint_api::{Alert, AlertList, Code, Tier};

use super::{App, Error, Facts, LiveSession, PersonCaller, Result};
use crate::model::{AlertKind, AlertRow, Event, EventKind, SessionId, SessionRow};
use crate::policy::Needed;
use crate::store::{Change, Commit};

/// So many refusals in so many milliseconds are a row.
const ROW: usize = 5;
const ROW_WITHIN: i64 = 10 * 60 * 1000;

/// Characters of a detail.
const DETAIL: usize = 400;

/// What waits for a person, for the navigation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attention {
    pub approvals: u64,
    /// Counted to 100.
    pub alerts: u64,
}

/// Refusals of a session since something of it was allowed. Each process counts its own.
#[derive(Debug, Default)]
pub(in crate::app) struct Streak(Mutex<Vec<i64>>);

impl Streak {
    /// Whether this one makes a row. The next row begins after it.
    fn add(&self, now_ms: i64) -> bool {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.retain(|at| now_ms - at < ROW_WITHIN);
        times.push(now_ms);
        let full = times.len() >= ROW;
        if full {
            times.clear();
        }
        full
    }

    pub(in crate::app) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The alert of a session that was started, if it is one.
pub(in crate::app) fn of_session(row: &SessionRow, event: &Event) -> Option<Change> {
    (row.tier == Tier::Production && !row.confinement.is_full()).then(|| {
        let detail = "its command is not confined: it could reach a provider by another way than the broker";
        alert(AlertKind::UnconfinedInProduction, event, Some(row), detail)
    })
}

/// The alert of a question to a person, where the session asks because it is over its budget: once for each budget that it
/// passes, and not again for each further request.
pub(in crate::app) fn of_question(session: &LiveSession, needed: &Needed, event: &Event) -> Option<Change> {
    let spent = session.spent.get()?;
    let fresh = spent.tells(&needed.lift.policies);
    (!fresh.is_empty()).then(|| {
        let detail = format!("{}: {}", fresh.join(", "), needed.reason);
        alert(AlertKind::OverBudget, event, Some(&session.row), &detail)
    })
}

fn alert(kind: AlertKind, event: &Event, session: Option<&SessionRow>, detail: &str) -> Change {
    Change::AddAlert(AlertRow {
        kind,
        at: event.at,
        session: session.map(|row| row.id.to_string()),
        agent: session.map(|row| row.agent.to_string()),
        environment: session.map(|row| row.environment.to_string()),
        record: event.id.to_string(),
        detail: detail.chars().take(DETAIL).collect(),
    })
}

impl App {
    /// The alerts of a refusal that is about to be recorded.
    pub(in crate::app) fn alerts_of_refusal(
        &self,
        session: Option<&SessionId>,
        event: &Event,
    ) -> Vec<Change> {
        let mut alerts = Vec::new();
        let live = session.and_then(|id| self.0.sessions.find(id));
        let Some(live) = live.filter(|_| event.kind == EventKind::RequestRefused) else { return alerts };
        let text = |name: &str| event.facts.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let code = text("code");
        if code == Code::ForeignCredential.as_str() {
            alerts.push(alert(AlertKind::ForeignCredential, event, Some(&live.row), text("detail")));
        }
        // Who waits for a person was not refused yet.
        if code != Code::ApprovalRequired.as_str() && live.refusals.add(event.at.timestamp_millis()) {
            let detail = format!(
                "{ROW} requests in a row were refused within 10 minutes; the last one ({code}): {}",
                text("detail")
            );
            alerts.push(alert(AlertKind::RefusalsInARow, event, Some(&live.row), &detail));
        }
        alerts
    }

    /// The alerts of an outcome that is about to be recorded.
    pub(in crate::app) fn alerts_of_outcome(&self, session: &SessionId, event: &Event) -> Vec<Change> {
        let mut alerts = Vec::new();
        let fact = |name: &str| event.facts.get(name);
        let is_foreign =
            fact("code").and_then(|code| code.as_str()) == Some(Code::ForeignCredential.as_str());
        let is_echo = fact("redacted").and_then(|found| found.as_bool()) == Some(true);
        if !is_foreign && !is_echo {
            return alerts;
        }
        let live = self.0.sessions.find(session);
        let row = live.as_ref().map(|live| &live.row);
        if is_foreign {
            let detail = "a body that streamed past the judge carried a credential; it was cut off there";
            alerts.push(alert(AlertKind::ForeignCredential, event, row, detail));
        }
        if is_echo {
            let detail =
                "the provider's answer held the credential; it was taken out before the answer went on";
            alerts.push(alert(AlertKind::Echo, event, row, detail));
        }
        alerts
    }

    /// Record, as soon as the store writes again, that for a while it did not.
    pub(in crate::app) async fn tell_unrecorded(&self) -> Result<()> {
        let counted = self.0.store.unrecorded();
        let told = self.0.told_unrecorded.load(Ordering::Relaxed);
        let lost = counted.saturating_sub(told);
        if lost == 0 {
            return Ok(());
        }
        let event =
            self.event(EventKind::RecordingFailed, "broker", None, Facts::new().with("commits", lost))?;
        let detail = format!(
            "{lost} times the store could not write what was about to be done, so it was not done; the log says why"
        );
        let changes = vec![alert(AlertKind::RecordingFailed, &event, None, &detail)];
        let told = match self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await {
            Ok(_) => {
                self.tell(super::News::Record);
                lost
            }
            // This attempt was counted too, and is no news.
            Err(_) => self.0.store.unrecorded().saturating_sub(counted).min(1),
        };
        self.0.told_unrecorded.fetch_add(told, Ordering::Relaxed);
        Ok(())
    }

    /// A page, newest first.
    pub async fn alerts(
        &self,
        caller: &PersonCaller,
        before: Option<i64>,
        limit: i64,
        kind: Option<AlertKind>,
    ) -> Result<AlertList> {
        let seen = self.0.store.alerts_seen(&caller.person).await?;
        let rows = self.0.store.alerts(before, limit, kind).await?;
        let full = i64::try_from(rows.len()).unwrap_or_default() == limit;
        let next = if full { rows.last().map(|(id, _)| *id) } else { None };
        let shown = |(id, row): (i64, AlertRow)| Alert {
            id,
            kind: row.kind,
            at: row.at,
            seen: id <= seen,
            session: row.session,
            agent: row.agent,
            environment: row.environment,
            record: row.record,
            detail: row.detail,
        };
        let unseen = self.0.store.count_alerts(seen).await?;
        Ok(AlertList { alerts: rows.into_iter().map(shown).collect(), unseen, next })
    }

    /// A person has seen the alerts up to `until`.
    pub async fn see_alerts(&self, caller: &PersonCaller, until: i64) -> Result<AlertList> {
        let newest = self.0.store.alerts(None, 1, None).await?.first().map_or(0, |(id, _)| *id);
        if until < 1 || until > newest {
            return Err(Error::new(Code::InvalidInput, "there is no such alert to have been seen"));
        }
        let event =
            self.event(EventKind::AlertsSeen, &caller.actor(), None, Facts::new().with("until", until))?;
        let see = Change::SeeAlerts { person: caller.person.clone(), until };
        let changes = std::iter::once(see).chain(caller.used_proof()).collect();
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        self.alerts(caller, None, 50, None).await
    }

    /// What the navigation says of what waits.
    pub async fn attention(&self, caller: &PersonCaller) -> Result<Attention> {
        let seen = self.0.store.alerts_seen(&caller.person).await?;
        let alerts = self.0.store.count_alerts(seen).await?;
        Ok(Attention { approvals: self.0.store.counts().await?.approvals_waiting, alerts })
    }
}

#[cfg(test)]
mod tests {
    use super::{ROW, ROW_WITHIN, Streak};

    #[test]
    fn a_row_is_five_within_ten_minutes_with_nothing_allowed_between() {
        let streak = Streak::default();
        let rows = |from: i64, step: i64, n: i64| (0..n).filter(|i| streak.add(from + i * step)).count();
        assert_eq!(rows(0, 1000, 4), 0);
        streak.end();
        assert_eq!(rows(10_000, 1000, 4), 0);
        assert_eq!(rows(20_000, 1000, 1), 1);
        assert_eq!(rows(30_000, 1000, i64::try_from(ROW).unwrap() * 2), 2);
        assert_eq!(rows(10 * ROW_WITHIN, ROW_WITHIN / 4, 20), 0);
    }
}
