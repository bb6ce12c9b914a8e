use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a channel is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Something waits for a person's yes.
    Approval,
    /// A foreign credential was found, a secret came back in an answer, or every session was ended.
    Alert,
    /// A session started or ended.
    Session,
    /// Somebody changed what is registered.
    Change,
}

impl Topic {
    pub const ALL: [Topic; 4] = [Topic::Approval, Topic::Alert, Topic::Session, Topic::Change];

    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Approval => "approval",
            Topic::Alert => "alert",
            Topic::Session => "session",
            Topic::Change => "change",
        }
    }
}

/// How a channel is reached. What lets its holder post is write-only: it is never shown again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// JSON, signed as Standard Webhooks describes.
    Webhook { url: String },
    /// An incoming webhook that takes `{"text"}`: Slack, Mattermost, Rocket.Chat.
    Slack { url: String },
    /// A topic of ntfy: `https://ntfy.example/topic`.
    Ntfy {
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// Mail by SMTP with TLS; without it only to this machine.
    Email {
        server: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        security: MailSecurity,
        from: String,
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    },
}

impl Target {
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Webhook { .. } => "webhook",
            Target::Slack { .. } => "slack",
            Target::Ntfy { .. } => "ntfy",
            Target::Email { .. } => "email",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte (port 465).
    Tls,
    /// Plain, then TLS or nothing (port 587).
    Starttls,
    /// Plain, to this machine only.
    None,
}

/// `POST /v1/channels`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddChannel {
    pub name: String,
    pub target: Target,
    pub topics: Vec<Topic>,
}

/// A channel as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Channel {
    pub name: String,
    pub kind: String,
    /// Host, or the addresses of a mail: enough to recognise it by.
    pub place: String,
    pub topics: Vec<Topic>,
    pub created_at: DateTime<Utc>,
    /// The newest deliveries, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    pub id: String,
    pub title: String,
    /// `waiting`, `done`, `failed`.
    pub state: String,
    pub attempts: i64,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelList {
    pub channels: Vec<Channel>,
}

/// Answer to `POST /v1/channels`: the secret of a webhook's signatures is shown here and never again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddedChannel {
    pub channel: Channel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
}
