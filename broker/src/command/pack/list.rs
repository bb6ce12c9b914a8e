//! What the packs know, to look at.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::meaning;
use crate::catalog::{Catalog, Listed, Pack};
use crate::model::Class;

/// How many operations a pack has of each class.
pub(super) fn counts(pack: &Pack) -> BTreeMap<Class, usize> {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for one in pack.operations() {
        *counts.entry(one.class).or_default() += 1;
    }
    counts
}

pub(super) fn packs(catalog: &Catalog, json: bool) -> Result<ExitCode, String> {
    if json {
        let packs: Vec<Value> = catalog
            .packs()
            .iter()
            .map(|pack| {
                let manifest = &pack.manifest;
                json!({ "name": manifest.name, "title": manifest.title, "hosts": manifest.hosts, "operations": by_name(pack) })
            })
            .collect();
        println!("{}", json!({ "packs": packs }));
        return Ok(ExitCode::SUCCESS);
    }
    for pack in catalog.packs() {
        let counts = counts(pack);
        let total: usize = counts.values().sum();
        let parts: Vec<String> = counts.iter().map(|(class, count)| format!("{count} {class}")).collect();
        println!(
            "{:<13} {total} operations ({}) on {}",
            pack.manifest.name,
            parts.join(", "),
            pack.manifest.hosts.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn by_name(pack: &Pack) -> BTreeMap<&'static str, usize> {
    counts(pack).into_iter().map(|(class, count)| (class.as_str(), count)).collect()
}

pub(super) fn show(catalog: &Catalog, name: &str, json: bool) -> Result<ExitCode, String> {
    let pack = catalog.pack(name).ok_or_else(|| {
        format!("there is no pack '{name}'\nhint: the packs are {}", catalog.names().join(", "))
    })?;
    let manifest = &pack.manifest;
    if json {
        let kinds: Vec<Value> = manifest
            .credential
            .iter()
            .map(|kind| json!({ "name": kind.name, "default": kind.default, "header": kind.carrier.header, "variables": kind.variables }))
            .collect();
        let operations: Vec<Value> = pack.operations().iter().map(as_json).collect();
        println!(
            "{}",
            json!({
                "name": manifest.name, "title": manifest.title, "hosts": manifest.hosts, "credentials": kinds,
                "environment_kinds": manifest.environment_kinds, "classes": by_name(pack), "operations": operations,
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} ({})", manifest.title, manifest.name);
    println!("hosts         {}", manifest.hosts.join(", "));
    for kind in &manifest.credential {
        let default = if kind.default { ", default" } else { "" };
        println!(
            "credential    {} in the header {}, from {}{default}",
            kind.name,
            kind.carrier.header,
            kind.variables.join(", ")
        );
    }
    let maps: Vec<String> =
        manifest.environment_kinds.iter().map(|kind| format!("{}:{kind}/ID", manifest.name)).collect();
    println!("can be mapped {}", maps.join(", "));
    for (class, count) in counts(pack) {
        println!("{:<13} {count}: {}", class.as_str(), meaning(class));
    }
    println!();
    for one in pack.operations() {
        line(&one);
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn search(
    catalog: &Catalog,
    words: &[String],
    class: Option<Class>,
    json: bool,
) -> Result<ExitCode, String> {
    let words: Vec<String> =
        words.iter().flat_map(|word| word.split_whitespace()).map(str::to_lowercase).collect();
    let wanted = |one: &Listed| {
        let text = format!("{} {} {}", one.operation, one.request, one.resources.join(" ")).to_lowercase();
        class.is_none_or(|class| one.class == class) && words.iter().all(|word| text.contains(word.as_str()))
    };
    let found: Vec<Listed> =
        catalog.packs().iter().flat_map(Pack::operations).filter(|one| wanted(one)).collect();
    if json {
        println!("{}", json!({ "operations": found.iter().map(as_json).collect::<Vec<_>>() }));
        return Ok(ExitCode::SUCCESS);
    }
    for one in &found {
        line(one);
    }
    eprintln!("stint-broker: {} operations", found.len());
    Ok(ExitCode::SUCCESS)
}

fn line(one: &Listed) {
    let marks = if one.marks.is_empty() { String::new() } else { format!(" [{}]", one.marks.join(", ")) };
    println!("{:<8} {}  {}{marks}", one.class.as_str(), one.operation, one.request);
}

fn as_json(one: &Listed) -> Value {
    json!({
        "operation": one.operation, "request": one.request, "class": one.class, "scope": one.scope,
        "resources": one.resources, "marks": one.marks,
    })
}
