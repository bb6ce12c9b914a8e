//! What happens by itself: sessions end by time and silence, approvals expire, the chain's head is signed.

use std::time::Duration;

use stint_api::ApprovalState;

use super::{App, Facts, Result};
use crate::model::EventKind;
use crate::store::{Change, Commit, Database};

const TICK: Duration = Duration::from_secs(1);
/// A head is signed at least this often while records are added.
const CHECKPOINT_EVERY: u32 = 10;
const USES_EVERY: u32 = 5;

impl App {
    /// Runs until the process ends. Failures are logged and tried again at the next tick: whatever this records late is
    /// already refused by the checks that each request makes.
    pub async fn sweep_forever(self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0u32;
        let mut delivering: Option<tokio::task::JoinHandle<()>> = None;
        loop {
            tick.tick().await;
            count = count.wrapping_add(1);
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "the sweep failed and will be tried again");
            }
            // Beside the sweep: a channel that does not answer keeps nothing else waiting.
            if delivering.as_ref().is_none_or(tokio::task::JoinHandle::is_finished) {
                let app = self.clone();
                delivering = Some(tokio::spawn(async move {
                    if let Err(error) = app.deliver_due().await {
                        tracing::warn!(%error, "notices could not be sent and will be tried again");
                    }
                }));
            }
            if let Err(error) = self.roll_up_idle().await {
                tracing::warn!(%error, "records could not be counted and will be tried again");
            }
            if count.is_multiple_of(CHECKPOINT_EVERY)
                && let Err(error) = self.checkpoint().await
            {
                tracing::warn!(%error, "the head of the audit chain could not be signed yet");
            }
            if count.is_multiple_of(USES_EVERY)
                && let Err(error) = self.keep_uses().await
            {
                tracing::warn!(%error, "the last uses of credentials could not be kept yet");
            }
            if count.is_multiple_of(2)
                && matches!(self.database(), Database::Postgres(_))
                && let Err(error) = self.reload_registry().await
            {
                tracing::warn!(%error, "the registry could not be read anew");
            }
            if count.is_multiple_of(2)
                && let Err(error) = self.reload_policies().await
            {
                tracing::warn!(%error, "the policies could not be read anew");
            }
        }
    }

    async fn sweep(&self) -> Result<()> {
        self.tell_unrecorded().await?;
        let now = self.0.clock.now();
        let grace = self.0.config.session.heartbeat_grace;
        for live in self.0.sessions.all() {
            if let Some(reason) = live.over(now, grace) {
                self.end_quietly(&live.row, reason).await;
            }
        }
        // Sessions that no request woke since a restart, and approvals nobody looked at.
        for row in self.0.store.sessions(true, 500).await? {
            if now >= row.expires_at {
                self.end_quietly(&row, "expired").await;
            }
        }
        self.end_orphans().await;
        for row in self.0.store.approvals(Some(ApprovalState::Waiting), 500).await? {
            if now >= row.expires_at {
                let facts = Facts::new().with("approval", row.id.as_str());
                let event = self.event(EventKind::ApprovalExpired, "broker", Some(&row.session), facts)?;
                let changes = vec![Change::ExpireApproval { id: row.id.clone(), at: now }];
                match self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await {
                    Ok(_) => self.tell(super::News::Approval),
                    Err(crate::store::CommitError::Conflict(_)) => {}
                    Err(other) => return Err(other.into()),
                }
            } else if super::approve::takes_time(&row.lift) {
                self.release(&row, "broker").await?;
            }
        }
        Ok(())
    }
}
