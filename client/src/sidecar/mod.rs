//! The sidecar: the small process beside a running command that holds the session's key.
//!
//! Listens on loopback as an HTTP proxy, opens TLS for the hosts of providers with certificates of a CA made for this
//! session, takes the placeholder out and puts the session's token and proof in, and hands the request to the gateway
//! byte for byte. Other hosts are tunnelled unread, or refused. For a confined command it also serves, from outside, the
//! address inside that providers' names lead to.
//!
//! It judges nothing: what a request means, and whether a credential in it is foreign, the gateway decides. It must
//! never see a provider's secret; the CA's key and the session's key never leave its memory.

mod authority;
mod egress;
mod forward;
mod intercept;
mod listen;
mod placeholder;
pub mod process;
mod refusal;
mod transparent;
mod tunnel;
mod within;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::listen::{Door, Party};
use crate::clock::Clock;
use crate::secret::Secret;
pub use crate::session::Heartbeats;
use crate::session::LiveSession;

pub use egress::{Egress, Mode};
pub use listen::READY;
pub use within::{LARGEST, PATH, PROTOCOL, Within};

#[derive(Debug)]
pub struct Settings {
    pub egress: Egress,
    pub heartbeats: Heartbeats,
    pub doors: Doors,
    /// Where commands find the session's certificates, with the system's. Without it no session starts within this one.
    pub bundle: Option<PathBuf>,
}

/// Where a sidecar listens.
#[derive(Debug)]
pub enum Doors {
    /// On a port of this machine's loopback; 0 for one that is free.
    Loopback(u16),
    /// On the loopback of a confined command; the sockets come through this one (`confine::hand`), and a byte goes back
    /// once they are served.
    Handed(std::os::unix::net::UnixStream),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the proxy cannot listen on loopback: {0}")]
    Listen(std::io::Error),
    #[error("the session's certificates cannot be made: {0}")]
    Certificates(#[from] authority::Error),
    #[error(transparent)]
    NoRandomness(#[from] crate::clock::NoRandomness),
}

/// A running sidecar. Dropping it closes the proxy and leaves the session alone; `stop` ends the session too.
#[derive(Debug)]
pub struct Sidecar {
    port: u16,
    ca_pem: String,
    secret: Secret,
    session: Arc<LiveSession>,
    proxy: Arc<listen::Proxy>,
    serving: JoinHandle<()>,
    /// Ends when the session has.
    alive: JoinHandle<()>,
}

impl Sidecar {
    /// Listens, and keeps the session alive, in the background.
    pub async fn start(session: LiveSession, settings: Settings, clock: &Clock) -> Result<Self, Error> {
        let session = Arc::new(session);
        let (party, secret) = Party::new(session.clone(), clock)?;
        let authority = authority::Authority::new(session.id(), session.started().session.expires_at, clock)?;
        let ca_pem = authority.ca_pem().to_owned();
        let Settings { egress, heartbeats, doors, bundle } = settings;
        let proxy = |port| Arc::new(listen::Proxy::new(party, authority, egress, port, bundle, clock));
        let (port, proxy, serving) = match doors {
            Doors::Loopback(port) => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(Error::Listen)?;
                let port = listener.local_addr().map_err(Error::Listen)?.port();
                let proxy = proxy(port);
                (port, proxy.clone(), tokio::spawn(listen::accept(listener, Door::Proxy, proxy)))
            }
            Doors::Handed(supervisor) => {
                let port = crate::confine::PROXY_PORT;
                let proxy = proxy(port);
                (port, proxy.clone(), tokio::spawn(transparent::take_doors(supervisor, proxy)))
            }
        };
        let living = (session.clone(), proxy.clone());
        let alive = tokio::spawn(async move {
            let (session, proxy) = living;
            session.keep_alive(heartbeats).await;
            proxy.session_is_over();
        });
        Ok(Sidecar { port, ca_pem, secret, session, proxy, serving, alive })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The session CA alone, in PEM; commands get it together with the system's roots.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// `http://stint:<secret>@127.0.0.1:<port>`.
    pub fn proxy_url(&self) -> Secret {
        proxy_url(&self.secret, self.port)
    }

    /// Until the session is known to have ended: by time, or because the broker says so.
    pub async fn session_ended(&mut self) {
        // A task that failed keeps nothing alive either.
        let _ = (&mut self.alive).await;
    }

    pub fn session(&self) -> &LiveSession {
        &self.session
    }

    /// From now on whoever asks is told that it is ready.
    pub fn announce(&self) {
        self.proxy.announce();
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.proxy.open()
    }

    /// Takes nothing new, and waits until what is under way is done. `false` when some was not after `patience`.
    pub async fn drain(&mut self, patience: Duration) -> bool {
        self.proxy.close();
        tokio::time::timeout(patience, &mut self.serving).await.is_ok()
    }

    /// Closes the proxy and ends the session at the broker.
    pub async fn stop(self, reason: &str) -> Result<(), crate::api::Error> {
        self.serving.abort();
        self.alive.abort();
        self.session.end_patiently(reason, Duration::from_secs(15)).await
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.serving.abort();
        self.alive.abort();
    }
}

fn proxy_url(secret: &Secret, port: u16) -> Secret {
    Secret::new(format!("http://stint:{}@127.0.0.1:{port}", secret.expose()))
}
