//! Reads a pack's files and holds them against each other.

use super::{Manifest, Pack, PackError, Protocol, Tables};
use crate::catalog::{aws, git, graphql, mcp, reply, rest};

const FILE: &str = "pack.toml";
/// Folder of the tables of GraphQL beside REST.
const GRAPHQL: &str = "graphql";

pub(super) fn pack(read: &dyn Fn(&str) -> Option<String>) -> Result<Pack, PackError> {
    let text = read(FILE).ok_or_else(|| PackError::new(FILE, "the file is missing"))?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|error| PackError::new(FILE, error.to_string()))?;
    check(&manifest).map_err(|reason| PackError::new(FILE, reason))?;
    let tables = match manifest.protocol {
        Protocol::Rest => Tables::Rest(rest::Table::load(&manifest, read)?),
        Protocol::Aws => Tables::Aws(Box::new(aws::Table::load(read)?)),
        Protocol::Mcp => Tables::Mcp(mcp::Table::load(read)?),
        Protocol::Graphql => Tables::Graphql(Box::new(graphql::Tables::load(read).map_err(table_error)?)),
    };
    let beside = manifest.protocol == Protocol::Rest && !manifest.endpoints.is_empty();
    let graphql = beside.then(|| {
        let tables = graphql::Tables::load(&|file| read(&format!("{GRAPHQL}/{file}")));
        tables.map_err(|error| PackError { file: format!("{GRAPHQL}/{}", error.file), ..table_error(error) })
    });
    let denials = manifest.denial.iter().map(reply::Shape::read).collect::<Result<_, _>>();
    let denials = denials.map_err(|reason| PackError::new(FILE, reason))?;
    let pack = Pack { manifest, tables, graphql: graphql.transpose()?.map(Box::new), denials };
    one_meaning(&pack)?;
    Ok(pack)
}

/// Policies know an operation by its name, so ways in that stand beside each other share none.
fn one_meaning(pack: &Pack) -> Result<(), PackError> {
    let Tables::Rest(table) = &pack.tables else { return Ok(()) };
    let git = pack.manifest.git.iter().flat_map(|_| git::actions().map(|(name, _)| name));
    let graphql = pack.graphql.iter().flat_map(|tables| tables.operations().map(|(_, name, _)| name));
    let mut beside = git.chain(graphql);
    match beside.find(|name| table.rows().iter().any(|row| row.id == *name)) {
        Some(name) => {
            Err(PackError::new("operations.tsv", format!("'{name}' also is an operation by git or GraphQL")))
        }
        None => Ok(()),
    }
}

fn check(manifest: &Manifest) -> Result<(), String> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !word(&manifest.name) {
        return Err(format!("name '{}' is not a word of a-z, 0-9 and '-'", manifest.name));
    }
    if manifest.hosts.is_empty() {
        return Err("there are no hosts".to_owned());
    }
    let host = |text: &str| text.contains('.') && text.split('.').all(word);
    if let Some(wrong) = manifest.hosts.iter().find(|text| !host(text)) {
        return Err(format!("'{wrong}' is not a host name in lower case without port"));
    }
    if let Some(other) = manifest.host_operations.keys().find(|host| !manifest.hosts.contains(host)) {
        return Err(format!("host-operations names '{other}', which is no host of the pack"));
    }
    if matches!(manifest.protocol, Protocol::Graphql | Protocol::Mcp) && manifest.endpoints.is_empty() {
        return Err("a GraphQL or MCP pack names its endpoints".to_owned());
    }
    if let Some(door) = &manifest.git {
        door.check(manifest)?;
    }
    for rule in &manifest.snapshot {
        rule.check()?;
    }
    if manifest.credential.iter().filter(|kind| kind.default).count() != 1 {
        return Err("exactly one kind of credential is the default".to_owned());
    }
    for kind in &manifest.credential {
        let carrier = &kind.carrier;
        if let Some(header) =
            carrier.headers().find(|header| !manifest.carriers.iter().any(|own| own == header))
        {
            return Err(format!(
                "credential '{}' travels in '{header}', which carriers does not list",
                kind.name
            ));
        }
        if carrier.format.matches("{}").count() != 1 {
            return Err(format!("credential '{}': the format has '{{}}' once", kind.name));
        }
    }
    let lower = |text: &&String| text.bytes().any(|b| b.is_ascii_uppercase() || b == b'_');
    if let Some(wrong) = manifest.carriers.iter().find(lower) {
        return Err(format!("carrier '{wrong}' is not in lower case, or has a '_'"));
    }
    if let Some(wrong) = manifest.environment_kinds.iter().find(|text| !word(text)) {
        return Err(format!("'{wrong}' is not a resource kind"));
    }
    Ok(())
}

fn table_error(error: graphql::TableError) -> PackError {
    PackError { file: error.file, row: (error.row > 0).then_some(error.row), reason: error.reason }
}
