//! In and out.

use std::fs;

use rustix::process::Signal;
use stint_standin::railway::ids;
use stint_tests::{Browser, TestBroker};

use super::{Desk, options};

/// The first person, by the setup token, in a browser that runs scripts or does not.
fn first_person(scripts: bool) {
    let broker = TestBroker::start(options());
    let browser = Browser::start(&broker);
    browser.scripts(scripts);
    browser.visit("/");
    assert_eq!(browser.at(), "/console/setup");
    browser.is_accessible();

    let password = broker.secret("password");
    browser.fill("Setup token", "not the token").fill("Your name", "robin").fill("Password", &password);
    browser.click("Set up").sees("not valid");
    assert_eq!(browser.filled("Your name"), "robin", "what was typed is gone");
    assert_eq!(browser.filled("Password"), "", "a password came back in a page");
    browser.is_accessible();

    let token = fs::read_to_string(broker.data().join("setup-token")).unwrap();
    browser
        .fill("Setup token", token.trim())
        .fill("Password", &password)
        .click("Set up")
        .sees("robin · owner");
    assert!(!broker.data().join("setup-token").exists(), "the setup token is still there");

    browser.visit("/console/setup");
    assert_ne!(browser.at(), "/console/setup", "set up twice");
}

#[test]
fn the_first_person_comes_in_by_the_setup_token() {
    first_person(true);
}

#[test]
fn the_first_person_comes_in_without_scripts() {
    first_person(false);
}

#[test]
fn signing_in_leads_to_the_page_that_was_asked_for_and_out_again() {
    let desk = Desk::new();
    let browser = Browser::start(&desk.lab.broker);
    super::with_and_without_scripts(&browser, |browser| {
        browser.visit("/console/sessions");
        assert!(browser.at().starts_with("/console/sign-in"), "{}", browser.at());
        browser.is_accessible();
        browser.fill("Name", &desk.person).fill("Password", "this is not the password").click("Sign in");
        browser.sees("does not belong together");
        assert_eq!(browser.filled("Name"), desk.person);
        assert_eq!(browser.filled("Password"), "");
        browser.is_accessible();

        browser.fill("Password", &desk.password).click("Sign in").sees("Sign out");
        assert_eq!(browser.at(), "/console/sessions");
        let cookies = browser.cookies();
        let [cookie] = &cookies[..] else { panic!("one cookie, not {cookies:?}") };
        assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&true.into(), &"Strict".into()), "{cookie}");
        assert_eq!(browser.value_of("document.cookie"), "");

        browser.click("Sign out").sees("Password");
        assert!(browser.cookies().is_empty());
        browser.visit("/console/");
        assert!(browser.at().starts_with("/console/sign-in"), "{}", browser.at());
    });
    assert_eq!(desk.lab.records("signed_in").len(), 2);
    assert_eq!(desk.lab.records("signed_out").len(), 2);
    assert_eq!(desk.lab.records("sign_in_refused").len(), 2);
}

#[test]
fn a_form_sent_after_the_sign_in_ended_leads_to_a_page_that_exists() {
    let desk = Desk::new();
    let browser = desk.browser();
    let agent = desk.asks_and_stays();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    super::with_and_without_scripts(&browser, |browser| {
        browser.visit(&format!("/console/approvals/{id}")).fill("Reason", "too late");
        desk.lab.sql("UPDATE sign_ins SET ended_at = 1");
        browser.click("Deny").sees("Password");
        browser.fill("Name", &desk.person).fill("Password", &desk.password).click("Sign in").sees("Sign out");
        browser.sees(ids::DEPLOYMENT_STAGING);
        assert_eq!(desk.lab.waiting()["id"], id.as_str(), "a form of nobody was taken");
    });
    agent.signal(Signal::TERM);
    agent.wait();
}
