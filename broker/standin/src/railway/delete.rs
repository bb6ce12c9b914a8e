//! What deleting really takes with it.

use serde_json::Value;

use super::world::{Deletes, World, text};

/// Delete the volume's data where `here` says so, and the volume when nothing of it is left. Its backups live inside.
pub(crate) fn volume_in(world: &mut World, volume: &str, here: impl Fn(&str) -> bool) {
    let all = world.list("VolumeInstance", "volumeId", volume);
    let gone: Vec<String> = all
        .iter()
        .filter(|instance| here(text(instance, "environmentId")))
        .map(|instance| text(instance, "id").to_owned())
        .collect();
    let left = all.len() - gone.len();
    for instance in gone {
        if world.deletes == Deletes::Pending {
            let now = world.now();
            world.set("VolumeInstance", &instance, "isPendingDeletion", Value::Bool(true));
            world.set("VolumeInstance", &instance, "deletedAt", now.into());
        } else {
            world.remove("VolumeInstance", &instance);
        }
    }
    if left == 0 && world.deletes == Deletes::AtOnce {
        world.remove("Volume", volume);
    }
}

/// Delete the service's instances where `here` says so, and the service when none is left.
pub(crate) fn service_in(world: &mut World, service: &str, here: impl Fn(&str) -> bool) {
    let all = world.list("ServiceInstance", "serviceId", service);
    let gone: Vec<(String, String)> = all
        .iter()
        .map(|instance| (text(instance, "id").to_owned(), text(instance, "environmentId").to_owned()))
        .filter(|(_, environment)| here(environment))
        .collect();
    if gone.len() == all.len() {
        world.remove("Service", service);
        return;
    }
    for (instance, environment) in gone {
        world.remove("ServiceInstance", &instance);
        for kind in
            ["Deployment", "CustomDomain", "ServiceDomain", "TCPProxy", "Variable", "DeploymentTrigger"]
        {
            let of: Vec<String> = world
                .list(kind, "serviceId", service)
                .into_iter()
                .filter(|record| text(record, "environmentId") == environment)
                .map(|record| text(record, "id").to_owned())
                .collect();
            for id in of {
                world.remove(kind, &id);
            }
        }
    }
}

/// Delete an environment with everything in it; volumes that had data only there go too.
pub(crate) fn environment(world: &mut World, id: &str) {
    let volumes: Vec<String> = world
        .list("VolumeInstance", "environmentId", id)
        .into_iter()
        .map(|instance| text(instance, "volumeId").to_owned())
        .collect();
    for volume in volumes {
        volume_in(world, &volume, |at| at == id);
    }
    world.remove("Environment", id);
}

pub(crate) fn variable(world: &mut World, environment: &str, service: Option<&str>, name: &str) {
    let found = world
        .list("Variable", "environmentId", environment)
        .into_iter()
        .find(|r| text(r, "name") == name && r.get("serviceId").and_then(Value::as_str) == service)
        .map(|record| text(record, "id").to_owned());
    if let Some(id) = found {
        world.remove("Variable", &id);
    }
}
