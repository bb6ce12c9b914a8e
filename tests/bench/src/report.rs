//! The findings: as a table, as JSON, and as the document at the top of the project.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::micro;
use crate::rounds::{Figures, median};
use crate::scenario::GROWN;
use crate::world::Idle;

#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) cores: usize,
    pub(crate) database: &'static str,
    pub(crate) connections: u16,
    pub(crate) seconds: f64,
    pub(crate) rounds: u32,
    pub(crate) idle: Vec<Idle>,
    pub(crate) floors: Option<Floors>,
    pub(crate) mint: Option<Mint>,
    pub(crate) gateway: Option<Gateway>,
    /// Mint and plain gateway with many more policies.
    pub(crate) grown: Option<(Figures, Figures)>,
}

#[derive(Debug)]
pub(crate) struct Floors {
    /// Microseconds.
    pub(crate) verify: f64,
    /// Milliseconds.
    pub(crate) pair: f64,
    pub(crate) healthz: Figures,
}

#[derive(Debug)]
pub(crate) struct Mint {
    pub(crate) full: Figures,
    /// One connection.
    pub(crate) alone: Figures,
}

#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) direct: Figures,
    pub(crate) proxy: Figures,
    pub(crate) plain: Figures,
    pub(crate) mutation: Figures,
    pub(crate) direct_alone: Figures,
    pub(crate) plain_alone: Figures,
}

/// A finding beside what it should be.
#[derive(Debug)]
struct Goal {
    what: String,
    found: f64,
    unit: &'static str,
    goal: f64,
    at_least: bool,
}

/// Figures of the peers, and of the floors beside them, as they were measured together on another day. A peer's figure is
/// carried over to this run by the floor that both runs have.
mod recorded {
    /// Microseconds of an Ed25519 verification.
    pub(super) const VERIFY: f64 = 45.0;
    /// Tokens a second: a secrets manager's login with durable storage and audit.
    pub(super) const DURABLE_LOGIN: f64 = 343.0;
    /// Tokens a second: the fastest peer that stores nothing.
    pub(super) const STORES_NOTHING: f64 = 3300.0;
    /// Tokens a second: a prototype of the bare path.
    pub(super) const PROTOTYPE: f64 = 13_200.0;
    /// The minimal proxy: processor seconds for 10,000, requests a second.
    pub(super) const PROXY: (f64, f64) = (0.15, 66_000.0);
    /// A proxy that verifies an EdDSA token, decides by roles, injects and logs.
    pub(super) const VERIFYING_PROXY: (f64, f64) = (1.375, 7300.0);
}

impl Goal {
    fn most(what: impl Into<String>, found: f64, unit: &'static str, goal: f64) -> Self {
        Goal { what: what.into(), found, unit, goal, at_least: false }
    }

    fn least(what: impl Into<String>, found: f64, unit: &'static str, goal: f64) -> Self {
        Goal { what: what.into(), found, unit, goal, at_least: true }
    }

    fn met(&self) -> bool {
        if self.at_least { self.found >= self.goal } else { self.found <= self.goal }
    }
}

impl Report {
    fn rows(&self) -> Vec<(String, Figures)> {
        let mut rows = Vec::new();
        let many = format!("{} connections", self.connections);
        if let Some(floors) = &self.floors {
            rows.push((format!("`GET /healthz`, {many} (floor)"), floors.healthz));
        }
        if let Some(mint) = &self.mint {
            rows.push((format!("mint, {many}"), mint.full));
            rows.push(("mint, alone".to_owned(), mint.alone));
        }
        if let Some(gateway) = &self.gateway {
            rows.push((format!("provider directly, {many} (floor)"), gateway.direct));
            rows.push((format!("minimal proxy, {many} (floor)"), gateway.proxy));
            rows.push((format!("gateway, a read, {many}"), gateway.plain));
            rows.push((format!("gateway, a GraphQL mutation of 1 KB, {many}"), gateway.mutation));
            rows.push(("provider directly, alone (floor)".to_owned(), gateway.direct_alone));
            rows.push(("gateway, a read, alone".to_owned(), gateway.plain_alone));
        }
        if let Some((mint, plain)) = &self.grown {
            rows.push((format!("mint with {GROWN} more policies, {many}"), *mint));
            rows.push((format!("gateway, a read, with {GROWN} more policies, {many}"), *plain));
        }
        rows
    }

    fn goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        if let (Some(floors), Some(mint)) = (&self.floors, &self.mint) {
            let now = recorded::VERIFY / floors.verify;
            let of = |peer: f64| mint.full.rate / (peer * now);
            goals.push(Goal::least(
                "mint: rate / durable login of a secrets manager",
                of(recorded::DURABLE_LOGIN),
                "x",
                20.0,
            ));
            goals.push(Goal::least(
                "mint: rate / fastest peer that stores nothing",
                of(recorded::STORES_NOTHING),
                "x",
                2.5,
            ));
            goals.push(Goal::least(
                "mint: rate / prototype of the bare path",
                of(recorded::PROTOTYPE),
                "x",
                0.5,
            ));
            goals.push(Goal::most(
                "mint: p50 alone / one SQLite commit of a pair",
                mint.alone.p50 / floors.pair,
                "x",
                2.5,
            ));
        }
        if let (Some(mint), Some((grown, _))) = (&self.mint, &self.grown) {
            let what = format!("mint: CPU with {GROWN} more policies / without");
            goals.push(Goal::most(what, grown.cpu / mint.full.cpu, "x", 1.5));
        }
        if let Some(Gateway { direct, proxy, plain, .. }) = &self.gateway {
            let (cpu, rate) = recorded::VERIFYING_PROXY;
            let cpu = cpu * proxy.cpu / recorded::PROXY.0;
            let rate = rate * proxy.rate / recorded::PROXY.1;
            goals.push(Goal::most("gateway: CPU / minimal proxy", plain.cpu / proxy.cpu, "x", 5.0));
            goals.push(Goal::most(
                "gateway: CPU / proxy that verifies an EdDSA token",
                plain.cpu / cpu,
                "x",
                0.75,
            ));
            goals.push(Goal::least(
                "gateway: rate / proxy that verifies an EdDSA token",
                plain.rate / rate,
                "x",
                2.0,
            ));
            goals.push(Goal::most("gateway: p50 added to the provider's", plain.p50 - direct.p50, "ms", 0.6));
            goals.push(Goal::most("gateway: p99", plain.p99, "ms", 3.0));
        }
        if let (Some(gateway), Some((_, grown))) = (&self.gateway, &self.grown) {
            let what = format!("gateway: CPU with {GROWN} more policies / without");
            goals.push(Goal::most(what, grown.cpu / gateway.plain.cpu, "x", 1.2));
        }
        if let Some(found) = micro::median("mutation of 1 KB", "classify and decide, 300 more policies") {
            goals.push(Goal::most(
                "classify and decide a mutation of 1 KB, 300 more policies",
                found / 1e3,
                "us",
                40.0,
            ));
        }
        let verify = micro::median("token", "verify cached and prove");
        if let (Some(found), Some(floor)) = (verify, micro::median("token", "ed25519 verify (floor)")) {
            goals.push(Goal::most(
                "verify: cached token and fresh proof / one Ed25519 verification",
                found / floor,
                "x",
                1.2,
            ));
        }
        if let Some((ready, resident)) = self.at_rest() {
            goals.push(Goal::most("idle: resident memory", resident, "MiB", 35.0));
            goals.push(Goal::most("idle: start until ready", ready, "ms", 60.0));
        }
        goals
    }

    fn at_rest(&self) -> Option<(f64, f64)> {
        let all = |value: fn(&Idle) -> f64| median(self.idle.iter().map(value).collect());
        (!self.idle.is_empty()).then(|| (all(|idle| idle.ready), all(|idle| idle.resident)))
    }

    pub(crate) fn json(&self) -> Value {
        let figures = |figures: &Figures| {
            json!({
                "requests_per_second": figures.rate, "p50_ms": figures.p50, "p99_ms": figures.p99,
                "cpu_seconds_per_10000": figures.cpu, "resident_mib": figures.resident, "requests": figures.requests,
            })
        };
        let rows: serde_json::Map<String, Value> =
            self.rows().iter().map(|(what, row)| (what.clone(), figures(row))).collect();
        let goals = self.goals().into_iter().map(|goal| {
            let word = if goal.at_least { "at_least" } else { "at_most" };
            json!({ "what": goal.what, "found": goal.found, "unit": goal.unit, word: goal.goal, "met": goal.met() })
        });
        json!({
            "cores": self.cores, "database": self.database, "connections": self.connections, "seconds": self.seconds,
            "rounds": self.rounds, "loads": rows, "goals": goals.collect::<Vec<_>>(),
            "floors": self.floors.as_ref().map(|floors| json!({
                "ed25519_verify_us": floors.verify, "sqlite_pair_commit_ms": floors.pair,
            })),
        })
    }

    /// Loads and goals, as two tables.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "| Load | requests a second | p50 ms | p99 ms | CPU s per 10,000 | RSS MiB |");
        let _ = writeln!(text, "|---|---:|---:|---:|---:|---:|");
        for (what, row) in self.rows() {
            let some = |value: f64, digits: usize| match value {
                0.0 => "-".to_owned(),
                value => format!("{value:.digits$}"),
            };
            let _ = writeln!(
                text,
                "| {what} | {:.0} | {:.2} | {:.2} | {} | {} |",
                row.rate,
                row.p50,
                row.p99,
                some(row.cpu, 3),
                some(row.resident, 0)
            );
        }
        if let Some(floors) = &self.floors {
            let _ = writeln!(
                text,
                "\nFloors: one Ed25519 verification {:.0} us; one durable SQLite commit of a pair of rows {:.2} ms (p50, alone).",
                floors.verify, floors.pair
            );
        }
        let _ = writeln!(text, "\n| Goal | found | goal | |");
        let _ = writeln!(text, "|---|---:|---:|---|");
        for goal in self.goals() {
            let _ = writeln!(
                text,
                "| {} | {:.2} {} | {} {} | {} |",
                goal.what,
                goal.found,
                goal.unit,
                if goal.at_least { "≥" } else { "≤" },
                goal.goal,
                if goal.met() { "met" } else { "**missed**" }
            );
        }
        text
    }

    /// What stands at the top of the project.
    pub(crate) fn document(&self) -> String {
        let text = include_str!("document.md");
        let machine = format!(
            "{} cores, {}, {} keep-alive connections, {} rounds of {} s each, medians",
            self.cores, self.database, self.connections, self.rounds, self.seconds
        );
        text.replace("{{machine}}", &machine).replace("{{tables}}", self.table().trim_end())
    }
}
