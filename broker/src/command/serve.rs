use std::process::ExitCode;

use super::{DataArgs, ServeArgs};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Unsealing};
use crate::config::{Config, Environment, Flags, LogFormat, SealKind};
use crate::secret::Secret;
use crate::serve::{start, stopped};

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
    let reloading = tokio::spawn(reload_on_hangup(app)?);
    stopped().await?;
    reloading.abort();
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// SIGHUP reads the packs anew, as other services read their files.
fn reload_on_hangup(app: App) -> Result<impl Future<Output = ()>, String> {
    let mut hangups = signal(SignalKind::hangup()).map_err(|error| error.to_string())?;
    Ok(async move {
        while hangups.recv().await.is_some() {
            match app.reload_packs_on_signal().await {
                Ok(told) => {
                    for warning in &told.warnings {
                        tracing::warn!(%warning, "packs");
                    }
                    tracing::info!(packs = told.packs.len(), "the packs were read anew");
                }
                Err(error) => tracing::error!(%error, "the packs were not read anew"),
            }
        }
    })
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
pub(super) fn harden() {
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
        // A log that cannot be written, on a disk that is full, would be complained of on stderr, and that panics when
        // stderr is that log.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_target(false);
    match config.log {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(rustix::termios::isatty(rustix::stdio::stderr())).init(),
    }
}
