//! `stint-broker pack classify`: what would this request do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_tests::{Options, TestBroker};

fn answers(args: &[&str], requests: &[Value]) -> Vec<Value> {
    let mut broker = TestBroker::prepare(Options::default());
    broker.without_checks();
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let out = broker.broker_command(&[&["pack", "classify"][..], args].concat()).input(lines).run().ok();
    out.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn graphql(document: &str) -> Value {
    json!({
        "method": "POST", "url": "https://backboard.railway.com/graphql/v2", "headers": { "content-type": "application/json" },
        "body": json!({ "query": document }).to_string(),
    })
}

#[test]
fn the_documented_answer_comes_for_the_documented_request() {
    let answers = answers(
        &["--jsonl"],
        &[graphql(&format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", ids::VOLUME_PRODUCTION))],
    );
    let wanted = json!({
        "understood": true, "refused": null,
        "operations": [{
            "operation": "railway:volumeDelete", "class": "destroy",
            "resources": [{ "kind": "volume", "id": ids::VOLUME_PRODUCTION }],
        }],
    });
    assert_eq!(answers, [wanted]);
}

#[test]
fn every_line_gets_one_answer_whatever_it_is() {
    let published = json!({
        "method": "POST", "url": "https://backboard.railway.app/graphql/v2", "headers": {},
        "body": r#"{"query":"mutation { volumeDelete(volumeId: \"3d2c42fb-7a61-4f0e-9c58-6b1d8e2f4a37\") }"}"#,
    });
    let base64 = json!({
        "method": "POST", "url": "https://backboard.railway.com/graphql/v2", "headers": { "content-type": "application/json" },
        "body_base64": "eyJxdWVyeSI6InsgbWUgeyBuYW1lIH0gfSJ9",
    });
    let github =
        json!({ "method": "DELETE", "url": "https://api.github.com/repos/octo/hello", "headers": {} });
    let requests = [
        published,
        base64,
        github,
        graphql("mutation { nobodyKnowsThis }"),
        json!({ "method": "GET", "url": "https://example.com/", "headers": {} }),
        json!({ "method": "GET", "url": "https://api.github.com/repos/../admin", "headers": {} }),
        json!("not a request"),
        json!({ "method": "GET" }),
    ];
    let answers = answers(&["--jsonl"], &requests);
    assert_eq!(answers.len(), requests.len());
    for answer in &answers {
        let understood = answer["understood"].as_bool().unwrap();
        assert_eq!(understood, answer["refused"].is_null(), "{answer}");
        assert_eq!(understood, !answer["operations"].as_array().unwrap().is_empty(), "{answer}");
    }
    let summary: Vec<Value> = answers
        .iter()
        .map(|answer| match answer["refused"].as_str() {
            Some(code) => json!(code),
            None => json!([answer["operations"][0]["operation"], answer["operations"][0]["class"]]),
        })
        .collect();
    assert_eq!(summary[0], json!(["railway:volumeDelete", "destroy"]));
    assert_eq!(summary[1], json!(["railway:me", "read"]));
    assert_eq!(summary[2], json!(["github:repos/delete", "destroy"]));
    assert_eq!(
        answers[2]["operations"][0]["resources"],
        json!([{ "kind": "repository", "id": "octo/hello" }])
    );
    assert_eq!(summary[4], "unknown_host");
    assert_eq!(summary[5], "dot_segment");
    assert_eq!((&summary[6], &summary[7]), (&json!("malformed_line"), &json!("malformed_line")));
}

#[test]
fn lines_are_answered_as_they_come_and_quickly() {
    let requests: Vec<Value> =
        (0..500).map(|n| graphql(&format!("{{ project(id: \"{n}\") {{ name }} }}"))).collect();
    let before = Instant::now();
    assert_eq!(answers(&["--jsonl", "--pack", "railway"], &requests).len(), 500);
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
}

#[test]
fn packs_and_policies_are_sound() {
    let mut broker = TestBroker::prepare(Options::default());
    broker.without_checks();
    let packs = broker.broker_command(&["pack", "list", "--json"]).run().ok().json();
    let names: Vec<&str> =
        packs["packs"].as_array().unwrap().iter().map(|pack| pack["name"].as_str().unwrap()).collect();
    for name in ["github", "gitlab", "railway", "stripe", "cloudflare", "kubernetes", "gcp"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let count = |name: &str| {
        let index = names.iter().position(|own| *own == name).unwrap();
        packs["packs"][index]["operations"]
            .as_object()
            .unwrap()
            .values()
            .map(|n| n.as_u64().unwrap())
            .sum::<u64>()
    };
    // By REST, by git, by GraphQL.
    assert_eq!((count("github"), count("railway")), (1223 + 18 + 31, 158 + 233 + 13));
    broker.broker_command(&["pack", "check"]).run().ok();
    broker.broker_command(&["policy", "check"]).run().ok();
    broker.broker_command(&["policy", "test"]).run().ok();
}
