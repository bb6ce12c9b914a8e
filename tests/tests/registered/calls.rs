use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_tests::Lab;

use crate::place::on_both;

on_both! {
    fn an_agent_is_edited_and_removed_with_its_sessions(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let json = |args: &[&str]| broker.stint(&[args, &["--json"]].concat()).ok().json();
        let edited = json(&["agent", "edit", "coder", "--environment", "staging", "--environment", "production"]);
        assert_eq!(edited["environments"], json!(["staging", "production"]));
        broker.stint(&["agent", "edit", "coder", "--environment", "nowhere"]).exits(1);
        broker.stint(&["agent", "edit", "nobody"]).exits(1);
        let token = json(&["token", "--environment", "staging", "--agent", "coder"]);
        let shown = json(&["agent", "show", "coder"]);
        assert_eq!((&shown["agent"]["sessions_live"], &shown["sessions"][0]["id"]), (&json!(1), &token["session"]));
        assert_eq!(shown["changes"][0]["body"]["kind"], "agent_edited");

        let removed = json(&["agent", "remove", "coder"]);
        assert_eq!(removed["ended"], json!([token["session"]]));
        broker.stint(&["agent", "show", "coder"]).exits(1);
        assert_eq!(lab.records("session_ended")[0]["facts"]["reason"], "agent_removed");
        lab.run(&["true"]).exits(125);
        // The name is free again, for another client.
        broker.add_agent("coder");
        let again = json(&["agent", "show", "coder"]);
        assert_ne!(again["agent"]["client_id"], shown["agent"]["client_id"]);
        lab.run(&["true"]).ok();
    }

    fn an_environment_goes_when_nothing_points_to_it_and_its_name_can_be_given_again(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let selector = format!("railway:environment/{}", ids::STAGING);
        let held = broker.stint(&["environment", "remove", "staging"]).exits(1);
        assert!(held.stderr.contains(&selector), "{}", held.stderr);
        broker.stint(&["environment", "unmap", "staging", &selector]).ok();
        broker.stint(&["agent", "edit", "coder", "--environment", "staging"]).ok();
        let held = broker.stint(&["environment", "remove", "staging"]).exits(1);
        assert!(held.stderr.contains("agent coder"), "{}", held.stderr);
        broker.stint(&["agent", "edit", "coder"]).ok();
        let session = broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
        let id = session["session"].as_str().unwrap().to_owned();
        let held = broker.stint(&["environment", "remove", "staging"]).exits(1);
        assert!(held.stderr.contains(&id), "{}", held.stderr);
        broker.stint(&["session", "end", &id]).ok();
        broker.stint(&["environment", "remove", "staging"]).ok();
        broker.stint(&["environment", "remove", "staging"]).exits(1);
        lab.run(&["true"]).exits(125);
        broker.stint(&["environment", "map", "staging", &selector]).exits(1);
        broker.stint(&["environment", "add", "staging", "--tier", "development"]).ok();
        broker.stint(&["environment", "map", "staging", &selector]).ok();
        lab.run(&["true"]).ok();
        assert_eq!(lab.records("environment_removed").len(), 1);
    }

    fn another_tier_ends_the_sessions_of_the_old_one(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let session = broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
        let changed = broker.stint(&["environment", "tier", "staging", "production", "--json"]).ok().json();
        assert_eq!((&changed["environment"]["tier"], &changed["ended"]), (&json!("production"), &json!([session["session"]])));
        let same = broker.stint(&["environment", "tier", "staging", "production", "--json"]).ok().json();
        assert_eq!(same["ended"], json!([]));
        let facts = lab.records("tier_changed")[0]["facts"].clone();
        assert_eq!(facts, json!({ "environment": "staging", "from": "staging", "tier": "production" }));
    }

    fn the_last_use_of_a_credential_outlives_a_restart(options) {
        let mut lab = Lab::start(options);
        let used = |lab: &Lab| -> Value {
            let list = lab.broker.stint(&["credential", "list", "--json"]).ok().json();
            list["credentials"][0]["used_at"].clone()
        };
        assert_eq!(used(&lab), Value::Null);
        lab.ask("{ me { name } }").done();
        let at = used(&lab);
        assert!(at.is_string(), "{at}");
        assert_eq!(lab.broker.terminate(), Some(0));
        lab.broker.restart();
        let (before, after) = (at.as_str().unwrap().to_owned(), used(&lab));
        assert_eq!(&before[..23], &after.as_str().expect("it was kept")[..23]);
    }

    fn the_inventory_says_what_is_mapped_and_what_nobody_reaches(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let empty = broker.stint(&["environment", "inventory", "--json"]).ok().json();
        assert_eq!((&empty["readings"][0]["credential"], &empty["readings"][0]["places"]), (&json!("railway"), &json!([])));
        broker.stint(&["environment", "unmap", "production", &format!("railway:environment/{}", ids::PRODUCTION)]).ok();
        let read = broker.stint(&["environment", "inventory", "--read", "--json"]).ok().json();
        let places = read["readings"][0]["places"].as_array().unwrap().clone();
        let place = |id: &str| {
            let selector = format!("railway:environment/{id}");
            places.iter().find(|place| place["selector"] == selector.as_str()).cloned().unwrap_or_default()
        };
        let (staging, production) = (place(ids::STAGING), place(ids::PRODUCTION));
        assert_eq!((&staging["environment"], &production["environment"]), (&json!("staging"), &Value::Null), "{read:#}");
        assert!(staging["name"].is_string() && staging["within"].is_string(), "{staging:#}");
        let volume = |place: &Value, id: &str| {
            let things = place["things"].as_array().cloned().unwrap_or_default();
            things.iter().any(|thing| thing["kind"] == "volume" && thing["id"] == id && thing["name"].is_string())
        };
        assert!(volume(&staging, ids::VOLUME_STAGING), "{staging:#}");
        assert!(!volume(&production, ids::VOLUME_STAGING), "{production:#}");
        assert!(!lab.records("lookup").is_empty(), "each look-up is on record");
    }
}
