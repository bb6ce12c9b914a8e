//! Invited, given a role, removed.

use stint_tests::Lab;

use super::browser::{Browser, OTHER, PASSWORD, kinds, named, set_up};
use super::login::Login;
use crate::place::on_both;

fn invited(owner: &mut Browser<'_>, person: &str, role: &str) -> String {
    let page = owner.post("/console/people", &[("person", person), ("role", role)]);
    page.says(200, "shown this once");
    page.0.text().split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

on_both! {
    fn a_person_is_invited_given_a_role_and_removed_for_good(options) {
        let broker = named(options);
        let mut alice = set_up(&broker);
        let old = invited(&mut alice, "Bob ", "auditor");
        let token = invited(&mut alice, "bob", "operator");
        let mut bob = Browser::new(&broker);
        // A newer link takes the place of the one before; a made-up one is none.
        for wrong in [old.as_str(), "", "x"] {
            bob.post("/console/enrol", &[("token", wrong), ("password", PASSWORD)]).says(404, "This link is over");
        }
        bob.post("/console/enrol", &[("token", &token), ("password", "short")]).says(400, "15 to 1024");
        bob.post("/console/enrol", &[("token", &token), ("password", PASSWORD)]).goes("/console/account");
        bob.get("/console/account").says(200, "operator");
        alice.get("/console/people").says(200, "operator");
        alice.post("/console/people", &[("person", "bob"), ("role", "owner")]).says(409, "is or was somebody");
        alice.post("/console/people", &[("person", "../x"), ("role", "owner")]).says(400, "is not a name");
        alice.post("/console/people", &[("person", "eve"), ("role", "god")]).says(400, "there is no such role");

        alice.post("/console/people/bob/role", &[("role", "approver")]).goes("/console/people/bob");
        bob.get("/console/account").says(200, "approver");
        alice.post("/console/people/alice/role", &[("role", "auditor")]).says(409, "the last owner");
        alice.post("/console/people/alice/remove", &[]).says(409, "the last owner");
        alice.post("/console/people/bob/role", &[("role", "owner")]).goes("/console/people/bob");
        alice.post("/console/people/alice/role", &[("role", "auditor")]).goes("/console/people/alice");
        alice.get("/console/people/bob").says(403, "may not administer");
        bob.post("/console/people/bob/remove", &[]).says(409, "the last owner");
        bob.get("/console/people/alice/remove").says(200, "Remove alice");
        bob.post("/console/people/alice/remove", &[]).goes("/console/people");
        assert!(!alice.is_in());
        Browser::new(&broker).sign_in("alice", PASSWORD, "").says(401, "does not belong together");
        bob.post("/console/people", &[("person", "alice"), ("role", "owner")]).says(409, "is or was somebody");
        for kind in ["person_added", "person_removed"] {
            assert_eq!(kinds(&broker, kind), 1, "{kind}");
        }
        assert_eq!(kinds(&broker, "role_changed"), 3);
    }

    fn a_removed_person_loses_their_login_and_their_sessions(options) {
        let lab = Lab::start(options);
        let login = Login::of(&lab.broker);
        let name = login.call("GET", "/v1/whoami", None).json()["person"].as_str().unwrap().to_owned();
        let account = login.call("GET", "/v1/account", None).json();
        assert_eq!((&account["password"], account["logins"][0]["current"].as_bool()), (&false.into(), Some(true)));
        let invited = login.call("POST", "/v1/people", Some(r#"{"person":"carol","role":"owner"}"#)).json();
        let token = invited["url"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        let mut carol = Browser::new(&lab.broker);
        carol.post("/console/enrol", &[("token", &token), ("password", OTHER)]).goes("/console/account");
        let listed = lab.broker.stint(&["person", "list", "--json"]).ok().json();
        assert_eq!((&listed["people"][1]["name"], &listed["people"][1]["password"]), (&"carol".into(), &true.into()));
        let shown = lab.broker.stint(&["person", "show"]).ok();
        assert!(shown.stdout.contains(&name) && shown.stdout.contains(&login.id), "{}", shown.stdout);
        lab.broker.stint(&["person", "show", "nobody"]).exits(1);
        let link = lab.broker.stint(&["person", "invite", "dave", "--role", "auditor"]).ok();
        assert!(link.stdout.contains("/console/enrol?token="), "{}", link.stdout);
        lab.broker.stint(&["person", "withdraw", "dave"]).ok();
        lab.broker.stint(&["person", "role", "carol", "approver"]).ok();
        lab.broker.stint(&["person", "role", "carol", "owner"]).ok();
        lab.broker.stint(&["person", "role", &name, "god"]).exits(1);
        let agent = lab.begin("sleep 60");
        stint_tests::until("a session is live", || {
            let sessions = login.call("GET", "/v1/sessions", None).json();
            (sessions["sessions"].as_array()?.len() == 1).then_some(())
        });
        carol.post(&format!("/console/people/{name}/remove"), &[]).goes("/console/people");
        carol.get("/console/sessions").says(200, "ended");
        assert_eq!(login.token().status, 401);
        lab.broker.stint(&["environment", "list"]).exits(4);
        carol.get("/console/people").says(200, "carol");
        drop(agent);
        lab.broker.broker(&["audit", "verify"]).ok();
    }
}

#[test]
fn a_login_that_was_ended_gets_no_token_and_its_token_is_worth_nothing() {
    let lab = Lab::start(crate::place::sqlite());
    let login = Login::of(&lab.broker);
    let token = login.token().json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(login.call_with(&token, "GET", "/v1/whoami", None).status, 200);
    assert_eq!(
        login.call_with(&token, "POST", &format!("/v1/account/logins/{}/end", login.id), None).status,
        200
    );
    assert_eq!(login.call_with(&token, "GET", "/v1/whoami", None).status, 401);
    assert_eq!(login.token().status, 401);
    assert_eq!(kinds(&lab.broker, "login_ended"), 1);
}
