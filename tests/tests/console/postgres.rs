//! The same pages over PostgreSQL: signed in, told while it happens, decided, and read again in the audit.

use stint_standin::railway::ids;
use stint_tests::{Lab, Options};

use super::{Desk, options};
use crate::place;

#[test]
fn a_person_follows_decides_and_looks_it_up_over_postgres() {
    let database = place::postgres().database;
    let desk = Desk::around(Lab::start(Options { database, ..options() }), "admin");
    let browser = desk.browser();
    browser.visit("/console/").sees("Nothing waits for you");
    browser.value_of("window.here = 'the same document'");
    let agent = desk.asks_to_remove();
    browser.sees(ids::DEPLOYMENT_STAGING);
    assert_eq!(browser.value_of("window.here"), "the same document", "the page followed by itself");
    browser
        .click(&format!("Remove the deployment {}", ids::DEPLOYMENT_STAGING))
        .sees("What happens on yes")
        .sees("Asked for a yes");
    browser.is_accessible();
    browser.fill("Type", "postgres-data").click("Approve").sees("cannot be put back");
    assert!(desk.lab.has_deployment(), "a wrong name approved it");
    browser.fill("Type", ids::DEPLOYMENT_STAGING).click("Approve").sees("The decision");
    agent.wait().reply().done();
    assert!(!desk.lab.has_deployment());

    browser.scripts(false).visit("/console/audit?class=destroy&agent=coder").sees("Records that fit");
    browser
        .click(&format!("Remove the deployment {}", ids::DEPLOYMENT_STAGING))
        .sees("What it touched")
        .sees("In the chain");
    browser.visit("/console/audit").click("Verify the newest 1000");
    stint_tests::until("the chain is verified", || {
        browser.visit("/console/audit");
        browser.text("main").contains("sound").then_some(())
    });
    browser.visit("/console/settings").sees("pg_dump").sees("stint.key");
    browser.visit("/console/activity").sees("Requests by decision");
    browser.visit("/console/now").sees("No session is live");
    assert_eq!(desk.lab.records("approval_used").len(), 1);
}
