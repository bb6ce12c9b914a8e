//! The queue, and the page on which a person decides.

use stint_standin::railway::ids;
use stint_tests::{Browser, Size, Theme};

use super::{Desk, with_and_without_scripts};

#[test]
fn an_empty_queue_says_what_will_be_there() {
    let desk = Desk::new();
    let browser = desk.browser();
    with_and_without_scripts(&browser, |browser| {
        browser.visit("/console/").sees("Nothing waits for you").sees("stint run --environment");
        browser.is_accessible();
        browser.visit("/console/approvals/apr_none").sees("Go to the approvals");
        browser.is_accessible();
    });
}

#[test]
fn what_cannot_be_put_back_takes_its_name() {
    let desk = Desk::new();
    let browser = desk.browser();
    for scripts in [true, false] {
        browser.scripts(scripts);
        desk.lab.railway.site.restore(stint_standin::Railway::seeded().snapshot());
        admit(&desk);
        let agent = desk.asks_to_remove();
        desk.lab.waiting();
        browser.visit("/console/").sees("Remove the deployment").sees(ids::DEPLOYMENT_STAGING).sees("coder");
        assert!(browser.title().contains("(1)"), "{}", browser.title());
        browser.is_accessible();

        browser
            .click(&format!("Remove the deployment {}", ids::DEPLOYMENT_STAGING))
            .sees("What happens on yes");
        browser
            .sees(ids::DEPLOYMENT_STAGING)
            .sees("destroy")
            .sees("railway:deploymentRemove")
            .sees("approval show");
        browser.is_accessible();
        browser.fill("Type", "postgres-data").click("Approve").sees("cannot be put back");
        // The page hears of changes while it stands, and keeps what its reader is told of.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        assert_eq!(browser.filled("Type"), "postgres-data", "what was typed is gone");
        browser.is_accessible();
        assert!(desk.lab.has_deployment(), "a wrong name approved it");

        browser.fill("Type", ids::DEPLOYMENT_STAGING).click("Approve").sees("The decision");
        agent.wait().reply().done();
        assert!(!desk.lab.has_deployment());
        browser.visit(&browser.at()).sees("used");
        browser.is_accessible();
        browser.visit("/console/").sees("Decided lately").sees("used");
        browser.is_accessible();
    }
    assert_eq!(desk.lab.records("approval_used").len(), 2);
}

#[test]
fn on_a_phone_both_answers_are_at_hand_at_once() {
    let desk = Desk::new();
    let browser = desk.browser();
    let agent = desk.asks_to_remove();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    with_and_without_scripts(&browser, |browser| {
        for (answer, form) in [("Approve …", "#yes"), ("Deny …", "#no")] {
            browser.view(Theme::Light, Size::Phone);
            browser.visit(&format!("/console/approvals/{id}")).sees("What happens on yes");
            assert!(is_in_sight(browser, "main h1") && is_in_sight(browser, ".class-destroy"));
            assert!(is_in_sight(browser, ".answers a:last-child"), "the answers are out of sight");
            assert!(!is_in_sight(browser, form), "{form} needs no way to it");
            browser.click(answer);
            stint_tests::until("the form is in sight", || is_in_sight(browser, form).then_some(()));
        }
        browser.is_accessible();
    });
    browser.visit(&format!("/console/approvals/{id}"));
    assert!(
        is_in_sight(&browser, "#yes") && is_in_sight(&browser, "#reason"),
        "beside the facts on a desktop"
    );
    browser.fill("Reason", "not now").click("Deny").sees("The decision");
    agent.wait().reply().refused(403, "approval_denied");
}

/// Whether all of it is on the screen as the page is scrolled.
fn is_in_sight(browser: &Browser, css: &str) -> bool {
    let script = format!(
        "(({{ top, bottom }}) => top >= 0 && bottom <= innerHeight)(document.querySelector('{css}').getBoundingClientRect())"
    );
    browser.value_of(&script) == true
}

#[test]
fn a_denial_needs_a_reason_and_gives_it_to_the_agent() {
    let desk = Desk::new();
    let browser = desk.browser();
    with_and_without_scripts(&browser, |browser| {
        let agent = desk.asks_to_delete();
        let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
        browser.visit(&format!("/console/approvals/{id}"));
        browser.click("Deny");
        assert_eq!(browser.value_of("document.querySelector('#reason:invalid') !== null"), true);
        let reason = "staging is being measured until Friday";
        browser.fill("Reason", reason).click("Deny").sees("The decision").sees(reason);
        let reply = agent.wait().reply();
        reply.refused(403, "approval_denied");
        assert!(reply.text.contains(reason), "{}", reply.text);
        browser.is_accessible();
    });
    assert!(desk.lab.has_volume(ids::VOLUME_STAGING));
}

#[test]
fn a_page_that_is_out_of_date_says_what_changed() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.scripts(false);
    let agent = desk.asks_to_remove();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    browser.visit(&format!("/console/approvals/{id}")).fill("Type", ids::DEPLOYMENT_STAGING);
    desk.lab.broker.stint(&["approval", "deny", &id, "--reason", "not today"]).ok();
    browser.click("Approve").sees("out of date").sees("denied").sees("not today");
    browser.is_accessible();
    agent.wait().reply().refused(403, "approval_denied");
    assert!(desk.lab.has_deployment());
}

#[test]
fn a_second_approval_appears_without_a_reload() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.visit("/console/").sees("Nothing waits for you");
    browser.value_of("window.here = 'the same document'");
    let first = desk.asks_to_delete();
    browser.sees("staging-cache");
    let second = desk.asks_to_delete();
    stint_tests::until("both are shown", || (browser.count(".card.waiting [data-item]") == 2).then_some(()));
    assert_eq!(browser.value_of("window.here"), "the same document");
    assert!(browser.title().contains("(2)"), "{}", browser.title());

    // The keyboard goes through the list and into the page.
    browser.press("j");
    browser.press("\u{E007}");
    browser.sees("What happens on yes");
    browser.press("d");
    browser.press("no, by the keyboard");
    assert_eq!(browser.filled("Reason"), "no, by the keyboard");
    browser.click("Deny").sees("The decision");

    browser.visit("/console/").click("Delete the volume staging-cache").sees("What happens on yes");
    browser.fill("Reason", "no to both").click("Deny").sees("The decision");
    for agent in [first, second] {
        agent.wait().reply().refused(403, "approval_denied");
    }
}

#[test]
fn e07_equal_wishes_of_one_agent_are_refused_together() {
    let desk = Desk::new();
    let browser = desk.browser();
    with_and_without_scripts(&browser, |browser| {
        let agents = [desk.asks_to_delete(), desk.asks_to_delete(), desk.asks_to_delete()];
        stint_tests::until("all are shown", || {
            browser.visit("/console/");
            (browser.count(".card.waiting [data-item]") == 3).then_some(())
        });
        assert_eq!(browser.count(".card.waiting"), 1, "they stand together");
        browser.is_accessible();
        let reason = "three times no";
        browser.fill("Deny all 3", reason).click("Deny all 3").sees("Nothing waits for you");
        for agent in agents {
            let reply = agent.wait().reply();
            reply.refused(403, "approval_denied");
            assert!(reply.text.contains(reason), "{}", reply.text);
        }
    });
    assert!(desk.lab.has_volume(ids::VOLUME_STAGING));
}

/// The world was put back to its start: the vault's credential is let in again.
fn admit(desk: &Desk) {
    let viewer = stint_standin::railway::Viewer::Account { user: ids::USER.to_owned() };
    desk.lab.railway.site.world().admit(&desk.lab.secret, viewer);
}
