//! Connections of a confined command whose client knows of no proxy: it asked for a provider by name, and the name led to
//! an address inside that is served from here.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::listen::{Door, Proxy, Speaker, accept, canonical_host};
use super::{intercept, tunnel};
use crate::confine;

/// TLS alert `unrecognized_name` (RFC 8446 s6.2), fatal, in a record of its own.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Waits for the doors, serves them, and says so; then tells whoever asks over the same socket which hosts were refused.
pub(super) async fn take_doors(supervisor: UnixStream, proxy: Arc<Proxy>) {
    // Nobody else is to be told: a supervisor without doors does not go on.
    let _: io::Result<()> = try_take_doors(supervisor, proxy).await;
}

async fn try_take_doors(supervisor: UnixStream, proxy: Arc<Proxy>) -> io::Result<()> {
    supervisor.set_nonblocking(true)?;
    let mut supervisor = tokio::net::UnixStream::from_std(supervisor)?;
    let doors = supervisor.async_io(Interest::READABLE, || confine::receive::<2>(&supervisor)).await?;
    let mut serving = JoinSet::new();
    for (descriptor, door) in doors.into_iter().zip([Door::Tls, Door::ProxyInside]) {
        let listener = std::net::TcpListener::from(descriptor);
        listener.set_nonblocking(true)?;
        serving.spawn(accept(TcpListener::from_std(listener)?, door, proxy.clone()));
    }
    supervisor.write_all(&[0]).await?;
    // One question at the command's end; until then, and after it, the doors are served.
    if supervisor.read(&mut [0]).await? > 0 {
        let refused = serde_json::to_vec(&proxy.egress.refused())?;
        supervisor.write_all(&refused).await?;
        supervisor.shutdown().await?;
    }
    while serving.join_next().await.is_some() {}
    Ok(())
}

/// One connection, by the name in its TLS greeting: to the gateway, to a host that may be reached, or nowhere.
pub(super) async fn serve(mut stream: TcpStream, proxy: Arc<Proxy>) {
    let _ = stream.set_nodelay(true);
    let Ok(greeting) = tunnel::read_greeting(&mut stream).await else { return };
    let Some(host) = greeting.name.as_deref().map(canonical_host) else { return };
    let (reading, writing) = stream.into_split();
    let mut stream = tokio::io::join(io::Cursor::new(greeting.bytes).chain(reading), writing);
    if proxy.is_provider(&host) {
        return intercept::serve(stream, host, Speaker::Unnamed, proxy).await;
    }
    let upstream = match proxy.may_tunnel(&host) {
        true => tunnel::connect(&host, 443).await.ok(),
        false => None,
    };
    match upstream {
        // A connection that breaks is seen by both of its ends; there is nobody else to tell.
        Some(mut upstream) => drop(tokio::io::copy_bidirectional(&mut stream, &mut upstream).await),
        None => drop(stream.write_all(&UNRECOGNIZED_NAME).await),
    }
}
