//! `stint-broker pack`: look at what the packs know, ask what a request would do, make and check tables.

mod build;
mod docs;
mod list;

use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::app;
use crate::catalog::{Catalog, accuracy, lines};
use crate::console::words::deed;
use crate::model::{Class, Mark, Operation, Resource, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum PackCommand {
    /// List the packs
    List {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one pack: hosts, credentials, what an environment can map, and its operations
    Show {
        name: String,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Find operations of all packs by words in their names, requests and resources
    Search {
        #[arg(required = true)]
        words: Vec<String>,
        /// Only this class
        #[arg(long)]
        class: Option<Class>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Read every pack as the broker would, and say what is wrong
    Check {
        /// A pack's folder, instead of the packs that ship
        folder: Option<PathBuf>,
        /// Folder of further packs, each in a folder of its name, beside those that ship
        #[arg(long, value_name = "DIR", conflicts_with = "folder")]
        packs: Option<PathBuf>,
    },
    /// Make operations.tsv from a provider's published description
    ///
    /// Reads OpenAPI 2 and 3 (JSON or YAML), Google discovery, botocore, JSON hyper-schema, or a list of operations.
    Build(build::BuildArgs),
    /// Hold the packs' classes against a sample that a person labelled
    Accuracy {
        /// A sample of your own (pack, operation, label, note), instead of the one that ships
        labels: Option<PathBuf>,
        /// Name every operation where the two differ
        #[arg(long)]
        differences: bool,
    },
    /// Write a page about each pack, in Markdown
    Docs {
        /// Folder for the pages
        #[arg(value_name = "DIR")]
        folder: PathBuf,
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
        /// Answer in words, for people
        #[arg(long, conflicts_with = "jsonl")]
        words: bool,
    },
}

pub(super) fn run(command: PackCommand) -> Result<ExitCode, String> {
    // What is being made may be what does not load.
    if let PackCommand::Build(args) = command {
        return build::run(&args);
    }
    if let PackCommand::Check { folder: Some(folder), .. } = &command {
        return build::check(folder);
    }
    let catalog = Catalog::builtin().map_err(|error| error.to_string())?;
    match command {
        PackCommand::List { json } => list::packs(&catalog, json),
        PackCommand::Show { name, json } => list::show(&catalog, &name, json),
        PackCommand::Search { words, class, json } => list::search(&catalog, &words, class, json),
        PackCommand::Check { packs, .. } => {
            let catalog = app::packs(packs.as_deref()).map_err(|error| error.to_string())?;
            for pack in catalog.packs() {
                println!("{}: sound", pack.manifest.name);
            }
            Ok(ExitCode::SUCCESS)
        }
        PackCommand::Accuracy { labels, differences } => check_accuracy(&catalog, labels, differences),
        PackCommand::Docs { folder } => docs::write(&catalog, &folder),
        PackCommand::Classify { pack, words: true, .. } => explain(&catalog, pack.as_deref()),
        PackCommand::Classify { pack, jsonl, .. } => classify(&catalog, pack.as_deref(), jsonl),
        PackCommand::Build(_) => Ok(ExitCode::SUCCESS),
    }
}

fn check_accuracy(catalog: &Catalog, labels: Option<PathBuf>, differences: bool) -> Result<ExitCode, String> {
    let own =
        labels.map(std::fs::read_to_string).transpose().map_err(|error| format!("the sample: {error}"))?;
    let text = own.as_deref().unwrap_or(accuracy::LABELS);
    let sample = accuracy::labelled(catalog, text).map_err(|error| error.to_string())?;
    print!("{}", accuracy::matrix(&sample));
    if differences {
        for one in sample.iter().filter(|one| one.is_under() || one.is_over()) {
            let note = if one.note.is_empty() { String::new() } else { format!(" ({})", one.note) };
            println!("{}: a person says {}, the pack {}{note}", one.operation, one.label, one.class);
        }
    }
    let sound = !sample.iter().any(accuracy::Labelled::is_under);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a class means to somebody who reads it for the first time.
pub(super) fn meaning(class: Class) -> &'static str {
    match class {
        Class::Read => "changes nothing, and shows no secret",
        Class::Reveal => "shows secrets",
        Class::Write => "changes something that can be put back",
        Class::Grant => "creates a credential or a permission, or opens something",
        Class::Destroy => "loses what cannot be put back",
        Class::Unknown => "is not understood, so it counts as the worst",
    }
}

/// One operation as a person would say it.
fn said(one: &Operation) -> String {
    let name = |own: &Resource| match own.id.as_str() {
        // Everything that the credential reaches is one place.
        "self" => format!("the {} of the credential", own.kind),
        id => format!("{} {id}", own.kind),
    };
    let named: Vec<String> = one.resources.iter().map(name).collect();
    let mut text = format!("{}: this {}", deed(&one.operation, Some(one.class)), meaning(one.class));
    match (one.scope, named.is_empty()) {
        (_, false) => text.push_str(&format!("; it touches {}", named.join(", "))),
        (Scope::Account, true) => text.push_str("; it touches the account as a whole"),
        (_, true) => text.push_str("; it touches nothing that an environment owns"),
    }
    if one.marks.contains(&Mark::CarriesBackups) {
        text.push_str(", and the backups that live in it go with it");
    }
    if one.marks.contains(&Mark::Backup) {
        text.push_str("; it is about backups");
    }
    if one.pending.is_some() {
        text.push_str("; what it does was staged earlier, and is read before it is judged");
    }
    format!("{text} ({}, {})", one.operation, one.class)
}

fn explain(catalog: &Catalog, pack: Option<&str>) -> Result<ExitCode, String> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(|error| error.to_string())?;
    match lines::classify(catalog, pack, text.trim()) {
        Ok(operations) => {
            for one in &operations {
                println!("{}", said(one));
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => {
            println!("refused: {refusal}");
            Ok(ExitCode::FAILURE)
        }
    }
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
