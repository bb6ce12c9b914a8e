//! What people set up, from the first step to the end of a thing: each with scripts and without.

use std::fs;

use rustix::process::Signal;
use stint_standin::railway::ids;
use stint_tests::{Browser, Lab, until};

use super::across::Site;
use super::{Desk, both_ways, options};

/// Nothing of what was typed as a secret is in the page, nor anywhere in its source.
#[track_caller]
fn does_not_show(browser: &Browser, secrets: &[&str]) {
    let page = browser.value_of("document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((field) => field.value).join()");
    for secret in secrets {
        assert!(!page.as_str().unwrap_or_default().contains(secret), "a secret is on {}", browser.at());
    }
}

both_ways!(first_steps);

/// From the setup link to the first session, which the open page notices by itself.
fn first_steps(scripts: bool) {
    let lab = Lab::unfurnished(options());
    let broker = &lab.broker;
    let browser = Browser::start(broker);
    browser.scripts(scripts).visit("/");
    let token = fs::read_to_string(broker.data().join("setup-token")).unwrap();
    browser
        .fill("Setup token", token.trim())
        .fill("Your name", "robin")
        .fill("Password", &broker.secret("password"));
    browser.click("Set up").sees("robin · owner");
    browser
        .visit("/console/")
        .sees("This broker is new")
        .click("See the first steps")
        .sees("The first environment");
    browser.is_accessible();
    browser.click("Add an environment").fill("Name", "staging").choose("Tier", "staging").click("Add");
    browser.sees("Nothing is mapped to it");
    browser.fill("Map something to it", &format!("railway:environment/{}", ids::STAGING)).click("Map");
    browser.sees(ids::STAGING).visit("/console/welcome").click("Add a credential");
    browser
        .fill("Name", "railway")
        .choose("Provider and kind", "Railway: account")
        .fill("Secret", &lab.secret);
    browser.click("Sent elsewhere than to the provider's own hosts");
    browser
        .fill("Upstream", &lab.railway.url())
        .fill("Certificates", lab.railway.ca_pem().unwrap_or_default());
    browser.click("Add").sees("Credential railway");
    does_not_show(&browser, &[&lab.secret]);
    browser
        .visit("/console/welcome")
        .click("Add an agent")
        .fill("Name", "coder")
        .click("Add")
        .sees("Agent coder");

    browser.visit("/console/welcome").sees("The first session").sees("next");
    browser.is_accessible();
    // The lines as they stand on the page, but for what runs.
    let lines = browser.text("li[aria-current=step] pre");
    let lines: Vec<&str> = lines.lines().collect();
    let [login, run] = &lines[..] else { panic!("two lines, not {lines:?}") };
    let said = broker.scratch().join("said");
    let stint = broker.program_path("stint");
    let script =
        format!("exec {stint} {} --no-browser 2>{}", login.strip_prefix("stint ").unwrap(), said.display());
    let login = broker.program("sh", &["-c", &script]).env("STINT_HOME", broker.home()).start();
    let address = until("the terminal shows an address", || {
        let said = fs::read_to_string(&said).unwrap_or_default();
        let (_, rest) = said.split_once("or open ")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    let other = Browser::start(broker);
    other.visit("/console/sign-in").fill("Name", "robin").fill("Password", &broker.secret("password"));
    other.click("Sign in").sees("Sign out").visit(&address).click("Let it in").sees("Let in.");
    login.wait().ok();
    let run = format!("exec {stint} {}", run.strip_prefix("stint ").unwrap().replace("COMMAND", "true"));
    broker.program("sh", &["-c", &run]).env("STINT_HOME", broker.home()).run().ok();
    if !scripts {
        browser.visit("/console/welcome");
    }
    browser.sees("Everything is in place");
    browser.visit("/console/").sees("Nothing waits for you");
    assert!(!browser.text("main").contains("This broker is new"));
}

both_ways!(credentials);

fn credentials(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    let (first, second) = (desk.lab.broker.secret("first"), desk.lab.broker.secret("second"));
    browser.scripts(scripts).visit("/console/credentials").click("Add a credential");
    browser
        .fill("Name", "Not Good")
        .choose("Provider and kind", "Railway: account")
        .fill("Secret", &first)
        .click("Add");
    browser.sees("The secret has to be given again");
    assert_eq!((browser.count("#name-error"), browser.filled("Name").as_str()), (1, "Not Good"));
    assert_eq!(browser.filled("Provider and kind"), "railway:account");
    does_not_show(&browser, &[&first]);
    browser.is_accessible();
    browser.fill("Name", "spare").fill("Secret", &first).click("Add").sees("Credential spare");
    let fingerprint = browser.text("dl.facts code");
    does_not_show(&browser, &[&first]);
    browser.is_accessible();
    browser.fill("Secret", &second).click("Put the new secret in").sees("Credential rotated");
    assert_ne!(browser.text("dl.facts code"), fingerprint, "the secret is the same");
    does_not_show(&browser, &[&first, &second]);
    browser.click("Revoke").fill("Type spare", "spar").click("Revoke").sees("cannot be put back: type spare");
    assert_eq!(browser.filled("Type spare"), "spar");
    browser.is_accessible();
    browser.fill("Type spare", "spare").click("Revoke").sees("Credential revoked");
    assert_eq!(browser.count("form[action$=rotate]"), 0, "what is revoked is offered to be rotated");
    browser.visit("/console/credentials").sees("revoked");
    let session = desk.lab.broker.stint(&["credential", "list", "--json"]).ok().json();
    assert!(session.to_string().contains("revoked_at"), "{session}");
}

both_ways!(environments);

fn environments(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.scripts(scripts).visit("/console/environments").click("Add an environment");
    browser.fill("Name", "Not Good").choose("Tier", "staging").click("Add").sees("Small letters");
    assert_eq!(
        (browser.count("#name-error"), browser.filled("Name").as_str(), browser.filled("Tier").as_str()),
        (1, "Not Good", "staging")
    );
    browser.is_accessible();
    browser.fill("Name", "preview").click("Add").sees("Environment preview");
    let selector = format!("railway:environment/{}", ids::FORK);
    browser.fill("Map something to it", "nonsense").click("Map");
    until("it is said to be wrong", || (browser.count("#selector-error") == 1).then_some(()));
    assert_eq!(browser.filled("Map something to it"), "nonsense");
    browser.fill("Map something to it", &selector).click("Map").sees("Environment mapped");
    assert!(browser.text(".tree").contains(ids::FORK), "{}", browser.text("main"));
    browser.is_accessible();

    // Somebody else was faster.
    let other = desk.browser();
    other
        .visit("/console/environments/preview")
        .choose("Tier", "production")
        .click("Change")
        .sees("Tier changed");
    browser.scripts(false).visit("/console/environments/preview");
    other.choose("Tier", "staging").click("Change").sees("staging");
    browser.choose("Tier", "development").click("Change").sees("was changed to staging in the meantime");
    browser.scripts(scripts).visit("/console/environments/preview");
    assert_eq!(browser.text("h1 .badge"), "staging");

    // Who still looks at it would be told that it is gone, which counts as a failure here.
    other.visit("/console/environments");
    browser.click("Unmap").sees("Nothing is mapped to it").click("Remove this environment");
    until("it is gone", || (browser.at() == "/console/environments").then_some(()));
    assert_eq!(browser.count("a[href='/console/environments/preview']"), 0);
}

both_ways!(agents);

fn agents(scripts: bool) {
    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"c2VjcmV0"}"#;
    let desk = Desk::new();
    let browser = desk.browser();
    browser.scripts(scripts).visit("/console/agents").click("Add an agent");
    browser.fill("Name", "helper").fill("Its public key", PRIVATE).click("Add").sees("this is a private key");
    assert_eq!((browser.filled("Name").as_str(), browser.filled("Its public key").as_str()), ("helper", ""));
    browser.is_accessible();
    browser.click("Add").sees("Agent helper").sees("None yet.");
    browser.value_of("document.querySelector('input[value=staging]').click()");
    browser.click("Save").sees("Agent edited");
    assert!(browser.text("dl.facts").contains("staging"));
    let agent = desk.lab.begin_as("staging", "helper", "", "exec sleep 60");
    until("its session is live", || {
        browser.visit("/console/agents/helper");
        (browser.count("tbody .state-live") == 1).then_some(())
    });
    browser.is_accessible();
    browser.click("Remove this agent").sees("1 live session").click("Remove it");
    until("it is gone", || (browser.at() == "/console/agents").then_some(()));
    assert_eq!(browser.count("a[href='/console/agents/helper']"), 0);
    browser.visit("/console/now").sees("No session is live");
    agent.signal(Signal::TERM);
    agent.wait();
}

both_ways!(notifications);

fn notifications(scripts: bool) {
    let desk = Desk::new();
    let browser = desk.browser();
    let [_, receiver] = Site::with("thanks".to_owned()).urls();
    browser.scripts(scripts).visit("/console/notifications").sees("Nobody is told of anything");
    browser
        .fill("Name", "ops")
        .choose("Kind", "Webhook")
        .fill("URL", "ftp://elsewhere.test/hook?key=3f1c")
        .click("Add the channel");
    until("it is said to be wrong", || (browser.count("#add-error") == 1).then_some(()));
    assert_eq!((browser.filled("Name").as_str(), browser.filled("URL").as_str()), ("ops", ""));
    browser.is_accessible();
    browser.fill("URL", &receiver).click("Add the channel").sees("shown this once");
    let secret = browser.text("main pre");
    assert!(secret.len() > 20, "no secret is shown: {secret:?}");
    browser.is_accessible();
    browser.click("Done").sees("ops");
    does_not_show(&browser, &[secret.trim()]);
    browser.click("ops").click("Send a trial");
    until("the trial arrived", || {
        browser.visit("/console/notifications/ops");
        browser.text("[aria-label=Deliveries] tbody").contains("done").then_some(())
    });
    browser.is_accessible();
    browser.click("Remove").sees("Nobody is told of anything");
}

#[test]
fn settings_say_what_was_told_to_the_broker_and_no_secret() {
    let desk = Desk::new();
    let browser = desk.browser();
    super::with_and_without_scripts(&browser, |browser| {
        browser
            .visit("/console/settings")
            .sees("approval.hold")
            .sees("the audit trail")
            .sees("stint-backup.db");
        does_not_show(browser, &[&desk.lab.secret, &desk.password]);
        browser.is_accessible();
    });
}
