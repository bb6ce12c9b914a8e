//! Judges a patch of an environment's configuration, and a change set: JSON whose keys decide what happens.
//!
//! The shape is closed: a key that is not listed, a null (which removes what it stands for), or a value of another kind than
//! expected is `destroy`. A key in another letter case is another key.

use serde_json::{Map, Value};

use super::payload::Judged;
use crate::model::{Class, Mark};

/// `{services, sharedVariables, volumes, buckets, privateNetworkDisabled}`.
pub(super) fn patch(value: &Value, judged: &mut Judged) {
    let Some(patch) = value.as_object().filter(|patch| !patch.is_empty()) else {
        return judged.raise(Class::Destroy);
    };
    for (key, value) in patch {
        match key.as_str() {
            "services" => each(value, judged, |id, body, judged| {
                deletion("service", id, body, judged);
                service(body, judged);
            }),
            "volumes" => each(value, judged, |id, body, judged| {
                deletion("volume", id, body, judged);
                only(
                    body,
                    &["sizeMB", "sizeMb", "region", "alerts", "allowOnlineResize", "isCreated", "isDeleted"],
                    judged,
                );
            }),
            "buckets" => each(value, judged, |id, body, judged| {
                deletion("bucket", id, body, judged);
                only(body, &["region", "isCreated", "isDeleted"], judged);
            }),
            "sharedVariables" => variables(value, judged),
            "privateNetworkDisabled" if value == &Value::Bool(false) => judged.raise(Class::Write),
            _ => judged.raise(Class::Destroy),
        }
    }
}

/// `{version, changes: [{kind, ...}]}`: an intent, of which only creation and setting are recognised.
pub(super) fn change_set(value: &Value, judged: &mut Judged) {
    let known = |key: &str| matches!(key, "version" | "changes" | "diagnostics");
    let Some(set) = value.as_object().filter(|set| set.keys().all(|key| known(key))) else {
        return judged.raise(Class::Destroy);
    };
    let Some(changes) = set.get("changes").and_then(Value::as_array) else {
        return judged.raise(Class::Destroy);
    };
    for change in changes {
        let text = |key: &str| change.get(key).and_then(Value::as_str);
        let harmless = match text("kind") {
            Some("resource.create") => true,
            Some("variable.set") => change.get("after").is_some_and(|after| !blank(after)),
            Some("domain.create") => true,
            // An update says which field: only those that can be set back.
            Some("resource.update") => {
                let after = change.get("after").is_some_and(|after| !blank(after));
                after && text("field").is_some_and(settable)
            }
            _ => false,
        };
        judged.raise(if harmless { Class::Write } else { Class::Destroy });
    }
}

/// Fields of a service whose old value can be written back and whose new value stops nothing.
fn settable(field: &str) -> bool {
    field == "name"
        || field == "icon"
        || field.starts_with("source.")
        || field.starts_with("build.")
        || matches!(field, "deploy.startCommand" | "deploy.healthcheckPath" | "deploy.healthcheckTimeout")
}

/// The part of a service that says how it runs: also the input of a service instance's update.
pub(super) fn deploy(deploy: &Map<String, Value>, judged: &mut Judged) {
    for (key, value) in deploy {
        let harmless = match key.as_str() {
            // Fewer than one is a stop.
            "numReplicas" => value.as_i64().is_some_and(|replicas| replicas > 0),
            "sleepApplication" => value == &Value::Bool(false),
            "multiRegionConfig" => regions(value),
            // Setting these back restores what was; null falls back to the provider's default.
            "autoInstrumentationEnabled"
            | "buildCommand"
            | "builder"
            | "cronSchedule"
            | "dockerfilePath"
            | "drainingSeconds"
            | "healthcheckPath"
            | "healthcheckTimeout"
            | "ipv6EgressEnabled"
            | "nixpacksPlan"
            | "overlapSeconds"
            | "preDeployCommand"
            | "railwayConfigFile"
            | "region"
            | "registryCredentials"
            | "restartPolicyMaxRetries"
            | "restartPolicyType"
            | "rootDirectory"
            | "source"
            | "startCommand"
            | "tracingEnabled"
            | "watchPatterns"
            | "limitOverride"
            | "requiredMountPath" => !value.is_null(),
            _ => false,
        };
        judged.raise(if harmless { Class::Write } else { Class::Destroy });
    }
}

/// `{region: {numReplicas}}`, with a replica in each region that is named.
fn regions(value: &Value) -> bool {
    value.as_object().is_some_and(|regions| {
        !regions.is_empty()
            && regions.values().all(|region| {
                region.as_object().is_some_and(|region| {
                    region.iter().all(|(key, value)| {
                        key == "numReplicas" && value.as_i64().is_some_and(|replicas| replicas > 0)
                    })
                })
            })
    })
}

fn service(body: &Map<String, Value>, judged: &mut Judged) {
    for (key, value) in body {
        match key.as_str() {
            "variables" => variables(value, judged),
            "deploy" => match value.as_object() {
                Some(part) => deploy(part, judged),
                None => judged.raise(Class::Destroy),
            },
            "volumeMounts" => each(value, judged, |_, mount, judged| {
                if mount.contains_key("backupSchedules") {
                    // Replaces the schedule: what is not in it is not backed up any more.
                    judged.raise(Class::Destroy);
                    judged.marks.insert(Mark::Backup);
                }
                only(mount, &["mountPath", "backupSchedules"], judged);
            }),
            "networking" => {
                let known = ["serviceDomains", "customDomains", "tcpProxies", "privateNetworkEndpoint"];
                match value.as_object() {
                    Some(part) => only(part, &known, judged),
                    None => judged.raise(Class::Destroy),
                }
            }
            "isDeleted" => {}
            "source" | "build" if value.is_object() && !blank(value) => judged.raise(Class::Write),
            "configFile" | "groupId" | "clusterRole" | "parentServiceId" if value.is_string() => {
                judged.raise(Class::Write);
            }
            "isCreated" if value.is_boolean() => judged.raise(Class::Write),
            _ => judged.raise(Class::Destroy),
        }
    }
}

/// `{NAME: {value, ...}}`: a null removes, an empty value erases.
fn variables(value: &Value, judged: &mut Judged) {
    each(value, judged, |_, variable, judged| {
        if variable.get("value").is_some_and(|value| value.as_str().is_none_or(str::is_empty)) {
            judged.raise(Class::Destroy);
        }
        let known = ["value", "defaultValue", "description", "isOptional", "isSealed", "generator"];
        only(variable, &known, judged);
    });
}

/// `isDeleted`: anything but an exact `false` is a delete of a thing that may live in other environments too.
fn deletion(kind: &str, id: &str, body: &Map<String, Value>, judged: &mut Judged) {
    let Some(value) = body.get("isDeleted") else { return };
    if value != &Value::Bool(false) {
        judged.raise(Class::Destroy);
        judged.marks.insert(Mark::CarriesBackups);
        judged.touch(kind, id);
    }
}

/// Calls `take` for each member of a map of maps; anything else is `destroy`.
fn each(value: &Value, judged: &mut Judged, take: impl Fn(&str, &Map<String, Value>, &mut Judged)) {
    let Some(map) = value.as_object() else {
        return judged.raise(Class::Destroy);
    };
    judged.raise(Class::Write);
    for (key, value) in map {
        match value.as_object() {
            Some(body) => take(key, body, judged),
            None => judged.raise(Class::Destroy),
        }
    }
}

/// Only these keys, and nothing in them that removes.
fn only(body: &Map<String, Value>, known: &[&str], judged: &mut Judged) {
    let fine = body.iter().all(|(key, value)| known.contains(&key.as_str()) && !blank(value));
    judged.raise(if fine { Class::Write } else { Class::Destroy });
}

/// Null, or holding a null or a deletion anywhere inside.
fn blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(blank),
        Value::Object(map) => map.iter().any(|(key, value)| {
            blank(value) || (key.eq_ignore_ascii_case("isDeleted") && value != &Value::Bool(false))
        }),
        _ => false,
    }
}
