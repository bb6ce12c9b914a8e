//! Group I: one endpoint for everything, at a provider that takes everything.
//!
//! The stand-in executes what real servers execute: any content type, aliases, batches, queries in the URL. What is
//! asserted of each disguise is that the delete in it was seen for what it is, and that no volume is gone.

use serde_json::{Value, json};
use stint_standin::Railway;
use stint_standin::railway::ids;
use stint_tests::Options;

use super::client::escaped;
use super::ground::{Call, Ground};

const TARGET: &str = "/graphql/v2";

fn post(kind: &str, body: impl Into<Vec<u8>>) -> Call {
    let call = Call::new("POST", TARGET).body(body);
    if kind.is_empty() { call } else { call.line(format!("content-type: {kind}")) }
}

fn document(query: &str) -> Call {
    post("application/json", json!({ "query": query }).to_string())
}

fn asked(body: &Value) -> Call {
    post("application/json", body.to_string())
}

/// The delete of the incident.
fn delete() -> String {
    format!("volumeDelete(volumeId: \"{}\")", ids::VOLUME_PRODUCTION)
}

/// Everything that has to be left when a test is over.
fn stands(ground: &Ground<Railway>, what: &str) {
    let world = ground.standin.handle().site.world();
    for volume in [ids::VOLUME_PRODUCTION, ids::VOLUME_STAGING, ids::VOLUME_SHARED, ids::VOLUME_OTHER] {
        assert!(world.volume(volume).is_some(), "{what}: volume {volume} is gone");
    }
    assert!(world.exists("Environment", ids::PRODUCTION) && world.exists("Project", ids::PROJECT), "{what}");
}

/// Refused before anything was asked of the provider.
fn not_understood(ground: &Ground<Railway>, call: &Call, codes: &[&str]) {
    ground.standin.log().clear();
    let answer = ground.send(call);
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    assert!(codes.contains(&code.as_str()), "{}: {} {}", call.label(), answer.status, answer.text());
    ground.is_refusal(&call.label(), &answer, &code);
    assert!(ground.standin.log().is_empty(), "{}: {:?}", call.label(), ground.standin.log());
    // GraphQL clients are told in their own way too.
    assert!(answer.json()["errors"][0]["message"].is_string(), "{}: {}", call.label(), answer.text());
    stands(ground, &call.label());
}

/// Understood as the delete that it is, resolved to production, and denied.
fn seen(ground: &Ground<Railway>, call: &Call) {
    ground.standin.log().clear();
    let answer = ground.send(call);
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (403, &json!("denied")), "{}: {}", call.label(), answer.text());
    ground.is_refusal(&call.label(), &answer, "denied");
    let operations = problem["operations"].as_array().unwrap();
    assert!(operations.contains(&json!("railway:volumeDelete")), "{}: {problem}", call.label());
    assert_eq!(ground.standin.log().reached("volumeDelete"), 0, "{}", call.label());
    let environments = problem["environments"].as_array().unwrap();
    assert!(
        environments.iter().any(|name| name.as_str().unwrap().contains(ids::PRODUCTION)),
        "{}: {problem}",
        call.label()
    );
    stands(ground, &call.label());
}

const BAD: &[&str] = &["malformed_request", "ambiguous_request", "not_understood", "unknown_operation", "not_canonical"];

#[test]
fn i1_i5_i7_i8_i14_a_delete_is_seen_under_every_name() {
    let ground = Ground::lay(Railway::seeded());
    let id = ids::VOLUME_PRODUCTION;
    let delete = delete();
    let many: String = (0..20).map(|n| format!("a{n}: __typename ")).collect();
    for query in [
        format!("mutation {{ {delete} }}"),
        format!("mutation{{{delete}}}"),
        format!("mutation Harmless {{ {delete} }}"),
        format!("mutation {{ projectCreate: {delete} }}"),
        format!("mutation {{ {many} me: {delete} }}"),
        format!("mutation {{ __typename ok: {delete} }}"),
        format!("mutation {{ ...F }} fragment F on Mutation {{ {delete} }}"),
        format!("mutation {{ ...A }} fragment A on Mutation {{ ...B }} fragment B on Mutation {{ x: {delete} }}"),
        format!("mutation {{ ... on Mutation {{ {delete} }} }}"),
        format!("mutation {{ ... {{ ... {{ {delete} }} }} }}"),
        format!("mutation {{ {delete} @include(if: true) }}"),
        format!("mutation {{ {delete} @skip(if: false) }}"),
        format!("mutation,,,{{,,{delete},,}},"),
        format!("# query {{ me {{ id }} }}\nmutation # x\n{{ volumeDelete # y\n(volumeId # z\n: \"{id}\") }}"),
        format!("mutation {{ volumeDelete(volumeId: \"\"\"{id}\"\"\") }}"),
        format!("mutation {{ volumeDelete(volumeId: \"\\u0033{}\") }}", id.strip_prefix('3').unwrap()),
        format!("mutation {{ volumeDelete(volumeId: \"\\u{{33}}{}\") }}", id.strip_prefix('3').unwrap()),
        format!("mutation($v: String = \"{id}\") {{ volumeDelete(volumeId: $v) }}"),
        format!("mutation {{ s: volumeDelete(volumeId: \"{}\") p: {delete} }}", ids::VOLUME_STAGING),
    ] {
        let call = document(&query);
        let answer = ground.send(&call);
        // A spelling that the reader does not take at all is as good; nothing is understood as less than it is.
        let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
        if code == "denied" {
            seen(&ground, &call);
        } else {
            not_understood(&ground, &call, BAD);
        }
    }
    // These at least are to be understood, not only refused.
    seen(&ground, &document(&format!("mutation {{ harmless: {delete} }}")));
    seen(&ground, &document(&format!("mutation {{ ...F }} fragment F on Mutation {{ {delete} }}")));
    let variables = [json!({ "v": id }), json!({ "v": id, "unused": 1 }), json!({ "v": format!("{id}") })];
    for variables in variables {
        let body = json!({ "query": "mutation($v: String!) { volumeDelete(volumeId: $v) }", "variables": variables });
        let answer = ground.send(&asked(&body));
        assert_ne!(answer.status, 200, "{body}: {}", answer.text());
        stands(&ground, &body.to_string());
    }
    // I7: switched on and off by variables, defaults and both.
    for (directive, variables) in [
        ("@include(if: $on)", json!({ "on": true })),
        ("@include(if: $on)", json!({})),
        ("@skip(if: $on)", json!({ "on": false })),
        ("@include(if: $on) @skip(if: $on)", json!({ "on": true })),
    ] {
        let query = format!("mutation($on: Boolean! = true) {{ {delete} {directive} __typename }}");
        let body = json!({ "query": query, "variables": variables });
        let answer = ground.send(&asked(&body));
        assert!(answer.status == 403 || answer.json()["data"]["volumeDelete"].is_null(), "{body}: {}", answer.text());
        assert_eq!(ground.standin.log().reached("volumeDelete"), 0, "{body}");
        stands(&ground, &body.to_string());
    }
}

#[test]
fn i3_i4_several_operations_are_told_apart_or_refused() {
    let ground = Ground::lay(Railway::seeded());
    let delete = delete();
    let both = format!("query Read {{ me {{ id }} }} mutation Delete {{ {delete} }}");
    seen(&ground, &asked(&json!({ "query": both, "operationName": "Delete" })));
    for body in [
        json!({ "query": both }),
        json!({ "query": both, "operationName": null }),
        json!({ "query": both, "operationName": "" }),
        json!({ "query": both, "operationName": "delete" }),
        json!({ "query": both, "operationName": "Delete " }),
        json!({ "query": both, "operationName": "Other" }),
        json!({ "query": both, "operationName": ["Delete"] }),
        json!({ "query": format!("query A {{ me {{ id }} }} mutation A {{ {delete} }}"), "operationName": "A" }),
        json!({ "query": format!("{{ me {{ id }} }} mutation {{ {delete} }}") }),
        json!({ "query": format!("query Read {{ me {{ id }} }} mutation {{ {delete} }}"), "operationName": "Read" }),
    ] {
        ground.standin.log().clear();
        let answer = ground.send(&asked(&body));
        assert!(matches!(answer.status, 400 | 403), "{body}: {}", answer.text());
        assert_eq!(ground.standin.log().reached("volumeDelete"), 0, "{body}");
        stands(&ground, &body.to_string());
    }
    // The operation that is not asked for does not go along.
    ground.standin.log().clear();
    let answer = ground.send(&asked(&json!({ "query": both, "operationName": "Read" })));
    assert_eq!(ground.standin.log().reached("volumeDelete"), 0, "{}", answer.text());
    assert!(!ground.standin.log().holds("volumeDelete"), "{}", answer.text());
    stands(&ground, "Read");
}

#[test]
fn i2_i13_i20_bodies_that_say_two_things_are_refused() {
    let ground = Ground::lay(Railway::seeded());
    let delete = format!("mutation {{ {} }}", delete());
    let quoted = Value::from(delete.clone()).to_string();
    let read = "{ me { id } }";
    seen(&ground, &asked(&json!([{ "query": read }, { "query": delete }])));
    seen(&ground, &asked(&json!([{ "query": delete }, { "query": delete }])));
    for body in [
        format!("{{\"query\":\"{read}\",\"query\":{quoted}}}"),
        format!("{{\"query\":{quoted},\"query\":\"{read}\"}}"),
        format!("{{\"query\":\"{read}\",\"\\u0071uery\":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"Query\":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"QUERY\":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"query \":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"query\\u0000\":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"variables\":{{}},\"variables\":{{}}}}"),
        format!("{{\"query\":\"{read}\",\"variable\u{17f}\":{{}}}}"),
        format!("{{\"query\":\"{read}\",\"operationName\":null,\"operationname\":\"x\"}}"),
        format!("{{\"query\":\"{read}\",\"\u{212a}ey\":1}}"),
        format!("{{\"query\":\"{read}\",\"mutation\":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"operations\":{quoted}}}"),
        format!("{{\"query\":\"{read}\",\"_method\":\"DELETE\"}}"),
        format!("{{\"query\":\"{read}\"}}{{\"query\":{quoted}}}"),
        format!("{{\"query\":\"{read}\"}}\n{{\"query\":{quoted}}}"),
        format!("{{\"query\":\"{read}\"}}&query={}", escaped(&delete)),
        format!("[[{{\"query\":{quoted}}}]]"),
        format!("{{\"0\":{{\"query\":{quoted}}}}}"),
        format!("\u{feff}{{\"query\":{quoted}}}"),
        format!("{{\"query\":\"\\ufeff{read}\"}}"),
        format!("{{'query':{quoted}}}"),
        format!("{{\"query\":{quoted},}}"),
        format!("{{\"query\":{quoted}/**/}}"),
        format!("{{\"query\":[{quoted}]}}"),
        format!("{{\"query\":{{\"query\":{quoted}}}}}"),
        format!("{{\"query\":{quoted},\"variables\":\"{{}}\"}}"),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        quoted.clone(),
    ] {
        for kind in ["application/json", "application/x-www-form-urlencoded"] {
            not_understood(&ground, &post(kind, body.clone()), BAD);
        }
    }
    // I20: beside the body, in the URL.
    for target in [
        format!("{TARGET}?query={}", escaped(&delete)),
        format!("{TARGET}?operationName=Delete"),
        format!("{TARGET}?x=1"),
    ] {
        let mut call = asked(&json!({ "query": read }));
        call.target = target;
        not_understood(&ground, &call, BAD);
    }
}

#[test]
fn i10_i11_i12_i21_other_ways_to_send_a_document() {
    let ground = Ground::lay(Railway::seeded());
    let delete = format!("mutation {{ {} }}", delete());
    let body = json!({ "query": delete }).to_string();
    // As the incident's curl sent it, and as servers that do not look at the content type take it.
    for kind in ["application/json", "application/x-www-form-urlencoded", "text/plain", "", "application/json; charset=utf-8"] {
        seen(&ground, &post(kind, body.clone()));
    }
    seen(&ground, &post("application/graphql", delete.clone()));
    seen(&ground, &post("application/x-www-form-urlencoded", format!("query={}", escaped(&delete))));
    seen(&ground, &post("application/x-www-form-urlencoded", format!("query={}", escaped(&delete).replace("%20", "+"))));
    let multipart = format!("--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{body}\r\n--b--\r\n");
    for (kind, body) in [
        ("multipart/form-data; boundary=b", multipart.clone()),
        ("multipart/form-data", multipart.clone()),
        ("multipart/mixed; boundary=b", multipart),
        ("application/xml", body.clone()),
        ("application/octet-stream", body.clone()),
        ("text/html", body.clone()),
        ("application/json; charset=utf-16", body.clone()),
        ("application/json; charset=utf-7", body.clone()),
        ("application/json; charset=utf-8; charset=utf-16", body.clone()),
        ("application/json, text/plain", body.clone()),
        ("application/json;", format!("query={}", escaped(&delete))),
        ("text/plain", delete.clone()),
        ("application/graphql", body.clone()),
        ("application/graphql+json", format!("query={}", escaped(&delete))),
        ("application/x-www-form-urlencoded", format!("query=%7Bme%7Bid%7D%7D&query={}", escaped(&delete))),
        ("application/x-www-form-urlencoded", format!("query=%7Bme%7Bid%7D%7D&%71uery={}", escaped(&delete))),
        ("application/x-www-form-urlencoded", format!("query=%7Bme%7Bid%7D%7D;query={}", escaped(&delete))),
        ("application/x-www-form-urlencoded", format!("query[]={}", escaped(&delete))),
    ] {
        not_understood(&ground, &post(kind, body), BAD);
    }
    let hash = json!({ "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } });
    for body in [
        json!({ "extensions": hash }),
        json!({ "query": "{ me { id } }", "extensions": hash }),
        json!({ "id": "1" }),
        json!({ "documentId": "x", "variables": {} }),
        json!({ "query": "{ me { id } }", "extensions": { "x": 1 } }),
    ] {
        not_understood(&ground, &asked(&body), BAD);
    }
    // I11: by GET, which the provider answers as well.
    for target in [format!("{TARGET}?query={}", escaped("{ me { id } }")), format!("{TARGET}?query={}", escaped(&delete)), TARGET.to_owned()] {
        let call = Call::get(&target);
        ground.standin.log().clear();
        let answer = ground.send(&call);
        assert!(matches!(answer.status, 400 | 403 | 405), "{target}: {}", answer.text());
        assert!(ground.standin.log().is_empty());
        stands(&ground, &target);
    }
    for path in ["/graphql", "/graphql/internal", "/graphql/v2/", "/graphql/v2/x", "/graphql/v1", "/", "/GraphQL/v2", "/graphql/v2.json", "/graphql%2Fv2"] {
        let mut call = asked(&json!({ "query": delete }));
        call.target = path.to_owned();
        ground.standin.log().clear();
        let answer = ground.send(&call);
        assert!(matches!(answer.status, 400 | 403), "{path}: {}", answer.text());
        assert!(ground.standin.log().is_empty(), "{path}");
    }
    // The older host is the same provider.
    seen(&ground, &asked(&json!({ "query": delete })).line("stint-host: backboard.railway.app"));
}

#[test]
fn i6_i15_i17_i18_i22_documents_that_are_not_judged_are_refused() {
    let ground = Ground::lay(Railway::seeded());
    let delete = delete();
    let deep = format!("{{ me {{ {} id {} }} }}", "workspaces { projects { edges { node { ".repeat(80), "} } } }".repeat(80));
    let many: String = (0..2000).map(|n| format!("a{n}: me {{ id }} ")).collect();
    let deletes: String = (0..1000).map(|n| format!("a{n}: {delete} ")).collect();
    for query in [
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        "{ ...A } fragment A on Query { ...A me { id } }".to_owned(),
        "{ ...Missing }".to_owned(),
        deep,
        format!("{{ {many} }}"),
        format!("mutation {{ {deletes} }}"),
        format!("mutation {{ {delete} @defer }}"),
        "{ me { id @stream } }".to_owned(),
        "{ ... @defer { me { id } } }".to_owned(),
        "query @live { me { id } }".to_owned(),
        "{ __schema { types { name } } }".to_owned(),
        "{ __type(name: \"Mutation\") { fields { name } } }".to_owned(),
        format!("{{ node(id: \"{}\") {{ id }} }}", ids::VOLUME_PRODUCTION),
        "mutation { volumeDeleteAll }".to_owned(),
        format!("mutation {{ volumedelete(volumeId: \"{}\") }}", ids::VOLUME_PRODUCTION),
        format!("mutation {{ volumeDelete(volumeId: \"{}\", force: true) }}", ids::VOLUME_PRODUCTION),
        format!("mutation {{ volumeDelete(id: \"{}\") }}", ids::VOLUME_PRODUCTION),
        "mutation { volumeDelete }".to_owned(),
        "mutation { volumeDelete(volumeId: null) }".to_owned(),
        "mutation { volumeDelete(volumeId: $v) }".to_owned(),
        format!("mutation {{ volumeDelete(volumeId: [\"{}\"]) }}", ids::VOLUME_PRODUCTION),
        format!("mutation {{ volumeDelete(volumeId: \"{0}\", volumeId: \"{0}\") }}", ids::VOLUME_STAGING),
        format!("mutation {{ volumeDelete(volumeId: \" {}\") }}", ids::VOLUME_PRODUCTION),
        format!("mutation {{ volumeDelete(volumeId: \"{}\\u0000\") }}", ids::VOLUME_PRODUCTION),
        "type Query { x: Int } { me { id } }".to_owned(),
        "extend type Mutation { x: Int } { me { id } }".to_owned(),
        "fragment F on Query { me { id } }".to_owned(),
        "{ me { id } } }".to_owned(),
        "{".to_owned(),
        " ".to_owned(),
        "{ me { id } } \u{0}".to_owned(),
        "{ m\\u0065 { id } }".to_owned(),
        "{ \u{ff4d}\u{ff45} { id } }".to_owned(),
    ] {
        not_understood(&ground, &document(&query), BAD);
    }
    // A subscription is judged like a query: by what it names.
    let logs = format!("subscription {{ deploymentLogs(deploymentId: \"{}\") {{ message }} }}", ids::DEPLOYMENT_PRODUCTION);
    let answer = ground.send(&document(&logs));
    assert_eq!(answer.json()["code"], "denied", "{}", answer.text());
    assert_eq!(ground.standin.log().reached("deploymentLogs"), 0);
    let large = json!({ "query": format!("mutation {{ {delete} }} #{}", "x".repeat(200_000)) });
    not_understood(&ground, &asked(&large), &["body_too_large", "not_understood"]);
    let before = json!({ "query": format!("#{}\nmutation {{ {delete} }}", "x".repeat(100_000)) });
    seen(&ground, &asked(&before));
}

/// I9: what was judged is what is sent, whatever variables were named how.
#[test]
fn i9_i16_the_id_that_is_judged_is_the_id_that_is_sent() {
    let args = ["--approval-hold", "100ms"].map(str::to_owned).to_vec();
    let ground = Ground::lay_with(Railway::seeded(), Options { args, ..Options::default() });
    // In staging alone, so a person could say yes: asked, not sent.
    for body in [
        json!({ "query": format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", ids::VOLUME_STAGING) }),
        json!({ "query": "mutation($v: String!) { volumeDelete(volumeId: $v) }", "variables": { "v": ids::VOLUME_STAGING } }),
    ] {
        ground.standin.log().clear();
        let call = asked(&body);
        let bytes = ground.bytes(&call);
        let answer = ground.answer("staging", &bytes);
        assert_eq!(answer.json()["code"], "approval_required", "{body}: {}", answer.text());
        assert_eq!(ground.standin.log().reached("volumeDelete"), 0);
        stands(&ground, "staging");
    }
    // A name in the other environment beside an id of ours, and the other way round.
    for query in [
        format!("mutation {{ serviceInstanceRedeploy(serviceId: \"{}\", environmentId: \"{}\") }}", ids::SERVICE_API, ids::PRODUCTION),
        format!("mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", serviceId: \"{}\", name: \"A\", value: \"b\" }}) }}", ids::PROJECT, ids::PRODUCTION, ids::SERVICE_API),
        format!("mutation {{ serviceDelete(id: \"{}\", environmentId: \"{}\") }}", ids::SERVICE_API, ids::STAGING),
        format!("mutation {{ environmentDelete(id: \"{}\") }}", ids::PRODUCTION),
        format!("mutation {{ projectDelete(id: \"{}\") }}", ids::PROJECT),
        format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", ids::VOLUME_SHARED),
        format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", ids::VOLUME_OTHER),
        "mutation { volumeDelete(volumeId: \"00000000-0000-4000-8000-000000000000\") }".to_owned(),
    ] {
        ground.standin.log().clear();
        let answer = ground.send(&document(&query));
        let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
        assert!(matches!(code.as_str(), "denied" | "unresolved"), "{query}: {}", answer.text());
        let log = ground.standin.log();
        let mutated = log.entries().iter().filter(|entry| entry.text().contains("mutation")).count();
        assert_eq!(mutated, 0, "{query}");
        stands(&ground, &query);
    }
}

/// What an allowed request looks like when it arrives: the document as it was judged, and nothing beside it.
#[test]
fn i9_an_allowed_document_is_sent_as_it_was_judged() {
    let ground = Ground::lay(Railway::seeded());
    let query = "# a comment\nquery   Env($id: String!)   { e: environment(id: $id) { id , name } }";
    let body = json!({ "query": query, "variables": { "id": ids::STAGING }, "operationName": "Env" });
    ground.standin.log().clear();
    let call = post("text/plain", body.to_string()).line("x-kept: 1").line("connection: x-hop").line("x-hop: 1");
    let answer = ground.send(&call);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"]["e"]["id"], ids::STAGING);
    let entry = ground.standin.log().entries().into_iter().find(|entry| entry.text().contains("e: environment")).unwrap();
    assert_eq!(entry.header("content-type"), Some("application/json"));
    assert_eq!(entry.header("authorization"), Some(format!("Bearer {}", ground.secret).as_str()));
    assert_eq!(entry.host, "backboard.railway.com");
    let sent: Value = serde_json::from_slice(&entry.body).unwrap();
    let members: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert!(members.iter().all(|name| ["query", "variables", "operationName"].contains(&name.as_str())), "{sent}");
    assert!(!sent["query"].as_str().unwrap().contains('#'), "{sent}");
}
