//! `@snapshot` on a policy: the provider's own backup comes first, and the request goes on only when it is complete.

use std::fs;

use serde_json::{Value, json};
use stint_standin::Said;
use stint_tests::{Reply, until};

use crate::resolution::{DROPLET, LIVE, Ocean, STAGING, resources};

const ACTIONS: &str = "/v2/droplets/11/actions";
const POLICY: &str = r#"@id("own.snapshot") @approvable @snapshot("3s") @advice("a snapshot of it comes first")
forbid (principal, action == Action::"digitalocean:droplets_destroy", resource);
@id("own.volumes") @snapshot
permit (principal is Agent, action == Action::"digitalocean:volumes_get", resource)
when { resource.place == "environment" };"#;

struct Sea {
    ocean: Ocean,
    _policies: tempfile::TempDir,
}

impl Sea {
    fn new() -> Sea {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own.cedar"), POLICY).unwrap();
        let ocean = Ocean::told(&["--policies", &folder.path().display().to_string()]);
        ocean.broker.map("staging", "digitalocean:project/p-staging");
        ocean.broker.map("production", "digitalocean:project/p-live");
        let sea = Sea { ocean, _policies: folder };
        sea.says("in-progress", "completed");
        sea
    }

    /// What the provider says when a snapshot is asked for, and when it is looked after.
    fn says(&self, first: &str, later: &str) {
        let action =
            |status: &str| Said::json(&json!({ "action": { "id": 7, "resource_id": 11, "status": status } }));
        self.ocean.say(&format!("POST {ACTIONS}"), action(first).status(201));
        self.ocean.say("/v2/actions/7", action(later));
    }

    /// Asks to delete droplet 11, has two people say yes, and asks again in the same session.
    fn deletes(&self) -> Reply {
        let ocean = &self.ocean;
        let go = ocean.broker.scratch().join("go");
        let _ = fs::remove_file(&go);
        let refused = ocean.broker.records("request_refused").len();
        let ask = format!(
            "curl -sS -X DELETE -w '\\n%{{http_code}}\\n' -H \"Authorization: Bearer $DIGITALOCEAN_ACCESS_TOKEN\" https://api.digitalocean.com{DROPLET}"
        );
        let script = format!("{ask}; while [ ! -e {} ]; do sleep 0.05; done; {ask}", go.display());
        let args = ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c", &script];
        let agent = ocean.broker.command(&args).start();
        let list = || ocean.broker.stint(&["approval", "list", "--json"]).ok().json();
        let waiting = until("an approval waits", || list()["approvals"].get(0).cloned());
        assert!(waiting["policies"].to_string().contains("own.snapshot"), "{waiting:#}");
        until("the first is answered", || {
            (ocean.broker.records("request_refused").len() > refused).then_some(())
        });
        assert_eq!(ocean.provider.log.reached(&format!("POST {ACTIONS}")), 0, "before anybody said yes");
        ocean.broker.two_say_yes(waiting["id"].as_str().unwrap(), "web-staging");
        fs::write(&go, "").unwrap();
        agent.wait().replies().pop().unwrap()
    }

    fn deleted(&self) -> usize {
        self.ocean.provider.log.reached("DELETE /v2/droplets/11")
    }
}

#[test]
fn a_snapshot_is_taken_first_and_the_request_goes_on_when_it_is_complete() {
    let sea = Sea::new();
    let reply = sea.deletes();
    assert_eq!((reply.status, sea.deleted()), (200, 1), "{}", reply.text);
    let [done] = &sea.ocean.broker.records("snapshot_completed")[..] else { panic!("one is on record") };
    assert_eq!((&done["facts"]["job"], &done["facts"]["resource"]), (&json!("7"), &json!("11")));
    let [asked] = &sea.ocean.broker.records("snapshot_asked")[..] else { panic!("one is on record") };
    // Ids of records are in the order in which they were made.
    let seq = |record: &Value| record["id"].as_str().unwrap().to_owned();
    let decided = &sea.ocean.broker.records("request_decided")[0];
    assert!(seq(asked) < seq(done) && seq(done) < seq(decided), "{asked} {done} {decided}");
    let name = format!("stint-{}", asked["id"].as_str().unwrap());
    let sent = sea.ocean.provider.log.entries().into_iter().find(|entry| entry.path == ACTIONS).unwrap();
    assert!(String::from_utf8_lossy(&sent.body).contains(&name), "{sent:?}");
}

#[test]
fn one_that_fails_never_completes_or_is_another_ones_is_a_denial_that_says_why() {
    for (why, say) in [
        ("says \"errored\" of it", (|sea: &Sea| sea.says("in-progress", "errored")) as fn(&Sea)),
        ("was not complete within 3 s", |sea| sea.says("in-progress", "in-progress")),
        ("answers with another one", |sea| {
            let other = json!({ "action": { "id": 7, "resource_id": 22, "status": "completed" } });
            sea.ocean.say("/v2/actions/7", Said::json(&other));
        }),
        ("names no job", |sea| sea.ocean.say(&format!("POST {ACTIONS}"), Said::text("{}"))),
        ("answered 422", |sea| sea.ocean.say(&format!("POST {ACTIONS}"), Said::text("{}").status(422))),
    ] {
        let sea = Sea::new();
        say(&sea);
        let reply = sea.deletes();
        reply.refused(403, "denied");
        let said = reply.body["detail"].as_str().unwrap();
        assert!(said.contains(why), "'{why}' is not said: {said}");
        assert_eq!((sea.deleted(), sea.ocean.broker.records("snapshot_completed").len()), (0, 0), "{why}");
    }
}

#[test]
fn a_permit_can_want_one_too_and_what_no_pack_takes_one_of_is_denied() {
    let sea = Sea::new();
    let reply = sea.ocean.ask("GET", "/v2/volumes/v1");
    reply.refused(403, "denied");
    assert!(reply.text.contains("nothing says how one of a volume is taken"), "{}", reply.text);
}

#[test]
fn a_thing_that_moves_while_it_is_taken_stays() {
    let sea = Sea::new();
    sea.says("in-progress", "in-progress");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until("the snapshot is asked for", || {
                (sea.ocean.provider.log.reached(&format!("POST {ACTIONS}")) > 0).then_some(())
            });
            sea.ocean.say(STAGING, Said::json(&resources(&["do:volume:v1"])));
            sea.ocean.say(LIVE, Said::json(&resources(&["do:droplet:22", "do:droplet:11"])));
            sea.says("in-progress", "completed");
        });
        assert_eq!(sea.deletes().status, 403);
    });
    assert_eq!(sea.deleted(), 0);
}
