//! From what was read to what counts: defaults, and what does not go together.

use std::net::SocketAddr;
use std::time::Duration;

use super::duration::Span;
use super::file::File;
use super::*;

pub(super) fn resolve(flags: Flags, file: File, environment: &Environment) -> Result<Config, ConfigError> {
    let data = flags.data.or(file.data).or_else(|| environment.data_home()).ok_or_else(|| {
        ConfigError("no data folder: give --data DIR (neither XDG_DATA_HOME nor HOME is set)".to_owned())
    })?;
    let default_listen: SocketAddr =
        DEFAULT_LISTEN.parse().map_err(|_| ConfigError("the default address is wrong".to_owned()))?;
    let listen = flags.listen.or(file.listen).unwrap_or(default_listen);
    let tls = match (flags.tls_cert.or(file.tls.cert), flags.tls_key.or(file.tls.key)) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
        (None, None) => None,
        _ => return Err(ConfigError("tls.cert and tls.key go together: one of them is missing".to_owned())),
    };
    let behind_tls_proxy = flags.behind_tls_proxy || file.behind_tls_proxy.unwrap_or(false);
    if !listen.ip().is_loopback() && tls.is_none() && !behind_tls_proxy {
        return Err(ConfigError(format!(
            "listen = {listen} is beyond loopback: give --tls-cert and --tls-key, or --behind-tls-proxy if a proxy ends TLS in front"
        )));
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let public_url = flags.public_url.or(file.public_url).unwrap_or_else(|| format!("{scheme}://{listen}"));
    check_public_url(&public_url)?;
    let seal = match flags.seal.or(file.seal.kind).as_deref() {
        None | Some("key-file") => {
            SealKind::KeyFile(file.seal.key_file.unwrap_or_else(|| data.join("stint.key")))
        }
        Some("passphrase") => SealKind::Passphrase,
        Some("environment") => SealKind::Environment,
        Some(other) => {
            return Err(ConfigError(format!(
                "seal.kind = '{other}': one of key-file, passphrase, environment"
            )));
        }
    };
    let or = |span: Option<Span>, default: u64| span.map_or(Duration::from_secs(default), |span| span.0);
    let mut allow_private = flags.allow_private;
    allow_private.extend(file.upstreams.allow_private.unwrap_or_default());
    let config = Config {
        listen,
        public_url,
        database: flags.database.or(file.database),
        tls,
        behind_tls_proxy,
        seal,
        allow_private,
        egress: file.egress.hosts.unwrap_or_default().into_iter().map(|host| host.0).collect(),
        approval: ApprovalLimits {
            hold: flags.approval_hold.unwrap_or_else(|| or(file.approval.hold, 20)),
            lifetime: or(file.approval.lifetime, 600),
            waiting: file.approval.waiting.unwrap_or(20),
        },
        session: SessionLimits {
            ttl: or(file.session.ttl, 3600),
            max_ttl: or(file.session.max_ttl, 12 * 3600),
            heartbeat: or(file.session.heartbeat, 10),
            heartbeat_grace: or(file.session.heartbeat_grace, 60),
        },
        token_ttl: or(file.token.ttl, 600),
        budget: Budget {
            destroys: file.budget.destroys.unwrap_or(Budget::default().destroys),
            writes_per_minute: file.budget.writes_per_minute.unwrap_or(Budget::default().writes_per_minute),
            things: file.budget.things.unwrap_or(Budget::default().things),
            bytes: file.budget.bytes.unwrap_or(Budget::default().bytes),
        },
        limits: Limits {
            body: file.limits.body.unwrap_or(1024 * 1024),
            upload: file.limits.upload.unwrap_or(2 * 1024 * 1024 * 1024),
            connections: file.limits.connections.unwrap_or(4096),
            requests: file.limits.requests.unwrap_or(1024),
            connect_timeout: or(file.limits.connect_timeout, 5),
            header_timeout: or(file.limits.header_timeout, 30),
            idle_timeout: or(file.limits.idle_timeout, 60),
        },
        policies: flags.policies.or(file.policies),
        packs: file.packs,
        log: file.log.unwrap_or(LogFormat::Text),
        trusted_proxies: file.trusted_proxies.unwrap_or_default(),
        proxy_header: file.proxy_header.unwrap_or_default(),
        sso: file.sso.resolve(environment)?,
        data,
        origins: Origins::default(),
    };
    check(&config)?;
    Ok(config)
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: &str| Err(ConfigError(text.to_owned()));
    if config.token_ttl > Duration::from_secs(3600) || config.token_ttl < Duration::from_secs(1) {
        return fail("token.ttl: between 1s and 1h");
    }
    if config.session.ttl > config.session.max_ttl {
        return fail("session.ttl is longer than session.max_ttl");
    }
    if config.session.heartbeat_grace < config.session.heartbeat * 2 {
        return fail("session.heartbeat_grace must be at least twice session.heartbeat");
    }
    if config.approval.hold > Duration::from_secs(300) {
        return fail("approval.hold: at most 5m, clients give up before that");
    }
    if let Some(url) = &config.database
        && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
    {
        return fail("database: a postgres:// URL, or nothing for the embedded database");
    }
    if config.limits.body == 0 || config.limits.connections == 0 || config.limits.requests == 0 {
        return fail("limits: a limit of 0 would serve nobody");
    }
    Ok(())
}

fn check_public_url(url: &str) -> Result<(), ConfigError> {
    let wrong =
        || ConfigError(format!("public_url = '{url}': an origin such as https://stint.example.com, no path"));
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(wrong)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if rest.is_empty() || !rest.chars().all(plain) || rest.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(wrong());
    }
    Ok(())
}
