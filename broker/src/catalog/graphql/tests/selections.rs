//! What an answer would hold: secrets, and things of environments that the request does not name.

use super::super::code;
use super::*;
use crate::model::Scope;

#[test]
fn i16_names_are_shared_and_what_environments_own_is_not() {
    for text in [
        "{ me { id email workspaces { id name projects { edges { node { id name environments { edges { node { id name } } } services { edges { node { id name } } } } } } } } }",
        "{ project(id: \"p\") { id name environments { edges { node { id name isEphemeral } } } services { edges { node { id name icon } } } volumes { edges { node { id name } } } } }",
        "{ projects { edges { node { id name } } } }",
        "{ projectToken { projectId environmentId environment { name } } }",
    ] {
        let operation = only(document(text));
        assert_eq!((operation.class, operation.scope), (Class::Read, Scope::Shared), "{text}");
        assert!(operation.resources.is_empty(), "{text}");
    }
    let project = only(document(
        "{ project(id: \"p\") { environments { edges { node { serviceInstances { edges { node { startCommand } } } } } } } }",
    ));
    assert_eq!((project.scope, project.resources), (Scope::Resources, vec![Resource::new("project", "p")]));
    for text in [
        "{ me { workspaces { projects { edges { node { deployments { edges { node { id } } } } } } } } }",
        "{ projects { edges { node { volumes { edges { node { volumeInstances { edges { node { sizeMB } } } } } } } } } }",
        "{ projectToken { environment { variables { edges { node { name } } } } } }",
    ] {
        assert_eq!(only(document(text)).scope, Scope::Account, "{text}");
    }
}

#[test]
fn i16_a_selection_that_leads_out_of_what_is_named_is_the_accounts() {
    for text in [
        "{ deployment(id: \"d\") { service { project { environments { edges { node { config } } } } } } }",
        "{ deployment(id: \"d\") { service { serviceInstances { edges { node { startCommand } } } } } }",
        "{ volumeInstance(id: \"i\") { volume { volumeInstances { edges { node { state } } } } } }",
        "{ environment(id: \"e\") { sourceEnvironment { serviceInstances { edges { node { id } } } } } }",
        "{ service(id: \"s\") { project { deployments { edges { node { id } } } } } }",
        "{ project(id: \"p\") { workspace { projects { edges { node { deployments { edges { node { id } } } } } } } } }",
        "{ deployment(id: \"d\") { ...D } } fragment D on Deployment { service { ... on Service { project { deployments { edges { node { id } } } } } } }",
        "mutation { serviceDuplicate(environmentId: \"e\", serviceId: \"s\") { project { environments { edges { node { config } } } } } }",
    ] {
        assert_eq!(only(document(text)).scope, Scope::Account, "{text}");
    }
    for text in [
        "{ environment(id: \"e\") { name serviceInstances { edges { node { latestDeployment { status environment { config } } } } } } }",
        "{ deployment(id: \"d\") { status service { name project { name } } environment { name } } }",
        "{ service(id: \"s\") { serviceInstances { edges { node { startCommand } } } } }",
    ] {
        assert_eq!(only(document(text)).scope, Scope::Resources, "{text}");
    }
}

#[test]
fn fields_that_return_secrets_raise_the_class() {
    for text in [
        "{ variables(environmentId: \"e\", projectId: \"p\") }",
        "{ variablesForServiceDeployment(environmentId: \"e\", projectId: \"p\", serviceId: \"s\") }",
        "{ bucketS3Credentials(bucketId: \"b\", environmentId: \"e\", projectId: \"p\") { secretAccessKey } }",
        "{ environment(id: \"e\") { config(decryptVariables: true) } }",
        "query($d: Boolean = true) { environment(id: \"e\") { config(decryptVariables: $d) } }",
        "{ environment(id: \"e\") { x: config y: config(decryptVariables: true) } }",
        "{ environmentPatch(id: \"x\") { patch(decryptVariables: true) } }",
        "{ environmentStagedChanges(environmentId: \"e\") { ... on EnvironmentPatch { patch(decryptVariables: true) } } }",
        "{ deploymentSnapshot(deploymentId: \"d\") { variables } }",
        "{ integrations(projectId: \"p\") { edges { node { config } } } }",
        "{ notificationRules(workspaceId: \"w\") { channels { config } } }",
        "{ inviteCode(code: \"x\") { id } }",
        "{ myCloudAgents { agentWsUrl } }",
        "subscription { environmentStagedPatch(environmentId: \"e\") { patch(decryptVariables: true) } }",
    ] {
        assert_eq!(class(document(text)), Class::Reveal, "{text}");
    }
    for text in [
        "{ environment(id: \"e\") { config } }",
        "{ environment(id: \"e\") { config(decryptVariables: false) } }",
        "{ environmentStagedChanges(environmentId: \"e\") { patch } }",
        "{ environment(id: \"e\") { variables { edges { node { name isSealed } } } } }",
        "{ notificationRules(workspaceId: \"w\") { id eventTypes } }",
    ] {
        assert_eq!(class(document(text)), Class::Read, "{text}");
    }
    // A mutation that answers with a secret keeps its own, stronger class.
    let reset = "mutation { bucketCredentialsReset(bucketId: \"b\", environmentId: \"e\", projectId: \"p\") { secretAccessKey } }";
    assert_eq!(class(document(reset)), Class::Destroy);
}

#[test]
fn nested_fields_that_the_tables_do_not_know_are_refused() {
    for text in [
        "{ me { password } }",
        "{ project(id: \"p\") { environments { edges { node { secrets } } } } }",
        "{ me }",
        "{ me { id { x } } }",
        "{ me { __schema { types { name } } } }",
        "mutation { volumeDelete(volumeId: \"v\") { id } }",
        "{ projectInvitation(code: \"x\") { id } }",
    ] {
        assert_eq!(refused(document(text)), code::UNKNOWN_FIELD, "{text}");
    }
    assert_eq!(refused(document("{ node(id: \"x\") { id } }")), code::UNKNOWN_OPERATION);
    assert_eq!(refused(document("{ volume(id: \"x\") { id } }")), code::UNKNOWN_OPERATION);
    assert_eq!(refused(document("mutation { bucketDelete(id: \"x\") }")), code::UNKNOWN_OPERATION);
    let union = "{ projectInvitation(code: \"x\") { __typename ... on InviteCode { code } } }";
    assert_eq!(class(document(union)), Class::Reveal);
}

#[test]
fn i19_a_refusal_suggests_no_name() {
    let refusal = judge(document("mutation { volumeDelet(volumeId: \"v\") }")).unwrap_err();
    assert_eq!(refusal.code, code::UNKNOWN_OPERATION);
    assert!(!refusal.detail.contains("volumeDelete"), "{}", refusal.detail);
}
