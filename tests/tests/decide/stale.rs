//! E5, E10, E16, E20: pages that are out of date, requests that no page of ours sent, and ids of nothing.

use stint_tests::Lab;

use super::browser::{Browser, add_people, form};
use super::{Agent, NAME, delete, id, show, waiting};
use crate::place::on_both;

on_both! {
    fn a_stale_page_says_what_changed_since(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver")]);
        let mut agent = Agent::begin(&lab, &format!("ask '{}'; pause 1", delete()));
        let approval = id(&waiting(&lab, 1)[0]);
        let path = format!("/console/approvals/{approval}");
        let bob = Browser::sign_in(&lab, "bob");
        // A form that fails keeps what was typed, and says beside the field what is wrong.
        let wrong = bob.approve_within(&approval, "postgres-data", "60");
        assert_eq!(wrong.status, 403);
        let page = wrong.text();
        assert!(page.contains(r#"value="postgres-data""#) && page.contains("confirm-error"), "{page}");
        assert!(page.contains(r#"<option value="60" selected>"#), "{page}");
        let no = bob.deny(&approval, "");
        assert!(no.status == 400 && no.text().contains("no-error"), "{}", no.text());
        assert_eq!(show(&lab, &approval)["state"], "waiting");

        lab.broker.stint(&["approval", "deny", &approval, "--reason", "measured until Friday"]).ok();
        for answer in [bob.approve(&approval, NAME), bob.deny(&approval, "late")] {
            let page = answer.text();
            assert_eq!(answer.status, 409, "{page}");
            assert!(page.contains("out of date") && page.contains("denied") && page.contains("measured until Friday"), "{page}");
        }
        assert_eq!(show(&lab, &approval)["reason"], "measured until Friday");
        assert_eq!(bob.page(&path).matches("<form").count(), 1, "a decided one can be decided again");
        agent.go();
        agent.end();
    }

    fn ids_of_nothing_are_404_and_only_our_pages_decide(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver"), ("ann", "auditor")]);
        let mut agent = Agent::begin(&lab, &format!("ask '{}'; pause 1", delete()));
        let approval = id(&waiting(&lab, 1)[0]);
        let bob = Browser::sign_in(&lab, "bob");
        let none = "0".repeat(32);
        for path in [
            format!("/console/approvals/apr_{none}"), "/console/approvals/x".to_owned(), "/console/approvals/..%2f..".to_owned(),
            format!("/console/sessions/ses_{none}"), "/console/sessions/x".to_owned(),
        ] {
            assert_eq!(bob.get(&path).status, 404, "{path}");
        }
        for path in ["approve", "deny", "deny-alike"].map(|verb| format!("/console/approvals/apr_{none}/{verb}")) {
            let field = if path.ends_with("approve") { "confirm" } else { "reason" };
            assert_eq!(bob.post(&path, &[(field, "x")]).status, 404, "{path}");
        }
        assert_eq!(bob.post(&format!("/console/sessions/ses_{none}/end"), &[]).status, 404);

        let fields = form(&[("reason", "because")]);
        let deny = format!("/console/approvals/{approval}/deny");
        for lines in [&[][..], &["origin: https://evil.test"], &["origin: null"], &["sec-fetch-site: cross-site"]] {
            assert_eq!(bob.send("POST", &deny, lines, &fields).status, 403, "{lines:?}");
        }
        for verb in ["approve", "deny", "deny-alike"] {
            assert_eq!(bob.get(&format!("/console/approvals/{approval}/{verb}?reason=x")).status, 405, "{verb}");
        }
        let ann = Browser::sign_in(&lab, "ann");
        assert!(ann.page(&format!("/console/approvals/{approval}")).contains("looks on"));
        assert_eq!(ann.deny(&approval, "no").status, 403);
        assert_eq!(show(&lab, &approval)["state"], "waiting");

        // E20: nobody else's page holds the stream open.
        for line in ["origin: http://127.0.0.1:1", "sec-fetch-site: same-site", "sec-fetch-site: cross-site"] {
            assert_eq!(bob.send("GET", "/console/live", &[line], "").status, 403, "{line}");
        }
        agent.go();
        agent.end();
    }
}
