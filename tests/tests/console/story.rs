//! The incident as people live it: an agent asks for what cannot be put back, and somebody looks.

use stint_standin::railway::ids;
use stint_tests::{Browser, Lab};

use super::Desk;

#[test]
fn the_volume_of_production_is_out_of_reach_and_the_approver_reads_it() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.visit("/console/now").sees("No session is live");
    let reply = desk.lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION));
    assert_eq!(reply.status, 403, "{}", reply.text);
    assert!(desk.lab.has_volume(ids::VOLUME_PRODUCTION));
    assert_eq!(desk.lab.railway.site.world().backups(ids::VOLUME_PRODUCTION), 3);
    // Without a reload: what was asked, and how it ended.
    browser.sees("Delete the volume postgres-data of production").sees(&reply.code().replace("_", " "));
    browser.is_accessible();
}

/// The incident where nothing is out of place: the agent works in production, and deletes what it thinks is unused.
///
/// The volume holds its own backups, so nobody is even asked; what can be asked for is seen for what it is, and denied.
#[test]
fn an_agent_in_production_deletes_what_it_thinks_is_unused() {
    let desk = Desk::new();
    let browser = desk.browser();
    super::with_and_without_scripts(&browser, |browser| {
        browser.visit("/console/").sees("Nothing waits for you");
        let why = "I am only clearing what is unused in staging.";
        let remove = format!("mutation {{ deploymentRemove(id: \"{}\") }}", ids::DEPLOYMENT_PRODUCTION);
        let script = format!("WHY=$REASON; ask '{}'; ask '{remove}'", Lab::delete(ids::VOLUME_PRODUCTION));
        let agent = desk.lab.begin_as("production", "coder", why, &script);
        let asked = desk.lab.waiting();

        browser
            .visit("/console/now")
            .sees("Delete the volume postgres-data")
            .sees("guardrail.backups-with-thing");
        browser.click("Delete the volume postgres-data").sees("What it touched");
        for fact in [
            "3 backups live in this volume",
            "it holds 18432 MB",
            ids::VOLUME_PRODUCTION,
            "destroy",
            "denied",
        ] {
            browser.sees(fact);
        }
        browser.is_accessible();

        let address = format!("/console/approvals/{}", asked["id"].as_str().unwrap());
        browser.visit(&address).sees("Remove the deployment").sees("What happens on yes");
        for fact in [ids::DEPLOYMENT_PRODUCTION, "coder", "production", "destroy", "guardrail.production"] {
            browser.sees(fact);
        }
        browser.sees("The agent says, and nobody checked it:").sees(why);
        browser.is_accessible();
        let reason = "Customers are served by this deployment. It is not staging.";
        browser.fill("Reason", reason).click("Deny").sees("The decision");

        let replies = agent.wait().replies();
        let [volume, deployment] = &replies[..] else { panic!("two replies, not {replies:?}") };
        volume.refused(403, "denied");
        assert!(
            volume.text.contains("together with its backups"),
            "the agent does not read why:\n{}",
            volume.text
        );
        deployment.refused(403, "approval_denied");
        assert!(deployment.text.contains(reason), "the agent does not read why:\n{}", deployment.text);
        assert!(desk.lab.has_volume(ids::VOLUME_PRODUCTION));
        for mutation in ["volumeDelete", "deploymentRemove"] {
            assert_eq!(desk.lab.railway.log.reached(mutation), 0);
        }
    });
}

#[test]
fn an_approver_says_no_and_the_agent_reads_why() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.visit("/console/").sees("Nothing waits for you");
    let agent = desk.asks_to_delete();
    browser.sees("Delete the volume").click("Delete the volume staging-cache");
    for fact in ["staging-cache", ids::VOLUME_STAGING, "coder", "staging", "railway:volumeDelete", "destroy"]
    {
        browser.sees(fact);
    }
    let reason = "The load test needs this volume until Friday; ask again then.";
    browser.fill("Reason", reason).click("Deny").sees("denied");
    let out = agent.wait();
    assert!(out.stdout.contains(reason), "the agent does not read why:\n{}", out.stdout);
    out.reply().refused(403, "approval_denied");
    assert!(desk.lab.has_volume(ids::VOLUME_STAGING));
    assert_eq!(desk.lab.railway.log.reached("volumeDelete"), 0);
}

#[test]
fn two_approvers_say_yes_by_its_name_and_the_volume_is_gone() {
    let desk = Desk::new();
    desk.add_person("noor", "approver");
    let browser = Browser::start(&desk.lab.broker);
    desk.sign_in_as(&browser, "noor");
    browser.visit("/console/").sees("Nothing waits for you");
    let agent = desk.asks_to_delete();
    browser.sees("Delete the volume").click("Delete the volume staging-cache");
    // Its backups would go with it, so it takes two, and the page says how many there are.
    browser.sees("its backups at the provider are deleted with it: none remains");
    browser.sees("0 of 2 said yes").sees("Yes, as one of 2").is_accessible();
    browser
        .fill("Type", "staging-cache")
        .click("Approve")
        .sees("1 of 2 said yes")
        .sees("You cannot approve this");
    browser.is_accessible();
    assert!(desk.lab.has_volume(ids::VOLUME_STAGING), "one person was enough");
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    let asker = desk.browser();
    asker.visit(&format!("/console/approvals/{id}")).sees("the session works for you").is_accessible();
    assert_eq!(desk.lab.broker.says_yes("grace", &id, "staging-cache").status, 303);
    browser.sees("The decision");
    agent.wait().reply().done();
    assert!(!desk.lab.has_volume(ids::VOLUME_STAGING));
    assert!(desk.lab.has_volume(ids::VOLUME_PRODUCTION));
    assert_eq!(desk.lab.railway.log.reached("volumeDelete"), 1);
    // The page follows by itself: the approval was used.
    browser.sees("used");
    let [record] = &desk.lab.records("approval_approved")[..] else { panic!("one record") };
    assert_eq!(record["facts"]["people"], serde_json::json!(["noor", "grace"]));
}
