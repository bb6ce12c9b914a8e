//! E4, E9 and E16: what an open browser, a login on a machine and another person may not do.

use stint_standin::railway::ids;
use stint_tests::Lab;
use stint_tests::authenticator::Authenticator;

use super::browser::{Browser, OTHER, PASSWORD, named, set_up};
use super::login::Login;
use crate::place::on_both;

/// A lab whose person has a login and nothing else, its login, and the token of a link by which they enrol.
fn furnished(options: stint_tests::Options) -> (Lab, Login, String) {
    let lab = Lab::start(options);
    let login = Login::of(&lab.broker);
    let name = login.call("GET", "/v1/whoami", None).json()["person"].as_str().unwrap().to_owned();
    let link = login.call("POST", &format!("/v1/people/{name}/enrol"), None).json();
    let token = link["url"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    (lab, login, token)
}

on_both! {
    fn e04_a_login_on_a_machine_approves_no_deletion_once_its_person_has_a_password(options) {
        let (lab, login, token) = furnished(options);
        let name = login.call("GET", "/v1/whoami", None).json()["person"].as_str().unwrap().to_owned();
        let id = lab.ask(&Lab::delete(ids::VOLUME_STAGING)).body["approval"]["id"].as_str().unwrap().to_owned();
        let mut browser = Browser::new(&lab.broker);
        browser.get(&format!("/console/enrol?token={token}")).says(200, &format!("Welcome, {name}"));
        browser.post("/console/enrol", &[("token", &token), ("password", PASSWORD)]).goes("/console/account");
        browser.copy().post("/console/enrol", &[("token", &token), ("password", OTHER)]).says(404, "was used");
        let refused = lab.broker.stint(&["approval", "approve", &id, "--confirm", "staging-cache"]).exits(5);
        assert!(refused.stderr.contains("console"), "{}", refused.stderr);
        assert!(lab.has_volume(ids::VOLUME_STAGING));
        // Nor does it make itself another way in.
        for (path, body) in [
            (format!("/v1/people/{name}/enrol"), None),
            ("/v1/people".to_owned(), Some(r#"{"person":"mallory","role":"owner"}"#)),
            (format!("/v1/people/{name}/role"), Some(r#"{"role":"auditor"}"#)),
        ] {
            let answer = login.call("POST", &path, body);
            assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("step_up_required")), "{path}");
        }
    }

    fn e09_an_open_browser_is_not_enough_for_what_cannot_be_put_back(options) {
        let (lab, _, token) = furnished(options);
        let mut browser = Browser::new(&lab.broker);
        browser.post("/console/enrol", &[("token", &token), ("password", PASSWORD)]).goes("/console/account");
        let agent = lab.begin(&format!("ask '{}'; sleep 60", Lab::remove_deployment()));
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        let page = format!("/console/approvals/{id}");
        let stale = || lab.sql("UPDATE sign_ins SET proven_at = proven_at - 301000");
        stale();
        browser.get(&page).says(200, "proof-password");
        let yes = [("confirm", ids::DEPLOYMENT_STAGING)];
        browser.post(&format!("{page}/approve"), &yes).says(403, "prove again who you are");
        let wrong = [("confirm", ids::DEPLOYMENT_STAGING), ("password", OTHER)];
        browser.post(&format!("{page}/approve"), &wrong).says(401, "does not belong together");
        for (path, form) in [
            ("/console/account/password", &[("password", OTHER)][..]),
            ("/console/account/recovery-codes", &[]),
            ("/console/people", &[("person", "mallory"), ("role", "owner")]),
        ] {
            let answer = browser.post(path, form).0;
            let to = answer.header("location").unwrap_or_default();
            assert!(answer.status == 303 && to.starts_with("/console/prove?next="), "{path}: {}", answer.text());
        }
        let right = [("confirm", ids::DEPLOYMENT_STAGING), ("password", PASSWORD)];
        browser.post(&format!("{page}/approve"), &right).goes(&page);
        browser.get(&page).says(200, "approved");
        stale();
        browser.post("/console/prove", &[("password", PASSWORD), ("next", "/console/people")]).goes("/console/people");
        browser.post("/console/people", &[("person", "bob"), ("role", "auditor")]).says(200, "/console/enrol?token=");
        drop(agent);
    }
}

#[test]
fn e09_a_passkey_proves_again_and_only_its_own_person() {
    let broker = named(crate::place::sqlite());
    let mut alice = set_up(&broker);
    let mut key = Authenticator::ed25519(&broker.url);
    alice.add_passkey(&mut key).goes("/console/account");
    let link = alice.post("/console/people", &[("person", "bob"), ("role", "owner")]).0.text();
    let token = link.split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut bob = Browser::new(&broker);
    let options = bob.options("/console/enrol/options", &[("token", &token)]);
    let mut own = Authenticator::es256(&broker.url);
    own.user = options["user"].as_str().unwrap().to_owned();
    let made = own.made(options["challenge"].as_str().unwrap());
    let form = [("token", token.as_str()), ("name", "phone"), ("passkey", &made)];
    bob.post("/console/enrol", &form).goes("/console/account");
    let prove = |browser: &mut Browser<'_>, key: &mut Authenticator| {
        let options = browser.options("/console/prove/options", &[]);
        let given = key.given(options["challenge"].as_str().unwrap());
        browser.post("/console/prove", &[("passkey", &given), ("next", "https://evil.test/")])
    };
    prove(&mut alice, &mut key).goes("/console/");
    prove(&mut bob, &mut own).goes("/console/");
    prove(&mut bob, &mut key).says(401, "");
    // A challenge for one browser is none for another, whoever answers it.
    let options = bob.options("/console/prove/options", &[]);
    let given = key.given(options["challenge"].as_str().unwrap());
    alice.post("/console/prove", &[("passkey", &given)]).says(401, "");
}

#[test]
fn e16_what_is_another_persons_is_not_there() {
    let broker = named(crate::place::sqlite());
    let mut alice = set_up(&broker);
    let link = alice.post("/console/people", &[("person", "bob"), ("role", "auditor")]).0.text();
    let token = link.split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut bob = Browser::new(&broker);
    bob.post("/console/enrol", &[("token", &token), ("password", PASSWORD)]).goes("/console/account");
    let page = alice.get("/console/account").0.text();
    let (_, rest) = page.split_once("/console/account/sign-ins/").unwrap();
    let id = rest.split('/').next().unwrap().to_owned();
    bob.post(&format!("/console/account/sign-ins/{id}/end"), &[]).says(404, "there is no sign-in");
    bob.post("/console/account/logins/cli_00000000000000000000000000000000/end", &[])
        .says(404, "there is no login");
    bob.post("/console/account/sign-ins/<b>/end", &[]);
    // What only owners may see or do says so to everybody else.
    for path in ["/console/people/alice", "/console/people/alice/remove"] {
        bob.get(path).says(403, "may not administer");
    }
    bob.post(&format!("/console/people/alice/sign-ins/{id}/end"), &[]).says(403, "may not administer");
    bob.post("/console/people", &[("person", "eve"), ("role", "owner")]).says(403, "may not administer");
    assert!(alice.is_in());
    alice.post(&format!("/console/account/sign-ins/{id}/end"), &[]).goes("/console/account");
    assert!(!alice.is_in() && bob.is_in());
}
