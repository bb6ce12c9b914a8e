//! Root fields of queries.

use serde_json::{Value, json};

use super::node::{Held, deployments};
use super::world::{Record, Viewer, World, text};

/// What a root field of a query holds, or what is wrong, in the provider's words.
pub(crate) fn query(world: &World, viewer: &Viewer, field: &str, arguments: &Value) -> Result<Held, String> {
    let text_of = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let by_id = |kind: &str, id: String| match world.exists(kind, &id) {
        true => Ok(Held::Thing(kind.to_owned(), id)),
        false => Err(format!("{kind} not found")),
    };
    let list = |kind: &str, owner: &str, argument: &str| {
        Ok(Held::Things(kind.to_owned(), world.ids(kind, owner, &text_of(argument))))
    };
    let both = |kind: &str| {
        Ok(Held::Things(kind.to_owned(), pair(world, kind, &text_of("environmentId"), &text_of("serviceId"))))
    };
    match field {
        "me" => match viewer {
            Viewer::Account { user } => by_id("User", user.clone()),
            _ => Err(NOT_AUTHORIZED.to_owned()),
        },
        "projectToken" => match viewer {
            Viewer::Project { token, .. } => by_id("ProjectToken", token.clone()),
            _ => Err("Project Token not found".to_owned()),
        },
        "apiToken" => Ok(Held::Value(json!({"workspaces": workspaces(world, viewer)?}))),
        "apiTokens" => Ok(Held::Things("ApiToken".to_owned(), every(world, "ApiToken"))),
        "externalWorkspaces" | "regions" => Ok(Held::Value(json!([]))),
        "adminVolumeInstancesForVolume" => Err(NOT_AUTHORIZED.to_owned()),
        "project" => by_id("Project", text_of("id")),
        "environment" => by_id("Environment", text_of("id")),
        "service" => by_id("Service", text_of("id")),
        "deployment" => by_id("Deployment", text_of("id")),
        "volumeInstance" => by_id("VolumeInstance", text_of("id")),
        "plugin" => by_id("Plugin", text_of("id")),
        "workspace" => by_id("Workspace", text_of("workspaceId")),
        "customDomain" => match world.find("CustomDomain", &text_of("id")) {
            Some(domain) if text(domain, "projectId") == text_of("projectId") => {
                by_id("CustomDomain", text_of("id"))
            }
            _ => Err("CustomDomain not found".to_owned()),
        },
        "serviceInstance" => pair(world, "ServiceInstance", &text_of("environmentId"), &text_of("serviceId"))
            .pop()
            .map_or_else(|| Err("ServiceInstance not found".to_owned()), |id| by_id("ServiceInstance", id)),
        "projects" => Ok(Held::Things("Project".to_owned(), projects(world, viewer, arguments))),
        "environments" => list("Environment", "projectId", "projectId"),
        "environmentPatches" => list("EnvironmentPatch", "environmentId", "environmentId"),
        "integrations" => list("Integration", "projectId", "projectId"),
        "projectTokens" => list("ProjectToken", "projectId", "projectId"),
        "projectInvitations" => list("ProjectInvitation", "projectId", "id"),
        "projectMembers" => list("ProjectMember", "projectId", "projectId"),
        "notificationRules" => list("NotificationRule", "workspaceId", "workspaceId"),
        "trustedDomains" => list("TrustedDomain", "workspaceId", "workspaceId"),
        "observabilityDashboards" => list("ObservabilityDashboard", "environmentId", "environmentId"),
        "privateNetworks" => list("PrivateNetwork", "environmentId", "environmentId"),
        "cloudAgents" => list("CloudAgent", "environmentId", "environmentId"),
        "volumeInstanceBackupList" => list("VolumeInstanceBackup", "volumeInstanceId", "volumeInstanceId"),
        "volumeInstanceBackupScheduleList" => {
            list("VolumeInstanceBackupSchedule", "volumeInstanceId", "volumeInstanceId")
        }
        "myCloudAgents" => Ok(Held::Things("CloudAgent".to_owned(), every(world, "CloudAgent"))),
        "tcpProxies" => both("TCPProxy"),
        "deploymentTriggers" => both("DeploymentTrigger"),
        "deployments" => Ok(Held::Things("Deployment".to_owned(), deployment_list(world, arguments))),
        "domains" => Ok(Held::Value(json!({
            "customDomainsIds": pair(world, "CustomDomain", &text_of("environmentId"), &text_of("serviceId")),
            "serviceDomainsIds": pair(world, "ServiceDomain", &text_of("environmentId"), &text_of("serviceId")),
        }))),
        "environmentStagedChanges" => staged(world, &text_of("environmentId")),
        "variables" | "variablesForServiceDeployment" => {
            Ok(Held::Value(variables(world, &text_of("environmentId"), arguments)))
        }
        "bucketS3Credentials" => Ok(Held::Value(json!([bucket_credentials(world, &text_of("bucketId"))?]))),
        "deploymentLogs" | "buildLogs" => Ok(Held::Value(logs(world, &text_of("deploymentId")))),
        _ => Err(format!("{field} is not part of this stand-in")),
    }
}

pub(crate) const NOT_AUTHORIZED: &str = "Not Authorized";

/// The environment's staged patch; an empty one where nothing is staged, as the provider shows it.
fn staged(world: &World, environment: &str) -> Result<Held, String> {
    if !world.exists("Environment", environment) {
        return Err("Environment not found".to_owned());
    }
    let patches = world.list("EnvironmentPatch", "environmentId", environment);
    Ok(match patches.into_iter().rev().find(|record| text(record, "status") == "STAGED") {
        Some(open) => Held::Thing("EnvironmentPatch".to_owned(), text(open, "id").to_owned()),
        None => Held::Value(
            json!({"id": environment, "environmentId": environment, "status": "STAGED", "patch": {}}),
        ),
    })
}

pub(crate) fn bucket_credentials(world: &World, bucket: &str) -> Result<Value, String> {
    let record = world.find("Bucket", bucket).ok_or("Bucket not found")?;
    let generation = record.get("generation").and_then(Value::as_u64).unwrap_or_default();
    Ok(json!({
        "accessKeyId": format!("tid_{generation}_invoices"), "secretAccessKey": format!("tsec_{generation}_5c1f0e9ab7d24c63"),
        "bucketName": text(record, "name"), "endpoint": "https://storage.railway.app", "region": "auto", "urlStyle": "virtual",
    }))
}

/// Things of a service in an environment.
pub(crate) fn pair(world: &World, kind: &str, environment: &str, service: &str) -> Vec<String> {
    world
        .list(kind, "environmentId", environment)
        .into_iter()
        .filter(|record| text(record, "serviceId") == service)
        .map(|record| text(record, "id").to_owned())
        .collect()
}

fn every(world: &World, kind: &str) -> Vec<String> {
    world.all(kind).iter().map(|record| text(record, "id").to_owned()).collect()
}

fn workspaces(world: &World, viewer: &Viewer) -> Result<Vec<Value>, String> {
    let seen = |record: &&Record| match viewer {
        Viewer::Account { .. } => true,
        Viewer::Workspace { workspace } => text(record, "id") == workspace,
        Viewer::Project { .. } => false,
    };
    if matches!(viewer, Viewer::Project { .. }) {
        return Err(NOT_AUTHORIZED.to_owned());
    }
    let all = world.all("Workspace").iter().filter(seen);
    Ok(all.map(|record| json!({"id": text(record, "id"), "name": text(record, "name")})).collect())
}

fn projects(world: &World, viewer: &Viewer, arguments: &Value) -> Vec<String> {
    let asked = arguments.get("workspaceId").and_then(Value::as_str);
    let seen = |record: &&Record| match viewer {
        Viewer::Account { .. } => true,
        Viewer::Workspace { workspace } => text(record, "workspaceId") == workspace,
        Viewer::Project { project, .. } => text(record, "id") == project,
    };
    let all = world.all("Project").iter().filter(seen);
    let wanted = all.filter(|record| asked.is_none_or(|workspace| text(record, "workspaceId") == workspace));
    wanted.map(|record| text(record, "id").to_owned()).collect()
}

fn deployment_list(world: &World, arguments: &Value) -> Vec<String> {
    let input = arguments.get("input").cloned().unwrap_or_default();
    let asked = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
    match (asked("serviceId"), asked("environmentId")) {
        (Some(service), Some(environment)) => deployments(world, &service, &environment),
        (Some(service), None) => world.ids("Deployment", "serviceId", &service),
        (None, Some(environment)) => world.ids("Deployment", "environmentId", &environment),
        (None, None) => world.ids("Deployment", "projectId", &asked("projectId").unwrap_or_default()),
    }
}

/// Name to value, with the secrets in them; a service's own over the shared ones.
fn variables(world: &World, environment: &str, arguments: &Value) -> Value {
    let service = arguments.get("serviceId").and_then(Value::as_str);
    let mut shown = Record::new();
    for wanted in [None, service] {
        for record in world.list("Variable", "environmentId", environment) {
            if record.get("serviceId").and_then(Value::as_str) == wanted {
                shown.insert(text(record, "name").to_owned(), text(record, "value").into());
            }
        }
    }
    Value::Object(shown)
}

fn logs(world: &World, deployment: &str) -> Value {
    match world.find("Deployment", deployment) {
        Some(record) => {
            json!([{"message": "listening on 8080", "severity": "info", "timestamp": text(record, "createdAt"), "attributes": []}])
        }
        None => json!([]),
    }
}
