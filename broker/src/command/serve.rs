use std::process::ExitCode;

use axum::body::Body;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{DataArgs, ServeArgs};
use crate::app::{App, Unsealing};
use crate::clock::Clock;
use crate::config::{Config, Environment, Flags, LogFormat, SealKind};
use crate::http::Front;
use crate::listen;
use crate::secret::Secret;

pub(super) async fn serve(args: ServeArgs) -> Result<ExitCode, String> {
    let environment = Environment::of_process();
    let flags = Flags {
        listen: args.listen,
        public_url: args.public_url.clone(),
        tls_cert: args.tls_cert.clone(),
        tls_key: args.tls_key.clone(),
        behind_tls_proxy: args.behind_tls_proxy,
        allow_private: args.allow_private_upstreams.clone(),
        approval_hold: args.approval_hold,
        policies: args.policies.clone(),
        ..args.data.flags()
    };
    let config = Config::read(flags, &environment).map_err(|error| error.to_string())?;
    log(&config, &environment);
    harden();
    let unsealing = unsealing(&args.data, &config, &environment)?;
    let running = start(config, unsealing).await?;
    let app = running.app.clone();
    tracing::info!(url = %app.issuer(), data = %app.config().data.display(), sealed = app.is_sealed(), "listening");
    if app.is_sealed() {
        eprintln!(
            "stint-broker: sealed: give the passphrase with: stint-broker unseal --broker {}",
            app.issuer()
        );
    } else if app.setup_is_open().await {
        eprintln!(
            "stint-broker: nobody is registered yet: stint login --broker {} --setup-token-file {}",
            app.issuer(),
            app.config().data.join("setup-token").display()
        );
    }
    stopped().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

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

/// What unseals, from where the configuration says.
pub(super) fn unsealing(
    args: &DataArgs,
    config: &Config,
    environment: &Environment,
) -> Result<Unsealing, String> {
    let mut unsealing = Unsealing {
        key: environment.var("STINT_BROKER_KEY").map(|text| Secret::from(text.to_owned())),
        passphrase: None,
    };
    if config.seal == SealKind::Passphrase
        && let Some(path) = &args.passphrase_file
    {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        unsealing.passphrase = Some(Secret::from(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    Ok(unsealing)
}

/// Nobody reads this process's memory: no core dumps, no tracing by processes of the same user.
fn harden() {
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "the process could not be made undumpable");
    }
}

fn log(config: &Config, environment: &Environment) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(environment.var("STINT_BROKER_LOG_LEVEL").unwrap_or("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_target(false);
    match config.log {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(rustix::termios::isatty(rustix::stdio::stderr())).init(),
    }
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
