//! How people get in: passkeys, links, and proving again who one is.

use std::fs;

use stint_standin::railway::ids;
use stint_tests::{Browser, until};

use super::{Desk, with_and_without_scripts};

#[test]
fn a_passkey_is_added_used_and_removed() {
    let desk = Desk::new();
    let browser = desk.browser();
    let authenticator = browser.add_authenticator();
    browser.visit("/console/account").sees("You have none. A passkey");
    browser.is_accessible();
    browser.fill("Name of the new passkey", "key ring").click("Add a passkey").sees("not used yet");
    let held = browser.passkeys(&authenticator);
    let [passkey] = &held[..] else { panic!("one passkey, not {held:?}") };
    assert_eq!((&passkey["rpId"], &passkey["isResidentCredential"]), (&"localhost".into(), &true.into()));
    browser.is_accessible();

    browser.click("Sign out").click("Sign in with a passkey").sees("admin · owner");
    assert_eq!(desk.lab.records("signed_in")[0]["facts"]["method"], "passkey");
    browser.visit("/console/prove?next=/console/account").sees("Use your passkey");
    browser.is_accessible();
    browser.click("Use your passkey").sees("Your account");

    browser.click("Remove").sees("You have none. A passkey");
    browser.click("Sign out").click("Sign in with a passkey").sees("not");
    assert!(
        browser.at().starts_with("/console/sign-in"),
        "a removed passkey let somebody in: {}",
        browser.at()
    );
    browser.is_accessible();
}

#[test]
fn e09_what_cannot_be_put_back_takes_proof_of_a_moment_ago() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.add_authenticator();
    browser.visit("/console/account").fill("Name of the new passkey", "key ring").click("Add a passkey");
    browser.sees("not used yet");
    let agent = desk.asks_to_remove();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    // Hours go by.
    desk.lab.sql("UPDATE sign_ins SET proven_at = 0");
    browser.visit(&format!("/console/approvals/{id}")).sees("Your password").sees("Use your passkey");
    browser.is_accessible();
    browser
        .fill("Type", ids::DEPLOYMENT_STAGING)
        .fill("Your password", "this is not the password")
        .click("Approve");
    // Only the answer says this: the page that was left has the same fields and buttons.
    browser.sees("this does not belong together");
    assert!(desk.lab.has_deployment());
    assert_eq!(desk.lab.waiting()["id"], id.as_str(), "a wrong password approved it");
    browser.is_accessible();
    browser.fill("Type", ids::DEPLOYMENT_STAGING).click("Use your passkey").sees("The decision");
    agent.wait().reply().done();
    assert!(!desk.lab.has_deployment());
}

#[test]
fn an_invited_person_comes_in_once_by_the_link() {
    let desk = Desk::new();
    let owner = desk.browser();
    for (name, scripts) in [("kim", true), ("noor", false)] {
        owner.scripts(scripts);
        owner.visit("/console/people").fill("Name", name).choose("Role", "approver").click("Make a link");
        owner.sees("shown this once");
        owner.is_accessible();
        let link = owner.filled("Link");
        assert!(link.starts_with(&owner.origin), "{link}");

        let guest = Browser::start(&desk.lab.broker);
        guest.scripts(scripts).visit(&link).sees(&format!("Welcome, {name}"));
        guest.is_accessible();
        if scripts {
            guest.add_authenticator();
            guest.fill("Name of your passkey", "phone").click("Use a passkey");
        } else {
            guest.fill("Password", &desk.lab.broker.secret("guest")).click("Use a password");
        }
        guest.sees("Your account").sees(&format!("{name} · approver"));
        guest.visit("/console/people").sees("Owners invite and remove.");
        let late = Browser::start(&desk.lab.broker);
        late.visit(&link).sees("This link is over");
        late.is_accessible();
    }
    with_and_without_scripts(&owner, |owner| {
        owner.visit("/console/people").sees("kim").sees("noor").sees("1 passkey");
        owner.is_accessible();
        owner.visit("/console/people/kim").sees("approver");
        owner.is_accessible();
    });
    owner
        .visit("/console/people/kim")
        .click("Remove kim")
        .sees("With them end")
        .click("Remove kim")
        .sees("Invite somebody");
    assert_eq!(owner.count("a[href='/console/people/kim']"), 0);
}

#[test]
fn e14_a_machine_is_let_in_or_kept_out_by_whoever_sees_its_code() {
    let desk = Desk::new();
    let browser = desk.browser();
    let broker = &desk.lab.broker;
    for (scripts, button, outcome, code) in
        [(true, "Let it in", "Let in.", 0), (false, "Keep it out", "Kept out.", 1)]
    {
        browser.scripts(scripts);
        let home = broker.scratch().join(format!("home-{code}"));
        let said = broker.scratch().join(format!("said-{code}"));
        let script = format!(
            "exec {} login --no-browser --device '<b>laptop</b>\u{202E}' 2>{}",
            broker.program_path("stint"),
            said.display()
        );
        let login = broker.program("sh", &["-c", &script]);
        let login = login.env("STINT_HOME", &home).env("STINT_BROKER", &broker.url).start();
        let address = until("the terminal shows an address", || {
            let said = fs::read_to_string(&said).unwrap_or_default();
            let (_, rest) = said.split_once("or open ")?;
            rest.split_whitespace().next().map(str::to_owned)
        });
        browser.visit(&address).sees("Only go on if you started").sees("<b>laptop</b>").sees("U+202E");
        let shown = browser.text("dl.facts strong code");
        assert!(fs::read_to_string(&said).unwrap().contains(&format!("enter the code {shown}")), "{shown}");
        browser.is_accessible();
        browser.click(button).sees(outcome);
        browser.is_accessible();
        let out = login.wait();
        assert_eq!(out.code != 0, code != 0, "{}{}", out.stdout, fs::read_to_string(&said).unwrap());
        if code == 0 {
            // What a machine is let in for: work, and nothing that a person has to decide.
            let add = broker.command_at(&home, &["environment", "add", "own", "--tier", "staging"]).run();
            assert_ne!(add.code, 0, "a login on a machine administers: {}", add.stdout);
            let run = ["run", "--environment", "staging", "--agent", "coder", "--", "true"];
            broker.command_at(&home, &run).run().ok();
        }
    }
}
