//! Documents: which operation, which fragments, which variables.

use proptest::prelude::*;
use serde_json::json;

use super::super::code;
use super::*;

fn named(text: &str, name: Value) -> Request {
    request(JSON, json!({ "query": text, "operationName": name }).to_string())
}

#[test]
fn i3_the_operation_has_to_be_named_when_there_are_several() {
    let text = "query A { me { id } } query B { projects { edges { node { id } } } }";
    assert_eq!(refused(document(text)), code::MULTIPLE_OPERATIONS);
    assert_eq!(refused(named(text, json!("C"))), code::UNKNOWN_OPERATION_NAME);
    assert_eq!(refused(named(text, json!(""))), code::UNKNOWN_OPERATION_NAME);
    assert_eq!(refused(named(text, json!("a"))), code::UNKNOWN_OPERATION_NAME);
    assert_eq!(
        refused(named("query A { me { id } } query A { me { id } }", json!("A"))),
        code::DUPLICATE_NAME
    );
    assert_eq!(refused(named("{ me { id } } query B { me { id } }", json!("B"))), code::MULTIPLE_OPERATIONS);
    assert_eq!(refused(named("query A { me { id } }", json!("B"))), code::UNKNOWN_OPERATION_NAME);
    assert_eq!(only(named(text, json!("B"))).operation, "railway:projects");
}

#[test]
fn i4_only_the_chosen_operation_and_its_fragments_are_sent_on() {
    let text = "query Harmless { me { id } } mutation D { userDelete } fragment F on Mutation { userDelete }";
    let understood = judge(named(text, json!("Harmless"))).unwrap();
    assert_eq!(understood.operations.len(), 1);
    let sent = String::from_utf8(understood.request.body.to_vec()).unwrap();
    assert!(!sent.contains("userDelete"), "{sent}");
    assert!(sent.contains(r#""operationName":"Harmless""#), "{sent}");
    let hidden = only(named(text, json!("D")));
    assert_eq!((hidden.operation.as_str(), hidden.class), ("railway:userDelete", Class::Destroy));
}

#[test]
fn i5_i6_fragments_are_followed_and_never_in_a_circle() {
    for text in [
        "query { ...A } fragment A on Query { ...A }",
        "query { ...A } fragment A on Query { ...B } fragment B on Query { me { id } ...A }",
        "query { me { ...U } } fragment U on User { workspace { ...W } } fragment W on Workspace { members { id } team { workspace { ...W } } }",
    ] {
        assert_eq!(refused(document(text)), code::FRAGMENT_CYCLE, "{text}");
    }
    assert_eq!(refused(document("{ ...A }")), code::UNKNOWN_FRAGMENT);
    assert_eq!(
        refused(document("{ ...A } fragment A on Query { me { id } } fragment A on Query { me { name } }")),
        code::DUPLICATE_NAME
    );
    assert_eq!(refused(document("{ ...A } fragment A on Mutation { userDelete }")), code::UNKNOWN_TYPE);
    assert_eq!(refused(document("{ me { ... on Nothing { id } } }")), code::UNKNOWN_TYPE);
    assert_eq!(refused(document("mutation { ... on Query { me { id } } }")), code::UNKNOWN_TYPE);
}

#[test]
fn i1_i6_i18_a_document_that_multiplies_is_refused() {
    let aliases: String = (0..1_000).map(|n| format!("a{n}: me {{ id }} ")).collect();
    assert_eq!(refused(document(&format!("{{ {aliases} }}"))), code::TOO_COMPLEX);
    let bomb: String =
        (0..30).map(|n| format!("fragment F{n} on User {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
    let bomb = format!("{{ me {{ ...F0 }} }} {bomb} fragment F30 on User {{ id }}");
    assert_eq!(refused(document(&bomb)), code::TOO_COMPLEX);
    let deep = format!("{{ me {}id{} }}", "{ workspace { team ".repeat(20), "} }".repeat(20));
    assert_eq!(refused(document(&deep)), code::TOO_COMPLEX);
    let lists = format!("{{ variables(environmentId: {}{}) }}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(refused(document(&lists)), code::TOO_COMPLEX);
    let tokens = format!("{{ me {{ {} }} }}", "id ".repeat(11_000));
    assert_eq!(refused(document(&tokens)), code::TOO_COMPLEX);
    let chain: String = (0..100).map(|n| format!("fragment F{n} on User {{ ...F{} }} ", n + 1)).collect();
    let chain = format!("{{ me {{ ...F0 }} }} {chain} fragment F100 on User {{ id }}");
    assert_eq!(refused(document(&chain)), code::TOO_COMPLEX);
}

#[test]
fn i7_conditions_do_not_hide_a_field() {
    for text in [
        "mutation { userDelete @skip(if: true) }",
        "mutation($v: Boolean = false) { userDelete @include(if: $v) }",
        "mutation($v: Boolean = false) { ... @include(if: $v) { userDelete } }",
    ] {
        assert_eq!(class(document(text)), Class::Destroy, "{text}");
    }
    for text in [
        "mutation { userDelete @skip(if: \"true\") }",
        "mutation { userDelete @skip }",
        "mutation { userDelete @skip(if: true) @skip(if: false) }",
        "mutation { userDelete @skip(unless: true) }",
        "mutation($v: Boolean) { userDelete @skip(if: $v) }",
        "mutation { userDelete @skip(if: $v) }",
        "mutation @skip(if: true) { userDelete }",
    ] {
        assert_eq!(refused(document(text)), code::UNKNOWN_DIRECTIVE, "{text}");
    }
}

#[test]
fn i17_subscriptions_are_classified_and_incremental_delivery_is_refused() {
    let logs = only(document("subscription { deploymentLogs(deploymentId: \"d\") { message } }"));
    assert_eq!((logs.class, logs.resources), (Class::Read, vec![Resource::new("deployment", "d")]));
    for text in
        ["{ ... @defer { me { id } } }", "{ me { workspaces @stream { id } } }", "{ me @live { id } }"]
    {
        assert_eq!(refused(document(text)), code::UNKNOWN_DIRECTIVE, "{text}");
    }
    assert_eq!(refused(document("subscription { volumeDelete(volumeId: \"x\") }")), code::UNKNOWN_OPERATION);
}

#[test]
fn i8_i9_variables_and_their_defaults_are_the_values_that_count() {
    let text = "mutation($id: String = \"default\") { volumeDelete(volumeId: $id) }";
    assert_eq!(only(document(text)).resources, [Resource::new("volume", "default")]);
    assert_eq!(
        only(with_variables(text, json!({ "id": "given" }))).resources,
        [Resource::new("volume", "given")]
    );
    assert_eq!(refused(with_variables(text, json!({ "id": null }))), code::INVALID_VALUE);
    // What is not declared is neither judged nor sent on.
    let understood = judge(with_variables(text, json!({ "id": "given", "volumeId": "other" }))).unwrap();
    assert!(!String::from_utf8(understood.request.body.to_vec()).unwrap().contains("other"));
    for (text, variables, expected) in [
        ("mutation { volumeDelete(volumeId: $id) }", json!({ "id": "x" }), code::UNKNOWN_VARIABLE),
        ("mutation($id: String!) { volumeDelete(volumeId: $id) }", json!({}), code::MISSING_ARGUMENT),
        ("mutation($id: String!) { volumeDelete(volumeId: $id) }", json!({ "id": 1 }), code::INVALID_VALUE),
        ("mutation($id: JSON!) { volumeDelete(volumeId: $id) }", json!({ "id": "x" }), code::INVALID_VALUE),
        ("mutation($id: String) { volumeDelete(volumeId: $id) }", json!({ "id": "x" }), code::INVALID_VALUE),
        ("mutation($id: Nothing) { volumeDelete(volumeId: $id) }", json!({ "id": "x" }), code::UNKNOWN_TYPE),
        (
            "mutation($id: String!, $id: String!) { volumeDelete(volumeId: $id) }",
            json!({ "id": "x" }),
            code::DUPLICATE_NAME,
        ),
        (
            "mutation($id: String! @x) { volumeDelete(volumeId: $id) }",
            json!({ "id": "x" }),
            code::UNKNOWN_DIRECTIVE,
        ),
        ("mutation { volumeDelete(volumeId: \"a\", volumeId: \"b\") }", json!({}), code::DUPLICATE_NAME),
        ("mutation { volumeDelete }", json!({}), code::MISSING_ARGUMENT),
        ("mutation { volumeDelete(volumeId: null) }", json!({}), code::INVALID_VALUE),
        ("mutation { volumeDelete(volumeId: [\"a\"]) }", json!({}), code::INVALID_VALUE),
        ("mutation { volumeDelete(volumeId: word) }", json!({}), code::INVALID_VALUE),
    ] {
        assert_eq!(refused(with_variables(text, variables)), expected, "{text}");
    }
}

#[test]
fn i14_spellings_of_an_id_are_one_id_and_odd_ids_are_refused() {
    for id in [
        "\"3d2c42fb\"",
        "\"\"\"3d2c42fb\"\"\"",
        "\"\"\"\n  3d2c42fb\n\"\"\"",
        "\"\\u0033d2c42fb\"",
        "\"\\u{33}d2c42fb\"",
    ] {
        let text = format!("# {{ me }}\n,,mutation,{{ #\n volumeDelete ( volumeId : {id} ), }}");
        assert_eq!(only(document(&text)).resources, [Resource::new("volume", "3d2c42fb")], "{id}");
    }
    for id in ["", " ", "a b", " a", "a\\n", "*", "\u{e9}", "a\\u0000"] {
        let text = format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}");
        assert_eq!(refused(document(&text)), code::MALFORMED_ID, "{id:?}");
    }
    let long = format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", "a".repeat(257));
    assert_eq!(refused(document(&long)), code::MALFORMED_ID);
    // Names have no escapes: this is no document at all.
    assert_eq!(
        refused(document("mutation { volume\\u0044elete(volumeId: \"x\") }")),
        code::MALFORMED_DOCUMENT
    );
}

#[test]
fn documents_that_are_not_requests_are_refused() {
    for text in [
        "type A { b: C }",
        "{ me { id } } type A { b: C }",
        "extend schema @x",
        "fragment F on Query { me { id } }",
    ] {
        assert_eq!(refused(document(text)), code::NOT_EXECUTABLE, "{text}");
    }
    for text in ["", "mutation {", "{ }", "not a document", "{ me { id } } }", "{ a(x: {b}) "] {
        let code = refused(document(text));
        assert!(matches!(code, code::MALFORMED_DOCUMENT | code::NOT_EXECUTABLE), "{text}: {code}");
    }
}

#[test]
fn i15_introspection_is_a_shared_read_and_limited() {
    for text in [
        "{ __schema { types { name fields(includeDeprecated: true) { name } } } }",
        "{ __type(name: \"X\") { name } }",
        "{ __typename }",
    ] {
        let operation = only(document(text));
        assert_eq!((operation.class, operation.scope), (Class::Read, crate::model::Scope::Shared), "{text}");
    }
    assert_eq!(operations(document("mutation { __typename userDelete }")).len(), 2);
    assert_eq!(refused(document("{ __schema(x: 1) { types { name } } }")), code::UNKNOWN_ARGUMENT);
    assert_eq!(refused(document("{ __unknown }")), code::UNKNOWN_OPERATION);
    assert_eq!(refused(document("mutation { __schema { types { name } } }")), code::UNKNOWN_OPERATION);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the text: a refusal or a request that reads the same again; never a panic.
    #[test]
    fn any_document_is_refused_or_reads_the_same_again(text in "[a-zA-Z{}()\\[\\]:$!@\"#., \\n]{0,200}") {
        let _ = judge(document(&text));
    }

    #[test]
    fn any_body_is_refused_or_reads_the_same_again(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = judge(request(FORM, body));
    }

    #[test]
    fn any_arrangement_of_known_parts_reads_the_same_again(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "mutation", "query", "{", "}", "me", "id", "volumeDelete", "(", ")", "volumeId", ":", "\"x\"", "$v", "...", "on", "User",
            "fragment", "F", "@skip", "if", "true", "project", "variables", "\"\"\"y\"\"\"", "null", "[", "]",
        ]), 0..40)
    ) {
        let _ = judge(document(&parts.join(" ")));
    }
}
