use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_tests::{Lab, Output};

use super::ground::{by, second, summary, write};
use crate::place::on_both;

fn upsert(name: &str) -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"{name}\", value: \"b\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

fn rule(lab: &Lab, args: &[&str]) -> Output {
    lab.broker.stint(&[&["policy", "rule"][..], args].concat())
}

#[track_caller]
fn says(rule: &Value, words: &str) {
    let said = rule["says"].to_string();
    assert!(said.contains(words), "{words:?} is not in {said}");
}

on_both! {
    fn a_permit_from_a_denial_allows_that_request_and_no_other(options) {
        let lab = Lab::start(options);
        // The starter policy without writes, confirmed by a second owner.
        let bob = second(&lab, "bob", "owner");
        let starter = lab.broker.stint(&["policy", "show", "starter.agents", "--json"]).ok().json();
        let text = starter["text"].as_str().unwrap().replacen("action in [Action::\"class:read\", Action::\"class:write\"]", "action in Action::\"class:read\"", 1);
        let tests = starter["tests_text"].as_str().unwrap().replacen("decision = \"allow\"\npolicies = [\"starter.work\"]\n\n[[test]]\nname = \"agents read shared", "decision = \"deny\"\npolicies = []\n\n[[test]]\nname = \"agents read shared", 1);
        let file = write(&lab.broker, "agents", &text, &tests);
        lab.broker.stint(&["policy", "save", "starter.agents", &file, "--propose"]).ok();
        by(&lab, &bob, &["policy", "confirm", "starter.agents", "1"]).ok();
        let reply = lab.ask(&upsert("A"));
        reply.refused(403, "denied");
        let record = reply.body["record"].as_str().unwrap().to_owned();
        let proposed = rule(&lab, &["--record", &record, "--json"]).ok().json();
        assert_eq!((&proposed["effect"], &proposed["helps"]), (&json!("permit"), &json!(true)), "{proposed:#}");
        assert_eq!((&proposed["before"]["decision"], &proposed["after"]["decision"]), (&json!("deny"), &json!("allow")));
        let text = proposed["text"].as_str().unwrap();
        for part in ["Agent::\"coder\"", "Action::\"railway:variableUpsert\"", ids::STAGING, "\"staging\"", "\"railway\""] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        says(&proposed, "still denied by guardrail.other-environment");
        says(&proposed, "guardrail.destroy");
        says(&proposed, "guardrail.backups");
        assert_eq!(summary(&lab.broker, proposed["name"].as_str().unwrap()), Value::Null, "it was saved by itself");
        // Saved as it is, it passes its own tests, and does what it says.
        rule(&lab, &["--record", &record, "--save"]).ok();
        lab.ask(&upsert("A")).done();
        lab.broker.stint(&["agent", "add", "other"]).ok();
        let token = lab.broker.stint(&["run", "--environment", "staging", "--agent", "other", "--", "sh", "-c",
            &format!("curl -sS https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H 'content-type: application/json' -d '{}'",
                json!({ "query": upsert("A") }).to_string().replace('\'', ""))]).ok();
        assert_eq!(token.json()["code"], "denied", "{}", token.stdout);
        // By its number, too; and it says that it is in use.
        let page = lab.broker.stint(&["audit", "list", "--kind", "request_refused", "--limit", "500", "--json"]).ok().json();
        let seq = page["records"].as_array().unwrap().iter().find(|found| found["body"]["id"] == record).unwrap()["seq"].to_string();
        rule(&lab, &["--record", &seq, "--save"]).exits(1);
    }

    fn what_a_guardrail_forbids_is_said_not_to_help(options) {
        let lab = Lab::start(options);
        let reply = lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION));
        reply.refused(403, "denied");
        let record = reply.body["record"].as_str().unwrap();
        let proposed = rule(&lab, &["--record", record, "--json"]).ok().json();
        assert_eq!((&proposed["effect"], &proposed["helps"]), (&json!("permit"), &json!(false)), "{proposed:#}");
        says(&proposed, "It would not help");
        says(&proposed, "guardrail.other-environment");
        says(&proposed, "No permit lifts a guardrail");
        // Saved nevertheless, it changes nothing.
        rule(&lab, &["--record", record, "--save"]).ok();
        lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION)).refused(403, "denied");
        assert!(lab.has_volume(ids::VOLUME_PRODUCTION));
    }

    fn a_forbid_from_an_approval_refuses_without_asking(options) {
        let lab = Lab::start(options);
        lab.ask(&Lab::delete(ids::VOLUME_STAGING)).refused(403, "approval_required");
        let approval = lab.waiting()["id"].as_str().unwrap().to_owned();
        let permit = rule(&lab, &["--approval", &approval, "--json"]).ok().json();
        assert_eq!((&permit["before"]["decision"], &permit["helps"]), (&json!("approval"), &json!(false)), "{permit:#}");
        says(&permit, "a person is asked each time");
        let forbid = rule(&lab, &["--approval", &approval, "--effect", "forbid", "--json"]).ok().json();
        assert_eq!((&forbid["after"]["decision"], &forbid["helps"]), (&json!("deny"), &json!(true)), "{forbid:#}");
        rule(&lab, &["--approval", &approval, "--effect", "forbid", "--save"]).ok();
        let reply = lab.ask(&Lab::delete(ids::VOLUME_STAGING));
        reply.refused(403, "denied");
        assert_eq!(reply.body["policies"], json!([forbid["name"]]));
        assert!(lab.has_volume(ids::VOLUME_STAGING));
    }

    fn an_allowed_request_can_be_forbidden_and_what_was_never_decided_has_no_rule(options) {
        let lab = Lab::start(options);
        lab.ask(&upsert("A")).done();
        let decided = lab.records("request_decided")[0]["id"].as_str().unwrap().to_owned();
        let forbid = rule(&lab, &["--record", &decided, "--json"]).ok().json();
        assert_eq!((&forbid["effect"], &forbid["before"]["decision"], &forbid["helps"]), (&json!("forbid"), &json!("allow"), &json!(true)), "{forbid:#}");
        let reply = lab.ask("mutation { noSuchThing }");
        assert_eq!(reply.status, 403);
        let out = rule(&lab, &["--record", reply.body["record"].as_str().unwrap()]).exits(1);
        assert!(out.stderr.contains("before any policy was asked"), "{}", out.stderr);
        let started = lab.records("session_started")[0]["id"].as_str().unwrap().to_owned();
        assert!(rule(&lab, &["--record", &started]).exits(1).stderr.contains("not about a request"));
        for nothing in ["rec_00000000000000000000000000000000", "99999999", "x' OR 1=1"] {
            rule(&lab, &["--record", nothing]).exits(1);
        }
    }
}
