//! Rows of `operations.tsv`, and what a person has to look at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::description::Described;
use super::plan::Plan;
use super::rules::judge;
use crate::catalog::pack::PackError;
use crate::model::{Class, Mark, Scope};

/// What a build made.
#[derive(Debug, Clone)]
pub struct Built {
    /// Text of `operations.tsv`.
    pub operations: String,
    /// By class.
    pub counts: BTreeMap<Class, usize>,
    /// Flags in bodies and queries that make an operation stronger: `[[raise]]` entries for `payload.toml`, for a person
    /// to look at.
    pub flags: String,
}

const HEADER: &str = "method\tpath\toperation\tclass\tresources\tscope\tmarks";

/// Makes the table. `overrides` are the classes that a person chose, by operation.
pub fn build(
    described: Vec<Described>,
    plan: &Plan,
    overrides: &BTreeMap<String, Class>,
) -> Result<Built, PackError> {
    let all = plan.apply(described)?;
    let mut rows: BTreeSet<(String, String, String)> = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    let mut flags = String::new();
    for one in &all {
        let judged = judge(one);
        let class = overrides.get(&one.id).copied().unwrap_or(judged.class);
        ids.insert(one.id.clone());
        let (scope, resources) = plan.scope(one, class);
        let scope = match scope {
            Scope::Resources => "resources",
            Scope::Shared => "shared",
            Scope::Account => "account",
        };
        let is_of_backups = plan.is_of_backups(&one.id) || judged.marks.contains(&Mark::Backup);
        let marks = if is_of_backups && class == Class::Destroy { Mark::Backup.as_str() } else { "" };
        let method = if plan.any_method { "GET|POST" } else { one.method.as_str() };
        let row = format!("{method}\t{}\t{}\t{class}\t{resources}\t{scope}\t{marks}", one.path, one.id);
        rows.insert((one.path.clone(), method.to_owned(), row));
        *counts.entry(class).or_default() += 1;
        raise(&mut flags, one, &judged.members, "members", "/");
        raise(&mut flags, one, &judged.query, "query", "");
    }
    if let Some(unknown) = overrides.keys().find(|id| !ids.contains(*id)) {
        let reason = format!("operation '{unknown}' is not in the description");
        return Err(PackError::new("overrides.toml", reason));
    }
    let mut text = String::from(HEADER);
    text.push('\n');
    for (_, _, row) in &rows {
        text.push_str(row);
        text.push('\n');
    }
    Ok(Built { operations: text, counts, flags })
}

fn raise(text: &mut String, one: &Described, names: &[String], key: &str, before: &str) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| format!("\"{before}{name}\"")).collect();
    let _ = writeln!(
        text,
        "[[raise]]\noperations = [\"{}\"]\n{key} = [{}]\nwhen = \"not-false\"\nclass = \"destroy\"\nreason = \"\"\n",
        one.id,
        names.join(", ")
    );
}

/// A `pack.toml` to begin with. It does not load before hosts and credentials are said.
pub fn skeleton(name: &str) -> String {
    format!(
        r#"name = "{name}"
title = "{name}"
protocol = "rest"
hosts = []
carriers = ["authorization"]
environment-kinds = ["account"]

[[credential]]
name = "token"
default = true
carrier = {{ header = "authorization", format = "Bearer {{}}" }}
variables = []
placeholder = {{ alphabet = "base62", length = 40 }}
"#
    )
}
