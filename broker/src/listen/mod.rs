//! The listener: connections in, requests out.
//!
//! Knows TCP, TLS and HTTP framing, and hands each request to one service. It knows nothing of what a request means,
//! who sends it or what the answer is. Every HTTP/1 connection is read through a `guard` that lets only heads and
//! bodies pass which have a single reading; a request that it holds back reaches the service as a harmless stand-in
//! with a [`Refused`] among its extensions, so that the answer is a problem document like any other.

mod chunk;
mod client;
mod connection;
mod guard;
mod head;
mod tls;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

pub use client::{Client, client};
pub use connection::serve;
pub use tls::tls_config;

/// Request extension: the head broke a rule of framing, and the request that carries this stands in for it.
///
/// The service answers `status` with a problem of this `code`; the connection closes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// A code of `stint_api::Code`.
    pub code: &'static str,
    pub status: u16,
    pub detail: &'static str,
}

/// Request extension: the other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub addr: SocketAddr,
    /// The connection is TLS, ended here.
    pub tls: bool,
}

/// Bounds on what one listener holds and waits for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same time; more wait in the backlog.
    pub connections: usize,
    /// Bytes of a request head, and of an HTTP/2 header list.
    pub head: usize,
    /// Headers in a request.
    pub headers: usize,
    pub streams: u32,
    /// For a TLS handshake, and for a whole head after its first byte.
    pub head_time: Duration,
    /// Between two reads of a body, and between two writes of an answer.
    pub stall_time: Duration,
    /// For a connection between two requests.
    pub idle_time: Duration,
    /// For requests under way when the listener stops.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 8192,
            head: 64 << 10,
            headers: 100,
            streams: 256,
            head_time: Duration::from_secs(10),
            stall_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
            drain_time: Duration::from_secs(30),
        }
    }
}

/// The certificate or key of the listener cannot be used. Never holds key material.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);
