//! Use cases, one file each: where the mechanisms meet.
//!
//! The only room that opens a transaction and that puts vault, token, policy, catalog, provider, audit and store
//! together. Edges call it with parsed values and get values or an `Error` with a stable code. Must not know HTTP
//! framing, status codes or pages.

mod account;
mod activity;
mod alerts;
mod approve;
mod authorize;
pub mod backup;
mod budget;
mod capture;
mod chain;
mod channels;
mod device;
mod error;
mod identify;
mod kept;
mod keys;
mod live;
mod login;
mod lookup;
mod mint;
mod notify;
mod packs;
mod passkey;
mod people;
mod policies;
mod policy_change;
mod prove;
mod reach;
mod reading;
mod reason;
mod record;
mod registry;
mod replay;
mod rollup;
mod rule;
mod search;
mod seen;
mod send;
mod session;
mod setup;
mod sign_in;
mod sso;
mod sso_person;
mod sso_provider;
mod start;
mod sweep;
mod tail;
mod told;
pub mod trail;
mod vote;
mod walk;
mod watch;
mod within;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config::Config;
use crate::policy::PolicySet;
use crate::provider::Upstreams;
use crate::store::{Database, Store};
use crate::token::{Nonces, ReplayMemory};
use crate::vault::Vault;

pub use alerts::Attention;
pub use approve::News;
pub use authorize::{Authorized, Judged, Verdict};
pub use capture::withheld;
pub use device::{DeviceRequest, WaitingDevice};
pub use error::{DecisionFacts, Error};
pub use identify::{GatewayCaller, PersonCaller, Presented};
pub use kept::{Kept, replay};
pub use live::{LiveCredential, LiveSession};
pub use login::{ELEVATION, OwnLogin, Reach};
pub use mint::TokenRequest;
pub use packs::{Packs, packs};
pub use people::Enrolment;
pub use prove::Proof;
pub use reach::{shown as reach_line, since};
pub use record::{Facts, Intent};
pub use registry::OperationFilter;
pub use replay::Replaying;
pub use rule::RuleQuery;
pub use send::{Outgoing, Raw, Sent};
pub use sign_in::{Browser, SignedIn};
pub use sso::{SsoAnswer, SsoDone, SsoKind, SsoStart};
pub use start::{StartError, Unsealing, actions, database, policy_files};
pub use tail::Tail;
pub use walk::Exporter;
pub use watch::SessionFilter;

/// What looks for a credential in an answer.
pub use crate::catalog::capture::Capturing;
pub use crate::catalog::{Asked, Reply};
pub use crate::vault::Screen;

pub type Result<T> = std::result::Result<T, Error>;

/// The broker, assembled. Cheap to clone. With a set of packs of its own where one request is under way: what it began
/// with is what it ends with.
#[derive(Clone)]
pub struct App(Arc<Inner>, Option<Arc<Packs>>);

pub(in crate::app) struct Inner {
    config: Config,
    clock: Clock,
    store: Store,
    vault: Vault,
    /// What is in use; replaced as a whole.
    packs: ArcSwap<Packs>,
    /// One at a time reads them anew.
    packing: tokio::sync::Mutex<()>,
    policy: ArcSwap<PolicySet>,
    policies: policies::Policies,
    /// `None` while the broker is sealed.
    keys: ArcSwap<Option<keys::Keys>>,
    nonces: Nonces,
    replays: ReplayMemory,
    registry: ArcSwap<live::Registry>,
    memory: registry::Memory,
    sessions: live::Sessions,
    upstream: Upstreams,
    news: approve::Newsroom,
    polls: device::Polls,
    /// What the OpenID provider said of itself.
    provider: sso_provider::Memory,
    /// Failures to record that an alert has told of.
    told_unrecorded: AtomicU64,
    database: Database,
    /// Few passwords are checked at once: each takes a processor and memory for a while.
    hashing: tokio::sync::Semaphore,
    /// One passphrase is tried at a time.
    unsealing: tokio::sync::Mutex<()>,
    /// One at a time reads what was recorded into counts and index.
    rolling: tokio::sync::Mutex<()>,
    /// The last verification of the chain that was asked for.
    verification: ArcSwap<Option<stint_api::Verification>>,
    /// One verification runs at a time.
    verifying: Arc<tokio::sync::Semaphore>,
    /// Position of the last record whose head this process signed.
    signed: AtomicI64,
    /// Held for as long as the process lives.
    _lock: std::fs::File,
}

impl App {
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Issuer, origin of every URL that the broker gives out.
    pub fn issuer(&self) -> &str {
        &self.0.config.public_url
    }

    pub fn gateway_url(&self) -> String {
        format!("{}/gateway", self.issuer())
    }

    pub fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.issuer())
    }

    pub fn is_sealed(&self) -> bool {
        self.0.keys.load().is_none()
    }

    fn uuid(&self) -> Result<uuid::Uuid> {
        self.0.clock.uuid().ok_or_else(|| Error::internal("the system gives no randomness"))
    }

    fn random<const N: usize>(&self) -> Result<[u8; N]> {
        self.0.clock.random().ok_or_else(|| Error::internal("the system gives no randomness"))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("issuer", &self.issuer()).field("sealed", &self.is_sealed()).finish()
    }
}
