use serde_json::json;
use stint_tests::wire;
use stint_tests::{Options, TestBroker};

use super::browser::{Browser, PASSWORD};
use super::{GRANT, Machine, let_in, refused, text};
use crate::place::on_both;

fn broker(options: Options) -> TestBroker {
    let broker = TestBroker::start(options);
    broker.login();
    broker
}

on_both! {
    fn a_machine_is_let_in_by_a_person_and_gets_a_login_of_its_own(options) {
        let broker = broker(options);
        let browser = Browser::welcomed(&broker);
        let home = let_in(&broker, &browser, "build-box");
        let status = broker.command_at(&home, &["login", "status", "--json"]).run().ok().json();
        let first = broker.stint(&["login", "status", "--json"]).ok().json();
        assert_eq!(status["login"]["person"], first["login"]["person"]);
        assert_ne!(status["login"]["client_id"], first["login"]["client_id"]);
        let nothing = json!({ "reads": false, "approves": false, "destroys": false, "administers": false });
        assert_eq!(status["login"]["reaches"], nothing);
        // One record each: asked, approved, added; and the broker says whose key it is bound to.
        let asked = &broker.records("device_asked")[0];
        assert_eq!(asked["facts"]["device"], "build-box");
        assert_eq!(broker.records("device_approved")[0]["facts"]["jkt"], asked["facts"]["jkt"]);
        assert_eq!(broker.records("login_added")[0]["facts"]["client_id"], status["login"]["client_id"]);
        // It leaves again, and its key opens nothing.
        let kept = std::fs::read_to_string(home.join("login.json")).unwrap();
        let copy = broker.folder().join("copy");
        std::fs::create_dir(&copy).unwrap();
        for entry in std::fs::read_dir(&home).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        broker.command_at(&home, &["logout"]).run().ok();
        assert!(!home.join("login.json").exists() && !kept.is_empty());
        broker.command_at(&home, &["session", "list"]).run().exits(4);
        broker.command_at(&copy, &["session", "list"]).run().exits(4);
        assert_eq!(broker.records("login_ended")[0]["facts"]["client_id"], status["login"]["client_id"]);
    }

    fn the_only_way_in_is_not_given_up(options) {
        let broker = broker(options);
        let out = broker.stint(&["login", "--no-browser"]).exits(1);
        assert!(out.stderr.contains("stint logout"), "{}", out.stderr);
        let out = broker.stint(&["logout"]).exits(1);
        assert!(out.stderr.contains("stint console"), "{}", out.stderr);
        broker.stint(&["environment", "list"]).ok();
        Browser::welcomed(&broker);
        broker.stint(&["logout", "--json"]).ok();
        broker.stint(&["environment", "list"]).exits(4);
    }

    fn a_person_says_no_and_the_machine_is_told(options) {
        let broker = broker(options);
        let browser = Browser::welcomed(&broker);
        let machine = Machine::new(&broker);
        let asked = machine.ask();
        let no = browser.post("/console/device/deny", &[("user_code", text(&asked, "user_code"))]);
        assert_eq!(no.status, 303, "{}", no.text());
        assert!(browser.get(no.header("location").unwrap()).text().contains("Kept out."));
        refused(&machine.poll(text(&asked, "device_code")), "access_denied");
        // A decision stands.
        let late = browser.post("/console/device/approve", &[("user_code", text(&asked, "user_code"))]);
        assert_eq!(late.status, 409, "{}", late.text());
        assert!(late.text().contains("Kept out."), "a stale page says what is so now");
        assert!(broker.records("login_added").is_empty());
    }

    fn e11_a_device_code_of_another_key_is_like_one_that_is_unknown(options) {
        let broker = broker(options);
        let browser = Browser::welcomed(&broker);
        let (machine, thief) = (Machine::new(&broker), Machine::new(&broker));
        let asked = machine.ask();
        let code = text(&asked, "device_code");
        let (unknown, stolen) = (thief.poll("no-such-code"), thief.poll(code));
        refused(&unknown, "invalid_grant");
        assert_eq!((stolen.status, &stolen.body), (unknown.status, &unknown.body));
        let yes = browser.post("/console/device/approve", &[("user_code", text(&asked, "user_code"))]);
        assert_eq!(yes.status, 303, "{}", yes.text());
        // Also when it would be good for its owner, who gets it once.
        let stolen = thief.poll(code);
        assert_eq!((stolen.status, &stolen.body), (unknown.status, &unknown.body));
        let got = machine.poll(code);
        assert_eq!((got.status, &got.json()["token_type"]), (200, &json!("DPoP")), "{}", got.text());
        let again = machine.poll(code);
        assert_eq!((again.status, &again.body), (unknown.status, &unknown.body));
        assert_eq!(broker.records("login_added").len(), 1);
        // Without a key there is nothing at all.
        let lines = ["content-type: application/x-www-form-urlencoded"];
        for (path, form) in [
            ("/oauth/device_authorization", "client_id=stint".to_owned()),
            ("/oauth/token", format!("grant_type={}&client_id=stint&device_code={code}", crate::login::escaped(GRANT))),
        ] {
            let answer = wire::request(broker.addr, "POST", path, &lines, form.as_bytes()).unwrap();
            refused(&answer, "invalid_dpop_proof");
        }
    }

    fn e12_a_flood_of_questions_is_slowed_down_and_then_given_up(options) {
        let broker = broker(options);
        let machine = Machine::new(&broker);
        let asked = machine.ask();
        let code = text(&asked, "device_code");
        refused(&machine.poll(code), "authorization_pending");
        let before = broker.records("token_refused").len();
        for _ in 0..5 {
            refused(&machine.poll(code), "slow_down");
        }
        assert_eq!(broker.records("token_refused").len(), before, "to be told to wait is no refusal");
        refused(&machine.poll(code), "invalid_request");
        assert_eq!(broker.records("token_refused").len(), before + 1);
        // A yes comes too late for it.
        let browser = Browser::welcomed(&broker);
        browser.post("/console/device/approve", &[("user_code", text(&asked, "user_code"))]);
        refused(&machine.poll(code), "invalid_request");
        assert!(broker.records("login_added").is_empty());
    }

    fn e14_the_page_says_who_asks_and_a_link_or_another_site_lets_nobody_in(options) {
        let broker = broker(options);
        let browser = Browser::welcomed(&broker);
        let machine = Machine::new(&broker);
        let asked = machine.ask();
        let (code, complete) = (text(&asked, "user_code"), text(&asked, "verification_uri_complete"));
        let path = complete.strip_prefix(&broker.url).unwrap();
        let page = browser.get(path).text();
        for seen in [code, "build-box", "curl/8 (robot)", "127.0.0.1", "approves nothing", "Only go on if you started"] {
            assert!(page.contains(seen), "{seen} is not on the page: {page}");
        }
        // To open the link decides nothing, nor does a form of another site, nor somebody who is not signed in.
        refused(&machine.poll(text(&asked, "device_code")), "authorization_pending");
        assert_eq!(browser.get("/console/device/approve").status, 405);
        let form = format!("user_code={code}");
        let lines = ["origin: https://evil.test", "content-type: application/x-www-form-urlencoded"];
        let forged = wire::request(broker.addr, "POST", "/console/device/approve", &lines, form.as_bytes()).unwrap();
        assert_eq!(forged.status, 403);
        let stranger = Browser::of(&broker);
        let answer = stranger.post("/console/device/approve", &[("user_code", code)]);
        assert!(answer.header("location").unwrap().starts_with("/console/sign-in"), "{answer:?}");
        assert!(broker.records("device_approved").is_empty());
        // Nor does it get more by asking for it.
        let more = [("client_id", "stint"), ("scope", "admin")];
        refused(&machine.form("/oauth/device_authorization", &more), "invalid_scope");
        let form = [("grant_type", GRANT), ("client_id", "stint"), ("device_code", text(&asked, "device_code"))];
        let more = [&form[..], &[("scope", "admin")]].concat();
        refused(&machine.form("/oauth/token", &more), "invalid_request");
        // What it says of itself is text.
        let hostile = machine.form(
            "/oauth/device_authorization",
            &[("client_id", "stint"), ("device", "<script>alert(1)</script>\u{202e}")],
        );
        let page = browser.get(&format!("/console/device?user_code={}", text(&hostile.json(), "user_code"))).text();
        assert!(page.contains("&lt;script&gt;") && page.contains("U+202E") && !page.contains("<script>alert"), "{page}");
    }

    fn e14_a_login_by_a_code_takes_a_fresh_proof(options) {
        let broker = broker(options);
        let browser = Browser::welcomed(&broker);
        let asked = Machine::new(&broker).ask();
        let code = text(&asked, "user_code");
        crate::login::forget_proofs(&broker);
        assert!(browser.get(&format!("/console/device?user_code={code}")).text().contains("Your password"));
        let answer = browser.post("/console/device/approve", &[("user_code", code)]);
        assert_eq!(answer.status, 403, "{}", answer.text());
        let answer = browser.post("/console/device/approve", &[("user_code", code), ("password", "not this one at all")]);
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(broker.records("device_approved").is_empty());
        let answer = browser.post("/console/device/approve", &[("user_code", code), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(broker.records("device_approved").len(), 1);
    }

    fn e15_five_wrong_codes_and_no_code_is_looked_at_any_more(options) {
        let broker = broker(options);
        let browser = Browser::welcomed(&broker);
        let asked = Machine::new(&broker).ask();
        let code = text(&asked, "user_code");
        let letters = code.replace('-', "");
        assert!(letters.len() == 8 && letters.bytes().all(|letter| b"BCDFGHJKLMNPQRSTVWXZ".contains(&letter)), "{code}");
        assert!(asked["expires_in"].as_u64().unwrap() <= 900);
        for _ in 0..5 {
            let answer = browser.post("/console/device", &[("user_code", "BBBB-BBBB")]);
            assert_eq!(answer.status, 404, "{}", answer.text());
            assert!(answer.text().contains("BBBB-BBBB"), "what was typed is shown again");
        }
        for path in ["/console/device", "/console/device/approve"] {
            let answer = browser.post(path, &[("user_code", code)]);
            assert_eq!(answer.status, 503, "{}", answer.text());
        }
        assert_eq!(browser.get(&format!("/console/device?user_code={code}")).status, 503);
        assert_eq!(broker.records("device_refused").len(), 5);
        assert!(broker.records("device_approved").is_empty());
    }

    fn a_flood_of_machines_is_turned_away(options) {
        let broker = broker(options);
        let machine = Machine::new(&broker);
        let form = [("client_id", "stint")];
        let answers: Vec<u16> = (0..22).map(|_| machine.form("/oauth/device_authorization", &form).status).collect();
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 20, "{answers:?}");
        assert_eq!(answers.last(), Some(&503));
        let wrong = machine.form("/oauth/device_authorization", &[("client_id", "another")]);
        assert_eq!((wrong.status, wrong.json()["error"].as_str()), (401, Some("invalid_client")));
        let metadata = wire::get(broker.addr, "/.well-known/oauth-authorization-server").unwrap().json();
        assert_eq!(metadata["device_authorization_endpoint"], format!("{}/oauth/device_authorization", broker.url));
        assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
    }
}
