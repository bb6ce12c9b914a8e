//! Mutations that make things.

use serde_json::{Value, json};

use super::config;
use super::mutation::{Arguments, done, exists, thing};
use super::node::Held;
use super::world::{Record, Viewer, World, record, text};

pub(crate) fn create(
    world: &mut World,
    viewer: &Viewer,
    field: &str,
    arguments: &Arguments<'_>,
) -> Result<Held, String> {
    let input = arguments.input();
    match field {
        "projectCreate" => project(world, &input),
        "environmentCreate" => environment(world, &input),
        "serviceCreate" => service(world, &input),
        "volumeCreate" => volume(world, &input),
        "bucketCreate" => add(world, "Bucket", &input, &[("name", "bucket")]),
        "customDomainCreate" => add(world, "CustomDomain", &input, &[("syncStatus", "CREATING")]),
        "serviceDomainCreate" => {
            let host = format!("{}.up.railway.app", world.fresh());
            add(world, "ServiceDomain", &input, &[("domain", &host), ("syncStatus", "CREATING")])
        }
        "tcpProxyCreate" => add(
            world,
            "TCPProxy",
            &input,
            &[("domain", "roundhouse.proxy.rlwy.net"), ("syncStatus", "CREATING")],
        ),
        "apiTokenCreate" => api_token(world, viewer, &input),
        "projectTokenCreate" => project_token(world, &input),
        "sshPublicKeyCreate" => add(world, "SshPublicKey", &input, &[("fingerprint", "SHA256:stand-in")]),
        "workspaceInviteCodeCreate" | "generateShellToken" => Ok(Held::Value(world.fresh().into())),
        "userDelete" => match viewer {
            Viewer::Account { user } => {
                world.remove("User", user);
                done()
            }
            _ => Err(super::query::NOT_AUTHORIZED.to_owned()),
        },
        _ => Err(format!("{field} is not part of this stand-in")),
    }
}

pub(crate) fn workflow(world: &mut World) -> Result<Held, String> {
    Ok(Held::Value(json!({"workflowId": world.fresh()})))
}

pub(crate) fn backup(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    let instance = arguments.text("volumeInstanceId");
    exists(world, "VolumeInstance", &instance)?;
    let name = arguments.optional("name").unwrap_or_else(|| "manual".to_owned());
    world.add(
        "VolumeInstanceBackup",
        record(&[("volumeInstanceId", &instance), ("name", &name), ("externalId", "snap")]),
    );
    workflow(world)
}

/// The kinds replace the schedules that there were: none means no backups any more.
pub(crate) fn schedules(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    let instance = arguments.text("volumeInstanceId");
    exists(world, "VolumeInstance", &instance)?;
    for id in world.ids("VolumeInstanceBackupSchedule", "volumeInstanceId", &instance) {
        world.remove("VolumeInstanceBackupSchedule", &id);
    }
    let kinds = arguments.0.get("kinds").and_then(Value::as_array).cloned().unwrap_or_default();
    for kind in kinds.iter().filter_map(Value::as_str) {
        let name = kind.to_lowercase();
        let fields =
            [("volumeInstanceId", instance.as_str()), ("kind", kind), ("name", &name), ("cron", "0 2 * * *")];
        world.add("VolumeInstanceBackupSchedule", record(&fields));
    }
    done()
}

/// Put a patch aside for a later commit; with `merge` on top of what is there.
pub(crate) fn stage(world: &mut World, arguments: &Arguments<'_>) -> Result<Held, String> {
    let environment = arguments.text("environmentId");
    exists(world, "Environment", &environment)?;
    let patch = arguments.0.get("input").cloned().unwrap_or_default();
    let staged = world.list("EnvironmentPatch", "environmentId", &environment);
    let open = staged.into_iter().find(|record| text(record, "status") == "STAGED").cloned();
    let Some(open) = open else {
        let mut fields = record(&[("environmentId", &environment), ("status", "STAGED")]);
        fields.insert("patch".to_owned(), patch);
        let id = world.add("EnvironmentPatch", fields);
        return thing("EnvironmentPatch", id);
    };
    let id = text(&open, "id").to_owned();
    let patch = match arguments.0.get("merge") {
        Some(Value::Bool(true)) => {
            let mut merged = open.get("patch").cloned().unwrap_or_default();
            config::merge(&mut merged, patch);
            merged
        }
        _ => patch,
    };
    world.set("EnvironmentPatch", &id, "patch", patch);
    thing("EnvironmentPatch", id)
}

/// A new deployment of a service in an environment; answers with its id.
pub(crate) fn deploy(world: &mut World, arguments: &Arguments<'_>) -> Result<String, String> {
    let (service, environment) = (arguments.text("serviceId"), arguments.text("environmentId"));
    exists(world, "Service", &service)?;
    let project = world
        .find("Service", &service)
        .map(|record| text(record, "projectId").to_owned())
        .unwrap_or_default();
    let fields = [
        ("serviceId", service.as_str()),
        ("environmentId", &environment),
        ("projectId", &project),
        ("status", "SUCCESS"),
    ];
    Ok(world.add("Deployment", record(&fields)))
}

fn add(world: &mut World, kind: &str, input: &Arguments<'_>, more: &[(&str, &str)]) -> Result<Held, String> {
    let mut fields = record(more);
    fields.extend(given(input));
    let id = world.add(kind, fields);
    thing(kind, id)
}

fn given(input: &Arguments<'_>) -> Record {
    let all = input.0.as_object().cloned().unwrap_or_default();
    all.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn project(world: &mut World, input: &Arguments<'_>) -> Result<Held, String> {
    let name = input.optional("name").unwrap_or_else(|| "new-project".to_owned());
    let mut fields = record(&[("name", &name), ("subscriptionType", "pro")]);
    fields.extend(given(input));
    let id = world.add("Project", fields);
    let first = input.optional("defaultEnvironmentName").unwrap_or_else(|| "production".to_owned());
    let mut fields = record(&[("name", &first), ("projectId", &id)]);
    fields.insert("canAccess".to_owned(), true.into());
    let environment = world.add("Environment", fields);
    world.set("Project", &id, "baseEnvironmentId", environment.into());
    thing("Project", id)
}

fn environment(world: &mut World, input: &Arguments<'_>) -> Result<Held, String> {
    exists(world, "Project", &input.text("projectId"))?;
    let mut fields = record(&[("name", &input.text("name")), ("projectId", &input.text("projectId"))]);
    fields.insert("canAccess".to_owned(), true.into());
    fields.insert("isEphemeral".to_owned(), input.0.get("ephemeral").cloned().unwrap_or(false.into()));
    let source = input.optional("sourceEnvironmentId");
    if let Some(source) = &source {
        fields.insert("sourceEnvironmentId".to_owned(), source.clone().into());
    }
    let id = world.add("Environment", fields);
    let copied: Vec<Record> = source.map_or_else(Vec::new, |source| {
        world.list("ServiceInstance", "environmentId", &source).into_iter().cloned().collect()
    });
    for mut instance in copied {
        instance.remove("id");
        instance.insert("environmentId".to_owned(), id.clone().into());
        world.add("ServiceInstance", instance);
    }
    thing("Environment", id)
}

/// Without an environment the service comes to be in all that are not forks.
fn service(world: &mut World, input: &Arguments<'_>) -> Result<Held, String> {
    let project = input.text("projectId");
    exists(world, "Project", &project)?;
    let name = input.optional("name").unwrap_or_else(|| "service".to_owned());
    let id = world.add("Service", record(&[("name", &name), ("projectId", &project)]));
    let environments: Vec<String> = match input.optional("environmentId") {
        Some(environment) => vec![environment],
        None => world
            .list("Environment", "projectId", &project)
            .into_iter()
            .filter(|record| text(record, "sourceEnvironmentId").is_empty())
            .map(|record| text(record, "id").to_owned())
            .collect(),
    };
    for environment in environments {
        world.add(
            "ServiceInstance",
            record(&[("serviceId", &id), ("serviceName", &name), ("environmentId", &environment)]),
        );
        for (name, value) in input.0.get("variables").and_then(Value::as_object).into_iter().flatten() {
            world.set_variable(&environment, Some(&id), name, value.as_str().unwrap_or_default());
        }
    }
    thing("Service", id)
}

fn volume(world: &mut World, input: &Arguments<'_>) -> Result<Held, String> {
    exists(world, "Project", &input.text("projectId"))?;
    let id = world.add("Volume", record(&[("name", "volume"), ("projectId", &input.text("projectId"))]));
    if let Some(environment) = input.optional("environmentId") {
        let mut fields = given(input);
        fields.remove("projectId");
        fields.extend(record(&[("volumeId", &id), ("environmentId", &environment), ("state", "READY")]));
        fields.insert("sizeMB".to_owned(), 50_000.into());
        world.add("VolumeInstance", fields);
    }
    thing("Volume", id)
}

/// A token for everything; said once, in the answer.
fn api_token(world: &mut World, viewer: &Viewer, input: &Arguments<'_>) -> Result<Held, String> {
    let token = world.fresh();
    let stands_for = match input.optional("workspaceId") {
        Some(workspace) => Viewer::Workspace { workspace },
        None => viewer.clone(),
    };
    let mut fields = given(input);
    fields.insert("displayToken".to_owned(), "****".into());
    world.add("ApiToken", fields);
    world.admit(&token, stands_for);
    Ok(Held::Value(token.into()))
}

fn project_token(world: &mut World, input: &Arguments<'_>) -> Result<Held, String> {
    let (project, environment) = (input.text("projectId"), input.text("environmentId"));
    exists(world, "Environment", &environment)?;
    let secret = world.fresh();
    let mut fields = given(input);
    fields.insert("displayToken".to_owned(), "****".into());
    let token = world.add("ProjectToken", fields);
    world.admit(&secret, Viewer::Project { token, project, environment });
    Ok(Held::Value(secret.into()))
}
