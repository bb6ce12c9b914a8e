use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;

use super::duration::Span;
use super::hosts::Host;
use super::sso::FileSso;
use super::{LogFormat, ProxyHeader};

/// `stint-broker.toml`. Every key can be set as `STINT_BROKER_` and its name in capitals, dots as `_`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) data: Option<PathBuf>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) public_url: Option<String>,
    pub(super) database: Option<String>,
    pub(super) behind_tls_proxy: Option<bool>,
    pub(super) policies: Option<PathBuf>,
    pub(super) packs: Option<PathBuf>,
    pub(super) trusted_proxies: Option<Vec<IpNet>>,
    pub(super) proxy_header: Option<ProxyHeader>,
    pub(super) log: Option<LogFormat>,
    #[serde(default)]
    pub(super) tls: FileTls,
    #[serde(default)]
    pub(super) seal: FileSeal,
    #[serde(default)]
    pub(super) upstreams: FileUpstreams,
    #[serde(default)]
    pub(super) egress: FileEgress,
    #[serde(default)]
    pub(super) approval: FileApproval,
    #[serde(default)]
    pub(super) session: FileSession,
    #[serde(default)]
    pub(super) token: FileToken,
    #[serde(default)]
    pub(super) limits: FileLimits,
    #[serde(default)]
    pub(super) budget: FileBudget,
    #[serde(default)]
    pub(super) sso: FileSso,
}

macro_rules! sections {
    ($($name:ident { $($key:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name { $(pub(super) $key: Option<$type>,)* }
    )*};
}

sections! {
    FileTls { cert: PathBuf, key: PathBuf, }
    FileSeal { kind: String, key_file: PathBuf, }
    FileUpstreams { allow_private: Vec<IpNet>, }
    FileEgress { hosts: Vec<Host>, }
    FileApproval { hold: Span, lifetime: Span, waiting: u64, }
    FileSession { ttl: Span, max_ttl: Span, heartbeat: Span, heartbeat_grace: Span, }
    FileToken { ttl: Span, }
    FileBudget { destroys: u64, writes_per_minute: u64, things: u64, bytes: u64, }
    FileLimits {
        body: usize, upload: u64, connections: usize, requests: usize,
        connect_timeout: Span, header_timeout: Span, idle_timeout: Span,
    }
}
