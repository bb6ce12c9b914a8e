use serde_json::json;
use stint_standin::Said;

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

#[test]
fn what_was_approved_is_looked_up_again_and_a_thing_that_moved_is_not_deleted() {
    let ocean = Ocean::mapped();
    let waiting = ocean.ask("DELETE", DROPLET);
    waiting.refused(403, "approval_required");
    let shown = ocean.broker.stint(&["approval", "list", "--json"]).ok().json();
    let resource = &shown["approvals"][0]["resources"][0];
    assert_eq!(
        (&resource["id"], &resource["name"], &resource["environments"]),
        (&json!("11"), &json!("web-staging"), &json!(["staging"])),
        "{shown:#}"
    );
    assert!(resource["consequences"].to_string().contains("1 backup goes with it"), "{shown:#}");
    // Somebody moves it to the other project before the yes is used.
    ocean.say(STAGING, Said::json(&resources(&["do:volume:v1"])));
    ocean.say(LIVE, Said::json(&resources(&["do:droplet:22", "do:droplet:11"])));
    ocean.ask("DELETE", DROPLET).refused(403, "denied");
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
