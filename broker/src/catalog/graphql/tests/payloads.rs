//! Operations whose effect is in their payload.

use serde_json::json;

use super::super::{code, judge_staged};
use super::*;
use crate::model::{Mark, Pending};

fn patched(patch: Value) -> Operation {
    let text = "mutation($p: EnvironmentConfig) { environmentPatchCommit(environmentId: \"e\", patch: $p) }";
    only(with_variables(text, json!({ "p": patch })))
}

#[test]
fn a_patch_is_a_write_only_where_every_key_of_it_is_known() {
    for patch in [
        json!({ "services": { "s": { "variables": { "A": { "value": "1" } } } } }),
        json!({ "services": { "s": { "deploy": { "numReplicas": 2, "startCommand": "x", "sleepApplication": false } } } }),
        json!({ "services": { "s": { "deploy": { "multiRegionConfig": { "us-west2": { "numReplicas": 1 } } } } } }),
        json!({ "services": { "s": { "source": { "image": "x" }, "build": { "builder": "RAILPACK" }, "isCreated": true } } }),
        json!({ "services": { "s": { "volumeMounts": { "v": { "mountPath": "/data" } } } } }),
        json!({ "services": { "s": { "networking": { "customDomains": { "a.example": { "port": 80 } } }, "isDeleted": false } } }),
        json!({ "sharedVariables": { "A": { "value": "1", "description": "x" } } }),
        json!({ "volumes": { "v": { "sizeMB": 100, "region": "x" } }, "buckets": { "b": { "region": "x" } } }),
    ] {
        let operation = patched(patch.clone());
        assert_eq!(operation.class, Class::Write, "{patch}");
        assert_eq!(operation.resources, [Resource::new("environment", "e")], "{patch}");
    }
    for patch in [
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!({ "services": null }),
        json!({ "services": { "s": null } }),
        json!({ "services": { "s": { "isDeleted": true } } }),
        json!({ "services": { "s": { "isDeleted": "true" } } }),
        json!({ "services": { "s": { "isDeleted": 1 } } }),
        json!({ "services": { "s": { "IsDeleted": true } } }),
        json!({ "Services": { "s": {} } }),
        json!({ "services": { "s": { "variables": { "A": null } } } }),
        json!({ "services": { "s": { "variables": { "A": { "value": "" } } } } }),
        json!({ "services": { "s": { "variables": { "A": { "value": null } } } } }),
        json!({ "services": { "s": { "variables": { "A": { "isDeleted": true } } } } }),
        json!({ "services": { "s": { "deploy": null } } }),
        json!({ "services": { "s": { "deploy": { "numReplicas": 0 } } } }),
        json!({ "services": { "s": { "deploy": { "numReplicas": "1" } } } }),
        json!({ "services": { "s": { "deploy": { "sleepApplication": true } } } }),
        json!({ "services": { "s": { "deploy": { "multiRegionConfig": {} } } } }),
        json!({ "services": { "s": { "deploy": { "multiRegionConfig": { "r": { "numReplicas": 0 } } } } } }),
        json!({ "services": { "s": { "deploy": { "multiRegionConfig": { "r": null } } } } }),
        json!({ "services": { "s": { "deploy": { "startCommand": null } } } }),
        json!({ "services": { "s": { "networking": { "serviceDomains": { "x": null } } } } }),
        json!({ "services": { "s": { "networking": { "serviceDomains": { "x": { "isDeleted": true } } } } } }),
        json!({ "services": { "s": { "source": null } } }),
        json!({ "services": { "s": { "volumeMounts": { "v": null } } } }),
        json!({ "services": { "s": { "somethingNew": 1 } } }),
        json!({ "volumes": { "v": { "isDeleted": true } } }),
        json!({ "volumes": { "v": { "state": "DELETED" } } }),
        json!({ "buckets": { "b": { "isDeleted": true } } }),
        json!({ "somethingNew": {} }),
        json!({ "privateNetworkDisabled": true }),
    ] {
        assert_eq!(patched(patch.clone()).class, Class::Destroy, "{patch}");
    }
}

#[test]
fn a_backup_schedule_in_a_patch_is_marked_as_a_backup() {
    for schedules in [json!([]), json!(["DAILY"]), json!(null)] {
        let mount = json!({ "mountPath": "/data", "backupSchedules": schedules });
        let operation = patched(json!({ "services": { "s": { "volumeMounts": { "v": mount } } } }));
        assert_eq!(operation.class, Class::Destroy);
        assert!(operation.marks.contains(&Mark::Backup));
    }
}

#[test]
fn a_staged_patch_is_destroy_until_it_was_read() {
    let commit = only(document("mutation { environmentPatchCommitStaged(environmentId: \"e\") }"));
    assert_eq!(commit.class, Class::Destroy);
    assert_eq!(commit.pending, Some(Pending { lookup: "StagedPatch".to_owned(), id: "e".to_owned() }));

    let harmless = json!({ "services": { "s": { "variables": { "A": { "value": "1" } } } } });
    let judged = judge_staged(commit.clone(), &harmless);
    assert_eq!((judged.class, judged.pending), (Class::Write, None));
    assert_eq!(judged.resources, [Resource::new("environment", "e")]);

    let deletes =
        json!({ "volumes": { "vol": { "isDeleted": true } }, "services": { "s": { "isDeleted": true } } });
    let judged = judge_staged(commit.clone(), &deletes);
    assert_eq!(judged.class, Class::Destroy);
    assert!(judged.marks.contains(&Mark::CarriesBackups));
    assert!(judged.resources.contains(&Resource::new("volume", "vol")));
    assert!(judged.resources.contains(&Resource::new("service", "s")));

    for unread in [json!(null), json!({}), json!("x"), json!({ "new": 1 })] {
        assert_eq!(judge_staged(commit.clone(), &unread).class, Class::Destroy, "{unread}");
    }
}

#[test]
fn a_staged_commit_beside_another_change_is_not_looked_up() {
    let all = operations(document(
        "mutation { environmentStageChanges(environmentId: \"e\", input: {sharedVariables: {A: {value: \"1\"}}}) { id } environmentPatchCommitStaged(environmentId: \"e\") }",
    ));
    assert!(all.iter().all(|operation| operation.pending.is_none()));
    assert_eq!(all[1].class, Class::Destroy);
    let batch = json!([
        { "query": "mutation { environmentPatchCommitStaged(environmentId: \"e\") }" },
        { "query": "{ me { id } }" },
    ]);
    assert!(operations(request(JSON, batch.to_string())).iter().all(|operation| operation.pending.is_none()));
}

#[test]
fn a_change_set_is_a_write_only_where_it_creates_or_sets() {
    let judged = |changes: Value| {
        let text =
            "mutation($i: JSON!) { environmentApplyChangeSet(environmentId: \"e\", input: $i) { id } }";
        class(with_variables(text, json!({ "i": changes })))
    };
    for kind in [
        json!({ "kind": "resource.create", "address": "service.x" }),
        json!({ "kind": "variable.set", "after": { "value": "1" } }),
        json!({ "kind": "resource.update", "field": "source.image", "before": "a", "after": "b" }),
    ] {
        assert_eq!(judged(json!({ "version": 1, "changes": [kind] })), Class::Write, "{kind}");
    }
    for kind in [
        json!({ "kind": "resource.delete" }),
        json!({ "kind": "variable.delete" }),
        json!({ "kind": "variable.set" }),
        json!({ "kind": "variable.set", "after": null }),
        json!({ "kind": "resource.update", "field": "deploy.numReplicas", "after": 0 }),
        json!({ "kind": "resource.update", "field": "isDeleted", "after": true }),
        json!({ "kind": "resource.update", "field": "source.image" }),
        json!({ "kind": "something.new" }),
        json!({ "Kind": "resource.create" }),
        json!("resource.create"),
        json!(null),
    ] {
        assert_eq!(judged(json!({ "version": 1, "changes": [kind] })), Class::Destroy, "{kind}");
    }
    for set in
        [json!({}), json!([]), json!({ "changes": {} }), json!({ "changes": [], "declared": [] }), json!("x")]
    {
        assert_eq!(judged(set.clone()), Class::Destroy, "{set}");
    }
}

#[test]
fn variables_are_erased_by_replacing_nulls_and_empty_values() {
    let collection = |more: &str, variables: Value| {
        let text = format!(
            "mutation($v: EnvironmentVariables!) {{ variableCollectionUpsert(input: {{projectId: \"p\", environmentId: \"e\", variables: $v{more}}}) }}"
        );
        only(with_variables(&text, json!({ "v": variables })))
    };
    let plain = collection("", json!({ "A": "1" }));
    assert_eq!((plain.class, plain.resources), (Class::Write, vec![Resource::new("environment", "e")]));
    assert_eq!(collection(", replace: false", json!({ "A": "1" })).class, Class::Write);
    assert_eq!(collection(", replace: true", json!({ "A": "1" })).class, Class::Destroy);
    for variables in [json!({ "A": null }), json!({ "A": "" }), json!({ "A": 1 }), json!([]), json!("x")] {
        assert_eq!(collection("", variables.clone()).class, Class::Destroy, "{variables}");
    }
    let one = |value: &str| {
        class(document(&format!(
            "mutation {{ variableUpsert(input: {{projectId: \"p\", environmentId: \"e\", name: \"A\", value: {value}}}) }}"
        )))
    };
    assert_eq!(one("\"1\""), Class::Write);
    assert_eq!(one("\"\""), Class::Destroy);
}

#[test]
fn a_service_scaled_to_nothing_or_put_to_sleep_is_stopped() {
    let update = |input: &str| {
        only(document(&format!(
            "mutation {{ serviceInstanceUpdate(serviceId: \"s\", environmentId: \"e\", input: {{{input}}}) }}"
        )))
    };
    for input in [
        "numReplicas: 2",
        "startCommand: \"x\"",
        "source: {image: \"x\"}",
        "sleepApplication: false",
        "region: null",
        "buildCommand: null",
    ] {
        let operation = update(input);
        assert_eq!(operation.class, Class::Write, "{input}");
        assert_eq!(operation.resources, [Resource::new("service", "s"), Resource::new("environment", "e")]);
    }
    for input in [
        "numReplicas: 0",
        "numReplicas: -1",
        "sleepApplication: true",
        "source: null",
        "multiRegionConfig: {}",
        "multiRegionConfig: {r: {numReplicas: 0}}",
        "multiRegionConfig: null",
    ] {
        assert_eq!(update(input).class, Class::Destroy, "{input}");
    }
    let limits = |input: &str| {
        class(document(&format!(
            "mutation {{ serviceInstanceLimitsUpdate(input: {{serviceId: \"s\", environmentId: \"e\", {input}}}) }}"
        )))
    };
    assert_eq!(limits("vCPUs: 2"), Class::Write);
    assert_eq!(limits("vCPUs: 0"), Class::Destroy);
}

#[test]
fn further_payloads_that_change_the_class_or_the_reach() {
    let opened = only(document("mutation { projectUpdate(id: \"p\", input: {isPublic: true}) { id } }"));
    assert_eq!(opened.class, Class::Grant);
    assert_eq!(
        class(document("mutation { projectUpdate(id: \"p\", input: {name: \"x\"}) { id } }")),
        Class::Write
    );
    let rules = |value: &str| {
        class(document(&format!(
            "mutation {{ updateServiceEdgeRules(input: {{environmentId: \"e\", serviceId: \"s\"{value}}}) {{ id }} }}"
        )))
    };
    assert_eq!(rules(", edgeRules: [{a: 1}]"), Class::Write);
    assert_eq!(rules(", edgeRules: null"), Class::Destroy);
    assert_eq!(rules(""), Class::Destroy);
    let egress = only(document(
        "mutation { egressGatewayUpgradeToHA(input: {environmentId: \"e\", serviceId: \"s\", allEnvironments: true}) { ipv4 } }",
    ));
    assert_eq!(egress.resources, [Resource::new("environment", "e"), Resource::new("service", "s")]);
    let restore = only(document(
        "mutation { volumeInstanceBackupRestore(volumeInstanceId: \"i\", volumeInstanceBackupId: \"b\", wipeServiceIds: [\"s1\", \"s2\"]) { workflowId } }",
    ));
    assert_eq!(restore.class, Class::Destroy);
    assert_eq!(restore.resources.len(), 4);
    assert!(restore.marks.contains(&Mark::Backup) && restore.marks.contains(&Mark::CarriesBackups));
}

#[test]
fn i22_arguments_and_input_fields_that_the_tables_do_not_know_are_refused() {
    for text in [
        "mutation { volumeDelete(volumeId: \"v\", force: true) }",
        "mutation { projectUpdate(id: \"p\", input: {name: \"x\", isDeleted: true}) { id } }",
        "mutation { volumeInstanceUpdate(volumeId: \"v\", input: {state: READY, wipe: true}) }",
        "query { projects(first: 1, admin: true) { edges { node { id } } } }",
        "query { environment(id: \"e\") { config(decryptAll: true) } }",
    ] {
        assert_eq!(refused(document(text)), code::UNKNOWN_ARGUMENT, "{text}");
    }
    let text = "mutation($i: ProjectUpdateInput!) { projectUpdate(id: \"p\", input: $i) { id } }";
    assert_eq!(refused(with_variables(text, json!({ "i": { "isDeleted": true } }))), code::UNKNOWN_ARGUMENT);
}
