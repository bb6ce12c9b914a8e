use std::collections::BTreeSet;

use serde_json::Value;

use super::{calls, document};

fn refs<'a>(value: &'a Value, into: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| refs(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| refs(value, into)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_document_resolves_and_every_schema_is_used() {
    let document = document("https://stint.example", "1");
    let mut named = BTreeSet::new();
    refs(&document, &mut named);
    assert!(named.len() > 30, "{named:?}");
    for reference in &named {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(named.contains(format!("#/components/schemas/{name}").as_str()), "{name} is used by nothing");
    }
}

#[test]
fn operations_have_ids_of_their_own_and_declare_what_their_paths_name() {
    let document = document("https://stint.example", "1");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}");
            let declared: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            assert_eq!(declared, named, "{at}");
            assert!(operation["responses"]["200"]["description"].is_string(), "{at}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{at}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().all(|status| status.len() == 3), "{at}");
        }
    }
    assert_eq!(ids.len(), calls().len());
}

#[test]
fn whoever_needs_a_token_is_told_so() {
    for call in calls() {
        let codes: Vec<&str> = call.codes().iter().map(|code| code.as_str()).collect();
        let protected = !call.who.roles().is_empty();
        assert_eq!(
            codes.contains(&"invalid_token"),
            protected || call.who == super::Who::Session,
            "{}",
            call.path
        );
    }
}
