//! Who may touch what: an account everything, a workspace token its workspace, a project token its environment.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::{Record, Viewer, World, text};

/// Where a thing is.
#[derive(Debug, Default)]
struct Home {
    workspace: Option<String>,
    project: Option<String>,
    environments: BTreeSet<String>,
}

impl World {
    /// Whether everything that the arguments name is within the viewer's reach. What is named by no id is not judged here.
    pub(crate) fn within_reach(&self, viewer: &Viewer, arguments: &Value, write: bool) -> bool {
        if matches!(viewer, Viewer::Account { .. }) {
            return true;
        }
        let mut named = Vec::new();
        strings(arguments, &mut named);
        let homes: Vec<Home> = named.iter().filter_map(|id| self.home(id)).collect();
        // A project alone is more than one environment: a project token may name it beside its environment only.
        let placed = !write
            || matches!(viewer, Viewer::Workspace { .. })
            || homes.iter().any(|home| !home.environments.is_empty());
        placed && homes.iter().all(|home| home.within(viewer, write))
    }

    /// The home of whatever has this id, of any kind.
    fn home(&self, id: &str) -> Option<Home> {
        const KINDS: [&str; 23] = [
            "Workspace",
            "Project",
            "Environment",
            "Service",
            "ServiceInstance",
            "Volume",
            "VolumeInstance",
            "VolumeInstanceBackup",
            "Deployment",
            "CustomDomain",
            "ServiceDomain",
            "TCPProxy",
            "ProjectToken",
            "Bucket",
            "Integration",
            "DeploymentTrigger",
            "PrivateNetwork",
            "CloudAgent",
            "NotificationRule",
            "TrustedDomain",
            "ProjectInvitation",
            "Plugin",
            "EnvironmentPatch",
        ];
        let (kind, record) = KINDS.iter().find_map(|kind| Some((*kind, self.find(kind, id)?)))?;
        let mut home = Home::default();
        self.collect(kind, record, &mut home);
        Some(home)
    }

    fn collect(&self, kind: &str, record: &Record, home: &mut Home) {
        let id = text(record, "id");
        match kind {
            "Workspace" => home.workspace = Some(id.to_owned()),
            "Project" => home.project = Some(id.to_owned()),
            "Environment" => {
                home.environments.insert(id.to_owned());
            }
            "Volume" => home.add(self.list("VolumeInstance", "volumeId", id)),
            "Service" => home.add(self.list("ServiceInstance", "serviceId", id)),
            _ => {}
        }
        let direct = text(record, "environmentId");
        if !direct.is_empty() {
            home.environments.insert(direct.to_owned());
        }
        for (field, owner) in [
            ("projectId", "Project"),
            ("environmentId", "Environment"),
            ("volumeInstanceId", "VolumeInstance"),
            ("volumeId", "Volume"),
        ] {
            if let Some(owned) = self.find(owner, text(record, field)) {
                if owner == "Project" {
                    home.project = Some(text(owned, "id").to_owned());
                    home.workspace = Some(text(owned, "workspaceId").to_owned());
                } else if !(kind == "VolumeInstance" && owner == "Volume") {
                    self.collect(owner, owned, home);
                }
            }
        }
        if kind == "Project" || !text(record, "workspaceId").is_empty() {
            home.workspace = Some(text(record, "workspaceId").to_owned());
        }
    }
}

impl Home {
    fn add(&mut self, instances: Vec<&Record>) {
        self.environments
            .extend(instances.into_iter().map(|record| text(record, "environmentId").to_owned()));
    }

    fn within(&self, viewer: &Viewer, write: bool) -> bool {
        match viewer {
            Viewer::Account { .. } => true,
            Viewer::Workspace { workspace } => self.workspace.as_ref().is_none_or(|home| home == workspace),
            Viewer::Project { project, environment, .. } => {
                let mine = self.environments.iter().all(|at| at == environment);
                self.project.as_ref().is_none_or(|home| home == project) && (!write || mine)
            }
        }
    }
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, into)),
        _ => {}
    }
}
