//! How far a selection reaches: from one environment out to the whole account.
//!
//! A root field names its resources, but what is selected below it can lead out again: from a deployment to its service, on to
//! the project, and down into every other environment. The ladder says when that happens.

/// How much a thing holds. Ordered: a later level holds things of the levels before it in several environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// One environment, or a thing in one.
    Environment,
    /// A thing that has an instance in several environments of one project.
    Service,
    Project,
    Workspace,
    Account,
}

impl Level {
    /// The level of a type, as `types.tsv` writes it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "environment" => Ok(Level::Environment),
            "service" => Ok(Level::Service),
            "project" => Ok(Level::Project),
            "workspace" => Ok(Level::Workspace),
            "account" => Ok(Level::Account),
            _ => Err(format!("'{text}' is not a level")),
        }
    }

    /// What naming a resource of this kind covers. A kind that is not listed covers no more than one environment.
    pub fn of_kind(kind: &str) -> Self {
        match kind {
            "service" | "volume" | "plugin" => Level::Service,
            "project" | "bucket" | "integration" => Level::Project,
            "workspace" => Level::Workspace,
            _ => Level::Environment,
        }
    }
}
