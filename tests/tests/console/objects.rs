//! Every page of one thing shows what is on record about it, and the command line that does the same.

use std::fs;

use rustix::process::Signal;
use stint_tests::Browser;

use super::across::Site;
use super::pages::busy_world;

const POLICY: &str = r#"@id("own.no-upsert")
forbid (principal, action == Action::"railway:variableUpsert", resource);
"#;
const TESTS: &str = r#"[[test]]
name = "it is forbidden"
session = ["staging", "staging"]
touch = [{ operation = "railway:variableUpsert", class = "write", resource = "environment/x", place = ["staging", "staging"] }]
decision = "deny"
policies = ["own.no-upsert"]
"#;

#[test]
fn every_object_shows_its_trail_and_its_command_line() {
    let (desk, agent) = busy_world();
    let broker = &desk.lab.broker;
    desk.add_person("kim", "operator");
    let browser = desk.browser();
    browser.visit("/console/people/kim").choose("Role", "approver").click("Change").sees("Role changed");
    // The login on this machine is let administer, as its person can let it at the console.
    desk.lab.sql("UPDATE logins SET elevated_until = 32503680000000");
    let file = broker.scratch().join("own.cedar");
    fs::write(&file, POLICY).expect("the policy is written");
    fs::write(file.with_extension("tests.toml"), TESTS).expect("its tests are written");
    broker.stint(&["policy", "save", "own", &file.display().to_string()]).ok();
    let [_, receiver] = Site::with("thanks".to_owned()).urls();
    let add = ["notification", "add", "ops", "--kind", "webhook"];
    broker.command(&add).input(receiver).run().ok();
    let list = |what: &str| broker.stint(&[what, "list", "--json"]).ok().json();
    let approval = list("approval")["approvals"][0]["id"].as_str().unwrap_or_default().to_owned();
    let session = list("session")["sessions"][0]["id"].as_str().unwrap_or_default().to_owned();
    // Page, a field of the search that its trail leads to, and the command line.
    for (page, field, line) in [
        (format!("approvals/{approval}"), "approval", "stint approval show"),
        (format!("sessions/{session}"), "session", "stint audit list --session"),
        ("agents/coder".to_owned(), "agent", "stint agent show"),
        ("people/kim".to_owned(), "person", "stint person show"),
        ("environments/staging".to_owned(), "environment", "stint environment tier"),
        ("credentials/railway".to_owned(), "credential", "stint credential rotate"),
        ("providers/railway".to_owned(), "provider", "stint provider operations"),
        ("policies/own".to_owned(), "policy", "stint policy show"),
        ("notifications/ops".to_owned(), "channel", "stint notification try"),
    ] {
        for scripts in [false, true] {
            browser.scripts(scripts).visit(&format!("/console/{page}"));
            shows_its_trail(&browser, &page, field);
            assert!(
                commands(&browser).iter().any(|own| own.starts_with(line)),
                "{page}: {:?}",
                commands(&browser)
            );
        }
        // The pages of the others are looked at where links lead to every page.
        if field == "channel" {
            browser.is_accessible();
        }
        let all = browser.value_of(&format!("document.querySelector(\"a[href*='audit?{field}=']\").href"));
        browser.visit(all.as_str().unwrap_or_default()).sees("Records that fit");
    }
    let run = ["run", "--no-confine", "--environment", "production", "--agent", "coder", "--", "true"];
    broker.stint(&run).ok();
    // An alert is one record, so its page is that record's.
    browser.scripts(false).visit("/console/alerts").click("Its record").sees("In the chain");
    assert!(commands(&browser).iter().any(|own| own.starts_with("stint audit list --record")));
    agent.signal(Signal::TERM);
    agent.wait();
}

/// Lines of the trail below its heading, each leading to its record, and the way to all of them.
#[track_caller]
fn shows_its_trail(browser: &Browser, page: &str, field: &str) {
    assert_eq!(browser.count("#trail"), 1, "{page} has no trail");
    let lines = "#trail ~ .scroll a[href^='/console/audit/rec_']";
    assert!(browser.count(lines) > 0, "the trail of {page} is empty:\n{}", browser.text("main"));
    assert_eq!(browser.count(&format!("#trail ~ p a[href^='/console/audit?{field}=']")), 1, "{page}");
}

fn commands(browser: &Browser) -> Vec<String> {
    let found =
        browser.value_of("[...document.querySelectorAll('.command code')].map((line) => line.textContent)");
    found.as_array().into_iter().flatten().filter_map(|line| line.as_str().map(str::to_owned)).collect()
}
