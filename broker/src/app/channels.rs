//! Channels: where people are told of what waits and what went wrong.

use stint_api::{
    AddChannel, AddedChannel, Channel, ChannelList, Code, Delivery, MailSecurity, Target, Topic,
};

use super::notify::Kept;
use super::{App, Error, Facts, PersonCaller, Result};
use crate::model::{ChannelId, ChannelRow, DeliveryRow, EventKind, Name};
use crate::notify::{self, Notice};
use crate::secret::Secret;
use crate::store::Change;

/// Deliveries that a channel shows.
const SHOWN: i64 = 20;

impl App {
    pub async fn channels(&self, caller: &PersonCaller) -> Result<ChannelList> {
        caller.administers()?;
        let mut channels = Vec::new();
        for row in self.0.store.channels().await? {
            let deliveries = self.0.store.deliveries(&row.id, SHOWN).await?;
            channels.push(channel(&row, deliveries));
        }
        Ok(ChannelList { channels })
    }

    pub async fn add_channel(&self, caller: &PersonCaller, add: AddChannel) -> Result<AddedChannel> {
        caller.administers()?;
        self.unsealed()?;
        let name = Name::parse(&add.name)?;
        if add.topics.is_empty() {
            return Err(Error::new(
                Code::InvalidInput,
                "the channel is told nothing: choose what it is told",
            ));
        }
        let place = self.place(&add.target)?;
        let id = ChannelId::from_uuid(self.uuid()?);
        // A rehearsal: what cannot be written as a request or a mail is found now and not when it matters.
        self.rehearse(&id, &add.target)?;
        let key = self.random::<32>()?;
        let secret = matches!(add.target, Target::Webhook { .. }).then(|| notify::webhook_secret(&key));
        let kind = add.target.kind().to_owned();
        let text = serde_json::to_string(&Kept { target: add.target, key }).map_err(Error::internal)?;
        let sealed = self.0.vault.seal_signing_key(&self.0.clock, id.as_str(), 1, &Secret::from(text));
        let mut topics = add.topics;
        topics.sort();
        topics.dedup();
        let row = ChannelRow {
            id: id.clone(),
            name: name.clone(),
            kind,
            place,
            topics,
            sealed: sealed.map_err(Error::internal)?,
            created_at: self.0.clock.now(),
        };
        let facts = Facts::new()
            .with("channel", name.as_str())
            .with("channel_kind", row.kind.as_str())
            .with("place", row.place.as_str())
            .with_all("topics", &row.topics);
        self.change(caller, EventKind::ChannelAdded, facts, vec![Change::AddChannel(row.clone())]).await?;
        Ok(AddedChannel { channel: channel(&row, vec![]), signing_secret: secret })
    }

    pub async fn remove_channel(&self, caller: &PersonCaller, name: &str) -> Result<()> {
        caller.administers()?;
        let row = self.named_channel(name).await?;
        let facts = Facts::new().with("channel", row.name.as_str());
        self.change(caller, EventKind::ChannelRemoved, facts, vec![Change::RemoveChannel { id: row.id }])
            .await
    }

    /// Send a notice that says that it is a trial; what became of it is seen in the channel's deliveries.
    pub async fn try_channel(&self, caller: &PersonCaller, name: &str) -> Result<Channel> {
        caller.administers()?;
        let row = self.named_channel(name).await?;
        let topic = row.topics.first().copied().unwrap_or(Topic::Alert);
        let notice = Notice {
            topic,
            title: "A trial of this channel".to_owned(),
            text: format!("{} tried the channel {}. Nothing happened.", caller.person, row.name),
            url: format!("{}/console/notifications", self.issuer()),
            facts: serde_json::Map::new(),
        };
        let facts = Facts::new().with("channel", row.name.as_str()).with("trial", true);
        let event = self.event(EventKind::NotificationSent, &caller.actor(), None, facts)?;
        let delivery = self.delivery(&row.id, &notice)?;
        let changes = std::iter::once(Change::AddDelivery(delivery)).chain(caller.used_proof()).collect();
        self.0.store.commit(crate::store::Commit { changes, events: vec![event], digest: None }).await?;
        self.deliver_due().await?;
        let deliveries = self.0.store.deliveries(&row.id, SHOWN).await?;
        Ok(channel(&row, deliveries))
    }

    async fn named_channel(&self, name: &str) -> Result<ChannelRow> {
        let missing = || Error::not_found("channel", name);
        let name = Name::parse(name).map_err(|_| missing())?;
        let rows = self.0.store.channels().await?;
        rows.into_iter().find(|row| row.name == name).ok_or_else(missing)
    }

    fn rehearse(&self, id: &ChannelId, target: &Target) -> Result<()> {
        let notice = Notice {
            topic: Topic::Alert,
            title: "rehearsal".to_owned(),
            text: String::new(),
            url: self.issuer().to_owned(),
            facts: serde_json::Map::new(),
        };
        let made = match target {
            Target::Email { from, to, .. } => notify::mail(&notice, from, to, id.as_str()).map(|_| ()),
            other => notify::post(other, &notice, id.as_str(), 0, b"rehearsal").map(|_| ()),
        };
        made.map_err(|error| Error::new(Code::InvalidInput, error.0))
    }

    /// What a channel is recognised by, after its address was judged.
    fn place(&self, target: &Target) -> Result<String> {
        let url = match target {
            Target::Webhook { url } | Target::Slack { url } | Target::Ntfy { url, .. } => url,
            Target::Email { server, to, security, user, password, .. } => {
                let local = matches!(server.as_str(), "localhost" | "127.0.0.1" | "::1");
                if *security == MailSecurity::None && !local {
                    let detail = "mail without TLS goes to this machine only: choose starttls or tls";
                    return Err(Error::new(Code::InvalidInput, detail));
                }
                if user.is_some() != password.is_some() {
                    return Err(Error::new(Code::InvalidInput, "user and password go together"));
                }
                return Ok(format!("{to} by {server}"));
            }
        };
        let wrong = || Error::new(Code::InvalidInput, "the URL of a channel is https://HOST/PATH");
        let uri: http::Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let origin = format!("{}://{authority}", uri.scheme_str().unwrap_or_default());
        let upstream = crate::model::Upstream { url: Some(origin), ca: None };
        self.0.upstream.check(&upstream).map_err(|error| {
            Error::new(Code::InvalidInput, error.to_string())
                .hint("private addresses need --allow-private-upstreams")
        })?;
        Ok(authority.to_string())
    }
}

fn channel(row: &ChannelRow, deliveries: Vec<DeliveryRow>) -> Channel {
    let shown = |row: DeliveryRow| Delivery {
        title: serde_json::from_str::<Notice>(&row.notice).map(|notice| notice.title).unwrap_or_default(),
        id: row.id.to_string(),
        state: match (&row.next_at, &row.error) {
            (Some(_), _) => "waiting",
            (None, None) => "done",
            (None, Some(_)) => "failed",
        }
        .to_owned(),
        attempts: row.attempts,
        created_at: row.created_at,
        error: row.error,
    };
    Channel {
        name: row.name.to_string(),
        kind: row.kind.clone(),
        place: row.place.clone(),
        topics: row.topics.clone(),
        created_at: row.created_at,
        deliveries: deliveries.into_iter().map(shown).collect(),
    }
}
