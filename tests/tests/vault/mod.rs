//! The vault: its seals, and secrets that go in and never come out.

mod seal;

use std::fs;

use serde_json::json;
use stint_standin::railway::{Viewer, ids};
use stint_tests::{Lab, until};

use crate::place::on_both;

on_both! {
    fn a_secret_is_never_readable_again(options) {
        let lab = Lab::start(options);
        lab.ask("{ me { name } }").done();
        // Everything that shows something, by everybody who may ask; the harness looks through all of it at the end.
        for args in [
            &["credential", "list"][..], &["credential", "list", "--json"], &["session", "list", "--all", "--json"],
            &["approval", "list", "--state", "all", "--json"], &["audit", "list", "--limit", "500"], &["environment", "list", "--json"],
            &["config", "--json"], &["doctor", "--json"],
        ] {
            let out = lab.broker.stint(args).ok();
            assert!(lab.broker.canary.found_in(out.stdout.as_bytes()).is_none(), "{args:?} shows a secret");
        }
        for path in ["/v1/credentials/railway", "/v1/credentials/railway/versions", "/v1/credentials/railway/secret"] {
            let answer = lab.broker.curl(&["-sS", "-i", &format!("{}{path}", lab.broker.url)]).answer();
            assert!(matches!(answer.status, 401 | 404 | 405), "{path}: {}", answer.text());
        }
        let again = ["credential", "add", "railway", "--provider", "railway"];
        lab.broker.command(&again).input(lab.broker.secret("second")).run().exits(1);
        lab.ask("{ me { name } }").done();
    }

    fn what_does_not_fit_into_a_header_is_refused(options) {
        let lab = Lab::start(options);
        let long = "x".repeat(17 * 1024);
        for (n, bad) in ["one\ntwo", "one\r\nX-Evil: 1", "tab\tbed", "nul\0l", " lead", "ümlaut", long.as_str()].iter().enumerate() {
            let secret = format!("{}{bad}", lab.broker.secret("bad"));
            let secret = if bad.starts_with(' ') { format!(" {secret}") } else { secret };
            let out = lab.broker.command(&["credential", "add", &format!("bad{n}"), "--provider", "railway"]).input(secret).run();
            assert!(matches!(out.code, 1 | 2), "{bad:?} was taken: {}", out.stdout);
        }
        let listed = lab.broker.stint(&["credential", "list", "--json"]).ok().json();
        assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
        // One line end is what `echo` adds.
        let good = format!("{}\n", lab.broker.secret("good"));
        lab.broker.command(&["credential", "add", "good", "--provider", "railway", "--unchecked"]).input(good).run().ok();
    }

    fn a_new_version_is_used_from_the_next_request_and_a_revoked_one_never(options) {
        let lab = Lab::start(options);
        let first = lab.broker.stint(&["credential", "list", "--json"]).ok().json()["credentials"][0].clone();
        let second = lab.broker.secret("second");
        lab.railway.site.world().admit(&second, Viewer::Account { user: ids::USER.to_owned() });
        lab.ask("{ me { name } }").done();
        let rotated = lab.broker.command(&["credential", "rotate", "railway", "--json"]).input(second.clone()).run().ok().json();
        assert_eq!(rotated["version"], 2);
        assert_ne!(rotated["fingerprint"], first["fingerprint"]);
        lab.ask("{ me { name } }").done();
        assert_eq!(lab.railway.log.last().unwrap().header("authorization"), Some(format!("Bearer {second}").as_str()));
        let scratch = lab.broker.scratch();
        let (ready, go) = (scratch.join("ready"), scratch.join("go"));
        let run = lab.begin(&format!(
            ": > {}; while [ ! -e {} ]; do sleep 0.05; done; ask '{{ me {{ name }} }}'", ready.display(), go.display()
        ));
        until("the command runs", || ready.exists().then_some(()));
        let arrived = lab.railway.log.len();
        lab.broker.stint(&["credential", "revoke", "railway"]).ok();
        fs::write(&go, "").unwrap();
        let reply = run.wait().reply();
        reply.refused(403, "denied");
        assert_eq!(lab.railway.log.len(), arrived);
    }

    fn what_lies_in_the_data_folder_is_for_its_owner_alone(options) {
        use std::os::unix::fs::PermissionsExt as _;
        let lab = Lab::start(options);
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&lab.broker.data()), 0o700);
        for name in ["stint.key", "lock"] {
            assert_eq!(mode(&lab.broker.data().join(name)), 0o600, "{name}");
        }
        assert_eq!(mode(&lab.broker.home()), 0o700);
        for entry in fs::read_dir(lab.broker.home()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            assert_eq!(mode(&entry.path()) & 0o077, 0, "{}", entry.path().display());
        }
    }

    fn a_credential_is_for_a_known_pack_kind_and_environment(options) {
        let lab = Lab::start(options);
        let add = |more: &[&str]| {
            let args = [&["credential", "add", "other"][..], more].concat();
            lab.broker.command(&args).input(lab.broker.secret("other")).run()
        };
        add(&["--provider", "nowhere"]).exits(1);
        add(&["--provider", "railway", "--kind", "nothing"]).exits(1);
        add(&["--provider", "railway", "--environment", "nowhere"]).exits(1);
        let project = lab.broker.secret("project");
        lab.railway.site.world().admit(&project, Viewer::Project {
            token: ids::PROJECT_TOKEN.to_owned(), project: ids::PROJECT.to_owned(), environment: ids::STAGING.to_owned(),
        });
        let ca = lab.broker.scratch().join("ca.pem");
        fs::write(&ca, lab.railway.ca_pem().unwrap()).unwrap();
        let (url, ca) = (lab.railway.url(), ca.display().to_string());
        let args = ["credential", "add", "project", "--provider", "railway", "--kind", "project", "--environment", "staging",
            "--upstream", &url, "--upstream-ca", &ca];
        lab.broker.command(&args).input(project.clone()).run().ok();
        // It goes into the header of its kind, and into no other.
        let document = json!({ "query": format!("{{ environment(id: \"{}\") {{ name }} }}", ids::STAGING) }).to_string();
        let args = ["run", "--environment", "staging", "--agent", "coder", "--credential", "project", "--", "sh", "-c",
            r#"curl -sS -w '\n%{http_code}\n' https://backboard.railway.com/graphql/v2 -H "Project-Access-Token: $RAILWAY_TOKEN" -H 'content-type: application/json' --data-binary @-"#];
        let reply = lab.broker.command(&args).input(document).run().reply();
        reply.done();
        let arrived = lab.railway.log.last().unwrap();
        assert_eq!((arrived.header("project-access-token"), arrived.header("authorization")), (Some(project.as_str()), None));
    }
}
