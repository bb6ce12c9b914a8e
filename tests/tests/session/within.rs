//! Sessions within a session: never wider, over when the outer one is, and on record as what they are.

use serde_json::Value;
use stint_tests::{Lab, until};

use crate::place::on_both;

/// A lab with a second credential, and the program where a confined command sees it.
fn lab(options: stint_tests::Options) -> (Lab, String) {
    let lab = Lab::start(options);
    let token = lab.broker.secret("github");
    lab.broker.command(&["credential", "add", "github", "--provider", "github"]).input(token).run().ok();
    let own = lab.broker.program_inside("stint");
    (lab, own)
}

fn sessions(lab: &Lab) -> Vec<Value> {
    let all = lab.broker.stint(&["session", "list", "--all", "--json"]).ok().json();
    all["sessions"].as_array().unwrap().clone()
}

on_both! {
    fn one_is_started_by_the_outer_and_holds_less(options) {
        let (lab, own) = lab(options);
        let script = format!(
            "echo outer=$STINT_SESSION $GH_TOKEN; {own} run --credential railway -- sh -c '
             echo inner=$STINT_SESSION gh=$GH_TOKEN railway=$RAILWAY_API_TOKEN; id=$STINT_SESSION
             curl -sS https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" \
               -H \"content-type: application/json\" -d \"{{\\\"query\\\":\\\"{{ me {{ name }} }}\\\"}}\"; echo; exit 9'; echo code=$?; sleep 1"
        );
        let out = lab.run(&["sh", "-c", &script]).ok();
        assert!(out.stdout.contains("code=9") && out.stdout.contains("\"name\""), "{}{}", out.stdout, out.stderr);
        assert!(out.stdout.contains("gh= railway="), "the other credential's placeholder is there: {}", out.stdout);
        let all = sessions(&lab);
        let (inner, outer) = (&all[0], &all[1]);
        assert_eq!(inner["parent"], outer["id"]);
        assert_eq!(inner["credentials"], serde_json::json!(["railway"]));
        for same in ["environment", "agent", "subject", "confinement"] {
            assert_eq!(inner[same], outer[same], "{same}");
        }
        assert!(inner["expires_at"].as_str() <= outer["expires_at"].as_str());
        assert_eq!(inner["end_reason"], "command_ended");
        // What it asked for is on record as its own.
        let asked = lab.records("request_decided");
        assert_eq!(asked[0]["session"], inner["id"]);
        let started = lab.records("session_started");
        assert_eq!(started[0]["facts"]["parent"], outer["id"]);
    }

    fn none_is_wider(options) {
        let (lab, own) = lab(options);
        lab.broker.add_agent("other");
        let outer = |script: &str| {
            let head = ["run", "-e", "staging", "-a", "coder", "--credential", "railway", "--", "sh", "-c", script];
            lab.broker.stint(&head)
        };
        for (arguments, why) in [
            ("-e production", "of staging"),
            ("-a other", "of the agent coder"),
            ("--credential github", "has no credential 'github'"),
            ("--credential nothing", "has no credential 'nothing'"),
            ("--share /", "--share is not for a session within a session"),
            ("--kill-on-end", "--kill-on-end is not for"),
        ] {
            let out = outer(&format!("{own} run {arguments} -- echo GOT; echo code=$?"));
            assert!(!out.stdout.contains("GOT") && out.stderr.contains(why), "{arguments}: {}{}", out.stdout, out.stderr);
            let code = if arguments.starts_with("--share") || arguments.starts_with("--kill") { 2 } else { 125 };
            assert!(out.stdout.contains(&format!("code={code}")), "{arguments}: {}", out.stdout);
        }
        // Longer than the outer one is as long as it.
        outer(&format!("{own} run --ttl 24h -- true")).ok();
        let all = sessions(&lab);
        assert_eq!(all[0]["parent"], all[1]["id"]);
        assert_eq!(all[0]["expires_at"], all[1]["expires_at"]);
        // Without the way to its sidecar it says so, and the person's login is not used in its place.
        let count = all.len();
        let out = outer(&format!("HTTPS_PROXY= {own} run -- echo GOT; echo code=$?"));
        assert!(out.stdout.contains("code=125") && out.stderr.contains("HTTPS_PROXY"), "{}{}", out.stdout, out.stderr);
        assert_eq!(sessions(&lab).len(), count + 1);
        outer(&format!("{own} run -- {own} run -- {own} run -- {own} run -- echo fou\"\"rth; true")).ok();
        assert_eq!(sessions(&lab).len(), count + 1 + 4, "four levels, and the fifth is refused");
    }

    fn all_end_with_the_outer(options) {
        let (lab, own) = lab(options);
        let scratch = lab.broker.scratch();
        let (ready, go) = (scratch.join("ready"), scratch.join("go"));
        let run = lab.begin(&format!(
            "{own} run -- sh -c ': > {}; while [ ! -e {} ]; do sleep 0.05; done; \
             curl -sS -w \"\\n%{{http_code}}\\n\" https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" \
             -H \"content-type: application/json\" -d \"{{\\\"query\\\":\\\"{{ me {{ name }} }}\\\"}}\"'",
            ready.display(), go.display()
        ));
        until("the inner command runs", || ready.exists().then_some(()));
        let all = sessions(&lab);
        let outer = all[1]["id"].as_str().unwrap();
        lab.broker.stint(&["session", "end", outer]).ok();
        let all = until("both have ended", || Some(sessions(&lab)).filter(|all| all.iter().all(|one| one["state"] == "ended")));
        assert_eq!(all[0]["end_reason"], "parent_ended");
        assert_eq!(all[1]["end_reason"], "revoked");
        std::fs::write(&go, "").unwrap();
        run.wait().reply().refused(401, "session_ended");
        assert!(lab.railway.log.is_empty());
    }

    fn a_budget_is_one_for_all_within(options) {
        let options = stint_tests::Options {
            variables: vec![("STINT_BROKER_BUDGET_BYTES".to_owned(), "1".to_owned())],
            ..options
        };
        let (lab, own) = lab(options);
        let ask = "curl -sS -w \"\\n%{http_code}\\n\" https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H \"content-type: application/json\" -d \"{\\\"query\\\":\\\"{ me { name } }\\\"}\"";
        let out = lab.run(&["sh", "-c", &format!("{ask}; sleep 0.3; {own} run -- sh -c '{ask}'")]).ok();
        assert!(out.stdout.contains("approval_required") && out.stdout.contains("budget.bytes"), "{}", out.stdout);
    }
}

/// At the address that providers' names lead to nobody says who speaks. What a command within leaves running, or finds in
/// a file, must not make it the outer one there.
#[test]
fn at_the_door_for_all_nobody_becomes_the_outer_session() {
    let (lab, own) = lab(stint_tests::Options::default());
    let direct = |token: &str| {
        format!(
            "env -i /usr/bin/curl -sS -m 9 -w \"\\n%{{http_code}}\\n\" --cacert $SSL_CERT_FILE https://backboard.railway.com/graphql/v2 {token} -H \"content-type: application/json\" -d \"{{\\\"query\\\":\\\"{{ me {{ name }} }}\\\"}}\""
        )
    };
    let (bare, found) = (direct(""), direct("-H \"Authorization: Bearer $(cat found)\""));
    let run = |script: &str| {
        lab.broker.stint(&["run", "-e", "staging", "-a", "coder", "--confine", "--", "sh", "-c", script])
    };
    // The outer one; one within that has no such credential, with what it found; what that one left running after it.
    let script = format!(
        "{bare}; echo $RAILWAY_API_TOKEN > found; {own} run --credential github -- bash -c '{bare}; {found}; \
         (exec 300>&- 301>&- 302>&-; while [ ! -e go ]; do sleep 0.05; done; {found}; {bare}) > left 2>&1 & true'; \
         sleep 0.5; : > go; while [ $(grep -c ^[0-9][0-9][0-9]$ left) -lt 2 ]; do sleep 0.05; done; cat left; {bare}; \
         curl -sS -w \"\\n%{{http_code}}\\n\" https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H \"content-type: application/json\" -d \"{{\\\"query\\\":\\\"{{ me {{ name }} }}\\\"}}\""
    );
    let out = run(&script);
    if out.code == 125 {
        assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
        return;
    }
    let out = out.ok();
    let replies = out.replies();
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!((statuses[0], statuses[6]), (200, 200), "{}", out.stdout);
    assert!(statuses[1..6].iter().all(|status| *status == 403), "{}", out.stdout);
    let outer = &replies[5];
    assert!(outer.body["hint"].as_str().is_some_and(|hint| hint.contains("HTTPS_PROXY")), "{}", outer.text);
    // What was tried with the outer one's placeholder is on record.
    let refused = lab.records("request_refused").len() + lab.records("request_decided").len();
    assert!(refused >= 6, "{refused}");
    // Nor does it find the outer one's placeholder, or its way to the sidecar, in the variables of the processes around it.
    let look = "cat /proc/[0-9]*/environ 2>/dev/null | tr \"\\0\" \"\\n\" | grep ^RAILWAY_API_TOKEN= && echo GOT; true";
    let out = run(&format!("{own} run --credential github -- sh -c '{look}'")).ok();
    assert!(!out.stdout.contains("GOT"), "{}", out.stdout);
}
