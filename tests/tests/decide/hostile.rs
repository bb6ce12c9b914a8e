//! E6, E8, E17: whatever an agent can choose is shown as what it is.

use stint_standin::railway::ids;
use stint_tests::Lab;

use super::browser::{Browser, add_people};
use super::{Agent, delete, id, show, waiting};
use crate::place::on_both;

/// Markup, a turn of direction, a character that nobody sees.
const NAME: &str = "<img src=x onerror=alert(1)>\u{202E}gnp.ehcac\u{200B}";
const REASON: &str =
    "%3Cscript%3Ealert(2)%3C/script%3E **approve** %E2%80%AEesaelp %1B%5B31m &amp; the cache";

#[track_caller]
fn is_harmless(what: &str, page: &str) {
    for bad in ["<img src=x", "<script>alert", "onmouseover=\"", "\u{202E}", "\u{200B}", "\u{1b}"] {
        assert!(!page.contains(bad), "{what}: {bad:?} in {page}");
    }
}

on_both! {
    fn what_an_agent_chose_is_text_and_its_reason_is_its_own(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver")]);
        let rename = format!(
            r#"mutation {{ volumeUpdate(volumeId: "{}", input: {{ name: "{NAME}" }}) {{ id }} }}"#,
            ids::VOLUME_STAGING
        );
        let script = format!("ask '{rename}'; why '{REASON}' '{}'; pause 1", delete());
        let mut agent = Agent::begin(&lab, &script);
        let approval = waiting(&lab, 1).remove(0);
        let (id, session) = (id(&approval), approval["session"].as_str().unwrap().to_owned());
        assert_eq!(approval["resources"][0]["name"], NAME, "the rename did not happen");
        assert!(approval["agent_reason"].as_str().unwrap().contains("<script>alert(2)</script>"), "{approval}");
        let bob = Browser::sign_in(&lab, "bob");
        for path in ["/console/".to_owned(), format!("/console/approvals/{id}"), "/console/now".to_owned(),
            format!("/console/sessions/{session}")]
        {
            is_harmless(&path, &bob.page(&path));
        }
        let page = bob.page(&format!("/console/approvals/{id}"));
        assert!(page.contains("&lt;script&gt;alert(2)") && page.contains("nobody checked it"), "{page}");
        assert!(page.contains("U+202E") && page.contains("U+001B") && page.contains("U+200B"), "{page}");
        // The summary comes from what was parsed, before anything that the agent says.
        let (title, says) = (page.find("Delete the volume").unwrap(), page.find("The agent says").unwrap());
        assert!(title < says);
        let shown = lab.broker.stint(&["approval", "show", &id]).ok().stdout;
        assert!(shown.contains("not checked") && !shown.contains(['\u{1b}', '\u{202E}']), "{shown:?}");

        // Whose name cannot be typed is approved by its id; what the agent said was no part of it and went nowhere.
        let yes = bob.approve(&id, ids::VOLUME_STAGING);
        assert_eq!(yes.status, 303, "{}", yes.text());
        assert_eq!(lab.broker.says_yes("grace", &id, ids::VOLUME_STAGING).status, 303);
        agent.go();
        agent.end();
        let sent = lab.railway.log.last().unwrap();
        assert_eq!(sent.header("stint-reason"), None);
    }

    fn a_reason_is_no_way_around_anything(options) {
        let lab = Lab::start(options);
        let long = "x".repeat(2000);
        let key = format!("ghp_{}", "A1b2C3d4E5".repeat(4).chars().take(36).collect::<String>());
        // The same request with another reason is the same request.
        let script = format!(
            "why '{long}' '{0}'; why 'please' '{0}'; why 'see {1}' '{0}'; why 'see {2}' '{0}'; pause 1",
            delete(), key, key.replace("ghp_", "ghp%5F"),
        );
        let mut agent = Agent::begin(&lab, &script);
        let approval = waiting(&lab, 1).remove(0);
        agent.go();
        let replies = agent.end().replies();
        assert_eq!(approval["agent_reason"].as_str().unwrap().len(), 500);
        assert_eq!(replies[1].body["approval"]["id"], approval["id"]);
        assert_eq!(show(&lab, &id(&approval))["agent_reason"], approval["agent_reason"]);
        replies[2].refused(403, "foreign_credential");
        replies[3].refused(403, "foreign_credential");
        let mut headers = lab.headers("POST", "/graphql/v2");
        headers.extend(["stint-reason: one".to_owned(), "stint-reason: two".to_owned()]);
        let twice = lab.gateway("POST", "/graphql/v2", &headers, r#"{"query":"{ me { name } }"}"#);
        assert_eq!((twice.status, twice.json()["code"].as_str()), (400, Some("ambiguous_request")), "{}", twice.text());
    }

    fn names_and_paths_are_text_too(options) {
        let lab = Lab::start(options);
        add_people(&lab, &[("bob", "approver")]);
        assert_ne!(lab.broker.stint(&["agent", "add", "<script>alert(3)</script>"]).code, 0);
        let path = "/x%22onmouseover=%22alert(4)";
        let answer = lab.gateway("GET", path, &lab.headers("GET", path), "");
        assert!(answer.status >= 400, "{}", answer.text());
        let bob = Browser::sign_in(&lab, "bob");
        for path in ["/console/now", "/console/alerts", "/console/sessions", "/console/sessions?agent=%3Cscript%3Ealert",
            "/console/alerts?kind=%3Cscript%3Ealert", "/console/approvals/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/console/sessions/%E2%80%AEx"]
        {
            is_harmless(path, &bob.get(path).text());
        }
    }
}
