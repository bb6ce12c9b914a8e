//! What went wrong is told once, to everybody, with the record that it is about.

use stint_standin::railway::ids;
use stint_standin::{Coding, Fault, Place};
use stint_tests::{Lab, until};

use super::browser::{Browser, add_people};
use crate::place::on_both;

fn kinds(lab: &Lab) -> Vec<String> {
    let list = lab.broker.stint(&["alert", "list", "--json"]).ok().json();
    let alerts = list["alerts"].as_array().unwrap().clone();
    alerts.iter().map(|alert| alert["kind"].as_str().unwrap().to_owned()).collect()
}

const COUNT: &str = r#"<span class="count">"#;

on_both! {
    fn each_kind_is_told_and_is_new_until_it_was_seen(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver"), ("ann", "auditor")]);
        let (bob, ann) = (Browser::sign_in(&lab, "bob"), Browser::sign_in(&lab, "ann"));
        assert!(bob.page("/console/alerts").contains("No alerts"));
        assert!(!bob.page("/console/now").contains(COUNT));

        lab.broker.stint(&["token", "--environment", "production", "--agent", "coder"]).ok();
        assert_eq!(kinds(&lab), ["unconfined_in_production"]);
        lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder"]).ok();
        assert_eq!(kinds(&lab).len(), 1, "staging is no production");

        let mut headers = lab.headers("POST", "/graphql/v2");
        headers.push(format!("stint-downstream-authorization: Bearer {}", ids::ACCOUNT_TOKEN));
        let refused = lab.gateway("POST", "/graphql/v2", &headers, r#"{"query":"{ me { name } }"}"#);
        assert_eq!(refused.json()["code"], "foreign_credential", "{}", refused.text());
        let list = lab.broker.stint(&["alert", "list", "--json"]).ok().json();
        let alert = &list["alerts"][0];
        assert_eq!((&alert["kind"], &alert["agent"]), (&"foreign_credential".into(), &"coder".into()), "{alert}");
        assert_eq!(alert["record"], refused.json()["record"]);
        assert!(alert["detail"].as_str().unwrap().contains("fingerprint"), "{alert}");
        assert!(!list.to_string().contains(ids::ACCOUNT_TOKEN));

        lab.railway.faults.always(Fault::Echo(Place::Body, Coding::Raw));
        lab.ask("{ me { name } }");
        lab.railway.faults.clear();
        until("the echo is told", || (kinds(&lab)[0] == "echo").then_some(()));
        assert_eq!(kinds(&lab), ["echo", "foreign_credential", "unconfined_in_production"]);

        // Each for themselves.
        let page = bob.page("/console/alerts");
        assert!(page.contains(COUNT) && page.contains("A secret in a provider") && page.contains("in production"), "{page}");
        let newest = list["alerts"][0]["id"].as_i64().unwrap() + 1;
        assert_eq!(bob.post("/console/alerts/seen", &[("until", "999")]).status, 400);
        assert_eq!(bob.post("/console/alerts/seen", &[("until", &newest.to_string())]).status, 303);
        assert!(!bob.page("/console/now").contains(COUNT));
        assert!(ann.page("/console/now").contains(COUNT));
        assert_eq!(lab.records("alerts_seen").len(), 1);
        // Seen is not unseen again.
        assert_eq!(bob.post("/console/alerts/seen", &[("until", "1")]).status, 303);
        assert!(!bob.page("/console/now").contains(COUNT));
        let one = bob.page("/console/alerts?kind=echo");
        assert!(one.contains("Its session") && !one.contains("fingerprint"), "{one}");
    }

    fn five_refusals_in_a_row_are_one_alert(options) {
        let lab = Lab::start(options);
        let bad = "ask 'mutation { nobodyKnowsThis }'";
        lab.script(&format!("{bad}; {bad}; {bad}; {bad}; ask '{{ me {{ name }} }}'; {bad}; {bad}; {bad}; {bad}"));
        assert_eq!(kinds(&lab), [""; 0], "what was allowed in between ends a row");
        lab.script(&format!("{bad}; {bad}; {bad}; {bad}; {bad}; {bad}"));
        assert_eq!(kinds(&lab), ["refusals_in_a_row"]);
    }
}
