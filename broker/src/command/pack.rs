use std::collections::BTreeMap;
use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::app;
use crate::catalog::{Catalog, lines};

#[derive(Debug, Subcommand)]
pub(super) enum PackCommand {
    /// List the packs
    List {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Read every pack as the broker would, and say what is wrong
    Check {
        /// Folder of further packs, each in a folder of its name, beside those that ship
        #[arg(long, value_name = "DIR")]
        packs: Option<PathBuf>,
    },
    /// Say what requests would do: operations, classes and resources, without sending anything
    ///
    /// A request is {"method":"POST","url":"https://...","headers":{...},"body":"text"} (or "body_base64").
    Classify {
        /// Read the requests as this pack's, whatever their host
        #[arg(long, value_name = "NAME")]
        pack: Option<String>,
        /// One request a line on stdin, one answer a line on stdout; without it stdin is one request
        #[arg(long)]
        jsonl: bool,
    },
}

pub(super) fn run(command: PackCommand) -> Result<ExitCode, String> {
    let catalog = Catalog::builtin().map_err(|error| error.to_string())?;
    match command {
        PackCommand::List { json } => list(&catalog, json),
        PackCommand::Check { packs } => {
            let (catalog, _) = app::packs(packs.as_deref()).map_err(|error| error.to_string())?;
            for pack in catalog.packs() {
                println!("{}: sound", pack.manifest.name);
            }
            Ok(ExitCode::SUCCESS)
        }
        PackCommand::Classify { pack, jsonl } => classify(&catalog, pack.as_deref(), jsonl),
    }
}

fn list(catalog: &Catalog, json: bool) -> Result<ExitCode, String> {
    let actions = catalog.actions();
    let counts = |name: &str| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, provider, class) in &actions {
            if *provider == name {
                *counts.entry(class.as_str()).or_default() += 1;
            }
        }
        counts
    };
    if json {
        let packs: Vec<_> = catalog
            .packs()
            .iter()
            .map(|pack| {
                let name = &pack.manifest.name;
                serde_json::json!({ "name": name, "title": pack.manifest.title, "hosts": pack.manifest.hosts, "operations": counts(name) })
            })
            .collect();
        println!("{}", serde_json::json!({ "packs": packs }));
        return Ok(ExitCode::SUCCESS);
    }
    for pack in catalog.packs() {
        let counts = counts(&pack.manifest.name);
        let total: usize = counts.values().sum();
        let parts: Vec<String> = counts.iter().map(|(class, count)| format!("{count} {class}")).collect();
        println!(
            "{:<10} {total} operations ({}) on {}",
            pack.manifest.name,
            parts.join(", "),
            pack.manifest.hosts.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn classify(catalog: &Catalog, pack: Option<&str>, jsonl: bool) -> Result<ExitCode, String> {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let failed = |error: std::io::Error| error.to_string();
    if !jsonl {
        let mut text = String::new();
        input.read_to_string(&mut text).map_err(failed)?;
        writeln!(output, "{}", lines::answer(catalog, pack, text.trim())).map_err(failed)?;
        output.flush().map_err(failed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        // A line that is not UTF-8 gets an answer like any other bad line.
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            writeln!(output, "{}", lines::answer(catalog, pack, text.trim())).map_err(failed)?;
            output.flush().map_err(failed)?;
        }
        line.clear();
    }
    Ok(ExitCode::SUCCESS)
}
