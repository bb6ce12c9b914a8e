//! Root fields of mutations: what each really does.

use serde_json::{Value, json};

use super::node::Held;
use super::query::{bucket_credentials, pair};
use super::world::{Record, Viewer, World, record, text};
use super::{config, create, delete};

/// The arguments of one field, as coerced.
pub(crate) struct Arguments<'a>(pub(crate) &'a Value);

impl Arguments<'_> {
    pub(crate) fn text(&self, name: &str) -> String {
        self.optional(name).unwrap_or_default()
    }

    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn input(&self) -> Arguments<'_> {
        Arguments(self.0.get("input").unwrap_or(&Value::Null))
    }
}

/// Do it. The error is in the provider's words.
pub(crate) fn mutate(
    world: &mut World,
    viewer: &Viewer,
    field: &str,
    arguments: &Value,
) -> Result<Held, String> {
    let arguments = Arguments(arguments);
    let (id, input) = (arguments.text("id"), arguments.input());
    if let Some(kind) = deleted_by_id(field) {
        return if world.remove(kind, &id) { done() } else { Err(format!("{kind} not found")) };
    }
    if let Some(status) = deployment_status(field) {
        exists(world, "Deployment", &id)?;
        world.set("Deployment", &id, "status", status.into());
        return if field == "deploymentRedeploy" { thing("Deployment", id) } else { done() };
    }
    match field {
        "volumeDelete" => volume(world, &arguments.text("volumeId"), |_| true),
        "volumeUpdate" => {
            let volume = arguments.text("volumeId");
            exists(world, "Volume", &volume)?;
            world.set("Volume", &volume, "name", input.text("name").into());
            thing("Volume", volume)
        }
        "volumeInstanceUpdate" => volume_instance_update(world, &arguments),
        "volumeInstanceBackupCreate" => create::backup(world, &arguments),
        "volumeInstanceBackupDelete" => {
            let backup = arguments.text("volumeInstanceBackupId");
            let inside =
                world.find("VolumeInstanceBackup", &backup).map(|r| text(r, "volumeInstanceId").to_owned());
            if inside != Some(arguments.text("volumeInstanceId")) {
                return Err("VolumeInstanceBackup not found".to_owned());
            }
            world.remove("VolumeInstanceBackup", &backup);
            create::workflow(world)
        }
        "volumeInstanceBackupLock" => {
            let backup = arguments.text("volumeInstanceBackupId");
            exists(world, "VolumeInstanceBackup", &backup)?;
            world.set("VolumeInstanceBackup", &backup, "expiresAt", Value::Null);
            done()
        }
        "volumeInstanceBackupRestore" => restore(world, &arguments),
        "volumeInstanceBackupScheduleUpdate" => create::schedules(world, &arguments),
        "environmentDelete" => {
            exists(world, "Environment", &id)?;
            delete::environment(world, &id);
            done()
        }
        "environmentRename" => rename(world, "Environment", id, &input),
        "environmentStageChanges" => create::stage(world, &arguments),
        "environmentPatchCommit" => {
            let environment = arguments.text("environmentId");
            exists(world, "Environment", &environment)?;
            config::apply(world, &environment, arguments.0.get("patch").unwrap_or(&Value::Null));
            Ok(Held::Value(world.fresh().into()))
        }
        "environmentPatchCommitStaged" => commit_staged(world, &arguments),
        "environmentTriggersDeploy" => create::deploy(world, &input).map(|_| Held::Value(true.into())),
        "projectScheduleDelete" => schedule(world, id, true),
        "projectScheduleDeleteCancel" => schedule(world, id, false),
        "projectUpdate" => update(world, "Project", id, &input),
        "projectTransfer" => {
            let project = arguments.text("projectId");
            exists(world, "Project", &project)?;
            world.set("Project", &project, "workspaceId", input.text("workspaceId").into());
            done()
        }
        "serviceDelete" => service_delete(world, &id, arguments.optional("environmentId")),
        "serviceUpdate" | "serviceConnect" => update(world, "Service", id, &input),
        "serviceDisconnect" => thing("Service", id),
        "serviceInstanceUpdate" => service_instance_update(world, &arguments),
        "serviceInstanceDeploy" | "serviceInstanceRedeploy" => {
            create::deploy(world, &arguments).map(|_| Held::Value(true.into()))
        }
        "serviceInstanceDeployV2" => create::deploy(world, &arguments).map(|id| Held::Value(id.into())),
        "variableUpsert" => {
            exists(world, "Environment", &input.text("environmentId"))?;
            let (name, value) = (input.text("name"), input.text("value"));
            world.set_variable(
                &input.text("environmentId"),
                input.optional("serviceId").as_deref(),
                &name,
                &value,
            );
            done()
        }
        "variableDelete" => {
            delete::variable(
                world,
                &input.text("environmentId"),
                input.optional("serviceId").as_deref(),
                &input.text("name"),
            );
            done()
        }
        "variableCollectionUpsert" => collection(world, &input),
        "customDomainUpdate" => {
            update(world, "CustomDomain", id, &arguments).map(|_| Held::Value(true.into()))
        }
        "serviceDomainUpdate" => update(world, "ServiceDomain", input.text("serviceDomainId"), &input)
            .map(|_| Held::Value(true.into())),
        "bucketUpdate" => rename(world, "Bucket", id, &input),
        "bucketCredentialsReset" => {
            let bucket = arguments.text("bucketId");
            world.set("Bucket", &bucket, "generation", 1.into());
            bucket_credentials(world, &bucket).map(Held::Value)
        }
        "cloudAgentSleep" => agent(world, id, "SLEEPING"),
        "cloudAgentWake" => agent(world, id, "RUNNING"),
        "sandboxExec" => Err("Sandbox not found".to_owned()),
        _ => create::create(world, viewer, field, &arguments),
    }
}

pub(crate) fn done() -> Result<Held, String> {
    Ok(Held::Value(true.into()))
}

pub(crate) fn thing(kind: &str, id: String) -> Result<Held, String> {
    Ok(Held::Thing(kind.to_owned(), id))
}

pub(crate) fn exists(world: &World, kind: &str, id: &str) -> Result<(), String> {
    if world.exists(kind, id) { Ok(()) } else { Err(format!("{kind} not found")) }
}

fn deleted_by_id(field: &str) -> Option<&'static str> {
    Some(match field {
        "projectDelete" | "projectScheduleDeleteForce" => "Project",
        "workspaceDelete" => "Workspace",
        "apiTokenDelete" => "ApiToken",
        "projectTokenDelete" => "ProjectToken",
        "customDomainDelete" => "CustomDomain",
        "serviceDomainDelete" => "ServiceDomain",
        "tcpProxyDelete" => "TCPProxy",
        "deploymentRemove" => "Deployment",
        "deploymentTriggerDelete" => "DeploymentTrigger",
        "integrationDelete" => "Integration",
        "pluginDelete" => "Plugin",
        "cloudAgentDelete" => "CloudAgent",
        "privateNetworkEndpointDelete" => "PrivateNetwork",
        "trustedDomainDelete" => "TrustedDomain",
        "notificationRuleDelete" => "NotificationRule",
        "projectInvitationDelete" => "ProjectInvitation",
        _ => return None,
    })
}

fn deployment_status(field: &str) -> Option<&'static str> {
    Some(match field {
        "deploymentStop" => "REMOVED",
        "deploymentCancel" => "SKIPPED",
        "deploymentRestart" | "deploymentRollback" | "deploymentRedeploy" => "DEPLOYING",
        _ => return None,
    })
}

fn volume(world: &mut World, volume: &str, here: impl Fn(&str) -> bool) -> Result<Held, String> {
    exists(world, "Volume", volume)?;
    delete::volume_in(world, volume, here);
    done()
}

/// Without an environment it means the instances in all of them.
fn volume_instance_update(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    let (id, environment, input) =
        (arguments.text("volumeId"), arguments.optional("environmentId"), arguments.input());
    let here = |at: &str| environment.as_deref().is_none_or(|wanted| wanted == at);
    if let Some("DELETED" | "DELETING") = input.optional("state").as_deref() {
        return volume(world, &id, here);
    }
    exists(world, "Volume", &id)?;
    let instances: Vec<String> = world
        .list("VolumeInstance", "volumeId", &id)
        .into_iter()
        .filter(|record| here(text(record, "environmentId")))
        .map(|record| text(record, "id").to_owned())
        .collect();
    for instance in instances {
        for (name, value) in input.0.as_object().into_iter().flatten() {
            world.set("VolumeInstance", &instance, name, value.clone());
        }
    }
    done()
}

/// Puts the backup's data in place of the present data; services named in `wipeServiceIds` lose theirs.
fn restore(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    exists(world, "VolumeInstanceBackup", &arguments.text("volumeInstanceBackupId"))?;
    let instance = arguments.text("volumeInstanceId");
    exists(world, "VolumeInstance", &instance)?;
    world.set("VolumeInstance", &instance, "restoredFrom", arguments.text("volumeInstanceBackupId").into());
    let environment = world
        .find("VolumeInstance", &instance)
        .map(|r| text(r, "environmentId").to_owned())
        .unwrap_or_default();
    let wiped: Vec<Value> =
        arguments.0.get("wipeServiceIds").and_then(Value::as_array).cloned().unwrap_or_default();
    for service in wiped.iter().filter_map(Value::as_str) {
        for other in pair(world, "VolumeInstance", &environment, service) {
            if other != instance {
                world.set("VolumeInstance", &other, "currentSizeMB", json!(0.0));
            }
        }
    }
    create::workflow(world)
}

fn commit_staged(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    let environment = arguments.text("environmentId");
    let staged = world
        .list("EnvironmentPatch", "environmentId", &environment)
        .into_iter()
        .rev()
        .find(|record| text(record, "status") == "STAGED")
        .cloned()
        .ok_or("No staged changes to commit")?;
    config::apply(world, &environment, staged.get("patch").unwrap_or(&Value::Null));
    let now = world.now();
    world.set("EnvironmentPatch", text(&staged, "id"), "status", "COMMITTED".into());
    world.set("EnvironmentPatch", text(&staged, "id"), "appliedAt", now.into());
    Ok(Held::Value(world.fresh().into()))
}

/// The environment is honoured only if it is a fork; otherwise the service goes from all that are not forks.
fn service_delete(world: &mut World, service: &str, environment: Option<String>) -> Result<Held, String> {
    exists(world, "Service", service)?;
    let forks: Vec<String> = world
        .all("Environment")
        .iter()
        .filter(|record| !text(record, "sourceEnvironmentId").is_empty())
        .map(|record| text(record, "id").to_owned())
        .collect();
    let fork = |at: &str| forks.iter().any(|fork| fork == at);
    match environment {
        Some(environment) if fork(&environment) => delete::service_in(world, service, |at| at == environment),
        Some(_) => delete::service_in(world, service, |at| !fork(at)),
        None => delete::service_in(world, service, |_| true),
    }
    done()
}

fn service_instance_update(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    let (service, environment) = (arguments.text("serviceId"), arguments.optional("environmentId"));
    exists(world, "Service", &service)?;
    let instances: Vec<String> = world
        .list("ServiceInstance", "serviceId", &service)
        .into_iter()
        .filter(|record| environment.as_deref().is_none_or(|wanted| wanted == text(record, "environmentId")))
        .map(|record| text(record, "id").to_owned())
        .collect();
    for instance in instances {
        update(world, "ServiceInstance", instance, &arguments.input())?;
    }
    done()
}

/// `replace` removes what is not in the new set.
fn collection(world: &mut World, input: &Arguments<'_>) -> Result<Held, String> {
    let (environment, service) = (input.text("environmentId"), input.optional("serviceId"));
    exists(world, "Environment", &environment)?;
    let new: Record = input.0.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    if input.0.get("replace") == Some(&Value::Bool(true)) {
        let present: Vec<String> = world
            .list("Variable", "environmentId", &environment)
            .into_iter()
            .filter(|r| r.get("serviceId").and_then(Value::as_str) == service.as_deref())
            .map(|r| text(r, "name").to_owned())
            .collect();
        for name in present.iter().filter(|name| !new.contains_key(*name)) {
            delete::variable(world, &environment, service.as_deref(), name);
        }
    }
    for (name, value) in &new {
        world.set_variable(&environment, service.as_deref(), name, value.as_str().unwrap_or_default());
    }
    done()
}

fn schedule(world: &mut World, id: String, on: bool) -> Result<Held, String> {
    exists(world, "Project", &id)?;
    let at = if on { world.now().into() } else { Value::Null };
    world.set("Project", &id, "deletedAt", at);
    done()
}

fn rename(world: &mut World, kind: &str, id: String, input: &Arguments<'_>) -> Result<Held, String> {
    exists(world, kind, &id)?;
    world.set(kind, &id, "name", input.text("name").into());
    thing(kind, id)
}

fn update(world: &mut World, kind: &str, id: String, input: &Arguments<'_>) -> Result<Held, String> {
    exists(world, kind, &id)?;
    let own = record(&[("id", ""), ("environmentId", ""), ("serviceId", ""), ("serviceDomainId", "")]);
    for (name, value) in input.0.as_object().into_iter().flatten() {
        if !own.contains_key(name) {
            world.set(kind, &id, name, value.clone());
        }
    }
    thing(kind, id)
}

fn agent(world: &mut World, id: String, status: &str) -> Result<Held, String> {
    exists(world, "CloudAgent", &id)?;
    world.set("CloudAgent", &id, "status", status.into());
    thing("CloudAgent", id)
}
