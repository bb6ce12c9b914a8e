//! A pack's operations as people read them.

use super::git;
use super::pack::{Pack, Tables};
use crate::model::Class;

/// One operation of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `railway:volumeDelete`.
    pub operation: String,
    /// `DELETE /repos/{owner}/{repo}`, `mutation volumeDelete`.
    pub request: String,
    /// The weakest that it comes out as.
    pub class: Class,
    pub scope: &'static str,
    /// `volume=volumeId`, `repository={owner}/{repo}`.
    pub resources: Vec<String>,
    pub marks: Vec<&'static str>,
}

impl Pack {
    /// Every operation, by name. A name that stands for a query and a mutation is there twice.
    pub fn operations(&self) -> Vec<Listed> {
        let mut listed = match &self.tables {
            Tables::Rest(table) => table.rows().iter().map(|row| row.listed()).collect::<Vec<_>>(),
            Tables::Graphql(tables) => tables.listed(),
            Tables::Mcp(table) => table.listed(),
            Tables::Aws(table) => table.listed(),
        };
        listed.extend(self.graphql.iter().flat_map(|tables| tables.listed()));
        listed.extend(self.manifest.git.iter().flat_map(git::listed));
        for one in &mut listed {
            one.operation = format!("{}:{}", self.name(), one.operation);
        }
        listed.sort_by(|a, b| (&a.operation, &a.request).cmp(&(&b.operation, &b.request)));
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::BUILTIN;

    #[test]
    fn an_operation_says_how_it_is_asked_for_and_what_it_names() {
        let all = |name: &str| BUILTIN.pack(name).map(Pack::operations).unwrap_or_default();
        let one = |pack: &str, name: &str| all(pack).into_iter().find(|one| one.operation == name);
        let delete = one("github", "github:repos/delete").expect("a repository can be deleted");
        assert_eq!((delete.request.as_str(), delete.class), ("DELETE /repos/{owner}/{repo}", Class::Destroy));
        assert_eq!(delete.resources, ["repository={owner}/{repo}"]);
        let delete = one("railway", "railway:volumeDelete").expect("a volume can be deleted");
        assert_eq!((delete.request.as_str(), delete.scope), ("mutation volumeDelete", "resources"));
        assert_eq!(delete.resources, ["volume=volumeId"]);
    }
}
