use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_tests::Lab;

use super::ground::{forbid, joined, write};
use crate::place::on_both;

fn upsert(name: &str) -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"{name}\", value: \"b\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

fn lines<'a>(reach: &'a Value, session: &str, class: &str, place: &str) -> Vec<&'a Value> {
    let names = |line: &&Value| {
        let places = line["places"].as_array().cloned().unwrap_or_default();
        line["session"] == session && line["class"] == class && places.contains(&json!(place))
    };
    reach["lines"].as_array().unwrap().iter().filter(names).collect()
}

on_both! {
    fn the_table_says_what_requests_then_meet(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let reach = broker.stint(&["policy", "reach", "--json"]).ok().json();
        let [own] = lines(&reach, "staging", "write", "own")[..] else { panic!("{reach:#}") };
        assert_eq!((&own["outcome"], &own["policies"]), (&json!("allowed"), &json!(["starter.work"])));
        assert_eq!(own["operations"], json!(["every operation"]));
        lab.ask(&upsert("A")).done();
        for line in lines(&reach, "staging", "destroy", "production") {
            assert_eq!(line["outcome"], "denied", "{line}");
        }
        lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION)).refused(403, "denied");
        assert!(lines(&reach, "staging", "destroy", "own").iter().any(|line| line["outcome"] == "asked"));
        lab.ask(&Lab::delete(ids::VOLUME_STAGING)).refused(403, "approval_required");
        assert_eq!(reach["notes"], json!([]), "what ships says what it says");

        // One rule is one difference, before it is saved and after.
        let (text, tests) = forbid("team.no-variables", "railway:variableUpsert");
        let file = write(broker, "team.no-variables", &text, &tests);
        let effect = broker.stint(&["policy", "effect", &file, "--json"]).ok().json();
        let after = effect["after"].as_array().unwrap();
        let named = |line: &&Value| line["operations"] == json!(["railway:variableUpsert"]) && line["session"] == "staging" && line["class"] == "write";
        let denied: Vec<&Value> = after.iter().filter(named).collect();
        assert!(denied.iter().all(|line| line["outcome"] == "denied") && !denied.is_empty(), "{effect:#}");
        let replay = &effect["replay"];
        assert_eq!(replay["differences"].as_array().unwrap().len(), 1, "{replay:#}");
        let one = &replay["differences"][0];
        assert_eq!((&one["before"]["decision"], &one["after"]["decision"], &one["requests"]), (&json!("allow"), &json!("deny"), &json!(1)));
        assert_eq!(one["after"]["policies"], json!(["team.no-variables"]));
        let record = one["record"].as_str().unwrap();
        assert_eq!(lab.records("request_decided")[0]["id"], record);
        assert_eq!(broker.stint(&["policy", "reach", "--json"]).ok().json()["lines"], reach["lines"], "it was saved");
        broker.stint(&["policy", "save", "team.no-variables", &file]).ok();
        lab.ask(&upsert("B")).refused(403, "denied");
        let now = broker.stint(&["policy", "reach", "--json"]).ok().json();
        for line in after {
            assert!(now["lines"].as_array().unwrap().contains(line), "{line}");
        }
        // What nobody is, and what is not there.
        broker.stint(&["policy", "reach", "--agent", "nobody-yet"]).ok();
        let out = broker.stint(&["policy", "reach", "--session", "nowhere"]).exits(1);
        assert!(out.stderr.contains("staging"), "{}", out.stderr);
        let broken = write(broker, "broken", "@id(\"x\") permit (", &tests);
        broker.stint(&["policy", "effect", &broken]).exits(1);
        broker.stint(&["policy", "effect", &file, "--since", "1000d"]).exits(1);
    }

    fn the_broker_says_the_same_where_it_does_not_run(options) {
        let lab = Lab::start(options);
        lab.ask(&upsert("A")).done();
        let told = lab.broker.stint(&["policy", "reach", "--json"]).ok().json();
        let (text, tests) = forbid("team.no-variables", "railway:variableUpsert");
        write(&lab.broker, "team.no-variables", &text, &tests);
        // The folder holds nothing else that is a policy.
        let folder = lab.broker.scratch().join("changed");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(lab.broker.scratch().join("team.no-variables.cedar"), folder.join("team.no-variables.cedar")).unwrap();
        let reach = lab.broker.broker(&["policy", "reach", "--json"]).ok().json();
        assert_eq!(reach["lines"], told["lines"]);
        let folder = folder.display().to_string();
        let replay = lab.broker.broker(&["policy", "replay", "--since", "1d", "--with", &folder, "--json"]).ok().json();
        assert_eq!(replay["differences"][0]["after"]["policies"], json!(["team.no-variables"]), "{replay:#}");
        let text = lab.broker.broker(&["policy", "replay", "--with", &folder]).ok().stdout;
        assert!(text.contains("1 would come out differently") && text.contains("railway:variableUpsert (write) in staging"), "{text}");
    }

    fn a_policy_that_says_nothing_is_told_on_the_page(options) {
        let lab = Lab::start(options);
        let browser = joined(&lab, "eve", "owner");
        // It is about one agent, and another one is asked about.
        let text = "@id(\"team.coder\")\nforbid (principal == Agent::\"coder\", action == Action::\"railway:variableUpsert\", resource is Resource);\n";
        let tests = "[[test]]\nname = \"its own\"\nagent = \"coder\"\nsession = [\"staging\", \"staging\"]\ntouch = [{ operation = \"railway:variableUpsert\", class = \"write\", resource = \"environment/x\", place = [\"staging\", \"staging\"] }]\ndecision = \"deny\"\npolicies = [\"team.coder\"]\n";
        let file = write(&lab.broker, "team.coder", text, tests);
        lab.broker.stint(&["policy", "save", "team.coder", &file]).ok();
        for about in ["coder", "nobody-yet"] {
            let reach = lab.broker.stint(&["policy", "reach", "--agent", about, "--json"]).ok().json();
            assert_eq!(reach["notes"], json!([]), "asked about {about}");
            assert!(reach["lines"].as_array().unwrap().iter().all(|line| line["agents"] == json!([about])));
        }
        let text = "@id(\"team.twice\")\npermit (principal is Agent, action in Action::\"class:read\", resource is Resource)\nwhen { resource.place == \"shared\" };\n";
        let tests = "[[test]]\nname = \"read\"\nsession = [\"staging\", \"staging\"]\ntouch = [{ operation = \"railway:me\", class = \"read\", place = \"shared\" }]\ndecision = \"allow\"\npolicies = [\"starter.shared-facts\", \"team.twice\"]\n";
        let draft = [("name", "team.twice"), ("text", text), ("tests", tests)];
        let page = browser.post("/console/policies/check", &draft);
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("Nobody could do more or less than now") || page.text().contains("Would be so instead"), "{}", page.text());
        assert_eq!(browser.post("/console/policies/save", &draft).status, 303);
        let page = browser.get("/console/policies/reach").text();
        assert!(page.contains("starter.shared-facts permits the same"), "{page}");
        assert!(page.contains("guardrail.other-environment") && page.contains("stint policy reach"), "{page}");
        let page = browser.get("/console/policies/reach?session=staging").text();
        assert!(page.contains("stint policy reach --session staging"), "{page}");
    }
}
