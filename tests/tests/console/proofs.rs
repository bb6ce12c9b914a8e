//! A fresh proof by a passkey, given in the very form that takes one.

use std::fs;

use stint_tests::{Browser, until};

use super::Desk;

/// A person with a passkey who proved long ago who they are.
fn keyed(desk: &Desk) -> Browser {
    let browser = desk.browser();
    browser.add_authenticator();
    browser.visit("/console/account").fill("Name of the new passkey", "key ring").click("Add a passkey");
    browser.sees("not used yet");
    stale(desk);
    browser
}

fn stale(desk: &Desk) {
    desk.lab.sql("UPDATE sign_ins SET proven_at = 1");
}

/// Each of these forms asks, takes the passkey where it stands, and leads nowhere else.
fn proves(browser: &Browser, outcome: &str) {
    let at = browser.at();
    browser.sees("Your password").sees("Use your passkey");
    browser.is_accessible();
    browser.click("Use your passkey").sees(outcome);
    assert_eq!(browser.at(), at);
}

#[test]
fn a_machine_is_let_in_by_a_passkey_where_its_code_is_shown() {
    let desk = Desk::new();
    let browser = keyed(&desk);
    let broker = &desk.lab.broker;
    let (home, said) = (broker.scratch().join("home-key"), broker.scratch().join("said-key"));
    let script = format!("exec {} login --no-browser 2>{}", broker.program_path("stint"), said.display());
    let login = broker.program("sh", &["-c", &script]);
    let login = login.env("STINT_HOME", &home).env("STINT_BROKER", &broker.url).start();
    let address = until("the terminal shows an address", || {
        let said = fs::read_to_string(&said).unwrap_or_default();
        let (_, rest) = said.split_once("or open ")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    browser.visit(&address);
    proves(&browser, "Let in.");
    login.wait().ok();
    assert_eq!(desk.lab.records("sign_in_proven")[0]["facts"]["method"], "passkey");

    // The login that it made is raised in the same way.
    let status = broker.command_at(&home, &["login", "status", "--json"]).run().ok().json();
    let client = status["login"]["client_id"].as_str().unwrap().to_owned();
    stale(&desk);
    browser.visit(&format!("/console/logins/{client}/elevate"));
    proves(&browser, "End it now");
    assert_eq!(desk.lab.records("login_elevated").len(), 1);
}

#[test]
fn a_tier_is_lowered_by_a_passkey_and_raised_without() {
    let desk = Desk::new();
    let browser = keyed(&desk);
    browser.visit("/console/environments/staging").choose("Tier", "production").click("Change");
    browser.sees("Environment staging production");
    browser.visit("/console/environments/staging").choose("Tier", "development").click("Change");
    browser.sees("prove again who you are");
    browser.visit("/console/environments/staging").choose("Tier", "development");
    proves(&browser, "Environment staging development");
    assert_eq!(desk.lab.records("tier_changed").len(), 2);
}

#[test]
fn a_change_of_what_ships_is_confirmed_by_a_passkey() {
    let desk = Desk::new();
    let other = desk.browser();
    other.visit("/console/people").fill("Name", "kim").choose("Role", "owner").click("Make a link");
    other.sees("shown this once");
    let kim = Browser::start(&desk.lab.broker);
    kim.visit(&other.filled("Link")).fill("Password", &desk.lab.broker.secret("kim")).click("Use a password");
    kim.sees("Your account").visit("/console/policies/guardrails.backups/edit").sees("Propose a change");
    kim.value_of("document.querySelector('[name=text]').value += '\\n// another line\\n'");
    kim.click("Propose").sees("another owner confirms it");

    let browser = keyed(&desk);
    browser.visit("/console/policies/guardrails.backups");
    proves(&browser, "version 1");
    assert_eq!(desk.lab.records("policy_confirmed").len(), 1);
}
