//! The other subcommands: what they print, how they end.

mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;
use support::{FOUND, World, text};

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn stint(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let output = world.stint(arguments).output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_login_keeps_its_key_for_this_user_alone() {
    let world = World::logged_in();
    let home = world.home();
    for entry in std::fs::read_dir(&home).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
    let login: Value = serde_json::from_slice(&std::fs::read(home.join("login.json")).unwrap()).unwrap();
    assert_eq!((&login["person"], &login["client_id"]), (&"alice".into(), &"login-1".into()));
}

#[test]
fn a_setup_token_works_once_and_its_failure_leaves_no_key() {
    let world = World::logged_in();
    let files = || std::fs::read_dir(world.home()).unwrap().count();
    let before = files();
    assert_eq!(world.login().status.code(), Some(4));
    assert_eq!(files(), before);
}

#[test]
fn without_a_login_the_exit_code_says_so() {
    let world = World::new();
    let (code, stdout, stderr) = stint(&world, &["session", "list"]);
    assert_eq!((code, stdout.as_str()), (4, ""));
    assert!(stderr.starts_with("stint: there is no login on this machine\nhint: "), "{stderr}");
}

#[test]
fn a_broker_that_is_away_has_its_exit_code() {
    let world = World::logged_in();
    world.broker.stop();
    let (code, _, stderr) = stint(&world, &["environment", "list"]);
    assert_eq!(code, 7, "{stderr}");
    assert!(stderr.contains("cannot be reached: Connection refused"), "{stderr}");
}

#[test]
fn a_secret_comes_from_standard_input_and_is_never_an_argument() {
    let world = World::logged_in();
    let arguments = ["credential", "add", "railway", "--provider", "railway", "--environment", "staging"];
    let mut child = world.stint(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{FOUND}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "added railway (railway, abcdef012345)\n");
    let (call, sent) = world.broker.state().calls.last().unwrap().clone();
    assert_eq!((call.as_str(), &sent["secret"]), ("POST /v1/credentials", &FOUND.into()));
    let (code, ..) = stint(&world, &["credential", "add", "x", "--provider", "railway", "--secret", FOUND]);
    assert_eq!(code, 2);
    let (code, _, stderr) = stint(&world, &["credential", "add", "x", "--provider", "railway"]);
    assert_eq!(code, 2, "{stderr}");
}

#[test]
fn an_empty_list_says_what_to_do_next() {
    let world = World::logged_in();
    let (code, stdout, stderr) = stint(&world, &["environment", "list"]);
    assert_eq!((code, stdout.as_str()), (0, "no environments yet\n"));
    assert!(stderr.contains("stint environment add"), "{stderr}");
    let (_, json, _) = stint(&world, &["environment", "list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["environments"], Value::Array(Vec::new()));
}

#[test]
fn the_name_of_a_resource_cannot_write_to_the_approvers_terminal() {
    let world = World::logged_in();
    for arguments in [["approval", "list"].as_slice(), &["approval", "show", "a-1"]] {
        let (code, stdout, stderr) = stint(&world, arguments);
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.contains("pgdata") && !stdout.contains('\u{1b}'), "{stdout:?}");
    }
}

#[test]
fn an_approval_asks_for_its_confirmation() {
    let world = World::logged_in();
    let (code, _, stderr) = stint(&world, &["approval", "approve", "a-1"]);
    assert_eq!(code, 5);
    assert!(stderr.contains("stint approval show a-1"), "{stderr}");
    let (code, stdout, _) = stint(&world, &["approval", "approve", "a-1", "--confirm", "pgdata"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("approved a-1"), "{stdout}");
}

#[test]
fn waiting_for_an_approval_ends_as_it_was_decided() {
    let world = World::logged_in();
    for (state, code) in [("approved", 0), ("used", 0), ("denied", 5), ("expired", 5), ("waiting", 6)] {
        world.broker.state().approval_state = Some(state);
        let (found, _, stderr) = stint(&world, &["approval", "wait", "a-1", "--timeout", "1s"]);
        assert_eq!(found, code, "{state}: {stderr}");
    }
}

#[test]
fn headers_of_a_token_open_the_gateway_for_one_request() {
    let world = World::logged_in();
    let token =
        ["token", "--environment", "staging", "--agent", "coder", "--credential", "railway", "--headers"];
    let url = format!("{}/gateway/railway/graphql/v2?x=1", world.broker.url());
    let (code, lines, stderr) = stint(&world, &[token.as_slice(), &["POST", &url]].concat());
    assert_eq!(code, 0, "{stderr}");
    let names: Vec<_> = lines.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(names, ["Authorization", "DPoP"]);
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "-H", "@-", "-d", "{}", &url]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = curl.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), r#"{"data":{"ok":true}}"#);

    // The session is kept: a second call starts none, and a path stands for the whole URL.
    let (code, ..) = stint(&world, &[token.as_slice(), &["POST", "/graphql/v2"]].concat());
    assert_eq!((code, world.broker.state().started.len()), (0, 1));
    // One that was ended is replaced.
    world.broker.end_all();
    let (code, ..) = stint(&world, &[token.as_slice(), &["POST", "/graphql/v2"]].concat());
    assert_eq!((code, world.broker.state().started.len()), (0, 2));
    let (code, ..) = stint(&world, &[token.as_slice(), &["POST", "https://elsewhere.example/"]].concat());
    assert_eq!(code, 2);
}

#[test]
fn a_token_as_json_has_all_that_proofs_need() {
    let world = World::logged_in();
    let (code, json, _) = stint(&world, &["token", "--environment", "staging", "--agent", "coder", "--json"]);
    assert_eq!(code, 0);
    let token: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&token["token_type"], &token["session"]), (&"DPoP".into(), &"session-1".into()));
    assert_eq!(token["gateway"], format!("{}/gateway", world.broker.url()));
    let mut public = token["key"].clone();
    let seed = public.as_object_mut().unwrap().remove("d").unwrap();
    let key = stint::api::key_from_text(seed.as_str().unwrap()).unwrap();
    assert_eq!(key.public().to_value(), public);
    assert_eq!(world.broker.state().started[0]["heartbeat"], false);
}

#[test]
fn settings_say_where_they_come_from() {
    let world = World::logged_in();
    let (_, json, _) = stint(&world, &["config", "--json"]);
    let config: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(config["broker"]["origin"], "STINT_BROKER");
    let (_, json, _) = stint(&world, &["--broker", "http://127.0.0.1:1", "config", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["broker"]["origin"], "flag");
}

#[test]
fn the_doctor_names_what_is_in_the_way() {
    let world = World::logged_in();
    let output =
        world.stint(["doctor", "--json"]).env("LD_LIBRARY_PATH", "").env("PYTHONPATH", "x").output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = |check: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == check).map(|finding| finding["state"].clone())
    };
    assert_eq!(state("broker"), Some("fine".into()), "{report}");
    assert_eq!(state("clock"), Some("fine".into()));
    assert_eq!(state("login"), Some("fine".into()));
    assert_eq!(state("loader"), Some("note".into()));
    world.broker.stop();
    let (code, stdout, _) = stint(&world, &["doctor"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("wrong"), "{stdout}");
}

#[test]
fn completions_are_made_for_shells() {
    let world = World::new();
    let (code, script, _) = stint(&world, &["completion", "bash"]);
    assert_eq!(code, 0);
    assert!(script.contains("_stint()"));
    assert!(!script.contains("beside"), "the sidecar of a run takes no part in the command line");
}
