//! Confinement: a command whose only way to a network is its sidecar, and that finds no credential on its disk.
//!
//! Processes, from outside in. `stint run` starts the sidecar and becomes `stint confine`, the *supervisor* (`supervise`),
//! which keeps the pid. It makes a user, mount, pid, network and IPC namespace (`spaces`), opens the doors on their
//! loopback and hands the sockets to the sidecar, which stays outside (`hand`); lays out what the command may see of the
//! disk (`view` decides, `ground` carries it out); and starts two children: the namespace's *init*, which reaps, and the
//! command's own process, which gives up every privilege (`wall`) before it becomes the command (`inner`). The supervisor
//! mirrors stops, passes signals on, and ends as the command ended; everything else inside ends with it.
//!
//! `probe` says whether all this can be had here, by doing it. What could not be set up stops the start: nothing runs half
//! confined. Must not know the broker, and holds no key and no token.

mod ground;
mod hand;
mod hidden;
mod inner;
mod probe;
pub mod process;
mod spaces;
mod supervise;
mod view;
mod wall;

pub use ground::Files;
pub use hand::{receive, send};
pub use probe::{Cannot, probe};
pub use supervise::{Errand, become_supervisor};
pub use view::{Places, View};
pub use wall::hold_back;

/// Where the command finds the session's certificates.
pub const BUNDLE: &str = "/run/stint/ca.pem";
/// Port of the proxy on the namespace's loopback.
pub const PROXY_PORT: u16 = 7381;
/// Port that providers' names lead to.
pub const TLS_PORT: u16 = 443;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// To be used with `map_err`: what was tried.
    fn at<E: Into<std::io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source: source.into() }
    }

    pub fn io(&self) -> Option<&std::io::Error> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Refused(_) => None,
        }
    }
}
