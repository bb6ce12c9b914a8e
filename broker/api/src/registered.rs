use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Agent, AuditRecord, Class, Credential, Environment, Session, Tier};

/// `PATCH /v1/agents/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditAgent {
    /// All environments that the agent may ask for by itself from now on.
    pub environments: Vec<String>,
    /// What they were when this was decided: where they are others by now, nothing is changed (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Vec<String>>,
}

/// `GET /v1/agents/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentDetail {
    pub agent: Agent,
    /// Its last sessions, newest first.
    pub sessions: Vec<Session>,
    /// Records of changes to its registration, newest first.
    pub changes: Vec<AuditRecord>,
}

/// Answer of `DELETE /v1/agents/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemovedAgent {
    pub name: String,
    /// Ids of the sessions that ended with it.
    pub ended: Vec<String>,
}

/// `PATCH /v1/environments/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeTier {
    pub tier: Tier,
    /// What it was when this was decided: where it is another by now, nothing is changed (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Tier>,
}

/// Answer of `PATCH /v1/environments/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedTier {
    pub environment: Environment,
    /// Ids of the sessions that ended, because they were started under the other tier.
    pub ended: Vec<String>,
}

/// Answer of `DELETE /v1/environments/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemovedEnvironment {
    pub name: String,
}

/// `GET /v1/environments/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentDetail {
    pub environment: Environment,
    /// What keeps it from being removed: credentials in use, agents, live sessions; selectors are in `environment`.
    pub credentials: Vec<String>,
    pub agents: Vec<String>,
    pub sessions: Vec<String>,
    pub changes: Vec<AuditRecord>,
}

/// `GET /v1/inventory` and `POST /v1/inventory`: what providers were last seen to hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Inventory {
    pub readings: Vec<Reading>,
}

/// What one credential could see.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reading {
    pub credential: String,
    pub provider: String,
    /// When it was read; absent where it was not read since the broker started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime<Utc>>,
    /// What can be mapped, and what lives in each.
    pub places: Vec<Place>,
    /// Why a part of it could not be read.
    pub problems: Vec<String>,
}

/// A provider's thing that an environment can map.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Place {
    pub selector: String,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider's name for what it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// The environment that maps it; absent: nobody reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    pub things: Vec<PlaceThing>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlaceThing {
    pub kind: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `GET /v1/credentials/{name}`: never the secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CredentialDetail {
    pub credential: Credential,
    pub changes: Vec<AuditRecord>,
}

/// `GET /v1/providers`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderList {
    pub providers: Vec<Provider>,
}

/// A pack.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provider {
    pub name: String,
    pub title: String,
    /// `rest` or `graphql`.
    pub protocol: String,
    /// The present one first.
    pub hosts: Vec<String>,
    pub kinds: Vec<ProviderKind>,
    /// Kinds of things that an environment can map.
    pub environment_kinds: Vec<String>,
    /// How many operations each class has.
    pub operations: BTreeMap<Class, u64>,
}

/// A kind of credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderKind {
    pub name: String,
    pub default: bool,
    /// Header that carries it.
    pub header: String,
    /// Variables under which the provider's tools look for it.
    pub variables: Vec<String>,
}

/// `GET /v1/providers/{name}/operations`: by name, a page at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperationPage {
    pub operations: Vec<ProviderOperation>,
    /// How many there are in all pages.
    pub total: u64,
    /// The `after` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderOperation {
    /// `railway:volumeDelete`.
    pub operation: String,
    /// How a request names it: `DELETE /repos/{owner}/{repo}`, `mutation volumeDelete`.
    pub request: String,
    /// The weakest that it comes out as: what a request carries can make it stronger.
    pub class: Class,
    /// `resources`, `shared`, `account`, or `names`: shared as long as only names are read.
    pub scope: String,
    /// What it names: `volume=volumeId`.
    pub resources: Vec<String>,
    /// `backup`, `carries-backups`.
    pub marks: Vec<String>,
    /// Policies that name it, its class or its provider.
    pub policies: Vec<String>,
}

/// What a backup is made of, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backup {
    /// When the last one was taken, where the broker's own program took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<BackupTaken>,
    /// What it takes to have the broker back.
    pub parts: Vec<BackupPart>,
    /// Command lines for the broker's host: to take one, to try it, to keep the key, to put it back.
    pub commands: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackupTaken {
    pub at: DateTime<Utc>,
    /// Where it was written, on the broker's host.
    pub file: String,
    /// Position of the last record in it.
    pub through: i64,
    /// Id of the record that says so.
    pub record: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackupPart {
    /// `database`, `key` or `settings`.
    pub part: String,
    /// A path on the broker's host, or words where it is none.
    pub place: String,
    /// What is in it, and how it is kept.
    pub why: String,
}

/// Answer of `POST /v1/providers/reload`: what the packs that are now in use differ in from those before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReloadedPacks {
    /// Every pack in use.
    pub packs: Vec<String>,
    /// Operations that were not known before; the first hundred.
    pub appeared: Vec<String>,
    /// Operations that nobody knows any more: a request for one is refused. The first hundred.
    pub gone: Vec<String>,
    /// `acme:siteSuspend: write -> destroy`; the first hundred.
    pub reclassed: Vec<String>,
    /// What no longer fits: policies that name what is gone, credentials whose pack or kind is gone.
    pub warnings: Vec<String>,
}

/// `GET /v1/settings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settings {
    pub version: String,
    pub issuer: String,
    pub sealed: bool,
    pub settings: Vec<SettingValue>,
    pub keys: Vec<BrokerKey>,
    pub records: u64,
    /// The last signed head of the audit chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointInfo>,
    pub backup: Backup,
    /// The OpenID provider that people sign in with, where one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_sign_on: Option<SsoSettings>,
}

/// An OpenID provider, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SsoSettings {
    /// What people call it.
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    /// Where it sends browsers back to: to be registered there.
    pub callback: String,
    pub groups_claim: String,
    /// Group to role.
    pub roles: BTreeMap<String, String>,
}

/// `POST /v1/settings/single-sign-on/check`: what the provider says when it is asked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SsoCheck {
    /// Whether description and keys can be had and used.
    pub works: bool,
    /// URL of the description.
    pub description: String,
    pub callback: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Keys that identity tokens can be checked with.
    pub keys: u64,
    /// Whether it says that it checks PKCE.
    pub says_pkce: bool,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What the configuration says, and where it says so. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingValue {
    /// As in the file: `approval.hold`.
    pub key: String,
    pub value: String,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Flag,
    Variable,
    File,
    Default,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Flag => "flag",
            Origin::Variable => "variable",
            Origin::File => "file",
            Origin::Default => "default",
        }
    }
}

/// A key that the broker signs with: its public facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BrokerKey {
    pub kid: String,
    pub purpose: String,
    pub created_at: DateTime<Utc>,
    /// From then on it only verifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckpointInfo {
    pub seq: i64,
    pub at: DateTime<Utc>,
}

/// `GET /v1/welcome`: how far a new broker is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Welcome {
    pub done: bool,
    pub steps: Vec<WelcomeStep>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WelcomeStep {
    /// `environment`, `mapping`, `credential`, `agent`, `session`.
    pub name: String,
    pub done: bool,
    /// Command lines that do it, with this broker's own names in them.
    pub commands: Vec<String>,
}
