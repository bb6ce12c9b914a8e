use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Load on the real broker, beside floors that are measured in the same run
#[derive(Debug, Parser)]
#[command(name = "stint-bench", version)]
pub(crate) struct Options {
    /// What to measure
    #[arg(value_enum, default_value_t = What::All)]
    pub(crate) what: What,
    /// Length of one round
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    pub(crate) seconds: f64,
    /// Rounds of each load; medians count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// Keep-alive connections, each with a session of its own
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) connections: u16,
    /// PostgreSQL URL of an empty database, instead of the embedded one
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// The broker to load [default: stint-broker beside this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) broker: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the findings as a document
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "PERFORMANCE.md")]
    pub(crate) write: Option<PathBuf>,
    /// Of `audit`: how many records
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1_000..=100_000_000))]
    pub(crate) records: i64,
    /// Of `proxy`: where to forward
    #[arg(long, hide = true)]
    pub(crate) upstream: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Tokens, made durable
    Mint,
    /// Requests through the gateway
    Gateway,
    /// Start and memory
    Idle,
    /// Pages over a large audit, on the embedded database
    Audit,
    /// A command under a session, beside the command alone
    Run,
    All,
    /// The floor of a gateway: a proxy that only forwards
    #[value(hide = true)]
    Proxy,
}

impl What {
    pub(crate) fn includes(self, other: What) -> bool {
        self == other || self == What::All
    }
}
