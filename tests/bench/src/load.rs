use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::answer::Connection;
use crate::requests::Supply;

/// What one round showed.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    /// In milliseconds, in order of size.
    latencies: Vec<f64>,
}

impl Round {
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Latency that this share (0.0 to 1.0) of the requests stayed within, in milliseconds.
    pub(crate) fn within(&self, share: f64) -> f64 {
        let at = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(at.min(self.latencies.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Drive one connection for each supply, for so long or until a supply is used up.
pub(crate) async fn drive(addr: SocketAddr, supplies: Vec<Supply>, time: Duration) -> Result<Round> {
    let mut connections = Vec::new();
    for supply in supplies {
        connections.push((Connection::open(addr).await?, supply));
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for (mut connection, supply) in connections {
        tasks.spawn(async move {
            let mut latencies = Vec::with_capacity(supply.len());
            for request in supply.iter() {
                let sent = Instant::now();
                if sent.duration_since(started) >= time {
                    break;
                }
                connection.exchange(request).await.map_err(|error| error.to_string())?;
                latencies.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, String>((latencies, Instant::now()))
        });
    }
    let mut latencies = Vec::new();
    let mut ended = started;
    while let Some(done) = tasks.join_next().await {
        let (some, end) = done??;
        latencies.extend(some);
        ended = ended.max(end);
    }
    latencies.sort_unstable_by(f64::total_cmp);
    let seconds = ended.duration_since(started).as_secs_f64();
    Ok(Round { requests: latencies.len(), seconds, latencies })
}
