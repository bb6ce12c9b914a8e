//! E4, E10 and cool-downs: whose yes counts, and when.

use std::time::Duration;

use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::{Lab, until};

use super::browser::{Browser, add_people, give_password, owner};
use super::{Agent, NAME, delete, id, refused, show, under_policy, waiting};
use crate::place::on_both;

/// The name to type for what one person may approve.
const DEPLOYMENT: &str = ids::DEPLOYMENT_STAGING;
const TWO: &str = r#"@id("own.two") @approvable @approvers("2") @advice("two people look at what is lost")
forbid (principal, action in Action::"class:destroy", resource);"#;
const LATER: &str = r#"@id("own.later") @approvable @cooldown("3s")
forbid (principal, action in Action::"class:destroy", resource);"#;

on_both! {
    fn two_people_are_two_and_none_of_them_whom_the_session_works_for(options) {
        let (lab, _policy) = under_policy(options, TWO);
        add_people(&lab, &[("bob", "approver"), ("carol", "owner"), ("dave", "operator")]);
        let me = owner(&lab);
        give_password(&lab, &me);
        let mut agent = Agent::begin(&lab, &format!("ask '{0}'; pause 1; ask '{0}'; ask '{0}'", delete()));
        let approval = id(&waiting(&lab, 1)[0]);
        refused(&lab, 1);
        let (own, bob, carol, dave) = (
            Browser::sign_in(&lab, &me),
            Browser::sign_in(&lab, "bob"),
            Browser::sign_in(&lab, "carol"),
            Browser::sign_in(&lab, "dave"),
        );
        let page = bob.page(&format!("/console/approvals/{approval}"));
        assert!(page.contains("two people look at what is lost") && page.contains("Yes, as one of 2"), "{page}");
        // The page offers nothing that would not count, and the form is refused all the same.
        assert!(!own.page(&format!("/console/approvals/{approval}")).contains("Yes, as one of"));
        assert_eq!(own.approve(&approval, NAME).status, 403);
        assert_eq!(dave.approve(&approval, NAME).status, 403);
        assert_eq!(bob.approve(&approval, NAME).status, 303);
        assert_eq!(show(&lab, &approval)["state"], "waiting");
        assert_eq!(show(&lab, &approval)["votes"][0]["person"], "bob");
        let twice = bob.approve(&approval, NAME);
        assert!(twice.status == 409 && twice.text().contains("said yes to this already"), "{}", twice.text());
        assert!(bob.page("/console/").contains("1 of 2 said yes"));
        assert_eq!(lab.railway.log.reached("volumeDelete"), 0);
        assert_eq!(carol.approve(&approval, NAME).status, 303);
        assert_eq!(show(&lab, &approval)["state"], "approved");
        agent.go();
        let replies = agent.end().replies();
        replies[0].refused(403, "approval_required");
        replies[1].done();
        assert_eq!(replies[2].status, 403);
        assert_eq!(lab.railway.log.reached("volumeDelete"), 1);
        assert_eq!(lab.records("approval_voted").len(), 2);
        let approved = lab.records("approval_approved");
        assert_eq!((approved.len(), &approved[0]["facts"]["people"]), (1, &json!(["bob", "carol"])));
        let codes: Vec<_> =
            lab.records("approval_refused").iter().map(|r| (r["actor"].clone(), r["facts"]["code"].clone())).collect();
        assert_eq!(codes, [
            (json!("person:bob"), json!("conflict")),
            (json!("person:dave"), json!("forbidden")),
            (json!(format!("person:{me}")), json!("forbidden")),
        ]);
    }

    fn two_who_say_yes_at_once_release_it_once(options) {
        let (lab, _policy) = under_policy(options, TWO);
        add_people(&lab, &[("bob", "approver"), ("carol", "approver")]);
        let agent = Agent::begin(&lab, &format!("ask '{}'; pause 1", delete()));
        let approval = id(&waiting(&lab, 1)[0]);
        let (bob, carol) = (Browser::sign_in(&lab, "bob"), Browser::sign_in(&lab, "carol"));
        std::thread::scope(|scope| {
            for browser in [&bob, &carol] {
                scope.spawn(|| assert_eq!(browser.approve(&approval, NAME).status, 303));
            }
        });
        // The request may still be held, and then it goes on at once.
        let released = || matches!(show(&lab, &approval)["state"].as_str(), Some("approved" | "used"));
        until("it is released", || released().then_some(()));
        assert_eq!(lab.records("approval_approved").len(), 1);
        let mut agent = agent;
        agent.go();
        agent.end();
    }

    fn a_cool_down_is_waited_for_and_anybody_can_still_say_no(options) {
        let (lab, _policy) = under_policy(options, LATER);
        add_people(&lab, &[("bob", "approver")]);
        let mut agent = Agent::begin(&lab, &format!("ask '{0}'; pause 1; ask '{0}'", Lab::remove_deployment()));
        let waits = waiting(&lab, 1);
        let approval = id(&waits[0]);
        refused(&lab, 1);
        assert!(waits[0]["not_before"].is_string(), "{}", waits[0]);
        let bob = Browser::sign_in(&lab, "bob");
        assert_eq!(bob.approve(&approval, DEPLOYMENT).status, 303);
        assert_eq!(show(&lab, &approval)["state"], "waiting");
        assert!(bob.page(&format!("/console/approvals/{approval}")).contains("it is not sent before"));
        until("the cool-down is over", || (show(&lab, &approval)["state"] == "approved").then_some(()));
        let record = &lab.records("approval_approved")[0];
        assert_eq!((&record["actor"], &record["facts"]["people"]), (&json!("broker"), &json!(["bob"])));
        let asked = &lab.records("approval_requested")[0]["at"];
        let at = |value: &serde_json::Value| value.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert!(at(&record["at"]) - at(asked) >= chrono::TimeDelta::seconds(3), "released too early");
        agent.go();
        agent.end().replies()[1].done();
    }

    fn e10_of_a_yes_and_a_no_at_once_one_counts_and_both_are_on_record(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver"), ("carol", "approver")]);
        let mut agent = Agent::begin(&lab, &format!("ask '{}'; pause 1", Lab::remove_deployment()));
        let approval = id(&waiting(&lab, 1)[0]);
        let (bob, carol) = (Browser::sign_in(&lab, "bob"), Browser::sign_in(&lab, "carol"));
        let statuses = std::thread::scope(|scope| {
            let yes = scope.spawn(|| bob.approve(&approval, DEPLOYMENT).status);
            let no = scope.spawn(|| {
                // The yes checks a password first.
                std::thread::sleep(Duration::from_millis(40));
                carol.deny(&approval, "not today").status
            });
            [yes.join().unwrap(), no.join().unwrap()]
        });
        assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1, "{statuses:?}");
        let decided = lab.records("approval_approved").len() + lab.records("approval_denied").len();
        assert_eq!((decided, lab.records("approval_refused").len()), (1, 1));
        agent.go();
        agent.end();
    }

    fn a_yes_can_hold_for_less_than_the_approval(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver")]);
        let mut agent = Agent::begin(&lab, &format!("ask '{0}'; pause 1; ask '{0}'", Lab::remove_deployment()));
        let approval = id(&waiting(&lab, 1)[0]);
        refused(&lab, 1);
        let bob = Browser::sign_in(&lab, "bob");
        assert_eq!(bob.approve_within(&approval, DEPLOYMENT, "0").status, 400);
        assert_eq!(bob.approve_within(&approval, DEPLOYMENT, "soon").status, 400);
        assert_eq!(bob.approve_within(&approval, DEPLOYMENT, "1").status, 303);
        std::thread::sleep(Duration::from_millis(1200));
        agent.go();
        let replies = agent.end().replies();
        replies[1].refused(403, "approval_required");
        assert_ne!(replies[1].body["approval"]["id"], json!(approval));
        assert_eq!(lab.railway.log.reached("deploymentRemove"), 0);
    }
}
