//! Every way of finding out where a thing belongs works here, page by page.

use serde_json::{Value, json};

use super::tests::ask;
use super::{Railway, ids};

/// (query, arguments, where the answer is, what it is)
fn lookups() -> Vec<(&'static str, Value, &'static str, Value)> {
    vec![
        ("query($id: String!) { volumeInstance(id: $id) { environmentId volume { id projectId } environment { name projectId } isPendingDeletion } }",
            json!({"id": ids::INSTANCE_PRODUCTION}), "/volumeInstance/environmentId", ids::PRODUCTION.into()),
        ("query($id: String!) { volumeInstanceBackupList(volumeInstanceId: $id) { id name createdAt expiresAt } }",
            json!({"id": ids::INSTANCE_PRODUCTION}), "/volumeInstanceBackupList/0/id", ids::BACKUP_PRODUCTION.into()),
        ("query($id: String!) { service(id: $id) { projectId project { workspaceId } serviceInstances { edges { node { environmentId } } } } }",
            json!({"id": ids::SERVICE_API}), "/service/serviceInstances/edges/2/node/environmentId", ids::FORK.into()),
        ("query($id: String!) { deployment(id: $id) { projectId environmentId serviceId status environment { isEphemeral } } }",
            json!({"id": ids::DEPLOYMENT_STAGING}), "/deployment/environmentId", ids::STAGING.into()),
        ("query($id: String!) { environment(id: $id) { isEphemeral sourceEnvironment { id } serviceInstances { edges { node { serviceId } } } } }",
            json!({"id": ids::FORK}), "/environment/sourceEnvironment/id", ids::STAGING.into()),
        ("query($id: String!) { environment(id: $id) { sourceEnvironment { id } volumeInstances { edges { node { volumeId state } } } } }",
            json!({"id": ids::PRODUCTION}), "/environment/sourceEnvironment", Value::Null),
        ("query($id: String!) { project(id: $id) { workspaceId environments { pageInfo { hasNextPage } edges { node { id isEphemeral } } } } }",
            json!({"id": ids::PROJECT}), "/project/environments/edges/1/node/id", ids::STAGING.into()),
        ("query($id: String!, $p: String!) { customDomain(id: $id, projectId: $p) { environmentId serviceId domain } }",
            json!({"id": ids::CUSTOM_DOMAIN_STAGING, "p": ids::PROJECT}), "/customDomain/environmentId", ids::STAGING.into()),
        ("query($p: String!, $e: String!, $s: String!) { domains(projectId: $p, environmentId: $e, serviceId: $s) {
            customDomains { id environmentId } serviceDomains { id environmentId } } }",
            json!({"p": ids::PROJECT, "e": ids::STAGING, "s": ids::SERVICE_WEB}), "/domains/serviceDomains/0/id", ids::SERVICE_DOMAIN_STAGING.into()),
        ("query($e: String!, $s: String!) { tcpProxies(environmentId: $e, serviceId: $s) { id environmentId serviceId } }",
            json!({"e": ids::PRODUCTION, "s": ids::SERVICE_POSTGRES}), "/tcpProxies/0/id", ids::TCP_PROXY_PRODUCTION.into()),
        ("query($id: String!) { project(id: $id) { deploymentTriggers { edges { node { id environmentId } } } buckets { edges { node { id } } } } }",
            json!({"id": ids::PROJECT}), "/project/deploymentTriggers/edges/0/node/environmentId", ids::STAGING.into()),
        ("query($e: String!) { privateNetworks(environmentId: $e) { publicId environmentId projectId } }",
            json!({"e": ids::STAGING}), "/privateNetworks/0/publicId", ids::NETWORK_STAGING.into()),
        ("query($p: String!) { integrations(projectId: $p) { edges { node { id } } } projectTokens(projectId: $p) { edges { node { id environmentId } } }
            projectInvitations(id: $p) { id } }",
            json!({"p": ids::PROJECT}), "/projectTokens/edges/0/node/environmentId", ids::STAGING.into()),
        ("query($w: String!) { notificationRules(workspaceId: $w) { id projectId } trustedDomains(workspaceId: $w) { edges { node { id } } } }",
            json!({"w": ids::WORKSPACE}), "/trustedDomains/edges/0/node/id", ids::TRUSTED_DOMAIN.into()),
        ("{ myCloudAgents { id environmentId projectId } }", json!({}), "/myCloudAgents/0/environmentId", ids::STAGING.into()),
        ("query($e: String!) { observabilityDashboards(environmentId: $e) { edges { node { id } } pageInfo { hasNextPage } } }",
            json!({"e": ids::PRODUCTION}), "/observabilityDashboards/pageInfo/hasNextPage", false.into()),
        ("query($id: String!) { plugin(id: $id) { id project { id } } }", json!({"id": ids::PLUGIN}), "/plugin/project/id", ids::PROJECT.into()),
        ("{ apiToken { workspaces { id name } } }", json!({}), "/apiToken/workspaces/1/id", ids::OTHER_WORKSPACE.into()),
        ("query($w: String) { projects(workspaceId: $w, first: 100) { pageInfo { hasNextPage endCursor } edges { node { id workspaceId } } } }",
            json!({"w": ids::WORKSPACE}), "/projects/pageInfo/hasNextPage", true.into()),
    ]
}

#[tokio::test]
async fn each_lookup_answers_without_an_error() {
    let railway = Railway::seeded();
    for (query, arguments, place, expected) in lookups() {
        let answer = ask(&railway, query, arguments).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        assert_eq!(answer["data"].pointer(place), Some(&expected), "{query}: {answer}");
    }
}

#[tokio::test]
async fn a_lookup_of_nothing_is_an_error_and_no_data() {
    let railway = Railway::seeded();
    for field in ["volumeInstance", "service", "deployment", "environment", "project"] {
        let answer = ask(&railway, &format!("{{ {field}(id: \"nothing\") {{ id }} }}"), json!({})).await;
        assert_eq!(answer["data"], Value::Null, "{field}: {answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().ends_with("not found"), "{field}: {answer}");
    }
}
