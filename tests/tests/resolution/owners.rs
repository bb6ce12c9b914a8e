use serde_json::json;
use stint_standin::Said;
use stint_tests::{Reply, until};

use super::{DROPLET, LIVE, Ocean, STAGING, resources};

#[test]
fn a_droplet_is_reached_from_its_own_project_and_from_no_other() {
    let ocean = Ocean::mapped();
    let own = ocean.ask("GET", DROPLET);
    assert_eq!((own.status, &own.body["droplet"]["id"]), (200, &json!(11)), "{}", own.text);
    ocean.ask("GET", "/v2/droplets/22").refused(403, "denied");
    ocean.ask("DELETE", "/v2/droplets/22").refused(403, "denied");
    // What no project has, and what is about the team as a whole.
    ocean.ask("GET", "/v2/droplets/33").refused(403, "unresolved");
    assert_eq!(ocean.ask("GET", "/v2/droplets").status, 403);
    assert_eq!(ocean.provider.log.reached("DELETE /v2/droplets/22"), 0);
    // Each question of the broker's own is on record.
    assert!(ocean.broker.records("lookup").iter().any(|record| record["facts"]["lookup"] == "Droplet"));
}

#[test]
fn what_a_body_names_counts_too() {
    let ocean = Ocean::mapped();
    let attach = |droplet: u64| {
        let body = json!({ "type": "attach", "droplet_id": droplet }).to_string();
        let line = format!(
            "curl -sS -X POST -w '\\n%{{http_code}}' -H \"Authorization: Bearer $DIGITALOCEAN_ACCESS_TOKEN\" -H 'content-type: application/json' -d '{body}' https://api.digitalocean.com/v2/volumes/v1/actions"
        );
        ocean.broker.run("staging", "coder", &["sh", "-c", &line]).reply()
    };
    attach(11).refused(403, "approval_required");
    attach(22).refused(403, "denied");
}

/// Asks to delete droplet 11, has a person say yes, and asks again in the same session, after `meanwhile`.
fn approved(ocean: &Ocean, meanwhile: impl FnOnce()) -> Reply {
    let go = ocean.broker.scratch().join("go");
    let ask = format!(
        "curl -sS -X DELETE -w '\\n%{{http_code}}\\n' -H \"Authorization: Bearer $DIGITALOCEAN_ACCESS_TOKEN\" https://api.digitalocean.com{DROPLET}"
    );
    let script = format!("{ask}; while [ ! -e {} ]; do sleep 0.05; done; {ask}", go.display());
    let args = ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c", &script];
    let agent = ocean.broker.command(&args).start();
    let list = || ocean.broker.stint(&["approval", "list", "--json"]).ok().json();
    let waiting = until("an approval waits", || list()["approvals"].get(0).cloned());
    let resource = &waiting["resources"][0];
    let shown = (&resource["id"], &resource["name"], &resource["environments"]);
    assert_eq!(shown, (&json!("11"), &json!("web-staging"), &json!(["staging"])), "{waiting:#}");
    assert!(resource["consequences"].to_string().contains("1 backup goes with it"), "{waiting:#}");
    let id = waiting["id"].as_str().unwrap();
    // A yes that comes while the first request is held would be the first one's.
    until("the first is answered", || (!ocean.broker.records("request_refused").is_empty()).then_some(()));
    ocean.broker.two_say_yes(id, "web-staging");
    meanwhile();
    std::fs::write(&go, "").unwrap();
    let out = agent.wait();
    let replies = out.replies();
    let [first, second] = &replies[..] else { panic!("{}{}", out.stdout, out.stderr) };
    first.refused(403, "approval_required");
    second.clone()
}

#[test]
fn what_was_approved_is_done_where_it_was_found() {
    let ocean = Ocean::mapped();
    assert_eq!(approved(&ocean, || ()).status, 200);
    assert_eq!(ocean.provider.log.reached("DELETE /v2/droplets/11"), 1);
    // What was found is in the record, with the request that it was found for.
    let allowed = ocean.broker.records("request_decided");
    assert!(allowed[0]["facts"].to_string().contains("web-staging"), "{:#}", allowed[0]);
}

#[test]
fn what_was_approved_is_looked_up_again_and_a_thing_that_moved_is_not_deleted() {
    let ocean = Ocean::mapped();
    let reply = approved(&ocean, || {
        ocean.say(STAGING, Said::json(&resources(&["do:volume:v1"])));
        ocean.say(LIVE, Said::json(&resources(&["do:droplet:22", "do:droplet:11"])));
    });
    // Where it was looked for a moment ago it is not found; a little later it is found in production.
    assert_eq!(reply.status, 403, "{}", reply.text);
    assert!(matches!(reply.code(), "denied" | "unresolved"), "{}", reply.text);
    assert_eq!(ocean.provider.log.reached("DELETE /v2/droplets/11"), 0);
}

#[test]
fn an_environment_that_maps_all_of_a_credential_needs_no_question() {
    let ocean = Ocean::new();
    ocean.broker.map("staging", "digitalocean:team/ocean");
    ocean.provider.log.clear();
    assert_eq!(ocean.ask("GET", DROPLET).status, 200);
    assert_eq!(ocean.ask("GET", "/v2/droplets/22").status, 200);
    assert_eq!(ocean.provider.log.len(), 2, "{:?}", ocean.provider.log);
}
