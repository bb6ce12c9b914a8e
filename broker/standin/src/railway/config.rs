//! `EnvironmentConfig`: an environment as one JSON value, and patches to it.
//!
//! `{"services": {id: {"variables": {NAME: {"value"}}, "source", "deploy"}}, "volumes": {id: {}}, "sharedVariables": {..}}`;
//! in a patch, `isDeleted: true` deletes the service, volume or bucket, and a variable of null is removed.

use serde_json::{Map, Value, json};

use super::delete;
use super::world::{Record, World, record, text};

const MASKED: &str = "*****";

/// The environment's configuration; variables masked unless `decrypt`.
pub(crate) fn read(world: &World, environment: &str, decrypt: bool) -> Value {
    let mut services = Map::new();
    for instance in world.list("ServiceInstance", "environmentId", environment) {
        let service = text(instance, "serviceId");
        let deploy = json!({
            "startCommand": instance.get("startCommand"),
            "numReplicas": instance.get("numReplicas"),
            "region": instance.get("region"),
        });
        let source = instance.get("source").cloned().unwrap_or_default();
        let variables = variables(world, environment, Some(service), decrypt);
        services
            .insert(service.to_owned(), json!({"source": source, "deploy": deploy, "variables": variables}));
    }
    let mut volumes = Map::new();
    for instance in world.list("VolumeInstance", "environmentId", environment) {
        let shown = json!({"sizeMB": instance.get("sizeMB"), "region": instance.get("region")});
        volumes.insert(text(instance, "volumeId").to_owned(), shown);
    }
    json!({"services": services, "volumes": volumes, "sharedVariables": variables(world, environment, None, decrypt)})
}

/// Values of variables are not shown.
pub(crate) fn mask(patch: Value) -> Value {
    match patch {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| match (name.as_str(), value) {
                    ("variables" | "sharedVariables", Value::Object(variables)) => {
                        let masked = variables
                            .into_iter()
                            .map(|(n, v)| (n, if v.is_null() { v } else { json!({"value": MASKED}) }));
                        (name, Value::Object(masked.collect()))
                    }
                    (_, value) => (name, mask(value)),
                })
                .collect(),
        ),
        other => other,
    }
}

/// Lay `over` onto `base`: objects field by field, everything else as a whole.
pub(crate) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// Do what the patch says, in one environment.
pub(crate) fn apply(world: &mut World, environment: &str, patch: &Value) {
    for (service, change) in entries(patch, "services") {
        if flag(change, "isDeleted") {
            delete::service_in(world, service, |at| at == environment);
            continue;
        }
        if flag(change, "isCreated") {
            create_service(world, environment, service, change);
        }
        set_variables(world, environment, Some(service), change.get("variables"));
        let instance = world
            .list("ServiceInstance", "serviceId", service)
            .into_iter()
            .find(|record| text(record, "environmentId") == environment)
            .map(|record| text(record, "id").to_owned());
        if let Some(instance) = instance {
            for (name, value) in entries(change, "deploy") {
                world.set("ServiceInstance", &instance, name, value.clone());
            }
            if let Some(source) = change.get("source") {
                world.set("ServiceInstance", &instance, "source", source.clone());
            }
        }
    }
    for (volume, change) in entries(patch, "volumes") {
        if flag(change, "isDeleted") {
            delete::volume_in(world, volume, |at| at == environment);
        }
    }
    for (bucket, change) in entries(patch, "buckets") {
        if flag(change, "isDeleted") {
            world.remove("Bucket", bucket);
        }
    }
    set_variables(world, environment, None, patch.get("sharedVariables"));
}

fn create_service(world: &mut World, environment: &str, service: &str, change: &Value) {
    let project =
        world.find("Environment", environment).map(|r| text(r, "projectId").to_owned()).unwrap_or_default();
    let name = change.get("name").and_then(Value::as_str).unwrap_or("service").to_owned();
    if !world.exists("Service", service) {
        world.add("Service", record(&[("id", service), ("name", &name), ("projectId", &project)]));
    }
    world.add(
        "ServiceInstance",
        record(&[("serviceId", service), ("serviceName", &name), ("environmentId", environment)]),
    );
}

fn set_variables(world: &mut World, environment: &str, service: Option<&str>, variables: Option<&Value>) {
    for (name, change) in variables.and_then(Value::as_object).into_iter().flatten() {
        match change.get("value").or(Some(change)).and_then(Value::as_str) {
            Some(value) => world.set_variable(environment, service, name, value),
            None => delete::variable(world, environment, service, name),
        }
    }
}

fn variables(world: &World, environment: &str, service: Option<&str>, decrypt: bool) -> Value {
    let of = |record: &&Record| record.get("serviceId").and_then(Value::as_str) == service;
    let all = world.list("Variable", "environmentId", environment).into_iter().filter(of);
    let shown = |record: &Record| json!({"value": if decrypt { text(record, "value") } else { MASKED }});
    Value::Object(all.map(|record| (text(record, "name").to_owned(), shown(record))).collect())
}

fn entries<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(field).and_then(Value::as_object).into_iter().flatten()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name) == Some(&Value::Bool(true))
}
