use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::{Lab, Options, TestBroker};

use super::ground::{Browser, PASSWORD, forbid, joined, summary};

const UPSERT: &str = "railway:variableUpsert";

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let after = page.split_once(&mark).unwrap_or_else(|| panic!("no field {name} in {page}")).1;
    after.split('"').next().unwrap_or_default().to_owned()
}

/// The text of a field as a browser has it.
fn area(page: &str, name: &str) -> String {
    let after = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no field {name}")).1;
    let text = after.split_once('>').unwrap().1.split("</textarea>").next().unwrap();
    let text = text.strip_prefix('\n').unwrap_or(text);
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn fields<'a>(name: &'a str, base: &'a str, text: &'a str, tests: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("name", name), ("base", base), ("text", text), ("tests", tests), ("note", "by hand")]
}

#[test]
fn an_owner_writes_checks_saves_and_brings_back() {
    let broker = TestBroker::start(Options::default());
    let alice = Browser::set_up(&broker, "alice");
    let page = alice.get("/console/policies");
    assert_eq!(page.status, 200, "{}", page.text());
    for name in ["guardrails.place", "guardrails.class", "starter.agents"] {
        assert!(page.text().contains(name), "{}", page.text());
        assert_eq!(alice.get(&format!("/console/policies/{name}")).status, 200);
        assert_eq!(alice.get(&format!("/console/policies/{name}/versions")).status, 200);
    }
    // The example that a new file starts with holds as it is.
    let new = alice.get("/console/policies/new").text();
    let (text, tests) = (area(&new, "text"), area(&new, "tests"));
    let checked = alice.post("/console/policies/check", &fields("team", "", &text, &tests));
    assert!(checked.status == 200 && checked.text().contains("holds"), "{}", checked.text());
    // What is wrong stands beside the field with its place, and what was typed is kept.
    let wrong = text.replace("class:destroy", "class:explode");
    let refused = alice.post("/console/policies/save", &fields("team", "", &wrong, &tests));
    let said = refused.text();
    assert_eq!(refused.status, 400, "{said}");
    assert!(said.contains("line 5, column") && area(&said, "text") == wrong, "{said}");
    assert!(!alice.get("/console/policies").text().contains("/console/policies/team"));
    let asked = std::time::Instant::now();
    let fragment = alice.post("/console/policies/validate", &fields("team", "", &wrong, &tests)).text();
    assert!(
        fragment.starts_with("<div class=\"check\" id=\"text-check\"") && fragment.contains("line 5"),
        "{fragment}"
    );
    // Without a slice of the schema this takes more than ten seconds.
    assert!(asked.elapsed() < std::time::Duration::from_secs(3), "it took {:?}", asked.elapsed());
    let failing = alice
        .post("/console/policies/check", &fields("team", "", &text, &tests.replace("\"deny\"", "\"allow\"")));
    assert!(failing.text().contains("expected allow by"), "{}", failing.text());
    // Saved, it is in use; line ends of a form become those of a file.
    let sent = text.replace('\n', "\r\n");
    let saved = alice.post("/console/policies/save", &fields("team", "", &sent, &tests));
    assert_eq!(
        (saved.status, saved.header("location")),
        (303, Some("/console/policies/team")),
        "{}",
        saved.text()
    );
    let edit = alice.get("/console/policies/team/edit").text();
    assert_eq!((area(&edit, "text"), hidden(&edit, "base")), (text.clone(), "1".to_owned()));
    // Somebody who started from nothing is told of it, and shown the difference.
    let late =
        alice.post("/console/policies/save", &fields("team", "0", &text.replace("refused", "late"), &tests));
    assert_eq!(late.status, 409, "{}", late.text());
    assert!(
        late.text().contains("saved version 1 of team meanwhile: by hand") && late.text().contains("+ added"),
        "{}",
        late.text()
    );
    let base = hidden(&late.text(), "base");
    let again = alice
        .post("/console/policies/save", &fields("team", &base, &text.replace("refused", "late"), &tests));
    assert_eq!(again.status, 303, "{}", again.text());
    let versions = alice.get("/console/policies/team/versions?from=1&to=2").text();
    assert!(
        versions.contains("removed") && versions.contains("added") && versions.contains("Bring back"),
        "{versions}"
    );
    assert_eq!(alice.post("/console/policies/team/restore", &[("version", "1"), ("base", "2")]).status, 303);
    assert_eq!(alice.post("/console/policies/team/restore", &[("version", "1"), ("base", "2")]).status, 409);
    assert_eq!(alice.post("/console/policies/team/remove", &[("base", "3")]).status, 303);
    assert!(alice.get("/console/policies/team").text().contains("out of use"));
    for nothing in [
        "/console/policies/none",
        "/console/policies/none/edit",
        "/console/policies/none/versions",
        "/console/rules/new?record=1x",
    ] {
        assert_eq!(alice.get(nothing).status, 404, "{nothing}");
    }
}

#[test]
fn two_owners_change_what_ships_and_the_second_proves_who_they_are() {
    let lab = Lab::start(Options::default());
    let broker = &lab.broker;
    let (alice, bob) = (joined(&lab, "alice", "owner"), joined(&lab, "bob", "owner"));
    let eve = joined(&lab, "eve", "auditor");
    let edit = alice.get("/console/policies/guardrails.backups/edit").text();
    assert!(edit.contains("Propose a change"), "{edit}");
    let text = area(&edit, "text").replace("no session removes", "no session ever removes");
    let proposed =
        alice.post("/console/policies/save", &fields("guardrails.backups", "", &text, &area(&edit, "tests")));
    assert_eq!(proposed.status, 303, "{}", proposed.text());
    assert_eq!(summary(broker, "guardrails.backups")["proposed"], json!(1));
    let page = "/console/policies/guardrails.backups";
    assert!(alice.get(page).text().contains("another owner confirms"), "{}", alice.get(page).text());
    assert_eq!(alice.post(&format!("{page}/confirm"), &[("version", "1")]).status, 403);
    let seen = eve.get(page).text();
    assert!(seen.contains("looks on") && !seen.contains("/confirm\""), "{seen}");
    assert_eq!(eve.post(&format!("{page}/confirm"), &[("version", "1")]).status, 403);
    assert_eq!(eve.get("/console/policies/new").status, 403);
    // An open browser is not enough, once it is a while ago that its person proved who they are.
    lab.sql("UPDATE sign_ins SET proven_at = 1");
    let asked = bob.get(page).text();
    assert!(asked.contains("name=\"password\"") && asked.contains("no session ever removes"), "{asked}");
    // Without one they are led to where they prove it, and back; nothing was confirmed meanwhile.
    let led = bob.post(&format!("{page}/confirm"), &[("version", "1")]);
    assert_eq!(led.status, 303, "{}", led.text());
    assert!(
        led.header("location").is_some_and(|to| to.starts_with("/console/prove?next=")),
        "{:?}",
        led.headers
    );
    assert_eq!(summary(broker, "guardrails.backups")["version"], json!(0));
    assert_eq!(
        bob.post(&format!("{page}/confirm"), &[("version", "1"), ("password", "not this one, surely")])
            .status,
        401
    );
    assert_eq!(summary(broker, "guardrails.backups")["version"], json!(0));
    let confirmed = bob.post(&format!("{page}/confirm"), &[("version", "1"), ("password", PASSWORD)]);
    assert_eq!(confirmed.status, 303, "{}", confirmed.text());
    assert_eq!(summary(broker, "guardrails.backups")["version"], json!(1));
    assert_eq!(bob.post(&format!("{page}/withdraw"), &[("version", "1")]).status, 409);
}

#[test]
fn a_rule_is_proposed_edited_run_dry_and_saved() {
    let lab = Lab::start(crate::place::sqlite());
    let alice = joined(&lab, "alice", "owner");
    lab.ask(&Lab::delete(ids::VOLUME_STAGING)).refused(403, "approval_required");
    let approval = lab.waiting()["id"].as_str().unwrap().to_owned();
    assert!(
        alice.get(&format!("/console/approvals/{approval}")).text().contains("Make a rule from this request")
    );
    let permit = alice.get(&format!("/console/rules/new?approval={approval}"));
    assert!(permit.status == 200 && permit.text().contains("This rule would not help"), "{}", permit.text());
    let page = alice.get(&format!("/console/rules/new?approval={approval}&effect=forbid")).text();
    assert!(page.contains("a person is asked") && !page.contains("would not help"), "{page}");
    let (text, tests) = (area(&page, "text"), area(&page, "tests"));
    let name = hidden_or_value(&page);
    let form = |text: &str| {
        let mut form: Vec<(String, String)> = fields(&name, "", text, &tests)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        form.push(("approval".to_owned(), approval.clone()));
        form.push(("effect".to_owned(), "forbid".to_owned()));
        form
    };
    let post = |path: &str, text: &str| {
        let form = form(text);
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        alice.post(path, &form)
    };
    // Edited to be about another agent, it would not help any more, and its test says so too.
    let edited =
        post("/console/policies/check", &text.replace("Agent::\"coder\"", "Agent::\"another\"")).text();
    assert!(edited.contains("would not help") && edited.contains("expected deny by"), "{edited}");
    assert_eq!(post("/console/policies/save", &text).status, 303);
    lab.ask(&Lab::delete(ids::VOLUME_STAGING)).refused(403, "denied");
}

/// E17: what a policy says of itself is text.
#[test]
fn hostile_text_stays_text() {
    let broker = TestBroker::start(Options::default());
    let alice = Browser::set_up(&broker, "alice");
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    let (text, tests) = forbid("team.x", UPSERT);
    let escaped = hostile.replace('"', "\\\"");
    let text = format!("// {hostile}\n@advice(\"{escaped}\")\n{text}");
    let tests = tests.replace("it is forbidden", &escaped);
    let saved = alice.post(
        "/console/policies/save",
        &[("name", "team"), ("base", ""), ("text", &text), ("tests", &tests), ("note", hostile)],
    );
    assert_eq!(saved.status, 303, "{}", saved.text());
    for page in [
        "/console/policies",
        "/console/policies/team",
        "/console/policies/team/edit",
        "/console/policies/team/versions",
    ] {
        let shown = alice.get(page);
        assert_eq!(shown.status, 200);
        let shown = shown.text();
        assert!(!shown.contains("<script>alert") && !shown.contains("<img"), "{page}: {shown}");
    }
    let name = alice.post(
        "/console/policies/save",
        &[("name", hostile), ("base", ""), ("text", &text), ("tests", &tests)],
    );
    assert!(name.status == 400 && !name.text().contains("<img"), "{}", name.text());
    let hidden = alice
        .post("/console/policies/validate", &[("name", "t"), ("text", "// \u{202E}x"), ("tests", "")])
        .text();
    assert!(hidden.contains("U+202E") && !hidden.contains('\u{202E}'), "{hidden}");
    // Only pages of the console change anything.
    let body = "name=evil&base=&text=x&tests=y";
    let lines = ["origin: https://evil.test", "content-type: application/x-www-form-urlencoded"];
    let answer =
        stint_tests::wire::request(broker.addr, "POST", "/console/policies/save", &lines, body.as_bytes())
            .unwrap();
    assert_eq!(answer.status, 403);
}

fn hidden_or_value(page: &str) -> String {
    let after = page.split_once("id=\"name\"").expect("a name").1;
    after.split_once("value=\"").unwrap().1.split('"').next().unwrap_or_default().to_owned()
}
