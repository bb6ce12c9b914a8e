//! The command lines that scripts of others rely on, as they are documented.

mod activity;
mod audit;
mod classify;
mod kubernetes;
mod openapi;
mod packs;
mod reload;

use std::fs;

use serde_json::{Value, json};
use stint_standin::railway::{Viewer, ids};
use stint_standin::{Railway, Standin};
use stint_tests::{Lab, Options, TestBroker};

use crate::place::on_both;

/// Whether an object has exactly these members.
#[track_caller]
fn has(value: &Value, members: &[&str]) {
    let mut found: Vec<&str> =
        value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect();
    found.sort_unstable();
    let mut members = members.to_vec();
    members.sort_unstable();
    assert_eq!(found, members, "{value:#}");
}

on_both! {
    fn a_first_session_by_the_documented_lines(options) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let railway = runtime.block_on(Standin::loopback(Railway::seeded())).unwrap();
        let broker = TestBroker::start(options);
        let secret = broker.secret("railway");
        railway.site.world().admit(&secret, Viewer::Account { user: ids::USER.to_owned() });
        let setup = broker.data().join("setup-token");
        assert_eq!(mode(&setup), 0o600);
        let setup = setup.display().to_string();
        let token = fs::read_to_string(&setup).unwrap();

        broker.stint(&["environment", "list"]).exits(4);
        broker.stint(&["login", "--broker", &broker.url, "--setup-token-file", &setup]).ok();
        assert!(!broker.data().join("setup-token").exists(), "a used setup token lies about");
        // It works once, for nobody else.
        let other = broker.scratch().join("other");
        let stolen = broker.scratch().join("stolen");
        fs::write(&stolen, token).unwrap();
        let args = ["login", "--broker", &broker.url, "--setup-token-file", &stolen.display().to_string()];
        broker.command_at(&other, &args).run().exits(4);

        broker.stint(&["environment", "add", "staging", "--tier", "staging"]).ok();
        broker.stint(&["environment", "add", "production", "--tier", "production"]).ok();
        broker.stint(&["environment", "add", "lab", "--tier", "development"]).ok();
        broker.stint(&["environment", "add", "other", "--tier", "important"]).exits(2);
        broker.stint(&["environment", "add", "staging", "--tier", "staging"]).exits(1);
        broker.stint(&["environment", "map", "staging", &format!("railway:environment/{}", ids::STAGING)]).ok();
        broker.stint(&["environment", "map", "staging", "github:repository/octo/hello"]).ok();
        let ca = broker.scratch().join("ca.pem");
        fs::write(&ca, railway.ca_pem().unwrap()).unwrap();
        let (upstream, ca) = (railway.url(), ca.display().to_string());
        let add = ["credential", "add", "railway", "--provider", "railway", "--environment", "staging",
            "--upstream", &upstream, "--upstream-ca", &ca];
        broker.command(&add).input(format!("{secret}\n")).run().ok();
        broker.stint(&["agent", "add", "coder"]).ok();

        let run = ["run", "--environment", "staging", "--agent", "coder", "--ttl", "1h", "--", "sh", "-c",
            r#"curl -sS https://backboard.railway.com/graphql/v2 -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' -d '{"query":"{ me { name } }"}'"#];
        let out = broker.stint(&run).ok();
        assert_eq!(out.json(), json!({ "data": { "me": { "name": "Robin Park" } } }));
        let dry = broker.stint(&["run", "--environment", "staging", "--agent", "coder", "--dry-run", "--", "true"]).ok();
        assert!(dry.stdout.contains("RAILWAY_API_TOKEN") && dry.stdout.contains("HTTPS_PROXY"), "{}", dry.stdout);
        let sessions = broker.stint(&["session", "list", "--all", "--json"]).ok().json();
        assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "a dry run started a session");
        assert_eq!(railway.log.last().unwrap().header("authorization"), Some(format!("Bearer {secret}").as_str()));
    }

    fn answers_in_json_have_stable_members(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let json = |args: &[&str]| broker.stint(&[args, &["--json"]].concat()).ok().json();
        let environments = json(&["environment", "list"]);
        has(&environments["environments"][0], &["name", "tier", "selectors", "created_at"]);
        let credentials = json(&["credential", "list"]);
        has(&credentials["credentials"][0], &["name", "provider", "kind", "upstream", "version", "fingerprint", "created_at"]);
        let agents = json(&["agent", "list"]);
        has(&agents["agents"][0], &["name", "client_id", "has_key", "environments", "created_at", "sessions_live"]);
        let token = json(&["token", "--environment", "staging", "--agent", "coder"]);
        has(&token, &["access_token", "token_type", "expires_in", "expires_at", "session", "environment", "credentials", "gateway", "key"]);
        let sessions = json(&["session", "list"]);
        has(&sessions["sessions"][0], &["id", "environment", "tier", "agent", "subject", "state", "confined", "confinement", "command",
            "credentials", "started_at", "expires_at"]);
        let reply = lab.ask(&Lab::delete(ids::VOLUME_STAGING));
        has(&reply.body, &["type", "status", "code", "title", "detail", "operations", "environments", "policies", "approval",
            "instead", "hint", "record", "data", "errors"]);
        has(&reply.body["approval"], &["id", "url", "expires_at"]);
        assert_eq!(reply.body["type"], "https://stint.dev/problems/approval_required");
        let approvals = json(&["approval", "list"]);
        let id = approvals["approvals"][0]["id"].as_str().unwrap().to_owned();
        let members = ["id", "state", "session", "environment", "agent", "subject", "credential", "request", "digest",
            "operations", "class", "resources", "policies", "advice", "confirm", "approvers", "requested_at", "expires_at"];
        has(&approvals["approvals"][0], &members);
        has(&json(&["approval", "show", &id]), &members);
        has(&approvals["approvals"][0]["resources"][0], &["operation", "kind", "id", "name", "environments", "consequences"]);
        let denied = json(&["approval", "deny", &id, "--reason", "no"]);
        has(&denied, &[&members[..], &["decided_by", "decided_at", "reason"]].concat());
        let waited = broker.stint(&["approval", "wait", &id, "--json"]).exits(5);
        assert_eq!(waited.json()["state"], "denied");
        has(&json(&["session", "end", "--all"]), &["ended"]);
        has(&json(&["config"])["broker"], &["value", "origin"]);
        has(&json(&["doctor"]), &["findings", "healthy"]);
        let verified = broker.broker(&["audit", "verify", "--json"]).ok().json();
        assert_eq!((&verified["sound"], &verified["faults"]), (&json!(true), &json!([])));
    }

    fn data_goes_to_stdout_and_words_to_stderr(options) {
        let lab = Lab::start(options);
        let wrong = lab.broker.stint(&["session", "show", "ses_00000000000000000000000000000000"]).exits(1);
        assert_eq!(wrong.stdout, "");
        assert!(wrong.stderr.starts_with("stint: ") && !wrong.stderr.contains('\u{1b}'), "{:?}", wrong.stderr);
        lab.broker.stint(&["session", "end"]).exits(2);
        lab.broker.stint(&["no-such-command"]).exits(2);
        lab.broker.stint(&["approval", "approve", "apr_00000000000000000000000000000000"]).exits(1);
        let completion = lab.broker.stint(&["completion", "bash"]).ok();
        assert!(completion.stdout.contains("_stint") && completion.stderr.is_empty());
        for word in ["logout", "console", "--no-browser", "status"] {
            assert!(completion.stdout.contains(word), "{word} is not completed");
        }
        for args in [&["--help"][..], &["--version"], &["run", "--help"]] {
            assert!(lab.broker.stint(args).ok().stderr.is_empty());
        }
        assert!(lab.broker.stint(&["--version"]).stdout.starts_with("stint "));
    }

    fn secrets_never_stand_on_a_command_line(options) {
        let lab = Lab::start(options);
        for flag in ["--secret", "--token", "--password"] {
            let args = ["credential", "add", "x", "--provider", "railway", flag, "value"];
            let out = lab.broker.stint(&args).exits(2);
            assert!(out.stderr.contains("unexpected argument"), "{}", out.stderr);
        }
        let empty = lab.broker.stint(&["credential", "add", "x", "--provider", "railway"]).exits(2);
        assert!(empty.stderr.contains("empty"), "{}", empty.stderr);
        let file = lab.broker.folder().join("outside-of-what-is-searched");
        fs::write(&file, lab.broker.secret("by-file")).unwrap();
        lab.broker.stint(&["credential", "add", "by-file", "--provider", "railway", "--unchecked", "--secret-file", &file.display().to_string()]).ok();
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn an_unreachable_broker_is_7_and_a_missing_one_says_where_it_was_sought() {
    let broker = TestBroker::prepare(Options::default());
    let out = broker.command(&["login", "--setup-token-file", "-"]).input("stint-setup-x").run();
    assert_eq!(out.code, 7, "{}", out.stderr);
    assert!(out.stderr.contains(&broker.url), "{}", out.stderr);
    let mut broker = broker;
    broker.without_checks();
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
