//! Seals: a key file by default, a passphrase, a key from the environment.

use std::fs;

use serde_json::json;
use stint_tests::{Lab, Options, until};

use crate::place::on_both;

/// A broker whose seal is a passphrase, in a file that is there for its first start.
fn by_passphrase(mut options: Options) -> (Lab, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passphrase").display().to_string();
    fs::write(&file, "correct horse battery staple\n").unwrap();
    options.args.extend(["--seal", "passphrase", "--passphrase-file", &file].map(str::to_owned));
    (Lab::start(options), folder, file)
}

/// Starts again without the file, and waits until the broker answers at all.
fn restart_sealed(lab: &mut Lab) {
    let args = &mut lab.broker.options.args;
    args.truncate(args.len() - 2);
    lab.broker.options.wait = false;
    lab.broker.restart();
    let health = format!("{}/healthz", lab.broker.url);
    until("the broker answers", || (lab.broker.curl(&["-sf", &health]).code == 0).then_some(()));
}

on_both! {
    fn a_sealed_broker_opens_nothing_until_a_person_unseals_it(options) {
        let (mut lab, folder, file) = by_passphrase(options);
        assert!(!lab.broker.data().join("stint.key").exists());
        lab.ask("{ me { name } }").done();
        let token = lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
        restart_sealed(&mut lab);

        let arrived = lab.railway.log.len();
        let url = lab.broker.url.clone();
        let gateway = format!("{url}/gateway/railway/graphql/v2");
        let [authorization, proof] = stint_tests::proof::signed(&token, "POST", &gateway);
        for (method, path) in [
            ("GET", "/readyz"), ("GET", "/v1/whoami"), ("GET", "/v1/credentials"), ("POST", "/v1/sessions"), ("GET", "/v1/audit"),
            ("POST", "/v1/setup"), ("POST", "/gateway/railway/graphql/v2"), ("GET", "/oauth/jwks"),
        ] {
            let mut args = vec!["-sS", "-i", "-X", method, "-H", &authorization, "-H", &proof];
            if method == "POST" {
                let body = match path {
                    "/v1/setup" => r#"{"setup_token":"x","person":"eve","key":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#,
                    _ => r#"{"query":"{ me { name } }"}"#,
                };
                args.extend(["-H", "content-type: application/json", "-d", body]);
            }
            let full = format!("{url}{path}");
            args.push(&full);
            let answer = lab.broker.curl(&args).answer();
            assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("sealed")), "{method} {path}: {}", answer.text());
        }
        let form = lab.broker.curl(&["-sS", "-i", "-d", "grant_type=client_credentials", &format!("{url}/oauth/token")]).answer();
        assert_eq!((form.status, form.json()["error"].as_str()), (503, Some("temporarily_unavailable")), "{}", form.text());
        assert_ne!(lab.broker.stint(&["session", "list"]).code, 0);
        assert_eq!(lab.run(&["true"]).code, 125);
        let status = lab.broker.broker_command(&["status", "--broker", &url]).run().exits(1);
        assert!(status.stderr.contains("sealed"), "{}", status.stderr);

        let wrong = lab.broker.broker_command(&["unseal", "--broker", &url]).input("correct horse battery stable").run().exits(1);
        assert!(wrong.stderr.contains("passphrase is wrong"), "{}", wrong.stderr);
        assert_eq!(lab.broker.curl(&["-s", "-o", "/dev/null", "-w", "%{http_code}", &format!("{url}/readyz")]).stdout, "503");
        assert_eq!(lab.railway.log.len(), arrived, "a sealed broker asked the provider");

        lab.broker.broker_command(&["unseal", "--broker", &url, "--passphrase-file", &file]).run().ok();
        lab.broker.broker_command(&["status", "--broker", &url]).run().ok();
        lab.ask("{ me { name } }").done();
        // What was started before goes on.
        let answer = lab.gateway("POST", "/graphql/v2", &stint_tests::proof::signed(&token, "POST", &gateway), &json!({ "query": "{ me { name } }" }).to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        // An export is signed, so it needs the passphrase; a verification needs nobody.
        lab.broker.broker(&["audit", "export", "--seal", "passphrase"]).exits(1);
        lab.broker.broker(&["audit", "export", "--seal", "passphrase", "--passphrase-file", &file]).ok();
        drop(folder);
    }

    fn a_wrong_passphrase_at_the_start_is_no_start(options) {
        let (mut lab, folder, file) = by_passphrase(options);
        lab.broker.terminate();
        fs::write(&file, "something else\n").unwrap();
        let out = lab.broker.fails_to_start();
        assert!(out.stderr.contains("the passphrase is wrong"), "{}", out.stderr);
        fs::write(&file, "correct horse battery staple\n").unwrap();
        // Another kind of seal is none: it does not make a key of its own either.
        let args = std::mem::take(&mut lab.broker.options.args);
        let out = lab.broker.fails_to_start();
        assert!(out.stderr.contains("--seal passphrase"), "{}", out.stderr);
        assert!(!lab.broker.data().join("stint.key").exists(), "a second key was made");
        lab.broker.options.args = args;
        lab.broker.restart();
        lab.ask("{ me { name } }").done();
        drop(folder);
    }

    fn another_key_file_does_not_start_and_touches_nothing(options) {
        let mut lab = Lab::start(options);
        lab.broker.terminate();
        let before = lab.broker.broker(&["audit", "verify", "--json"]).ok().json();
        let key = lab.broker.data().join("stint.key");
        let own = fs::read(&key).unwrap();
        let other = Lab::start(crate::place::sqlite());
        let foreign = fs::read(other.broker.data().join("stint.key")).unwrap();
        drop(other);
        for (bytes, says) in [(foreign, "is not the key of this store"), (b"nonsense".to_vec(), "stint.key"), (Vec::new(), "stint.key")] {
            fs::write(&key, &bytes).unwrap();
            let out = lab.broker.fails_to_start();
            assert!(out.stderr.contains(says) && out.stderr.contains("stint.key"), "{}", out.stderr);
            assert_eq!(fs::read(&key).unwrap(), bytes, "the key file was changed");
            assert_eq!(lab.broker.broker(&["audit", "verify", "--json"]).ok().json(), before, "a record was written");
            lab.broker.broker(&["audit", "export"]).exits(1);
        }
        fs::write(&key, own).unwrap();
        lab.broker.restart();
        lab.ask("{ me { name } }").done();
    }

    fn a_missing_key_file_is_not_made_anew(options) {
        let mut lab = Lab::start(options);
        lab.broker.terminate();
        let (key, aside) = (lab.broker.data().join("stint.key"), lab.broker.data().join("aside"));
        fs::rename(&key, &aside).unwrap();
        let out = lab.broker.fails_to_start();
        assert!(out.stderr.contains("stint.key") && out.stderr.contains("cannot be opened"), "{}", out.stderr);
        assert!(!key.exists(), "another key was made: every secret would be lost");
        fs::rename(&aside, &key).unwrap();
        lab.broker.restart();
        lab.ask("{ me { name } }").done();
    }

    fn the_key_may_come_from_the_environment(options) {
        let mut lab = Lab::start(options);
        lab.broker.terminate();
        let file = lab.broker.data().join("stint.key");
        let key = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        lab.broker.options.args.extend(["--seal", "environment"].map(str::to_owned));
        let out = lab.broker.fails_to_start();
        assert!(out.stderr.contains("STINT_BROKER_KEY"), "{}", out.stderr);
        lab.broker.options.variables = vec![("STINT_BROKER_KEY".to_owned(), key)];
        lab.broker.restart();
        lab.ask("{ me { name } }").done();
        assert!(!file.exists());
    }
}
