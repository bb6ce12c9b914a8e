//! `stint-broker pack build`: a pack's tables from published descriptions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use crate::catalog::build::{self, Built, Limits, Plan};
use crate::catalog::{Pack, rest};
use crate::model::Class;

#[derive(Debug, Args)]
pub(in crate::command) struct BuildArgs {
    /// Descriptions: several for a provider that publishes one for each of its services
    #[arg(required = true, value_name = "DESCRIPTION")]
    descriptions: Vec<PathBuf>,
    /// The pack's folder: build.toml and overrides.toml are read there, operations.tsv is written there
    #[arg(long, value_name = "DIR")]
    pack: PathBuf,
    /// Say what appeared, went or changed class against this operations.tsv
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    /// Also print flags in bodies and queries that make operations stronger, as entries for payload.toml
    #[arg(long)]
    flags: bool,
}

pub(super) fn run(args: &BuildArgs) -> Result<ExitCode, String> {
    let limits = Limits::default();
    let mut described = Vec::new();
    for path in &args.descriptions {
        let name = path.display().to_string();
        let size = std::fs::metadata(path).map_err(|error| format!("{name}: {error}"))?.len();
        if size > limits.bytes as u64 {
            return Err(format!("{name}: the description is larger than {} bytes", limits.bytes));
        }
        let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        if build::is_graphql(&name, &bytes) {
            return schema(args, &name, &bytes, &limits);
        }
        let (format, own) = build::read(&name, &bytes, &limits).map_err(|error| error.to_string())?;
        eprintln!("stint-broker: {name}: {} operations ({format})", own.len());
        described.extend(own);
    }
    let plan = match read(&args.pack, "build.toml")? {
        Some(text) => Plan::parse(&text).map_err(|error| error.to_string())?,
        None => Plan::default(),
    };
    let overrides = overrides(&args.pack)?;
    let built = build::build(described, &plan, &overrides).map_err(|error| error.to_string())?;
    if let Some(old) = &args.against {
        let text = std::fs::read_to_string(old).map_err(|error| format!("{}: {error}", old.display()))?;
        for change in build::compare(&text, &built.operations) {
            println!("{change}");
        }
    }
    if args.flags {
        print!("{}", built.flags);
    }
    if !args.dry_run {
        write(&args.pack, &built)?;
    }
    let counts: Vec<String> = built.counts.iter().map(|(class, count)| format!("{count} {class}")).collect();
    eprintln!("stint-broker: {}", counts.join(", "));
    if !args.dry_run {
        eprintln!("hint: look at what is new, then `stint-broker pack check {}`", args.pack.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A GraphQL schema is the whole of a pack's tables.
fn schema(args: &BuildArgs, name: &str, bytes: &[u8], limits: &Limits) -> Result<ExitCode, String> {
    if args.descriptions.len() > 1 {
        return Err("a GraphQL pack is built from one schema".to_owned());
    }
    let overrides = graphql_overrides(&args.pack)?;
    let built = build::graphql(name, bytes, limits, &overrides).map_err(|error| error.to_string())?;
    if let Some(old) = &args.against {
        let text = std::fs::read_to_string(old).map_err(|error| format!("{}: {error}", old.display()))?;
        for change in build::compare(&text, &built.operations) {
            println!("{change}");
        }
    }
    if !args.dry_run {
        let tables =
            [("operations.tsv", built.operations), ("types.tsv", built.types), ("inputs.tsv", built.inputs)];
        put(&args.pack, &tables)?;
    }
    let counts: Vec<String> = built.counts.iter().map(|(class, count)| format!("{count} {class}")).collect();
    eprintln!("stint-broker: {}", counts.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// `overrides.toml` of a GraphQL pack: one field an entry.
fn graphql_overrides(folder: &Path) -> Result<BTreeMap<String, Class>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        operation: String,
        class: Class,
        reason: String,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default, rename = "override")]
        entries: Vec<Entry>,
    }
    let Some(text) = read(folder, "overrides.toml")? else { return Ok(BTreeMap::new()) };
    let file: File = toml::from_str(&text).map_err(|error| format!("overrides.toml: {error}"))?;
    match file.entries.iter().find(|entry| entry.reason.trim().is_empty()) {
        Some(entry) => Err(format!("overrides.toml: '{}' has no reason", entry.operation)),
        None => Ok(file.entries.into_iter().map(|entry| (entry.operation, entry.class)).collect()),
    }
}

/// Reads the pack of a folder as the broker would.
pub(super) fn check(folder: &Path) -> Result<ExitCode, String> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let pack = Pack::load(&name, &|file| std::fs::read_to_string(folder.join(file)).ok());
    let pack = pack.map_err(|error| error.to_string())?;
    println!("{}: sound, {} operations", pack.name(), pack.operations().len());
    Ok(ExitCode::SUCCESS)
}

fn overrides(folder: &Path) -> Result<BTreeMap<String, Class>, String> {
    let text = read(folder, "overrides.toml")?;
    let read = |file: &str| text.clone().filter(|_| file == "overrides.toml");
    rest::overrides(&read).map_err(|error| error.to_string())
}

fn read(folder: &Path, file: &str) -> Result<Option<String>, String> {
    let path = folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// The table, and a skeleton of `pack.toml` where there is none.
fn write(folder: &Path, built: &Built) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    put(folder, &[("operations.tsv", built.operations.clone())])?;
    let manifest = folder.join("pack.toml");
    if !manifest.exists() {
        let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        std::fs::write(manifest, build::skeleton(&name)).map_err(failed)?;
        eprintln!(
            "stint-broker: wrote a skeleton of pack.toml: hosts and credentials are for you to fill in"
        );
    }
    Ok(())
}

/// Each file beside its old one, then all in their places.
fn put(folder: &Path, files: &[(&str, String)]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (name, text) in files {
        std::fs::write(folder.join(format!("{name}.new")), text).map_err(failed)?;
    }
    for (name, _) in files {
        std::fs::rename(folder.join(format!("{name}.new")), folder.join(name)).map_err(failed)?;
    }
    Ok(())
}
