//! Sessions as they are watched, filtered and ended.

use stint_tests::{Lab, until};

use super::Agent;
use super::browser::{Browser, add_people};
use crate::place::on_both;

on_both! {
    fn what_lives_is_shown_with_what_it_does_and_is_ended(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver"), ("ann", "auditor")]);
        let (bob, ann) = (Browser::sign_in(&lab, "bob"), Browser::sign_in(&lab, "ann"));
        assert!(bob.page("/console/now").contains("No session is live"));
        let mut agent = Agent::begin(&lab, "ask '{ me { name } }'; ask 'mutation { nobodyKnowsThis }'; pause 1; ask '{ me { name } }'");
        until("it was refused", || (lab.records("request_refused").len() == 1).then_some(()));
        let page = bob.page("/console/now");
        assert!(page.contains("coder in staging") && page.contains("Read me"), "{page}");
        assert!(page.contains("unknown operation"), "{page}");
        assert!(page.contains("End the one live session"), "{page}");
        assert!(!ann.page("/console/now").contains("End the one live session"));
        let session = lab.records("session_started")[0]["session"].as_str().unwrap().to_owned();
        assert_eq!(ann.post(&format!("/console/sessions/{session}/end"), &[]).status, 403);
        assert!(bob.page("/console/sessions/end-all").contains("End the one live session now"));
        assert_eq!(bob.post("/console/sessions/end-all", &[]).status, 303);
        assert!(bob.page("/console/now").contains("No session is live"));
        assert!(bob.page(&format!("/console/sessions/{session}")).contains("kill switch"));
        agent.go();
        let out = agent.end();
        assert!(!out.stdout.trim_end().ends_with("200"), "{}", out.stdout);
    }

    fn sessions_are_filtered_and_come_in_pages(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver")]);
        lab.broker.add_agent("helper");
        for n in 0..120 {
            let agent = if n % 3 == 0 { "helper" } else { "coder" };
            let ended = if n < 100 { "1000" } else { "NULL" };
            lab.sql(&format!(
                "INSERT INTO sessions (session, environment, tier, agent, subject, key, jkt, grants, heartbeat, \
                 started_at, expires_at, ended_at) VALUES ('ses_{n:032x}', 'staging', 'staging', '{agent}', 'person:x', '', '', \
                 '[]', FALSE, 0, 4000000000000, {ended})"
            ));
        }
        let bob = Browser::sign_in(&lab, "bob");
        let mut path = "/console/sessions?state=ended&agent=coder".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = bob.page(&path);
            seen.extend(page.match_indices("/console/sessions/ses_").map(|(at, text)| {
                let id = at + text.len() - 4;
                page[id..id + 36].to_owned()
            }));
            assert!(!page.contains(">helper <code"), "{page}");
            let Some(at) = page.find(r#"rel="next" href=""#) else { break };
            let rest = &page[at + 17..];
            path = rest[..rest.find('"').unwrap()].replace("&amp;", "&");
        }
        let wanted: Vec<String> = (0..100).rev().filter(|n| n % 3 != 0).map(|n| format!("ses_{n:032x}")).collect();
        assert_eq!(seen, wanted);
        assert_eq!(bob.page("/console/sessions?state=live&agent=helper").matches(">helper <code").count(), 6);
        assert!(bob.page("/console/sessions?environment=production").contains("No session fits"));
        assert_eq!(bob.get("/console/sessions?agent=NOT%20A%20NAME").status, 400);
        assert_eq!(bob.get("/console/sessions?before=x").status, 400);
    }
}
