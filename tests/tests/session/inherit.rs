//! What a command inherits: placeholders in place of credentials, a way to the gateway, and nothing that is a key.

use std::collections::BTreeMap;

use stint_tests::{Lab, Output};

use crate::place::on_both;

const FOUND: &str = "0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0";

fn variables(out: &Output) -> BTreeMap<String, String> {
    out.stdout
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect()
}

on_both! {
    fn credentials_are_dropped_by_name_and_by_shape_and_named(options) {
        let lab = Lab::start(options);
        let shaped = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let out = lab.broker.command(&["run", "--environment", "staging", "--agent", "coder", "--", "env"])
            .env("RAILWAY_TOKEN", FOUND)
            .env("GITHUB_TOKEN", &shaped)
            .env("MY_SETTING", &shaped)
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
            .env("DATABASE_URL", "postgres://app:hunter2hunter2@db.internal/app")
            .env("HTTPS_PROXY", "http://user:pass@proxy.example:3128")
            .env("EDITOR", "vi")
            .env("LANG", "C.UTF-8")
            .run()
            .ok();
        let inside = variables(&out);
        for value in [FOUND, shaped.as_str(), "wJalrXUtnFEMI", "hunter2hunter2", "proxy.example"] {
            assert!(!out.stdout.contains(value), "{value} was handed on");
        }
        for name in ["RAILWAY_TOKEN", "GITHUB_TOKEN", "MY_SETTING", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"] {
            assert!(out.stderr.contains(name), "{name} is not named: {}", out.stderr);
        }
        assert_eq!((inside["EDITOR"].as_str(), inside["LANG"].as_str()), ("vi", "C.UTF-8"));
        assert_eq!(inside["STINT_ENVIRONMENT"], "staging");
        assert!(inside["HTTPS_PROXY"].contains("@127.0.0.1:"), "{}", inside["HTTPS_PROXY"]);
        assert_eq!(inside["RAILWAY_TOKEN"], inside["RAILWAY_API_TOKEN"]);
        let kept = lab.broker.command(&["run", "--environment", "staging", "--agent", "coder", "--keep", "MY_SETTING", "--", "env"])
            .env("MY_SETTING", &shaped)
            .run()
            .ok();
        assert_eq!(variables(&kept)["MY_SETTING"], shaped);
    }

    fn placeholders_are_shaped_like_keys_and_unique_to_a_session(options) {
        let lab = Lab::start(options);
        let token = lab.broker.secret("github");
        lab.broker.command(&["credential", "add", "github", "--provider", "github", "--unchecked"]).input(token).run().ok();
        let first = variables(&lab.run(&["env"]).ok());
        let second = variables(&lab.run(&["env"]).ok());
        for name in ["RAILWAY_API_TOKEN", "GH_TOKEN", "STINT_SESSION"] {
            assert_ne!(first[name], second[name], "{name}");
        }
        let dashes: Vec<usize> = first["RAILWAY_API_TOKEN"].split('-').map(str::len).collect();
        assert_eq!(dashes, [8, 4, 4, 4, 12]);
        assert!(first["GH_TOKEN"].starts_with("ghp_") && first["GH_TOKEN"].len() == 40, "{}", first["GH_TOKEN"]);
        // A credential that is pinned to another environment is not among them.
        let pinned = lab.broker.secret("pinned");
        let add = ["credential", "add", "pinned", "--provider", "github", "--unchecked", "--environment", "production"];
        lab.broker.command(&add).input(pinned).run().ok();
        let only = ["run", "--environment", "staging", "--agent", "coder", "--credential", "pinned", "--", "true"];
        lab.broker.stint(&only).exits(125);
        let session = lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
        assert_eq!(session["credentials"], serde_json::json!(["github", "railway"]));
    }

    fn a_dry_run_says_what_would_be_and_starts_nothing(options) {
        let lab = Lab::start(options);
        let dry = lab.broker.command(&["run", "--environment", "staging", "--agent", "coder", "--dry-run", "--json", "--", "false"])
            .env("RAILWAY_TOKEN", FOUND)
            .run()
            .ok();
        let plan = dry.json();
        assert_eq!((&plan["environment"], &plan["dropped"][0]["name"]), (&"staging".into(), &"RAILWAY_TOKEN".into()));
        assert!(!dry.stdout.contains(FOUND));
        let sessions = lab.broker.stint(&["session", "list", "--all", "--json"]).ok().json();
        assert_eq!(sessions["sessions"], serde_json::json!([]));
    }

    fn nothing_of_the_session_can_be_read_by_others_on_the_machine(options) {
        let lab = Lab::start(options);
        // Confined, the folder of the session is not there at all.
        let out = lab.broker.stint(&["run", "--environment", "staging", "--agent", "coder", "--no-confine", "--", "sh", "-c", "stat -c '%a' \"$SSL_CERT_FILE\" \"$STINT_HOME\"; cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c -e '[e]yJ' -e '//[s]tint:' ; true"]).ok();
        let lines: Vec<&str> = out.stdout.lines().collect();
        assert_eq!(lines, ["600", "700", "0"], "{}", out.stdout);
    }
}
