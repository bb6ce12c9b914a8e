//! A started session as its holder sees it: its tokens, its heartbeat, its end.
//!
//! Knows what the broker handed out and the session's key. Must not know the command, the proxy or the terminal.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use stint_api::{AuthorizationDetail, EndSessions, EndedSessions, Heartbeat, StartSession, StartedSession};

use crate::api::{AgentKey, Broker, Error, Holder, Identity, SigningKey, Transport, begin, new_key};
use crate::clock::Clock;

/// How a session is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeats {
    /// It lives without.
    Never,
    AsAsked,
    /// As asked, and each second at least: its end is noticed as fast.
    EachSecond,
}

/// A live session and the key it is bound to.
#[derive(Debug)]
pub struct LiveSession {
    /// Base URL of the broker, no slash at its end.
    base: String,
    started: StartedSession,
    holder: Holder,
    clock: Clock,
}

impl LiveSession {
    /// A session is its own OAuth client: its id is the `client_id`, its key signs the assertions.
    pub fn new(
        base: String,
        started: StartedSession,
        key: SigningKey,
        transport: Transport,
        clock: Clock,
    ) -> Self {
        let identity = Identity {
            client_id: started.session.id.clone(),
            issuer: started.issuer.clone(),
            token_endpoint: started.token_endpoint.clone(),
        };
        let holder = Holder::new(identity, key, transport, clock.clone());
        LiveSession { base, started, holder, clock }
    }

    /// Starts a session bound to `key`, which takes the place of the key in `start`.
    pub async fn start(
        broker: &Broker,
        start: StartSession,
        key: SigningKey,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let start = StartSession { key: key.public().to_value(), ..start };
        let started = broker.start_session(&start).await?;
        let transport = broker.holder().transport().clone();
        Ok(LiveSession::new(broker.base().to_owned(), started, key, transport, clock.clone()))
    }

    /// Begins a session as an agent by its own key, with a key of its own.
    pub async fn begin(
        transport: Transport,
        base: String,
        agent: &AgentKey,
        detail: &AuthorizationDetail,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let (started, holder) = begin(transport, &base, agent, detail, new_key(clock)?, clock).await?;
        Ok(LiveSession { base, started, holder, clock: clock.clone() })
    }

    /// Starts a session within this one, by this one's token, with a key of its own in place of the one in `start`.
    pub async fn start_within(&self, start: StartSession) -> Result<Self, Error> {
        let key = new_key(&self.clock)?;
        let start = StartSession { key: key.public().to_value(), ..start };
        let url = format!("{}/v1/sessions/{}/children", self.base, self.id());
        let started = self.holder.call(Method::POST, &url, Some(&start), Duration::ZERO).await?;
        let transport = self.holder.transport().clone();
        Ok(LiveSession::new(self.base.clone(), started, key, transport, self.clock.clone()))
    }

    pub fn id(&self) -> &str {
        &self.started.session.id
    }

    pub fn started(&self) -> &StartedSession {
        &self.started
    }

    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    pub async fn heartbeat(&self) -> Result<Heartbeat, Error> {
        let url = format!("{}/v1/sessions/{}/heartbeat", self.base, self.id());
        self.holder.call(Method::POST, &url, None::<&()>, Duration::ZERO).await
    }

    pub async fn end(&self, reason: &str) -> Result<EndedSessions, Error> {
        let url = format!("{}/v1/sessions/{}/end", self.base, self.id());
        let body = EndSessions { reason: Some(reason.to_owned()) };
        self.holder.call(Method::POST, &url, Some(&body), Duration::ZERO).await
    }

    /// Ends the session, asking again while the broker is away, for at most `patience`. A broker that stays away ends
    /// the session itself when heartbeats stop.
    pub async fn end_patiently(&self, reason: &str, patience: Duration) -> Result<(), Error> {
        let started = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(200);
        loop {
            match self.end(reason).await {
                Ok(_) => return Ok(()),
                // Whoever is refused here has ended already.
                Err(error) if error.is_refused() => return Ok(()),
                Err(error) if !error.is_passing() || started.elapsed() + pause > patience => {
                    return Err(error);
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_secs(3));
        }
    }

    /// Renews the token between half and 70% of its life, and sends heartbeats, until the session is refused or its time
    /// is over. A broker that is away for a while changes nothing: both are tried again.
    pub async fn keep_alive(self: Arc<Self>, heartbeats: Heartbeats) {
        let left = (self.started.session.expires_at - self.clock.now()).to_std().unwrap_or_default();
        let asked = Duration::from_secs(self.started.heartbeat_seconds.max(1));
        let beating = async {
            match heartbeats {
                Heartbeats::Never => std::future::pending().await,
                Heartbeats::AsAsked => self.keep_beating(asked).await,
                Heartbeats::EachSecond => self.keep_beating(asked.min(Duration::from_secs(1))).await,
            }
        };
        tokio::select! {
            () = self.keep_renewed() => {}
            () = beating => {}
            () = tokio::time::sleep(left) => {}
        }
    }

    async fn keep_renewed(&self) {
        let mut next = self.holder.token().await;
        loop {
            let pause = match &next {
                Ok(token) => renewal(token.expires_at.saturating_sub(token.obtained_at), self.clock.jitter()),
                Err(error) if error.is_refused() => return,
                Err(_) => Duration::from_secs(2),
            };
            tokio::time::sleep(pause).await;
            next = self.holder.renew().await;
        }
    }

    async fn keep_beating(&self, interval: Duration) {
        let mut pause = interval;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.heartbeat().await {
                Ok(_) => interval,
                Err(error) if error.is_refused() => return,
                Err(_) => (interval / 4).max(Duration::from_millis(500)),
            };
        }
    }
}

/// When to renew: between half and 70% of a token's life (seconds). The jitter, `0.0..1.0`, keeps the sidecars of one
/// broker from renewing together.
fn renewal(life: i64, jitter: f64) -> Duration {
    let life = u32::try_from(life).unwrap_or(1).max(1);
    Duration::from_secs_f64(f64::from(life) * (0.5 + 0.2 * jitter)).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_between_half_and_seventy_percent_of_its_life() {
        assert_eq!(renewal(600, 0.0), Duration::from_secs(300));
        assert!(renewal(600, 0.999).as_secs_f64() <= 420.0);
        assert_eq!(renewal(0, 0.0), Duration::from_secs(1));
        assert_eq!(renewal(-5, 0.9), Duration::from_secs(1));
    }
}
