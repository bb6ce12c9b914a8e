use chrono::{DateTime, Utc};
use stint_api::Topic;

use super::{ChannelId, DeliveryId, Name, Sealed};

/// Where people are told that something waits or went wrong.
#[derive(Debug, Clone)]
pub struct ChannelRow {
    pub id: ChannelId,
    pub name: Name,
    /// `webhook`, `slack`, `ntfy`, `email`.
    pub kind: String,
    /// What to recognise it by; holds no secret.
    pub place: String,
    pub topics: Vec<Topic>,
    /// JSON of the whole target.
    pub sealed: Sealed,
    pub created_at: DateTime<Utc>,
}

/// One notice on its way to one channel.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub channel: ChannelId,
    /// JSON of the notice.
    pub notice: String,
    pub attempts: i64,
    /// When it is tried next; `None` when it is over.
    pub next_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub error: Option<String>,
}
