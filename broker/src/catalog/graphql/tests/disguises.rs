//! One delete in many clothes: each comes out as the delete that it is, or is refused.

use serde_json::json;

use super::super::code;
use super::*;

#[test]
fn i1_i5_aliases_and_fragments_are_never_facts() {
    for text in [
        "mutation { me: volumeDelete(volumeId: \"ID\") }",
        "mutation { volumeCreate: volumeDelete(volumeId: \"ID\") }",
        "mutation Backup { ...F } fragment F on Mutation { volumeDelete(volumeId: \"ID\") }",
        "mutation { ...F } fragment F on Mutation { ...G } fragment G on Mutation { x: volumeDelete(volumeId: \"ID\") }",
        "mutation { ... on Mutation { volumeDelete(volumeId: \"ID\") } }",
        "mutation { ... { ... { volumeDelete(volumeId: \"ID\") } } }",
        "mutation { ... @include(if: true) { volumeDelete(volumeId: \"ID\") } }",
        "mutation { serviceInstanceRedeploy(environmentId: \"e\", serviceId: \"s\") volumeDelete(volumeId: \"ID\") }",
        "mutation { a: volumeDelete(volumeId: \"x\") b: volumeDelete(volumeId: \"ID\") }",
        "mutation{#\nvolumeDelete(volumeId:\"\"\"ID\"\"\")}",
    ] {
        assert_deletes_the_volume(document(&text.replace("ID", VOLUME)));
    }
}

#[test]
fn i8_variables_in_every_place_are_seen() {
    assert_deletes_the_volume(with_variables(
        "mutation($v: String!) { volumeDelete(volumeId: $v) }",
        json!({ "v": VOLUME }),
    ));
    let default = format!("mutation($v: String! = \"{VOLUME}\") {{ volumeDelete(volumeId: $v) }}");
    assert_deletes_the_volume(document(&default));
    assert_deletes_the_volume(with_variables(&default, json!({ "other": 1 })));
}

#[test]
fn i4_the_name_of_an_operation_hides_nothing() {
    let text = format!(
        "query ListVolumes {{ me {{ id }} }} mutation GetVolumes {{ volumeDelete(volumeId: \"{VOLUME}\") }}"
    );
    let body = json!({ "query": text, "operationName": "GetVolumes" });
    assert_deletes_the_volume(request(JSON, body.to_string()));
}

#[test]
fn i1_every_id_of_every_alias_is_listed() {
    let all = operations(document(
        "mutation { a: volumeDelete(volumeId: \"1\") b: volumeDelete(volumeId: \"2\") c: volumeDelete(volumeId: \"2\") }",
    ));
    let ids: Vec<&str> =
        all.iter().flat_map(|operation| &operation.resources).map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[test]
fn a_state_of_deleted_is_a_delete() {
    let text = |input: &str| {
        format!(
            "mutation {{ volumeInstanceUpdate(volumeId: \"v\", environmentId: \"e\", input: {{{input}}}) }}"
        )
    };
    for input in [
        "state: DELETED",
        "state: DELETING",
        "mountPath: \"/x\", state: DELETED",
        "state: ERROR",
        "serviceId: null",
    ] {
        let operation = only(document(&text(input)));
        assert_eq!(operation.class, Class::Destroy, "{input}");
        assert_eq!(operation.resources, [Resource::new("volume", "v"), Resource::new("environment", "e")]);
    }
    for input in ["mountPath: \"/x\"", "state: READY", "state: null", ""] {
        assert_eq!(class(document(&text(input))), Class::Write, "{input}");
    }
    for input in ["state: \"DELETED\"", "state: deleted", "state: GONE", "State: DELETED", "deleted: true"] {
        let code = refused(document(&text(input)));
        assert!(matches!(code, code::INVALID_VALUE | code::UNKNOWN_ARGUMENT), "{input}");
    }
    let variable = "mutation($i: VolumeInstanceUpdateInput!, $e: String) { volumeInstanceUpdate(volumeId: \"v\", environmentId: $e, input: $i) }";
    let operation = only(with_variables(variable, json!({ "i": { "state": "DELETED" }, "e": null })));
    assert_eq!((operation.class, operation.resources), (Class::Destroy, vec![Resource::new("volume", "v")]));
    let nested =
        "mutation($s: VolumeState = DELETED) { volumeInstanceUpdate(volumeId: \"v\", input: {state: $s}) }";
    assert_eq!(class(document(nested)), Class::Destroy);
}

#[test]
fn a_delete_in_a_patch_is_a_delete_of_what_it_names() {
    let literal = "mutation { environmentStageChanges(environmentId: \"e\", input: {volumes: {vol: {isDeleted: true}}}) { id } }";
    let variable = "mutation($p: EnvironmentConfig!) { environmentStageChanges(environmentId: \"e\", input: $p) { id } }";
    let inner = "mutation($d: Boolean!) { environmentPatchCommit(environmentId: \"e\", patch: {volumes: {vol: {isDeleted: $d}}}) }";
    let absent = "mutation($d: Boolean) { environmentPatchCommit(environmentId: \"e\", patch: {volumes: {vol: {isDeleted: $d}}}) }";
    for request in [
        document(literal),
        with_variables(variable, json!({ "p": { "volumes": { "vol": { "isDeleted": true } } } })),
        with_variables(inner, json!({ "d": true })),
        document(absent),
    ] {
        let operation = only(request);
        assert_eq!(operation.class, Class::Destroy);
        assert_eq!(operation.resources, [Resource::new("environment", "e"), Resource::new("volume", "vol")]);
        assert!(operation.marks.contains(&crate::model::Mark::CarriesBackups));
    }
}
