//! A provider that lies, stalls, errs or answers with another's things: each leads to a refusal, and nothing is sent.

use std::time::Duration;

use serde_json::json;
use stint_standin::{Fault, Said};

use super::{DROPLET, LIVE, Ocean, PROJECTS, STAGING, droplet, resources};

const LOOKUP: &str = "GET /v2/droplets/11";

/// Deleting droplet 11, which is in staging, would need a person's yes: here it must not even get so far.
#[track_caller]
fn refused(ocean: &Ocean, why: &str) {
    let reply = ocean.ask("DELETE", DROPLET);
    reply.refused(403, "unresolved");
    assert!(reply.body["approval"].is_null(), "{}", reply.text);
    assert_eq!(ocean.provider.log.reached("DELETE /v2/droplets/11"), 0);
    assert!(reply.text.contains(why), "'{why}' is not said: {}", reply.text);
}

fn after(spoil: impl FnOnce(&Ocean), why: &str) {
    let ocean = Ocean::mapped();
    spoil(&ocean);
    refused(&ocean, why);
}

fn says(said: Said, why: &str) {
    after(|ocean| ocean.say(DROPLET, said), why);
}

#[test]
fn an_honest_answer_gets_as_far_as_a_person() {
    Ocean::mapped().ask("DELETE", DROPLET).refused(403, "approval_required");
}

#[test]
fn another_things_answer() {
    says(Said::json(&droplet(22, "web")), "another thing");
}

#[test]
fn an_answer_about_nothing() {
    says(Said::json(&json!({ "droplet": null })), "does not know it");
}

#[test]
fn an_error_with_status_200() {
    says(Said::json(&json!({ "id": "not_found", "message": "no such droplet" })), "droplet");
}

#[test]
fn json_that_is_cut_off() {
    says(Said::text(r#"{"droplet":{"id":11,"name":"web"#), "not JSON");
}

#[test]
fn a_member_that_is_there_twice() {
    says(
        Said::text(r#"{"droplet":{"id":22,"id":11,"name":"web","backup_ids":[],"volume_ids":[]}}"#),
        "twice",
    );
}

#[test]
fn json_without_a_bottom() {
    says(Said::text(format!("{{\"droplet\":{}{}}}", "[".repeat(100), "]".repeat(100))), "too deeply");
}

#[test]
fn a_page_for_people() {
    says(Said::text("<html>11</html>").header("content-type", "text/html"), "not of type JSON");
}

#[test]
fn json_that_says_it_is_text() {
    says(Said::json(&droplet(11, "web")).header("content-type", "text/plain"), "not of type JSON");
}

#[test]
fn a_body_without_end() {
    let padding = "x".repeat(5 << 20);
    says(
        Said::json(&json!({ "droplet": { "id": 11, "name": padding, "backup_ids": [], "volume_ids": [] } })),
        "too large",
    );
}

#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 307, 308] {
        after(
            |ocean| {
                let elsewhere = format!("{}/v2/droplets/12", ocean.provider.url());
                ocean.say("/v2/droplets/12", Said::json(&droplet(11, "web")));
                ocean.say(DROPLET, Said::text("{}").status(status).header("location", &elsewhere));
            },
            "elsewhere now",
        );
    }
}

#[test]
fn errors_of_the_provider() {
    for (status, why) in [
        (500, "answered 500"),
        (503, "answered 503"),
        (404, "does not know it"),
        (401, "does not take"),
        (403, "does not let"),
    ] {
        says(Said::json(&droplet(11, "web")).status(status), why);
    }
}

#[test]
fn a_provider_that_wants_fewer_requests_is_left_alone() {
    let ocean = Ocean::mapped();
    ocean.provider.faults.on(LOOKUP, Fault::TooMany { retry_after: 600 });
    refused(&ocean, "try again in 600 s");
    ocean.provider.faults.clear();
    let before = ocean.provider.log.len();
    let other = ocean.ask("DELETE", "/v2/volumes/v1");
    other.refused(403, "unresolved");
    assert!(other.text.contains("asked nothing for another"), "{}", other.text);
    assert_eq!(ocean.provider.log.len(), before, "it was asked again");
}

#[test]
fn a_provider_that_does_not_answer() {
    after(|ocean| ocean.provider.faults.on(LOOKUP, Fault::Delay(Duration::from_secs(30))), "Droplet");
}

#[test]
fn an_answer_that_stands_still() {
    after(|ocean| ocean.provider.faults.on(LOOKUP, Fault::Stall), "broke off");
}

#[test]
fn an_answer_that_breaks_off() {
    after(|ocean| ocean.provider.faults.on(LOOKUP, Fault::Cut), "broke off");
}

#[test]
fn pages_without_end() {
    after(
        |ocean| {
            for page in 1..300 {
                let target = if page == 1 { LIVE.to_owned() } else { format!("{LIVE}&page={page}") };
                let more = json!({ "resources": [], "links": { "pages": { "next": "https://elsewhere.example/" } } });
                ocean.say(&target, Said::json(&more));
            }
            ocean.say(STAGING, Said::json(&resources(&[])));
        },
        "too many look-ups",
    );
}

#[test]
fn a_thing_that_no_project_lists() {
    after(
        |ocean| ocean.say(STAGING, Said::json(&resources(&["do:droplet:111", "do:volume:11"]))),
        "does not list it",
    );
}

#[test]
fn projects_that_cannot_be_listed() {
    after(|ocean| ocean.say(PROJECTS, Said::text("{}")), "does not list it");
}

#[test]
fn an_owner_without_an_id() {
    after(
        |ocean| {
            ocean.say(PROJECTS, Said::json(&json!({ "projects": [{ "name": "Shop staging" }], "links": {} })))
        },
        "does not list it",
    );
}

#[test]
fn a_thing_that_both_projects_list_is_nobodys_alone() {
    let ocean = Ocean::mapped();
    ocean.say(LIVE, Said::json(&resources(&["do:droplet:22", "do:droplet:11"])));
    ocean.ask("DELETE", DROPLET).refused(403, "denied");
    assert_eq!(ocean.provider.log.reached("DELETE /v2/droplets/11"), 0);
}

#[test]
fn what_was_true_a_moment_ago_is_asked_again_before_it_is_destroyed() {
    let ocean = Ocean::mapped();
    assert_eq!(ocean.ask("GET", DROPLET).status, 200);
    ocean.say(STAGING, Said::json(&resources(&[])));
    ocean.say(LIVE, Said::json(&resources(&["do:droplet:11"])));
    // A read may believe what was read within the minute; what cannot be put back may not.
    let reply = ocean.ask("DELETE", DROPLET);
    assert_eq!(reply.status, 403, "{}", reply.text);
    assert!(matches!(reply.code(), "denied" | "unresolved"), "{}", reply.text);
    assert_eq!(ocean.provider.log.reached("DELETE /v2/droplets/11"), 0);
}
