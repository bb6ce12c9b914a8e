//! A page about each pack, made from the pack.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::list::counts;
use super::meaning;
use crate::catalog::{Catalog, Pack, Tables, accuracy};
use crate::model::Class;

pub(super) fn write(catalog: &Catalog, folder: &Path) -> Result<ExitCode, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let sample = accuracy::labelled(catalog, accuracy::LABELS).map_err(|error| error.to_string())?;
    let mut index = String::from(
        "# Packs\n\nWhat the broker understands. A request that no pack understands is refused.\n\n",
    );
    index.push_str(
        "| Pack | Operations | Read | Reveal | Write | Grant | Destroy |\n|---|---|---|---|---|---|---|\n",
    );
    for pack in catalog.packs() {
        let name = pack.name();
        std::fs::create_dir_all(folder.join(name)).map_err(failed)?;
        std::fs::write(folder.join(name).join("README.md"), page(pack)).map_err(failed)?;
        let counts = counts(pack);
        let of = |class: Class| counts.get(&class).copied().unwrap_or_default();
        let _ = writeln!(
            index,
            "| [{}]({name}/README.md) | {} | {} | {} | {} | {} | {} |",
            pack.manifest.title,
            counts.values().sum::<usize>(),
            of(Class::Read),
            of(Class::Reveal),
            of(Class::Write),
            of(Class::Grant),
            of(Class::Destroy)
        );
    }
    let _ = write!(
        index,
        "\n## How well the classes agree with a person\n\nA sample, labelled by hand from method, path and name. Rows are what the person \
         said, columns what the packs say. Above the diagonal the packs guard more than the person would.\n\n```\n{}```\n",
        accuracy::matrix(&sample)
    );
    std::fs::write(folder.join("README.md"), index).map_err(failed)?;
    eprintln!("stint-broker: {} pages in {}", catalog.packs().len() + 1, folder.display());
    Ok(ExitCode::SUCCESS)
}

fn page(pack: &Pack) -> String {
    let manifest = &pack.manifest;
    let name = &manifest.name;
    let mut text = format!("# {}\n\n", manifest.title);
    text.push_str("Made from the pack by `stint-broker pack docs`.\n\n");
    let _ = writeln!(text, "Hosts: {}.\n", quoted(&manifest.hosts, ""));
    if let Tables::Aws(table) = &pack.tables {
        let _ = writeln!(
            text,
            "And by pattern, `SERVICE.REGION.amazonaws.com`, for {}; `BUCKET.s3.REGION.amazonaws.com`.\n",
            quoted(&table.hosts(), "")
        );
        text.push_str("Requests are classified, and not sent: they take a signature, which the vault does not make yet.\n\n");
    }
    if let Some(door) = &manifest.git {
        let _ = writeln!(text, "Repositories by git at {}.\n", quoted(&door.hosts, ""));
    }
    if !manifest.endpoints.is_empty() {
        let _ = writeln!(text, "Endpoints: {}.\n", quoted(&manifest.endpoints, ""));
    }
    text.push_str("| Credential | Header | Variables |\n|---|---|---|\n");
    for kind in &manifest.credential {
        let default = if kind.default { " (default)" } else { "" };
        let carrier = &kind.carrier;
        let mut header = format!("{}: {}", carrier.header, carrier.format.replace("{}", "…"));
        if let Some(user) = &carrier.user_header {
            header = format!("{user}: …`, `{header}");
        }
        let _ = writeln!(text, "| `{}`{default} | `{header}` | {} |", kind.name, quoted(&kind.variables, ""));
    }
    let prefix = format!("{name}:");
    let maps: Vec<String> = manifest.environment_kinds.iter().map(|kind| format!("{kind}/ID")).collect();
    let _ = writeln!(text, "\nAn environment can map {}.\n", quoted(&maps, &prefix));
    if !manifest.scrub.is_empty() {
        let _ =
            writeln!(text, "Also taken out of what a command inherits: {}.\n", quoted(&manifest.scrub, ""));
    }
    let operations = pack.operations();
    for class in Class::ALL.into_iter().rev() {
        let own: Vec<_> = operations.iter().filter(|one| one.class == class).collect();
        if own.is_empty() {
            continue;
        }
        let _ = writeln!(text, "## {} ({})\n\nEach {}.\n", class.as_str(), own.len(), meaning(class));
        text.push_str("| Operation | Request | Touches |\n|---|---|---|\n");
        for one in own {
            let touches =
                if one.resources.is_empty() { one.scope.to_owned() } else { quoted(&one.resources, "") };
            let marks =
                if one.marks.is_empty() { String::new() } else { format!(", {}", one.marks.join(", ")) };
            let short = one.operation.strip_prefix(&prefix).unwrap_or(&one.operation);
            let request = one.request.replace('|', "\\|");
            let _ = writeln!(text, "| `{short}` | `{request}` | {touches}{marks} |");
        }
        text.push('\n');
    }
    text
}

fn quoted(all: &[String], prefix: &str) -> String {
    all.iter().map(|one| format!("`{prefix}{one}`")).collect::<Vec<_>>().join(", ")
}
