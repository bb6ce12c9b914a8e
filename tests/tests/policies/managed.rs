use std::sync::Barrier;

use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::{Lab, Options, TestBroker, until};

use super::ground::{by, forbid, list, second, summary, write};
use crate::place::on_both;

const UPSERT: &str = "railway:variableUpsert";

fn upsert() -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"A\", value: \"b\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

on_both! {
    fn a_saved_policy_decides_at_once_and_after_a_restart(options) {
        let mut lab = Lab::start(options);
        lab.ask(&upsert()).done();
        let (text, tests) = forbid("team.no-variables", UPSERT);
        let file = write(&lab.broker, "team", &text, &tests);
        lab.broker.stint(&["policy", "check", &file]).ok();
        assert_eq!(summary(&lab.broker, "team"), json!(null), "a check saved something");
        let saved = lab.broker.stint(&["policy", "save", "team", &file, "--note", "no variables", "--json"]).ok().json();
        assert_eq!((&saved["version"], &saved["state"]), (&json!(1), &json!("active")));
        let reply = lab.ask(&upsert());
        reply.refused(403, "denied");
        assert_eq!(reply.body["policies"], json!(["team.no-variables"]));
        lab.broker.restart();
        lab.ask(&upsert()).refused(403, "denied");
        let found = summary(&lab.broker, "team");
        assert_eq!((&found["tests"], &found["failing"], &found["origin"]), (&json!(1), &json!(0), &json!("managed")));
        // Out of use, and back.
        lab.broker.stint(&["policy", "save", "team", "--remove"]).ok();
        lab.ask(&upsert()).done();
        lab.broker.stint(&["policy", "restore", "team", "1"]).ok();
        lab.ask(&upsert()).refused(403, "denied");
        let versions = lab.broker.stint(&["policy", "versions", "team", "--json"]).ok().json();
        let states: Vec<&str> =
            versions["versions"].as_array().unwrap().iter().map(|version| version["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["active", "superseded", "superseded"]);
        assert_eq!(lab.records("policy_changed").len(), 3);
        let diff = lab.broker.stint(&["policy", "diff", "team", "--from", "1", "--to", "2"]).ok();
        assert!(diff.stdout.contains("- @id(\"team.no-variables\")"), "{}", diff.stdout);
    }

    fn what_does_not_hold_is_never_in_use(options) {
        let broker = TestBroker::start(options);
        broker.login();
        let (text, tests) = forbid("team.a", UPSERT);
        let revision = list(&broker)["revision"].clone();
        for (what, text, tests, says) in [
            ("an operation that is not there", text.replace("variableUpsert", "variableUpzert"), tests.clone(), "2:"),
            ("an attribute that is not there", text.replace("resource)", "resource) when { context.colour == 1 }"), tests.clone(), ":2:"),
            ("text that breaks off", "@id(\"team.a\")\nforbid (principal, action".to_owned(), tests.clone(), "team"),
            ("no tests", text.clone(), String::new(), "no tests"),
            ("a test that expects something else", text.clone(), tests.replace("deny", "allow"), "expected allow"),
            ("the name of a guardrail", text.replace("team.a", "guardrail.destroy"), tests.clone(), "used twice"),
            ("an invisible character", text.replace("forbid", "// \u{202E}\nforbid"), tests.clone(), "U+202E"),
            ("a chain without end", text.replace("resource)", &format!("resource) when {{ {} true }}", "true && ".repeat(5000))), tests.clone(), "operators"),
        ] {
            let file = write(&broker, "team", &text, &tests);
            let out = broker.stint(&["policy", "save", "team", &file]).exits(1);
            assert!(out.stderr.contains(says), "{what}: {says} is not in {}", out.stderr);
            let checked = broker.stint(&["policy", "check", &file, "--json"]).exits(1).json();
            assert_eq!(checked["sound"], json!(false), "{what}");
        }
        assert_eq!(list(&broker)["revision"], revision);
        assert_eq!(broker.records("policy_changed").len(), 0);
        // A second file may not break the tests of the first.
        let file = write(&broker, "team", &text, &tests);
        broker.stint(&["policy", "save", "team", &file]).ok();
        let (other, its) = forbid("other.b", UPSERT);
        let its = its.replace("[\"other.b\"]", "[\"other.b\", \"team.a\"]");
        let file = write(&broker, "other", &other, &its);
        let out = broker.stint(&["policy", "save", "other", &file]).exits(1);
        assert!(out.stderr.contains("team (tests)"), "{}", out.stderr);
    }

    fn of_two_who_save_at_once_one_is_told_what_changed(options) {
        let lab = Lab::start(options);
        let bob = second(&lab, "bob", "owner");
        let (text, tests) = forbid("team.a", UPSERT);
        let file = write(&lab.broker, "team", &text, &tests);
        lab.broker.stint(&["policy", "save", "team", &file]).ok();
        let barrier = Barrier::new(2);
        let save = |who: Option<&std::path::Path>, operation: &str| {
            let (text, tests) = forbid("team.a", operation);
            let file = write(&lab.broker, &operation.replace(':', "-"), &text, &tests);
            let args = ["policy", "save", "team", &file, "--base", "1", "--note", operation];
            barrier.wait();
            match who {
                Some(home) => by(&lab, home, &args),
                None => lab.broker.stint(&args),
            }
        };
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| save(None, "railway:volumeCreate"));
            let two = scope.spawn(|| save(Some(&bob), "railway:serviceCreate"));
            (one.join().unwrap(), two.join().unwrap())
        });
        let mut codes = [one.code, two.code];
        codes.sort_unstable();
        assert_eq!(codes, [0, 1], "{}{}", one.stderr, two.stderr);
        let (winner, loser) = if one.code == 0 { ("railway:volumeCreate", &two) } else { ("railway:serviceCreate", &one) };
        assert!(loser.stderr.contains("saved version 2") && loser.stderr.contains(winner), "{}", loser.stderr);
        assert_eq!(summary(&lab.broker, "team")["version"], json!(2));
        // Two who save different files both do.
        let (one, two) = std::thread::scope(|scope| {
            let save = |name: &'static str, operation: &'static str| {
                let (text, tests) = forbid(&format!("{name}.x"), operation);
                let file = write(&lab.broker, name, &text, &tests);
                lab.broker.stint(&["policy", "save", name, &file])
            };
            let one = scope.spawn(move || save("red", "railway:projectDelete"));
            let two = scope.spawn(move || save("blue", "railway:projectUpdate"));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert_eq!((one.code, two.code), (0, 0), "{}{}", one.stderr, two.stderr);
    }

    fn what_ships_is_changed_by_two_owners(options) {
        let lab = Lab::start(options);
        let (bob, eve) = (second(&lab, "bob", "owner"), second(&lab, "eve", "operator"));
        let shipped = lab.broker.stint(&["policy", "show", "guardrails.production", "--json"]).ok().json();
        let text = shipped["text"].as_str().unwrap().replace("@approvable\n", "");
        let tests = shipped["tests_text"].as_str().unwrap().replace("decision = \"approval\"", "decision = \"deny\"")
            .replace("[\"guardrail.destroy\", \"guardrail.production\"]", "[\"guardrail.production\"]");
        let file = write(&lab.broker, "production", &text, &tests);
        let alone = lab.broker.stint(&["policy", "save", "guardrails.production", &file]).exits(5);
        assert!(alone.stderr.contains("another confirms"), "{}", alone.stderr);
        by(&lab, &eve, &["policy", "save", "guardrails.production", &file, "--propose"]).exits(5);
        let propose = ["policy", "save", "guardrails.production", &file, "--propose", "--note", "nobody changes production", "--json"];
        let proposed = lab.broker.stint(&propose).ok().json();
        assert_eq!((&proposed["state"], &proposed["version"]), (&json!("proposed"), &json!(1)));
        let found = summary(&lab.broker, "guardrails.production");
        assert_eq!((&found["version"], &found["proposed"]), (&json!(0), &json!(1)), "in use before it was confirmed");
        // Not by who proposed it, not by who may not, not a second one beside it.
        let confirm = ["policy", "confirm", "guardrails.production", "1"];
        let own = lab.broker.stint(&confirm).exits(5);
        assert!(own.stderr.contains("another owner"), "{}", own.stderr);
        by(&lab, &eve, &confirm).exits(5);
        by(&lab, &bob, &propose).exits(1);
        by(&lab, &bob, &confirm).ok();
        by(&lab, &bob, &confirm).exits(1);
        let found = summary(&lab.broker, "guardrails.production");
        assert_eq!((&found["version"], &found["changed_by"]), (&json!(1), &json!("bob")));
        let recorded = |kind: &str| lab.records(kind)[0].clone();
        assert_ne!(recorded("policy_proposed")["actor"], "person:bob");
        assert_eq!(recorded("policy_confirmed")["actor"], "person:bob");
        assert_eq!(recorded("policy_confirmed")["facts"]["digest"], recorded("policy_proposed")["facts"]["digest"]);
        // What ships comes back the same way, and a proposal can be withdrawn.
        let back = lab.broker.stint(&["policy", "restore", "guardrails.production", "0", "--json"]).ok().json();
        assert_eq!((&back["state"], &back["version"]), (&json!("proposed"), &json!(2)));
        by(&lab, &bob, &["policy", "withdraw", "guardrails.production", "2"]).ok();
        by(&lab, &bob, &["policy", "confirm", "guardrails.production", "2"]).exits(1);
        assert_eq!(summary(&lab.broker, "guardrails.production")["version"], json!(1));
    }

    fn only_owners_change_policies_and_everyone_reads_them(options) {
        let lab = Lab::start(options);
        let (text, tests) = forbid("team.a", UPSERT);
        let file = write(&lab.broker, "team", &text, &tests);
        for role in ["approver", "operator", "auditor"] {
            let home = second(&lab, role, role);
            by(&lab, &home, &["policy", "save", "team", &file]).exits(5);
            by(&lab, &home, &["policy", "list"]).ok();
            by(&lab, &home, &["policy", "show", "guardrails.place"]).ok();
            by(&lab, &home, &["policy", "check", &file]).ok();
        }
        assert_eq!(lab.records("policy_changed").len(), 0);
        for name in ["guardrails.more", "starter.x", "files.y", "validate", "new", "Big", "a/b"] {
            lab.broker.stint(&["policy", "save", name, &file]).exits(1);
        }
    }
}

#[test]
fn files_of_a_folder_are_shown_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (text, tests) = forbid("folder.a", UPSERT);
    std::fs::write(folder.path().join("Mine.cedar"), &text).unwrap();
    std::fs::write(folder.path().join("Mine.tests.toml"), &tests).unwrap();
    let args = vec!["--policies".to_owned(), folder.path().display().to_string()];
    let options = Options { args, ..Options::default() };
    let started = std::time::Instant::now();
    let broker = TestBroker::start(options);
    assert!(started.elapsed() < std::time::Duration::from_secs(8), "it took {:?}", started.elapsed());
    broker.login();
    let found = summary(&broker, "files.mine");
    assert_eq!(
        (&found["origin"], &found["tests"], &found["failing"]),
        (&json!("folder"), &json!(1), &json!(0))
    );
    let file = write(&broker, "mine", &text, &tests);
    let out = broker.stint(&["policy", "save", "files.mine", &file]).exits(5);
    assert!(out.stderr.contains("folder"), "{}", out.stderr);
    // Its policy is in the way of another of the same id.
    let out = broker.stint(&["policy", "save", "mine", &file]).exits(1);
    assert!(out.stderr.contains("used twice"), "{}", out.stderr);
}

#[test]
fn another_replica_decides_by_what_was_saved() {
    let lab = Lab::start(crate::place::postgres());
    let mut options = Options { ..lab.broker.options.clone() };
    options.args.extend(["--public-url".to_owned(), lab.broker.url.clone()]);
    let mut other = TestBroker::prepare(options);
    std::fs::create_dir_all(other.data()).unwrap();
    std::fs::copy(lab.broker.data().join("stint.key"), other.data().join("stint.key")).unwrap();
    other.restart();
    let (text, tests) = forbid("team.no-variables", UPSERT);
    let file = write(&lab.broker, "team", &text, &tests);
    lab.broker.stint(&["policy", "save", "team", &file]).ok();
    let token =
        lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
    let url = format!("{}/gateway/railway/graphql/v2", lab.broker.url);
    let body = json!({ "query": upsert() }).to_string();
    until("the other replica denies", || {
        let [authorization, proof] = stint_tests::proof::signed(&token, "POST", &url);
        let there = format!("{}/gateway/railway/graphql/v2", other.url);
        let args = [
            "-sS",
            "-i",
            "-H",
            &authorization,
            "-H",
            &proof,
            "-H",
            "content-type: application/json",
            "-d",
            &body,
            &there,
        ];
        let answer = lab.broker.curl(&args).answer();
        (answer.json()["policies"] == json!(["team.no-variables"])).then_some(())
    });
}
