//! The part of the published schema that the stand-in supports, as one validated schema.

use std::sync::LazyLock;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;

const PARTS: [&str; 6] = [
    include_str!("schema/query.graphql"),
    include_str!("schema/mutation.graphql"),
    include_str!("schema/project.graphql"),
    include_str!("schema/workspace.graphql"),
    include_str!("schema/inputs.graphql"),
    include_str!("schema/scalars.graphql"),
];

/// Pages, by the name of their type and of what they hold; they all have the same shape.
const PAGES: [(&str, &str); 30] = [
    ("EnvironmentDeploymentTriggersConnection", "DeploymentTrigger"),
    ("EnvironmentDeploymentsConnection", "Deployment"),
    ("EnvironmentServiceInstancesConnection", "ServiceInstance"),
    ("EnvironmentVariablesConnection", "Variable"),
    ("EnvironmentVolumeInstancesConnection", "VolumeInstance"),
    ("PluginVariablesConnection", "Variable"),
    ("ProjectBucketsConnection", "Bucket"),
    ("ProjectDeploymentTriggersConnection", "DeploymentTrigger"),
    ("ProjectDeploymentsConnection", "Deployment"),
    ("ProjectEnvironmentsConnection", "Environment"),
    ("ProjectPluginsConnection", "Plugin"),
    ("ProjectServicesConnection", "Service"),
    ("ProjectVolumesConnection", "Volume"),
    ("QueryApiTokensConnection", "ApiToken"),
    ("QueryDeploymentTriggersConnection", "DeploymentTrigger"),
    ("QueryDeploymentsConnection", "Deployment"),
    ("QueryEnvironmentPatchesConnection", "EnvironmentPatch"),
    ("QueryEnvironmentsConnection", "Environment"),
    ("QueryIntegrationsConnection", "Integration"),
    ("QueryObservabilityDashboardsConnection", "ObservabilityDashboard"),
    ("QueryProjectTokensConnection", "ProjectToken"),
    ("QueryProjectsConnection", "Project"),
    ("QueryTrustedDomainsConnection", "TrustedDomain"),
    ("ServiceDeploymentsConnection", "Deployment"),
    ("ServiceRepoTriggersConnection", "DeploymentTrigger"),
    ("ServiceServiceInstancesConnection", "ServiceInstance"),
    ("TeamProjectsConnection", "Project"),
    ("UserProjectsConnection", "Project"),
    ("VolumeVolumeInstancesConnection", "VolumeInstance"),
    ("WorkspaceProjectsConnection", "Project"),
];

/// `None` only if the parts beside this file contradict each other, which a test rules out.
pub(crate) fn schema() -> Option<&'static Valid<Schema>> {
    static SCHEMA: LazyLock<Option<Valid<Schema>>> =
        LazyLock::new(|| Schema::parse_and_validate(text(), "railway.graphql").ok());
    SCHEMA.as_ref()
}

fn text() -> String {
    let mut text = PARTS.join("\n");
    for (page, thing) in PAGES {
        text.push_str(&format!(
            "type {page} {{ edges: [{page}Edge!]! pageInfo: PageInfo! }}\n\
             type {page}Edge {{ cursor: String! node: {thing}! }}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_one_valid_schema() {
        if let Err(errors) = Schema::parse_and_validate(text(), "railway.graphql") {
            panic!("{errors}");
        }
    }
}
