//! Policies as people change them: checked while they are typed, proposed to a second owner, made from one request.

use stint_standin::railway::ids;
use stint_tests::{Browser, until};

use super::{Desk, both_ways};

fn set_variable() -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"A\", value: \"b\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

/// Puts other words in the place of those in a text, as somebody who types does.
fn edit(browser: &Browser, field: &str, from: &str, to: &str) {
    let found = browser.value_of(&format!(
        "(() => {{ const field = document.getElementById('{field}'); const found = field.value.includes({from:?}); field.value = field.value.replace({from:?}, {to:?}); field.dispatchEvent(new Event('input', {{ bubbles: true }})); return found; }})()"
    ));
    assert_eq!(found, true, "{from:?} is not in the field {field}");
}

both_ways!(policies);

fn policies(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.scripts(scripts).visit("/console/policies").click("New policy file").fill("Name", "team");
    edit(&browser, "text", "class:destroy", "class:destory");
    if !scripts {
        browser.click("Check");
    }
    // With scripts it is said while somebody types.
    browser.sees("line 5, column 15").sees("destory");
    browser.is_accessible();
    edit(&browser, "text", "class:destory", "class:destroy");
    if !scripts {
        browser.click("Check");
    }
    browser.sees("It fits the schema, and all tests pass.");
    browser
        .fill("Why", "a first rule")
        .click("Save and use")
        .sees("version 1")
        .sees("nothing of production is destroyed");
    browser.is_accessible();

    browser.click("Edit");
    edit(&browser, "text", "what a refused agent reads", "ask the people of the platform");
    browser.fill("Why", "who to ask").click("Save and use").sees("version 2");
    browser.click("Versions").sees("who to ask").sees("What changed from version 1 to version 2");
    assert!(browser.text("tr.removed").contains("what a refused agent reads"), "{}", browser.text("main"));
    assert!(browser.text("tr.added").contains("ask the people of the platform"));
    browser.is_accessible();
    browser.click("Bring back").sees("version 3");
    assert!(browser.text("ol.source").contains("what a refused agent reads"));
    browser.click("Take out of use").sees("This file is out of use");
}

both_ways!(a_rule_from_a_denial);

/// A denial, a proposal, its tests, and the same request passes. The denial comes of a change that took two owners.
fn a_rule_from_a_denial(scripts: bool) {
    let desk = Desk::new();
    desk.add_person("mira", "owner");
    let (browser, second) = (desk.browser(), Browser::start(&desk.lab.broker));
    browser.scripts(scripts).visit("/console/policies/starter.agents").click("Propose a change");
    edit(
        &browser,
        "text",
        "action in [Action::\"class:read\", Action::\"class:write\"]",
        "action in Action::\"class:read\"",
    );
    edit(
        &browser,
        "tests",
        "place = [\"staging\", \"staging\"] }]\ndecision = \"allow\"\npolicies = [\"starter.work\"]\n\n[[test]]\nname = \"agents read shared",
        "place = [\"staging\", \"staging\"] }]\ndecision = \"deny\"\npolicies = []\n\n[[test]]\nname = \"agents read shared",
    );
    browser.fill("Why", "writes are asked for one by one").click("Propose").sees("waits for a second owner");
    browser.sees("another owner confirms it");
    assert_eq!(browser.count("form[action$='/confirm']"), 0, "one owner may confirm what they proposed");
    browser.is_accessible();
    desk.sign_in_as(&second, "mira");
    second.scripts(scripts).visit("/console/policies/starter.agents").sees("writes are asked for one by one");
    second.click("Confirm: use it from now on").sees("version 1");

    desk.lab.ask(&set_variable()).refused(403, "denied");
    browser.visit("/console/now").sees("Set the variable").click("Make a rule").sees("What it would do");
    assert!(browser.text("#about ~ dl, section dl").contains("allowed"), "{}", browser.text("main"));
    browser.is_accessible();
    browser
        .click("Check")
        .sees("It fits the schema, and all tests pass.")
        .click("Save and use")
        .sees("version 1");
    desk.lab.ask(&set_variable()).done();
    until("it is on record", || (!desk.lab.records("policy_changed").is_empty()).then_some(()));
}
