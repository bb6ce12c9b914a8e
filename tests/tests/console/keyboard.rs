//! The keyboard alone.

use rustix::process::Signal;
use stint_standin::railway::ids;
use stint_tests::{Browser, until};

use super::Desk;

/// The element that has the focus: its id, or where it leads.
fn focus(browser: &Browser) -> String {
    let script = "document.activeElement.id || document.activeElement.getAttribute('href') || document.activeElement.className";
    browser.value_of(script).as_str().unwrap_or_default().to_owned()
}

#[test]
fn keys_move_through_lists_and_lead_to_the_two_answers() {
    let desk = Desk::new();
    let browser = desk.browser();
    let agent = desk.asks_and_stays();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    desk.lab.ask("{ me { name } }").done();
    browser.visit("/console/").sees(ids::DEPLOYMENT_STAGING).press("j");
    assert_eq!(focus(&browser), format!("/console/approvals/{id}"));
    browser.press("a");
    until("the name is asked for", || (focus(&browser) == "confirm").then_some(()));
    // What is typed is text there, until Escape.
    browser.press("jk/");
    assert_eq!(browser.filled("Type"), "jk/");
    browser.press("\u{E00C}d");
    assert_eq!(focus(&browser), "reason");

    browser.visit("/console/").sees(ids::DEPLOYMENT_STAGING).press("jd");
    until("the reason is asked for", || (focus(&browser) == "reason").then_some(()));
    browser.visit("/console/audit").sees("Records").press("/");
    assert_eq!(focus(&browser), "kind");

    browser.visit("/console/sessions").sees("live").press("j");
    let first = focus(&browser);
    browser.press("j");
    assert_ne!(focus(&browser), first);
    browser.press("k");
    assert_eq!(focus(&browser), first);
    browser.press("\u{E007}");
    browser.sees("What it did");

    // The first key of a page leads past its navigation.
    browser.visit("/console/audit").press("\u{E004}");
    assert_eq!(focus(&browser), "#main");
    browser.press("\u{E007}");
    until("the page has the focus", || (browser.value_of("location.hash") == "#main").then_some(()));
    agent.signal(Signal::TERM);
    agent.wait();
}
