//! The broker put together: a listener, the two doors behind it, and what runs by itself.
//!
//! Knows which path goes to which edge, and the order of start and stop. The only room beside `command` and `demo` that
//! may name several edges.

mod front;

use axum::body::Body;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Unsealing};
use crate::clock::Clock;
use crate::config::Config;
use crate::listen;

use front::Front;

/// A broker that listens.
#[derive(Debug)]
pub struct Running {
    pub app: App,
    stop: tokio::sync::oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
    swept: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Let requests under way end, record what is owed, close the store.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.served.await;
        self.swept.abort();
        self.app.stop().await;
    }
}

/// Bind, start and listen. A port of 0 becomes the one that the system gives, in the public URL too.
pub async fn start(mut config: Config, unsealing: Unsealing) -> Result<Running, String> {
    let listener =
        TcpListener::bind(config.listen).await.map_err(|error| format!("{}: {error}", config.listen))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    if config.listen.port() == 0 {
        if let Some(origin) = config.public_url.strip_suffix(":0") {
            config.public_url = format!("{origin}:{}", bound.port());
        }
        config.listen = bound;
    }
    let tls = match &config.tls {
        Some(files) => {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let read = |path: &std::path::Path| {
                std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
            };
            let (cert, key) = (read(&files.cert)?, read(&files.key)?);
            Some(listen::tls_config(&cert, &key).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    let limits = listen::Limits { connections: config.limits.connections, ..listen::Limits::default() };
    let app = App::start(config, Clock::system(), unsealing).await.map_err(|error| error.to_string())?;
    let front = Front::new(app.clone());
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let front = front.clone();
        let answer: BoxFuture<'static, Response<Body>> = Box::pin(front.answer(request.map(Body::new)));
        answer.map(Ok::<_, std::convert::Infallible>)
    });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(listen::serve(listener, tls, service, limits, async move {
        let _ = stopped.await;
    }));
    let swept = tokio::spawn(app.clone().sweep_forever());
    Ok(Running { app, stop, served, swept })
}

/// SIGTERM or SIGINT came.
pub async fn stopped() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
