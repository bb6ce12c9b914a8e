use std::collections::BTreeSet;
use std::path::Path;

use super::desk::Desk;
use super::drive::{Driven, part};
use super::row::Row;

/// Most runs until all hosts are known: an index names where the packages are, and no more.
const ROUNDS: usize = 5;

/// Runs a row whose hosts no provider owns as its person would: nothing is allowed at first, and what `--learn` proposes
/// after a run is what an owner allows before the next, until the command does its work.
pub fn learn(row: &Row, installed: &Path) -> Driven {
    let mut hosts = BTreeSet::new();
    let mut driven = Driven::default();
    for round in 0..ROUNDS {
        let desk = Desk::allowing(installed, &hosts);
        let Some(version) = desk.version(row) else { return Driven::absent(row) };
        let (out, confined) = desk.run(row);
        driven = Driven { version: Some(version), confined, ..Driven::default() };
        driven.printed = format!("{}{}", out.stdout, out.stderr);
        if !confined {
            driven.wrong.push("nothing is confined here, and so nothing is learned".to_owned());
            return driven;
        }
        let did = |way: &str| part(&out.stdout, way).is_some_and(|part| part.code == 0);
        if round > 0 && did("read") && did("bare") {
            return driven;
        }
        if did("read") && round == 0 {
            driven.wrong.push("it did its work with no host allowed".to_owned());
            return driven;
        }
        let before = hosts.len();
        hosts.extend(proposed(&out.stderr));
        if hosts.len() == before {
            driven.wrong.push(format!("round {round}: it fails, and no host is proposed beside {hosts:?}"));
            return driven;
        }
    }
    driven.wrong.push(format!("it fails after {ROUNDS} rounds, with {hosts:?}"));
    driven
}

/// The hosts of `egress.hosts = […]`, as `--learn` prints it.
pub fn proposed(printed: &str) -> Vec<String> {
    let list = printed.lines().find_map(|line| line.strip_prefix("stint: egress.hosts = "));
    list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default()
}
