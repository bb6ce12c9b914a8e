//! E7: many questions are one decision, and a session cannot ask without end.

use stint_tests::{Lab, Options};

use super::browser::{Browser, add_people};
use super::{Agent, delete, delete_as, id, refused, show, waiting};
use crate::place::on_both;

fn with_limit(mut options: Options, waiting: &str) -> Lab {
    options.variables.push(("STINT_BROKER_APPROVAL_WAITING".to_owned(), waiting.to_owned()));
    Lab::start(options)
}

on_both! {
    fn what_is_alike_stands_together_and_is_denied_together(options) {
        let lab = with_limit(options, "3");
        add_people(&lab, &[("bob", "approver"), ("ann", "auditor")]);
        let script = format!(
            "ask '{}'; ask '{}'; ask '{}'; ask '{}'; ask '{}'; pause 1; ask '{}'",
            delete(), delete(), delete_as("b"), delete_as("c"), delete_as("d"), delete_as("b"),
        );
        let mut agent = Agent::begin(&lab, &script);
        let waits = waiting(&lab, 3);
        refused(&lab, 5);
        let bob = Browser::sign_in(&lab, "bob");
        let page = bob.page("/console/");
        assert!(page.contains("Approvals (3)") && page.contains("more of the same kind"), "{page}");
        assert!(page.contains("Deny all 3") && page.contains("Delete the volume"), "{page}");
        let ann = Browser::sign_in(&lab, "ann");
        assert!(!ann.page("/console/").contains("Deny all"));
        let path = format!("/console/approvals/{}/deny-alike", id(&waits[0]));
        assert_eq!(ann.post(&path, &[("reason", "no")]).status, 403);
        let empty = bob.post(&path, &[("reason", "  ")]);
        assert!(empty.status == 400 && empty.text().contains("a denial needs a reason"), "{}", empty.text());
        assert_eq!(bob.post(&path, &[("reason", "one at a time, please")]).status, 303);
        for approval in &waits {
            let shown = show(&lab, &id(approval));
            assert_eq!((&shown["state"], &shown["reason"]), (&"denied".into(), &"one at a time, please".into()));
        }
        assert_eq!(lab.records("approval_denied").len(), 3);
        // Once more, on a page that is out of date.
        let late = bob.post(&path, &[("reason", "again")]);
        assert!(late.status == 409 && late.text().contains("nothing like this waits any more"), "{}", late.text());
        agent.go();
        let replies = agent.end().replies();
        // The second one joined the first, the fifth was one too many.
        assert_eq!(replies[0].body["approval"]["id"], replies[1].body["approval"]["id"]);
        replies[4].refused(403, "denied");
        assert!(replies[4].text.contains("wait for a person already"), "{}", replies[4].text);
        replies[5].refused(403, "approval_denied");
        assert_eq!(lab.railway.log.reached("volumeDelete"), 0);
    }

    fn equal_questions_at_once_are_one(options) {
        let lab = Lab::start(options);
        let mut agent =
            Agent::begin(&lab, &format!("for i in 1 2 3 4 5; do ask '{}' & done; wait; pause 1", delete()));
        waiting(&lab, 1);
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert_eq!(lab.records("approval_requested").len(), 1);
        agent.go();
        agent.end();
    }

    fn the_same_by_the_command_line(options) {
        let lab = Lab::start(options);
        let mut agent = Agent::begin(&lab, &format!("ask '{}'; ask '{}'; pause 1", delete(), delete_as("b")));
        let waits = waiting(&lab, 2);
        let out = lab.broker.stint(&["approval", "deny", &id(&waits[0]), "--alike", "--reason", "no"]).ok();
        for approval in &waits {
            assert!(out.stdout.contains(&id(approval)), "{}", out.stdout);
        }
        waiting(&lab, 0);
        agent.go();
        agent.end();
    }
}
