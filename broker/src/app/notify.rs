//! Notices on their way: queued in the transaction of what they tell, sent until they arrive or it is too late.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use stint_api::{Target, Topic};

use super::{App, Error, Facts, Result};
use crate::model::{
    ApprovalRow, ChannelId, ChannelRow, CredentialId, DeliveryId, DeliveryRow, EventKind, Upstream,
};
use crate::notify::{self, Notice};
use crate::provider::{Body, MailServer, send_mail};
use crate::store::{Change, Commit, CommitError};

/// One try takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Waits before the second and every further try; after the last it is given up.
const WAITS: [i64; 7] = [5, 30, 120, 600, 1800, 3600, 7200];
/// Sent at once.
const TOGETHER: i64 = 16;

/// What is sealed of a channel.
#[derive(Serialize, Deserialize)]
pub(in crate::app) struct Kept {
    pub(in crate::app) target: Target,
    /// Signs what is posted.
    pub(in crate::app) key: [u8; 32],
}

impl App {
    /// Changes that queue a notice for every channel that is told of its topic.
    pub(in crate::app) fn tells(&self, notice: &Notice) -> Result<Vec<Change>> {
        let registry = self.0.registry.load();
        let listening = registry.channels.iter().filter(|row| row.topics.contains(&notice.topic));
        listening.map(|row| self.delivery(&row.id, notice).map(Change::AddDelivery)).collect()
    }

    /// An approval was asked for.
    pub(in crate::app) fn asks(&self, row: &ApprovalRow) -> Notice {
        let names: Vec<String> = row
            .resources
            .iter()
            .map(|resource| resource.name.clone().unwrap_or_else(|| resource.id.clone()))
            .filter(|name| !name.is_empty())
            .take(5)
            .collect();
        let what = row.operations.join(", ");
        let mut facts = serde_json::Map::new();
        facts.insert("approval".to_owned(), row.id.as_str().into());
        facts.insert("agent".to_owned(), row.agent.as_str().into());
        facts.insert("environment".to_owned(), row.environment.as_str().into());
        facts.insert("class".to_owned(), row.class.as_str().into());
        facts.insert("operations".to_owned(), serde_json::json!(row.operations));
        Notice {
            topic: Topic::Approval,
            title: format!("{} asks for {what} in {}", row.agent, row.environment),
            text: format!(
                "class {}; on {}; for {}. It expires {}.",
                row.class.as_str(),
                if names.is_empty() { "the account".to_owned() } else { names.join(", ") },
                row.subject,
                row.expires_at.format("%H:%M UTC")
            ),
            url: format!("{}/console/approvals/{}", self.issuer(), row.id),
            facts,
        }
    }

    /// A notice about an event, where its kind is one that channels are told of.
    pub(in crate::app) fn noteworthy(&self, kind: EventKind, facts: &Facts) -> Option<Notice> {
        let text = |name: &str| facts.text(name).unwrap_or_default();
        let (topic, title) = match kind {
            EventKind::RequestRefused if text("code") == "foreign_credential" => (
                Topic::Alert,
                format!(
                    "{} sent a credential that it was not given, in {}",
                    text("agent"),
                    text("environment")
                ),
            ),
            EventKind::SessionStarted => {
                (Topic::Session, format!("{} started a session in {}", text("agent"), text("environment")))
            }
            EventKind::SessionEnded if text("reason") == "kill_switch" => {
                (Topic::Alert, "Sessions were ended by the kill switch".to_owned())
            }
            EventKind::SessionEnded => (Topic::Session, format!("A session ended: {}", text("reason"))),
            EventKind::CredentialAdded
            | EventKind::CredentialRotated
            | EventKind::CredentialRevoked
            | EventKind::AgentAdded
            | EventKind::EnvironmentAdded
            | EventKind::EnvironmentMapped
            | EventKind::EnvironmentUnmapped
            | EventKind::PersonAdded => {
                let named = ["credential", "agent", "environment", "person"].map(text);
                let named: Vec<&str> =
                    named.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                (Topic::Change, format!("{}: {}", kind.as_str().replace('_', " "), named.join(", ")))
            }
            _ => return None,
        };
        Some(Notice {
            topic,
            title,
            text: text("detail"),
            url: format!("{}/console/", self.issuer()),
            facts: facts.clone().into_map(),
        })
    }

    pub(in crate::app) fn delivery(&self, channel: &ChannelId, notice: &Notice) -> Result<DeliveryRow> {
        let now = self.0.clock.now();
        Ok(DeliveryRow {
            id: DeliveryId::from_uuid(self.uuid()?),
            channel: channel.clone(),
            notice: serde_json::to_string(notice).map_err(Error::internal)?,
            attempts: 0,
            next_at: Some(now),
            created_at: now,
            done_at: None,
            error: None,
        })
    }

    /// Send what is due. What another replica took is left to it.
    pub(in crate::app) async fn deliver_due(&self) -> Result<()> {
        if self.is_sealed() {
            return Ok(());
        }
        let due = self.0.store.due(self.0.clock.now(), TOGETHER).await?;
        if due.is_empty() {
            return Ok(());
        }
        let channels = self.0.store.channels().await?;
        let results = join_all(due.iter().map(|row| self.deliver(row, &channels))).await;
        results.into_iter().collect()
    }

    async fn deliver(&self, row: &DeliveryRow, channels: &[ChannelRow]) -> Result<()> {
        let until = self.0.clock.now() + TimeDelta::seconds(60);
        match self.0.store.take_delivery(row, until).await {
            Ok(()) => {}
            Err(CommitError::Conflict(_)) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
        let channel = channels.iter().find(|channel| channel.id == row.channel);
        let sent = match channel {
            Some(channel) => self.send_notice(row, channel).await,
            None => Err("the channel is gone".to_owned()),
        };
        let now = self.0.clock.now();
        let attempts = row.attempts + 1;
        let wait = usize::try_from(row.attempts).ok().and_then(|tried| WAITS.get(tried));
        let (next, kind) = match (&sent, wait) {
            (Ok(()), _) => (None, EventKind::NotificationSent),
            (Err(_), Some(wait)) => (Some(now + TimeDelta::seconds(*wait)), EventKind::NotificationFailed),
            (Err(_), None) => (None, EventKind::NotificationFailed),
        };
        let error = sent.err();
        let facts = Facts::new()
            .maybe("channel", channel.map(|channel| channel.name.as_str()))
            .with("delivery", row.id.as_str())
            .with("attempts", attempts)
            .with("again", next.is_some())
            .maybe("detail", error.as_deref());
        let event = self.event(kind, "broker", None, facts)?;
        let change = Change::SettleDelivery { id: row.id.clone(), next, at: now, error };
        match self.0.store.commit(Commit { changes: vec![change], events: vec![event], digest: None }).await {
            // The channel was removed meanwhile.
            Ok(_) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// One try. The text of a failure names no secret: it is kept and shown.
    async fn send_notice(&self, row: &DeliveryRow, channel: &ChannelRow) -> std::result::Result<(), String> {
        let Kept { target, key } = self.kept(channel).map_err(|error| error.detail)?;
        let notice: Notice = serde_json::from_str(&row.notice).map_err(|_| "the notice cannot be read")?;
        let sending = async {
            match &target {
                Target::Email { .. } => self.send_mail(&target, &notice, row).await,
                other => self.send_post(other, &key, &notice, row).await,
            }
        };
        tokio::time::timeout(PATIENCE, sending).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn send_post(
        &self,
        target: &Target,
        key: &[u8],
        notice: &Notice,
        row: &DeliveryRow,
    ) -> std::result::Result<(), String> {
        let at = self.0.clock.unix();
        let post = notify::post(target, notice, row.id.as_str(), at, key).map_err(|error| error.0)?;
        let body = |bytes: Vec<u8>| -> Body {
            Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
        };
        let upstream = Upstream { url: Some(post.origin), ca: None };
        // Connections are pooled by credential; a channel's are its own.
        let pool =
            CredentialId::parse(&row.channel.as_str().replace(ChannelId::PREFIX, CredentialId::PREFIX));
        let pool = pool.map_err(|error| error.to_string())?;
        let answer = self.0.upstream.send(&pool, &upstream, post.request.map(body)).await;
        let status = answer.map_err(|error| error.detail)?.status();
        // A redirect is not followed: it would lead the notice elsewhere (E22).
        if status.is_success() { Ok(()) } else { Err(format!("the channel answered {}", status.as_u16())) }
    }

    async fn send_mail(
        &self,
        target: &Target,
        notice: &Notice,
        row: &DeliveryRow,
    ) -> std::result::Result<(), String> {
        let Target::Email { server, port, security, from, to, user, password } = target else {
            return Err("not a mail".to_owned());
        };
        let mail = notify::mail(notice, from, to, row.id.as_str()).map_err(|error| error.0)?;
        let login = user.as_deref().zip(password.as_deref());
        let server = MailServer { host: server, port: *port, security: *security, login };
        send_mail(&server, mail, PATIENCE).await
    }

    fn kept(&self, channel: &ChannelRow) -> Result<Kept> {
        let text = self.0.vault.open_signing_key(channel.id.as_str(), 1, &channel.sealed);
        let text = text.map_err(Error::internal)?;
        serde_json::from_slice(text.expose()).map_err(|_| Error::internal("a channel cannot be read"))
    }
}
