use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::{Lab, TestBroker};

use super::browser::{Browser, PASSWORD};
use super::let_in;
use crate::place::on_both;

#[track_caller]
fn step_up(broker: &TestBroker, home: &std::path::Path, args: &[&str]) {
    let out = broker.command_at(home, args).run().exits(5);
    assert!(
        out.stderr.contains("prove again who they are") && out.stderr.contains("hint: "),
        "{}",
        out.stderr
    );
}

on_both! {
    fn e14_a_login_by_a_code_starts_sessions_and_nothing_else(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let browser = Browser::welcomed(broker);
        let home = let_in(broker, &browser, "build-box");
        // It works in staging, as policy allows, and sees and ends what it started.
        let run = ["run", "--environment", "staging", "--agent", "coder", "--", "true"];
        broker.command_at(&home, &run).run().ok();
        let token = |home: &std::path::Path| {
            let args = ["token", "--environment", "staging", "--agent", "coder", "--json"];
            broker.command_at(home, &args).run().ok().json()["session"].as_str().unwrap().to_owned()
        };
        let (own, other) = (token(&home), token(&broker.home()));
        let list = broker.command_at(&home, &["session", "list", "--json"]).run().ok().json();
        let listed: Vec<&str> =
            list["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect();
        assert_eq!(listed, [own.as_str()]);
        broker.command_at(&home, &["session", "show", &other]).run().exits(1);
        broker.command_at(&home, &["session", "end", &other]).run().exits(1);
        broker.stint(&["session", "show", &other]).ok();
        broker.command_at(&home, &["session", "end", &own]).run().ok();
        // Approvals of others do not exist for it, and it decides none.
        let reply = lab.ask(&Lab::delete(ids::VOLUME_STAGING));
        let approval = reply.refused(403, "approval_required").body["approval"]["id"].as_str().unwrap().to_owned();
        assert_eq!(broker.command_at(&home, &["approval", "list", "--json"]).run().ok().json()["approvals"], json!([]));
        broker.command_at(&home, &["approval", "show", &approval]).run().exits(1);
        step_up(broker, &home, &["approval", "approve", &approval, "--confirm", "staging-cache"]);
        step_up(broker, &home, &["approval", "deny", &approval, "--reason", "no"]);
        // It reads and administers nothing.
        step_up(broker, &home, &["audit", "list"]);
        step_up(broker, &home, &["session", "end", "--all"]);
        step_up(broker, &home, &["environment", "add", "mine", "--tier", "development"]);
        step_up(broker, &home, &["environment", "map", "staging", "railway:environment/x"]);
        step_up(broker, &home, &["agent", "add", "mine"]);
        step_up(broker, &home, &["credential", "revoke", "railway"]);
        assert!(lab.has_volume(ids::VOLUME_STAGING));
        assert_eq!(lab.waiting()["id"], approval.as_str());
    }

    fn the_first_login_administers_until_its_person_can_prove_who_they_are(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        broker.stint(&["environment", "add", "one", "--tier", "development"]).ok();
        let browser = Browser::welcomed(broker);
        let home = broker.home();
        let out = broker.stint(&["environment", "add", "two", "--tier", "development"]).exits(5);
        let status = broker.stint(&["login", "status", "--json"]).ok().json();
        let client = status["login"]["client_id"].as_str().unwrap();
        let page = format!("/console/logins/{client}/elevate");
        assert!(out.stderr.contains(&format!("{}{page}", broker.url)), "{}", out.stderr);
        // It reads as before, and approves what can be put back, but no destroy.
        broker.stint(&["audit", "list"]).ok();
        let reply = lab.ask(&Lab::delete(ids::VOLUME_STAGING));
        let approval = reply.refused(403, "approval_required").body["approval"]["id"].as_str().unwrap().to_owned();
        step_up(broker, &home, &["approval", "approve", &approval, "--confirm", "staging-cache"]);
        // Its person lets it administer for a while: at the console, with a fresh proof.
        crate::login::forget_proofs(broker);
        assert_eq!(browser.post(&page, &[]).status, 403);
        assert_eq!(browser.post(&page, &[("password", "not this one at all")]).status, 401);
        step_up(broker, &home, &["environment", "add", "two", "--tier", "development"]);
        assert_eq!(browser.post(&page, &[("password", PASSWORD)]).status, 303);
        broker.stint(&["environment", "add", "two", "--tier", "development"]).ok();
        step_up(broker, &home, &["approval", "approve", &approval, "--confirm", "staging-cache"]);
        let record = &broker.records("login_elevated")[0];
        assert!(record["facts"]["client_id"] == client && record["facts"]["until"].is_string(), "{record}");
        // And no longer than that.
        lab.sql("UPDATE logins SET elevated_until = 1 WHERE elevated_until IS NOT NULL");
        step_up(broker, &home, &["environment", "add", "three", "--tier", "development"]);
        assert_eq!(browser.post(&page, &[("password", PASSWORD)]).status, 303);
        broker.stint(&["environment", "add", "three", "--tier", "development"]).ok();
        assert_eq!(browser.post(&format!("/console/logins/{client}/lower"), &[]).status, 303);
        step_up(broker, &home, &["environment", "add", "four", "--tier", "development"]);
    }

    fn a_login_is_raised_by_its_own_person_only_and_by_no_login(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let browser = Browser::welcomed(broker);
        let home = let_in(broker, &browser, "build-box");
        let status = |home: &std::path::Path| broker.command_at(home, &["login", "status", "--json"]).run().ok().json();
        let client = status(&home)["login"]["client_id"].as_str().unwrap().to_owned();
        let page = format!("/console/logins/{client}/elevate");
        assert_eq!(browser.post(&page, &[("password", PASSWORD)]).status, 303);
        assert_eq!(status(&home)["login"]["reaches"]["administers"], true);
        broker.command_at(&home, &["environment", "add", "mine", "--tier", "development"]).run().ok();
        let reply = lab.ask(&Lab::delete(ids::VOLUME_STAGING));
        let approval = reply.body["approval"]["id"].as_str().unwrap().to_owned();
        step_up(broker, &home, &["approval", "approve", &approval, "--confirm", "staging-cache"]);
        step_up(broker, &home, &["approval", "deny", &approval, "--reason", "no"]);
        // The link of `stint console` is for those who have nothing to sign in with.
        for home in [&home, &broker.home()] {
            let link = broker.command_at(home, &["console", "--no-browser", "--json"]).run().ok().json();
            assert_eq!(link, json!({ "url": format!("{}/console/", broker.url) }));
        }
        lab.sql("INSERT INTO people (name, role, created_at) VALUES ('mallory', 'owner', 1)");
        lab.sql(&format!("UPDATE logins SET person = 'mallory' WHERE client = '{client}'"));
        assert_eq!(browser.get(&page).status, 404);
        assert_eq!(browser.post(&page, &[("password", PASSWORD)]).status, 404);
    }

    fn a_link_to_the_console_works_once(options) {
        let broker = TestBroker::start(options);
        broker.login();
        let links: Vec<String> = (0..2)
            .map(|_| broker.stint(&["console", "--no-browser", "--json"]).ok().json()["url"].as_str().unwrap().to_owned())
            .collect();
        let tokens: Vec<&str> = links.iter().map(|link| link.split_once("?token=").unwrap().1).collect();
        let browser = Browser::of(&broker);
        let set = |token: &str, password: &str| browser.post("/console/enrol", &[("token", token), ("password", password)]);
        assert_eq!(set(tokens[0], PASSWORD).status, 404, "a new link ends the old one");
        assert_eq!(set("guessed", PASSWORD).status, 404);
        let short = set(tokens[1], "short");
        assert!(short.status == 422 || short.status == 400, "{} {}", short.status, short.text());
        assert_eq!(set(tokens[1], PASSWORD).status, 303);
        assert_eq!(browser.get("/console/").status, 200);
        assert_eq!(set(tokens[1], PASSWORD).status, 404);
        assert_eq!(broker.records("console_link_made").len(), 2);
        assert_eq!(broker.records("person_enrolled").len(), 1);
    }
}
