//! The configuration as people read it: each key, its value, and where it was set. Never a secret.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{Config, Environment, Flags, KEYS, LogFormat, ProxyHeader, SealKind, Sso, variable};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Variable,
    File,
    Default,
}

/// Keys that were set, and where; every other has its default.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<&'static str, Origin>);

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub key: &'static str,
    pub value: String,
    pub origin: Origin,
}

impl Origins {
    /// What is looked at later stands over what was before.
    pub(super) fn of(flags: &Flags, file: &toml::Table, environment: &Environment) -> Self {
        let in_file = |key: &str| match key.split_once('.') {
            None => file.contains_key(key),
            Some((section, key)) => {
                file.get(section).and_then(toml::Value::as_table).is_some_and(|table| table.contains_key(key))
            }
        };
        let mut origins = BTreeMap::new();
        for key in KEYS {
            if in_file(key) {
                origins.insert(*key, Origin::File);
            }
            if environment.var(&variable(key)).is_some() {
                origins.insert(*key, Origin::Variable);
            }
        }
        let by_flag = [
            ("data", flags.data.is_some()),
            ("listen", flags.listen.is_some()),
            ("public_url", flags.public_url.is_some()),
            ("database", flags.database.is_some()),
            ("tls.cert", flags.tls_cert.is_some()),
            ("tls.key", flags.tls_key.is_some()),
            ("behind_tls_proxy", flags.behind_tls_proxy),
            ("seal.kind", flags.seal.is_some()),
            ("upstreams.allow_private", !flags.allow_private.is_empty()),
            ("approval.hold", flags.approval_hold.is_some()),
            ("policies", flags.policies.is_some()),
        ];
        origins.extend(by_flag.into_iter().filter(|(_, set)| *set).map(|(key, _)| (key, Origin::Flag)));
        Origins(origins)
    }

    fn get(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }
}

impl Config {
    /// Every key that can be set, with the value that counts. Of a database only where it is.
    pub fn shown(&self) -> Vec<Shown> {
        let path = |path: Option<&PathBuf>| {
            path.map_or_else(|| "none".to_owned(), |path| path.display().to_string())
        };
        let (seal, key_file) = match &self.seal {
            SealKind::KeyFile(file) => ("key-file", Some(file)),
            SealKind::Passphrase => ("passphrase", None),
            SealKind::Environment => ("environment", None),
        };
        let nets = self.allow_private.iter().map(ToString::to_string).collect();
        let proxy_header = match self.proxy_header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let log = match self.log {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let (session, limits) = (&self.session, &self.limits);
        let mut values = vec![
            ("data", self.data.display().to_string()),
            ("listen", self.listen.to_string()),
            ("public_url", self.public_url.clone()),
            ("database", self.database.as_deref().map_or_else(|| "embedded".to_owned(), without_password)),
            ("tls.cert", path(self.tls.as_ref().map(|tls| &tls.cert))),
            ("tls.key", path(self.tls.as_ref().map(|tls| &tls.key))),
            ("behind_tls_proxy", self.behind_tls_proxy.to_string()),
            ("seal.kind", seal.to_owned()),
            ("seal.key_file", path(key_file)),
            ("upstreams.allow_private", list(nets)),
            ("egress.hosts", list(self.egress.clone())),
            ("approval.hold", span(self.approval.hold)),
            ("approval.lifetime", span(self.approval.lifetime)),
            ("approval.waiting", self.approval.waiting.to_string()),
            ("session.ttl", span(session.ttl)),
            ("session.max_ttl", span(session.max_ttl)),
            ("session.heartbeat", span(session.heartbeat)),
            ("session.heartbeat_grace", span(session.heartbeat_grace)),
            ("token.ttl", span(self.token_ttl)),
            ("budget.destroys", budget(self.budget.destroys)),
            ("budget.writes_per_minute", budget(self.budget.writes_per_minute)),
            ("budget.things", budget(self.budget.things)),
            ("budget.bytes", budget(self.budget.bytes)),
            ("limits.body", format!("{} bytes", limits.body)),
            ("limits.upload", format!("{} bytes", limits.upload)),
            ("limits.connections", limits.connections.to_string()),
            ("limits.requests", limits.requests.to_string()),
            ("limits.connect_timeout", span(limits.connect_timeout)),
            ("limits.header_timeout", span(limits.header_timeout)),
            ("limits.idle_timeout", span(limits.idle_timeout)),
            ("policies", path(self.policies.as_ref())),
            ("packs", path(self.packs.as_ref())),
            ("log", log.to_owned()),
            ("trusted_proxies", list(self.trusted_proxies.iter().map(ToString::to_string).collect())),
            ("proxy_header", proxy_header.to_owned()),
        ];
        values.extend(sso(self.sso.as_ref()));
        let shown = |(key, value)| Shown { key, value, origin: self.origins.get(key) };
        values.into_iter().map(shown).collect()
    }
}

fn budget(limit: u64) -> String {
    if limit == 0 { "none".to_owned() } else { limit.to_string() }
}

fn list(items: Vec<String>) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// The client's secret only by the file that it is in.
fn sso(sso: Option<&Sso>) -> [(&'static str, String); 8] {
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let path = |path: Option<&PathBuf>| text(path.map(|path| path.display().to_string()));
    let of = |value: fn(&Sso) -> String| text(sso.map(value));
    [
        ("sso.issuer", of(|sso| sso.issuer.clone())),
        ("sso.client_id", of(|sso| sso.client_id.clone())),
        ("sso.client_secret_file", path(sso.and_then(|sso| sso.client_secret_file.as_ref()))),
        ("sso.scopes", of(|sso| sso.scopes.join(", "))),
        ("sso.groups_claim", of(|sso| sso.groups_claim.clone())),
        ("sso.roles", of(Sso::shown_roles)),
        ("sso.name", of(|sso| sso.name.clone())),
        ("sso.ca", path(sso.and_then(|sso| sso.ca_file.as_ref()))),
    ]
}

/// A database's address without who signs in to it, and without options, which may hold a password too.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

fn span(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fits = units.into_iter().find(|(size, _)| millis >= *size && millis.is_multiple_of(*size));
    fits.map_or_else(|| format!("{millis}ms"), |(size, unit)| format!("{}{unit}", millis / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_says_where_it_was_set() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stint-broker.toml");
        let text = "listen = \"127.0.0.1:1\"\n[approval]\nhold = \"20s\"\nlifetime = \"5m\"\n";
        std::fs::write(&path, text).expect("written");
        let flags = Flags { config: Some(path), data: Some("/nowhere".into()), ..Flags::default() };
        let environment = Environment::of(&[("STINT_BROKER_APPROVAL_HOLD", "1500ms")]);
        let config = Config::read(flags, &environment).expect("reads");
        let shown = config.shown();
        let one = |key: &str| {
            let found = shown.iter().find(|shown| shown.key == key).expect("is shown");
            (found.value.clone(), found.origin)
        };
        assert_eq!(one("data"), ("/nowhere".to_owned(), Origin::Flag));
        assert_eq!(one("approval.hold"), ("1500ms".to_owned(), Origin::Variable));
        assert_eq!(one("approval.lifetime"), ("5m".to_owned(), Origin::File));
        assert_eq!(one("listen"), ("127.0.0.1:1".to_owned(), Origin::File));
        assert_eq!(one("token.ttl"), ("10m".to_owned(), Origin::Default));
        let keys: Vec<&str> = shown.iter().map(|shown| shown.key).collect();
        assert!(KEYS.iter().all(|key| keys.contains(key)), "a key is not shown: {keys:?}");
    }

    #[test]
    fn the_password_of_a_database_is_not_shown() {
        for url in [
            "postgres://stint:hunter2@db.example.com:5432/stint?sslmode=verify-full&password=hunter2",
            "postgres://stint:hunter2%40x@db.example.com:5432/stint#hunter2",
        ] {
            assert_eq!(without_password(url), "postgres://db.example.com:5432/stint");
        }
    }
}
