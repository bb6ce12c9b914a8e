//! A session that does much is asked about: held for a person, not refused for good, and again for each further request.

use stint_standin::railway::ids;
use stint_tests::{Lab, Options, until};

use super::{Agent, id, refused, step, waiting};
use crate::place::on_both;

fn with_budget(mut options: Options, budgets: &[(&str, &str)]) -> Lab {
    for (name, limit) in budgets {
        options.variables.push((format!("STINT_BROKER_BUDGET_{name}"), (*limit).to_owned()));
    }
    Lab::start(options)
}

fn upsert(name: &str) -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"{name}\", value: \"b\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

on_both! {
    fn writes_beyond_the_budget_wait_for_a_person_and_reads_do_not(options) {
        let mut lab = with_budget(options, &[("WRITES_PER_MINUTE", "3")]);
        let read = format!("query {{ environment(id: \"{}\") {{ id name }} }}", ids::STAGING);
        let pause = |n: u32| format!("while [ ! -e '{}' ]; do sleep 0.05; done", step(&lab, n).display());
        let writes = ["A", "B", "C", "D"].map(|name| format!("ask '{}'", upsert(name)));
        let (once, last) = (pause(1), pause(2));
        let script = format!("{}; {once}; {}; ask '{read}'; {last}; ask '{}'", writes.join("; "), writes[3], upsert("E"));
        let agent = lab.begin(&script);
        let waits = waiting(&lab, 1);
        assert_eq!(waits[0]["policies"], serde_json::json!(["budget.writes-per-minute"]), "{waits:?}");
        assert!(waits[0].to_string().contains("faster than one session may"), "{waits:?}");
        let session = waits[0]["session"].as_str().unwrap().to_owned();
        let alerts = lab.broker.stint(&["alert", "list", "--json"]).ok().json();
        let alert = &alerts["alerts"][0];
        assert_eq!((&alert["kind"], &alert["session"]), (&"over_budget".into(), &session.as_str().into()), "{alerts}");
        assert!(alert["detail"].as_str().unwrap().contains("3 times within a minute"), "{alert}");
        let shown = lab.broker.stint(&["session", "show", &session, "--json"]).ok().json();
        assert_eq!(shown["budget"]["writes_per_minute"], serde_json::json!({ "used": 3, "limit": 3 }));
        let text = lab.broker.stint(&["session", "show", &session]).ok().stdout;
        assert!(text.contains("3 of 3 writes a minute"), "{text}");
        // It was held for a moment only: what is approved is sent again.
        refused(&lab, 1);
        lab.broker.stint(&["approval", "approve", &id(&waits[0])]).ok();
        std::fs::write(step(&lab, 1), "").unwrap();
        until("what was approved and the read are on record", || {
            (lab.records("request_closed").len() >= 5).then_some(())
        });
        // What was counted is on record, so a broker that starts anew counts on.
        lab.broker.restart();
        std::fs::write(step(&lab, 2), "").unwrap();
        let again = waiting(&lab, 1);
        assert_ne!(id(&again[0]), id(&waits[0]), "one yes is for one request");
        let replies = agent.wait().replies();
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses, [200, 200, 200, 403, 200, 200, 403]);
        replies[6].refused(403, "approval_required");
        assert_eq!(lab.railway.log.reached("variableUpsert"), 4);
    }

    fn each_further_thing_and_destroy_beyond_the_budget_is_asked_about(options) {
        let lab = with_budget(options, &[("DESTROYS", "1"), ("THINGS", "1"), ("BYTES", "0")]);
        // The first write touches the environment; a second thing is one too many.
        let rename = format!("mutation {{ volumeUpdate(volumeId: \"{}\", input: {{ name: \"x\" }}) {{ id }} }}", ids::VOLUME_STAGING);
        let agent = Agent::begin(&lab, &format!("ask '{}'; ask '{}'; ask '{rename}'", upsert("A"), upsert("B")));
        let waits = waiting(&lab, 1);
        assert_eq!(waits[0]["policies"], serde_json::json!(["budget.things"]), "{waits:?}");
        let replies = agent.end().replies();
        replies[0].done();
        replies[1].done();
        replies[2].refused(403, "approval_required");
    }
}
