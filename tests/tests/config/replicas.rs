//! Two brokers over one PostgreSQL database: what one has seen, the other knows.

use std::fs;

use serde_json::json;
use stint_tests::proof::signed;
use stint_tests::wire::Answer;
use stint_tests::{Lab, Options, TestBroker, until};

/// A second broker with the first one's key and name.
fn second(lab: &Lab) -> TestBroker {
    let mut options = Options { ..lab.broker.options.clone() };
    options.args.extend(["--public-url".to_owned(), lab.broker.url.clone()]);
    let mut broker = TestBroker::prepare(options);
    fs::create_dir_all(broker.data()).unwrap();
    fs::copy(lab.broker.data().join("stint.key"), broker.data().join("stint.key")).unwrap();
    broker.restart();
    broker
}

fn ask(lab: &Lab, at: &TestBroker, headers: &[String; 2]) -> Answer {
    let url = format!("{}/gateway/railway/graphql/v2", at.url);
    let body = json!({ "query": "{ me { name } }" }).to_string();
    let args = [
        "-sS",
        "-i",
        "-H",
        &headers[0],
        "-H",
        &headers[1],
        "-H",
        "content-type: application/json",
        "-d",
        &body,
        &url,
    ];
    lab.broker.curl(&args).answer()
}

#[test]
fn b06_a_proof_that_one_replica_has_seen_is_refused_by_the_other() {
    let lab = Lab::start(crate::place::postgres());
    let other = second(&lab);
    let token =
        lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
    let url = format!("{}/gateway/railway/graphql/v2", lab.broker.url);
    for (first, then) in [(&lab.broker, &other), (&other, &lab.broker)] {
        let headers = signed(&token, "POST", &url);
        let good = ask(&lab, first, &headers);
        assert_eq!(good.status, 200, "{}", good.text());
        let arrived = lab.railway.log.len();
        let replayed = ask(&lab, then, &headers);
        assert_eq!(
            (replayed.status, replayed.json()["code"].as_str()),
            (401, Some("invalid_dpop_proof")),
            "{}",
            replayed.text()
        );
        assert_eq!(lab.railway.log.len(), arrived);
    }
}

#[test]
fn a30_a_session_that_ends_at_one_replica_ends_at_the_other() {
    let lab = Lab::start(crate::place::postgres());
    let other = second(&lab);
    let token =
        lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
    let url = format!("{}/gateway/railway/graphql/v2", lab.broker.url);
    assert_eq!(ask(&lab, &other, &signed(&token, "POST", &url)).status, 200);
    lab.broker.stint(&["session", "end", "--all"]).ok();
    let ended = std::time::Instant::now();
    until("the other replica refuses", || {
        let answer = ask(&lab, &other, &signed(&token, "POST", &url));
        (answer.status == 401)
            .then(|| assert_eq!(answer.json()["code"], "session_ended", "{}", answer.text()))
    });
    assert!(ended.elapsed() < std::time::Duration::from_secs(3), "{:?}", ended.elapsed());
}

#[test]
fn a_replica_without_the_key_does_not_start() {
    let lab = Lab::start(crate::place::postgres());
    let mut broker = TestBroker::prepare(lab.broker.options.clone());
    broker.without_checks();
    let out = broker.fails_to_start();
    assert!(out.stderr.contains("stint.key"), "{}", out.stderr);
}
