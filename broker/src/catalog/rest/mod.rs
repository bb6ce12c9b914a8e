//! REST: method and path name the operation; a few operations also depend on a member of the body.
//!
//! A pack's `operations.tsv` is a table of methods and path templates. Matching reads the canonical path as it
//! stands: nothing is decoded before a segment has found its place, and literal segments win over parameters, as in a
//! provider's router. Knows no provider: what is special about one is in its tables.

mod body;
mod form;
mod grpc;
mod resource;
mod table;
mod trie;

#[cfg(test)]
mod tests;

use http::Method;

use super::pack::{Manifest, PackError};
use super::refusal::{Refusal, code};
use super::understood::Understood;
use crate::model::{Operation, Request, Resource};

pub(in crate::catalog) use table::rows_with;
pub use table::{Row, Segment, overrides};
pub(in crate::catalog) use trie::Trie;

/// The operations of one provider.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
    trie: Trie,
    body: body::Rules,
    /// The same operations as gRPC calls them; none where the provider's API is not spoken so.
    calls: Option<grpc::Calls>,
}

impl Table {
    /// Reads `operations.tsv`, `payload.toml`, `overrides.toml` and, where there is one, `grpc.tsv`.
    pub fn load(manifest: &Manifest, read: &dyn Fn(&str) -> Option<String>) -> Result<Self, PackError> {
        let rows = table::rows(read)?;
        let trie = Trie::of(rows.iter().enumerate())?;
        let body = body::Rules::load(&rows, read)?;
        for (host, operations) in &manifest.host_operations {
            if let Some(unknown) = operations.iter().find(|id| !rows.iter().any(|row| names(id, &row.id))) {
                let reason =
                    format!("host-operations of '{host}' names '{unknown}', which operations.tsv has not");
                return Err(PackError::new("pack.toml", reason));
            }
        }
        let calls = grpc::Calls::load(&rows, read)?;
        Ok(Table { rows, trie, body, calls })
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether there are paths that end in a slash.
    pub fn slash_at_end(&self) -> bool {
        self.trie.slash_at_end()
    }

    /// One request is one operation.
    pub fn classify(&self, manifest: &Manifest, request: Request) -> Result<Understood, Refusal> {
        if let Some(calls) = &self.calls
            && request.is_grpc()
        {
            let (method, path) = calls.as_rest(manifest, &request)?;
            let segments = segments(&path);
            let (_, row) = self.find(manifest, &request, method, &segments)?;
            if self.body.names_by_member(&row.id) {
                let detail = format!("{} names what it touches in a member that is not read", request.path);
                return Err(Refusal::new(code::UNKNOWN_OPERATION, detail));
            }
            let mut operation = operation(manifest, row, &row.parameters(&segments))?;
            // What else stands in the message is not read, so it counts as the worst that it could say.
            operation.class = operation.class.max(self.body.strongest(row));
            return Ok(Understood { operations: vec![operation], request });
        }
        let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
        let segments = segments(&request.path);
        let (index, row) = self.find(manifest, &request, method, &segments)?;
        self.one_reading(method, &request.path, index, row, &segments)?;
        let parameters = row.parameters(&segments);
        let mut operation = operation(manifest, row, &parameters)?;
        self.body.judge(row, &parameters, manifest, &request, &mut operation)?;
        Ok(Understood { operations: vec![operation], request })
    }

    /// The row of a method and path, on the host that serves it.
    fn find(
        &self,
        manifest: &Manifest,
        request: &Request,
        method: &Method,
        segments: &[&str],
    ) -> Result<(usize, &Row), Refusal> {
        let found = self.trie.find(method, segments).and_then(|index| Some((index, self.rows.get(index)?)));
        let served = |row: &Row| {
            let own = manifest.host_operations.get(&request.host);
            own.is_none_or(|own| own.iter().any(|id| names(id, &row.id)))
        };
        found.filter(|(_, row)| served(row)).ok_or_else(|| {
            let detail = format!("{} does not know {} {}", manifest.title, request.method, request.path);
            Refusal::new(code::UNKNOWN_OPERATION, detail)
        })
    }

    /// An escaped slash is part of a name only where the table says so, and only if reading it as a real slash would
    /// name no other operation.
    fn one_reading(
        &self,
        method: &Method,
        path: &str,
        index: usize,
        row: &Row,
        segments: &[&str],
    ) -> Result<(), Refusal> {
        if !path.contains("%2F") {
            return Ok(());
        }
        let plain = path.replace("%2F", "/");
        let other = self.trie.find(method, &self::segments(&plain));
        if row.holds_slashes(segments) && other.is_none_or(|other| other == index) {
            return Ok(());
        }
        Err(Refusal::new(code::ENCODED_DELIMITER, "'/' is escaped in the path where it could be a real one"))
    }
}

fn operation(manifest: &Manifest, row: &Row, parameters: &[(&str, Vec<&str>)]) -> Result<Operation, Refusal> {
    Ok(Operation {
        operation: format!("{}:{}", manifest.name, row.id),
        class: row.class,
        resources: resources(row, parameters, manifest)?,
        scope: row.scope,
        marks: row.marks.clone(),
        pending: None,
    })
}

/// Whether a name of a list, which may end in `*`, is this operation.
fn names(listed: &str, id: &str) -> bool {
    listed.strip_suffix('*').map_or(listed == id, |start| id.starts_with(start))
}

/// What a row names, with these parameters of its path.
pub(in crate::catalog) fn resources(
    row: &Row,
    parameters: &[(&str, Vec<&str>)],
    manifest: &Manifest,
) -> Result<Vec<Resource>, Refusal> {
    resource::all(&row.resources, parameters, manifest)
}

pub(in crate::catalog) fn segments(path: &str) -> Vec<&str> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    if rest.is_empty() { Vec::new() } else { rest.split('/').collect() }
}
