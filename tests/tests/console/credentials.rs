//! Credentials as people look after them: what the provider says of one, what it could be mapped to, and the secrets that
//! agents had made and never saw.

use stint_standin::railway::ids;
use stint_tests::Lab;

use super::{Desk, both_ways};

both_ways!(looked_after);

fn looked_after(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.scripts(scripts).visit("/console/credentials/railway").click("Check it");
    browser.sees("The provider takes it.").sees("What it reaches").sees("production").sees("staging");
    browser.sees("Something narrower would do");
    browser.is_accessible();
    browser.click("Back to it").click("Find what can be mapped").sees("that can be mapped");
    browser.is_accessible();

    // It is revoked at the provider, where nobody here sees it.
    desk.lab.railway.site.world().revoke(&desk.lab.secret);
    browser.visit("/console/credentials/railway").click("Check it").sees("The provider does not take it");
    assert!(!browser.text("main").contains(&desk.lab.secret));
    browser.is_accessible();
}

both_ways!(captured);

fn captured(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    let made = || {
        let agent = desk.lab.begin(&format!("ask '{}'", make_token()));
        let id = desk.lab.waiting()["id"].as_str().unwrap_or_default().to_owned();
        browser
            .scripts(scripts)
            .visit(&format!("/console/approvals/{id}"))
            .click("Approve")
            .sees("The decision");
        let text = agent.wait().reply().text;
        let name = text.split("[stint:captured:").nth(1).and_then(|rest| rest.split(']').next());
        name.unwrap_or_else(|| panic!("nothing was captured: {text}")).to_owned()
    };
    let (first, second) = (made(), made());
    browser.visit("/console/credentials").sees(&first).sees(&second).sees("captured");
    browser.visit(&format!("/console/credentials/{first}"));
    browser.sees("the agent has not seen it").sees("railway:projectTokenCreate").sees("coder");
    assert_eq!(browser.count("form[action$='/check'], form[action$='/rotate']"), 0, "nobody has it yet");
    browser.is_accessible();
    browser.click("Keep").sees("in use").sees("Kept");
    assert_eq!(browser.count("form[action$='/keep']"), 0);
    assert_eq!(desk.lab.records("credential_kept").len(), 1);

    browser.visit(&format!("/console/credentials/{second}")).click("Revoke");
    browser.is_accessible();
    browser.fill(&format!("Type {second}"), &second).click("Revoke").sees("Credential revoked");
    let waiting = desk.lab.broker.stint(&["credential", "list", "--captured", "--json"]).ok().json();
    assert_eq!(waiting["credentials"], serde_json::json!([]));
}

fn make_token() -> String {
    format!(
        "mutation {{ projectTokenCreate(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"deploy\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

both_ways!(who_may_do_what);

/// The table of reach, for all and for one agent.
fn who_may_do_what(scripts: bool) {
    let desk = Desk::new();
    desk.lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION));
    let browser = desk.browser();
    browser
        .scripts(scripts)
        .visit("/console/policies/reach")
        .sees("staging")
        .sees("production")
        .sees("destroy");
    browser.is_accessible();
    assert!(!browser.text("main").contains("true &&"), "{}", browser.text("main"));
    browser.visit("/console/policies/reach?agent=coder").sees("coder");
    browser.visit("/console/policies/reach?agent=nobody-yet").sees("nobody-yet");
}
