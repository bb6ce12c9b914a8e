//! The only reader of the environment and of configuration files.
//!
//! Precedence: flag, `STINT_BROKER_*` variable, `stint-broker.toml`, default. Unknown keys are errors that name the
//! key and the line; a wrong value stops the broker before it opens anything.

mod budget;
mod duration;
mod file;
mod hosts;
mod resolve;
mod shown;
mod sso;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use thiserror::Error;

use file::File;

pub use budget::Budget;
pub use duration::parse_duration;
pub use shown::{Origin, Origins, Shown};
pub use sso::Sso;

pub const DEFAULT_LISTEN: &str = "127.0.0.1:7380";

#[derive(Debug, Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Everything that can be set, typed and with its defaults.
#[derive(Debug, Clone)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// Origin that clients use, no slash at its end: the OAuth issuer, and what proofs are made for.
    pub public_url: String,
    /// PostgreSQL URL; `None` is the embedded database in `data`.
    pub database: Option<String>,
    pub tls: Option<TlsFiles>,
    pub behind_tls_proxy: bool,
    /// Proxies that are believed when they say whose request it is.
    pub trusted_proxies: Vec<IpNet>,
    /// The one header by which they say it.
    pub proxy_header: ProxyHeader,
    pub seal: SealKind,
    pub allow_private: Vec<IpNet>,
    /// Hosts that no provider owns and that confined commands may reach: exact names, lower case.
    pub egress: Vec<String>,
    pub approval: ApprovalLimits,
    pub session: SessionLimits,
    pub token_ttl: Duration,
    pub limits: Limits,
    pub budget: Budget,
    /// Folder of further `.cedar` files, each with its tests beside it.
    pub policies: Option<PathBuf>,
    /// Folder of further packs, each in a folder of its name. One of a name that ships stands in its place.
    pub packs: Option<PathBuf>,
    pub log: LogFormat,
    /// The OpenID provider that people sign in with.
    pub sso: Option<Sso>,
    /// Which settings were set, and where.
    pub origins: Origins,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Where the key-encryption key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealKind {
    /// A 0600 file, made on first start. Default `DATA/stint.key`.
    KeyFile(PathBuf),
    /// A passphrase that a person gives after each start; until then the broker is sealed.
    Passphrase,
    /// The key itself in `STINT_BROKER_KEY`.
    Environment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalLimits {
    /// How long the gateway holds a request open while it waits for a person.
    pub hold: Duration,
    /// How long an approval can be given and used.
    pub lifetime: Duration,
    /// Approvals of one session that may wait at once; what would ask for more is denied.
    pub waiting: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    pub ttl: Duration,
    pub max_ttl: Duration,
    pub heartbeat: Duration,
    /// A session whose heartbeat is older than this has ended.
    pub heartbeat_grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body that is read to be judged; larger ones are refused unless the operation streams.
    pub body: usize,
    /// Bytes of a request body that is content and streams past the judge, such as a file.
    pub upload: u64,
    /// Connections at once; further ones wait.
    pub connections: usize,
    /// Requests at once in the gateway; further ones get 503.
    pub requests: usize,
    pub connect_timeout: Duration,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// How proxies say whom they speak for. Only one is believed: of the other a client could have set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// What the command line said; it stands over file and variables.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub public_url: Option<String>,
    pub database: Option<String>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub behind_tls_proxy: bool,
    pub seal: Option<String>,
    pub allow_private: Vec<IpNet>,
    pub approval_hold: Option<Duration>,
    pub policies: Option<PathBuf>,
}

/// The process environment, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Variables that are not UTF-8 are left out: no key of ours needs one.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn of_process() -> Self {
        let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Environment(std::env::vars_os().filter_map(text).collect())
    }

    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Environment(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    pub fn var(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `$XDG_DATA_HOME/stint`, or `~/.local/share/stint`.
    pub fn data_home(&self) -> Option<PathBuf> {
        let base = match self.var("XDG_DATA_HOME") {
            Some(path) => PathBuf::from(path),
            None => Path::new(self.var("HOME")?).join(".local/share"),
        };
        Some(base.join("stint"))
    }
}

/// Keys that variables may set: dotted name as in the file.
const KEYS: &[&str] = &[
    "data",
    "listen",
    "public_url",
    "database",
    "behind_tls_proxy",
    "policies",
    "packs",
    "log",
    "tls.cert",
    "tls.key",
    "seal.kind",
    "seal.key_file",
    "upstreams.allow_private",
    "egress.hosts",
    "approval.hold",
    "approval.lifetime",
    "approval.waiting",
    "session.ttl",
    "session.max_ttl",
    "session.heartbeat",
    "session.heartbeat_grace",
    "token.ttl",
    "budget.destroys",
    "budget.writes_per_minute",
    "budget.things",
    "budget.bytes",
    "limits.body",
    "limits.upload",
    "limits.connections",
    "limits.requests",
    "limits.connect_timeout",
    "limits.header_timeout",
    "limits.idle_timeout",
    "trusted_proxies",
    "proxy_header",
    "sso.issuer",
    "sso.client_id",
    "sso.client_secret_file",
    "sso.scopes",
    "sso.groups_claim",
    "sso.roles",
    "sso.name",
    "sso.ca",
];

/// Variables with the prefix that are not keys of the file.
const OTHER_VARIABLES: &[&str] =
    &["STINT_BROKER_KEY", "STINT_BROKER_LOG_LEVEL", "STINT_BROKER_CONFIG", sso::SECRET_VARIABLE];

impl Config {
    /// Read file and variables under the flags.
    pub fn read(flags: Flags, environment: &Environment) -> Result<Config, ConfigError> {
        let path = flags.config.clone().or_else(|| environment.var("STINT_BROKER_CONFIG").map(PathBuf::from));
        let table = match &path {
            Some(path) => file_table(path)?,
            None => toml::Table::new(),
        };
        let origins = Origins::of(&flags, &table, environment);
        let table = with_variables(table, environment)?;
        let file: File =
            table.try_into().map_err(|error: toml::de::Error| ConfigError(error.message().to_owned()))?;
        Ok(Config { origins, ..resolve::resolve(flags, file, environment)? })
    }
}

fn file_table(path: &Path) -> Result<toml::Table, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError(format!("{shown}: {error}")))?;
    // The typed reading finds unknown keys and wrong values with their line; the table is what variables go over.
    toml::from_str::<File>(&text).map_err(|error| ConfigError(format!("{shown}: {error}")))?;
    text.parse().map_err(|error| ConfigError(format!("{shown}: {error}")))
}

/// The variable that sets a key.
fn variable(key: &str) -> String {
    format!("STINT_BROKER_{}", key.to_ascii_uppercase().replace('.', "_"))
}

fn with_variables(mut table: toml::Table, environment: &Environment) -> Result<toml::Table, ConfigError> {
    let known: Vec<String> = KEYS.iter().map(|key| variable(key)).collect();
    for name in environment.0.keys().filter(|name| name.starts_with("STINT_BROKER_")) {
        if !known.contains(name) && !OTHER_VARIABLES.contains(&name.as_str()) {
            return Err(ConfigError(format!("the variable {name} is not a key of the configuration")));
        }
    }
    for (key, name) in KEYS.iter().zip(&known) {
        let Some(text) = environment.var(name) else { continue };
        let value = variable_value(key, text);
        let mut alone = toml::Table::new();
        insert(&mut alone, key, value.clone());
        File::deserialize(toml::Value::Table(alone))
            .map_err(|error| ConfigError(format!("the variable {name}: {}", error.message())))?;
        insert(&mut table, key, value);
    }
    Ok(table)
}

fn variable_value(key: &str, text: &str) -> toml::Value {
    match key {
        "sso.roles" => sso::roles_of(text),
        "upstreams.allow_private" | "egress.hosts" | "trusted_proxies" | "sso.scopes" => toml::Value::Array(
            text.split(',').map(|part| toml::Value::String(part.trim().to_owned())).collect(),
        ),
        "behind_tls_proxy"
        | "approval.waiting"
        | "budget.destroys"
        | "budget.writes_per_minute"
        | "budget.things"
        | "budget.bytes"
        | "limits.body"
        | "limits.upload"
        | "limits.connections"
        | "limits.requests" => text
            .parse::<bool>()
            .map(toml::Value::Boolean)
            .or_else(|_| text.parse::<i64>().map(toml::Value::Integer))
            .unwrap_or_else(|_| toml::Value::String(text.to_owned())),
        _ => toml::Value::String(text.to_owned()),
    }
}

fn insert(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, key)) => {
            let section = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let Some(section) = section.as_table_mut() {
                section.insert(key.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
