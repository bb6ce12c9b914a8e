//! A deletion in staging goes through one approval of one exact request.

use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::proof::{signed, signed_with_nonce};
use stint_tests::{Lab, Options, Reply, until};

use crate::place::on_both;

/// With a broker that holds the request while a person decides.
fn holding(mut options: Options) -> Lab {
    options.args = ["--approval-hold", "15s"].map(str::to_owned).to_vec();
    Lab::start(options)
}

fn delete() -> String {
    Lab::delete(ids::VOLUME_STAGING)
}

/// The id of the approval that a refusal names.
fn wanted(reply: &Reply) -> String {
    reply.refused(403, "approval_required");
    reply.body["approval"]["id"].as_str().unwrap().to_owned()
}

on_both! {
    fn a_held_request_goes_on_when_a_person_says_yes(options) {
        let lab = holding(options);
        let agent = lab.begin(&format!("ask '{}'", Lab::remove_deployment()));
        let approval = lab.waiting();
        let id = approval["id"].as_str().unwrap();
        assert_eq!(lab.railway.log.reached("deploymentRemove"), 0);

        let shown = lab.broker.stint(&["approval", "show", id, "--json"]).ok().json();
        assert_eq!(shown["operations"], json!(["railway:deploymentRemove"]));
        assert_eq!(shown["class"], "destroy");
        assert_eq!(shown["resources"][0]["id"], ids::DEPLOYMENT_STAGING);
        assert_eq!(shown["resources"][0]["environments"], json!(["staging"]));
        assert_eq!(shown["confirm"], json!({ "kind": "type-name", "text": ids::DEPLOYMENT_STAGING }));
        let text = lab.broker.stint(&["approval", "show", id]).ok().stdout;
        assert!(text.contains(ids::DEPLOYMENT_STAGING) && text.contains("destroy"), "{text}");

        lab.broker.stint(&["approval", "approve", id]).exits(5);
        let wrong = lab.broker.stint(&["approval", "approve", id, "--confirm", "postgres-data"]).exits(5);
        assert!(wrong.stderr.starts_with("stint: "), "{}", wrong.stderr);
        assert!(lab.has_deployment(), "a wrong confirmation approved it");

        lab.broker.stint(&["approval", "approve", id, "--confirm", ids::DEPLOYMENT_STAGING]).ok();
        let reply = agent.wait().reply();
        reply.done();
        assert!(!lab.has_deployment());
        assert_eq!(lab.railway.log.reached("deploymentRemove"), 1);
        assert_eq!(lab.broker.stint(&["approval", "show", id, "--json"]).ok().json()["state"], "used");
        lab.broker.stint(&["approval", "wait", id]).ok();
        for kind in ["approval_requested", "approval_approved", "approval_used"] {
            assert_eq!(lab.records(kind).len(), 1, "{kind}");
        }
    }

    /// Its backups would go with it, so nobody loses it alone: not the person whom the session works for, and no one other.
    fn a_thing_with_its_backups_takes_two_people_in_staging_too(options) {
        let lab = holding(options);
        let agent = lab.begin(&format!("ask '{}'", delete()));
        let approval = lab.waiting();
        let id = approval["id"].as_str().unwrap();
        assert_eq!(approval["policies"], json!(["guardrail.backups-two-people", "guardrail.destroy"]));
        assert_eq!((&approval["approvers"], &approval["confirm"]["text"]), (&json!(2), &json!("staging-cache")));
        let none = "its backups at the provider are deleted with it: none remains";
        assert!(approval["resources"][0]["consequences"].as_array().unwrap().contains(&json!(none)), "{approval}");
        let own = lab.broker.stint(&["approval", "approve", id, "--confirm", "staging-cache"]).exits(5);
        assert!(own.stderr.contains("the session works for you"), "{}", own.stderr);
        assert_eq!(lab.broker.says_yes("grace", id, "staging-cache").status, 303);
        assert_eq!(lab.broker.says_yes("grace", id, "staging-cache").status, 409);
        let text = lab.broker.stint(&["approval", "show", id]).ok().stdout;
        assert!(text.contains("1 of 2 said yes") && text.contains("waiting") && text.contains(none), "{text}");
        assert!(lab.has_volume(ids::VOLUME_STAGING), "one person was enough");
        assert_eq!(lab.railway.log.reached("volumeDelete"), 0);
        assert_eq!(lab.broker.says_yes("heidi", id, "postgres-data").status, 403);
        assert!(lab.has_volume(ids::VOLUME_STAGING), "a wrong confirmation approved it");
        assert_eq!(lab.broker.says_yes("heidi", id, "staging-cache").status, 303);
        agent.wait().reply().done();
        assert!(!lab.has_volume(ids::VOLUME_STAGING));
        assert_eq!(lab.records("approval_approved")[0]["facts"]["people"], json!(["grace", "heidi"]));
    }

    fn after_the_403_the_same_request_works_once(options) {
        let lab = Lab::start(options);
        let go = lab.broker.scratch().join("go");
        let script = format!(
            "ask '{delete}'; while [ ! -e {go} ]; do sleep 0.05; done; ask '{other}'; ask '{delete}'; ask '{delete}'",
            delete = delete(),
            // The same effect, written in other bytes, in the same session: what was approved is one canonical request.
            other = delete().replace("mutation {", "mutation { again:"),
            go = go.display(),
        );
        let agent = lab.begin(&script);
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        lab.broker.stint(&["approval", "wait", &id, "--timeout", "1s"]).exits(6);
        lab.broker.two_say_yes(&id, "staging-cache");
        std::fs::write(&go, "").unwrap();
        let out = agent.wait();
        let replies = out.replies();
        let [first, other, second, third] = &replies[..] else { panic!("{}{}", out.stdout, out.stderr) };
        assert_eq!(wanted(first), id);
        assert!(first.body["hint"].as_str().unwrap().contains(&format!("stint approval approve {id}")), "{}", first.text);
        assert_ne!(wanted(other), id, "an approval of one request covered another");
        second.done();
        assert_eq!(third.status, 403, "an approval was used twice: {}", third.text);
        assert_eq!(lab.railway.log.reached("volumeDelete"), 1);
    }

    fn e02_many_at_once_use_one_approval_once(options) {
        let lab = holding(options);
        let agent = lab.begin(&format!("for i in 1 2 3 4 5 6; do ask '{}' & done; wait", delete()));
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        let mut before = 0;
        until("no look-up is made any more: all are held", || {
            std::thread::sleep(std::time::Duration::from_millis(500));
            let seen = std::mem::replace(&mut before, lab.railway.log.len());
            (seen == lab.railway.log.len()).then_some(())
        });
        lab.broker.two_say_yes(&id, "staging-cache");
        // Those that lost ask anew, and nobody answers them.
        until("it is used", || (lab.railway.log.reached("volumeDelete") > 0).then_some(()));
        for approval in lab.broker.stint(&["approval", "list", "--json"]).ok().json()["approvals"].as_array().unwrap() {
            let other = approval["id"].as_str().unwrap();
            lab.broker.stint(&["approval", "deny", other, "--reason", "one is enough"]);
        }
        let done = agent.wait().replies().iter().filter(|reply| reply.status == 200).count();
        assert_eq!((done, lab.railway.log.reached("volumeDelete")), (1, 1));
    }

    fn the_agent_reads_why_a_person_said_no(options) {
        let lab = holding(options);
        let agent = lab.begin(&format!("ask '{}'", delete()));
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        let reason = "staging is being measured until Friday";
        lab.broker.stint(&["approval", "deny", &id, "--reason", reason]).ok();
        let reply = agent.wait().reply();
        reply.refused(403, "approval_denied");
        assert!(reply.body["detail"].as_str().unwrap().contains(reason), "{}", reply.text);
        assert!(reply.body["errors"][0]["message"].as_str().unwrap().contains(reason), "{}", reply.text);
        let waited = lab.broker.stint(&["approval", "wait", &id]).exits(5);
        assert!(waited.stderr.contains(reason), "{}", waited.stderr);
        // What was denied is not approved after all.
        lab.broker.stint(&["approval", "approve", &id, "--confirm", "staging-cache"]).exits(1);
        assert!(lab.has_volume(ids::VOLUME_STAGING));
        assert_eq!(lab.railway.log.reached("volumeDelete"), 0);
    }

    fn e03_nothing_is_approved_after_its_session_has_ended(options) {
        let lab = Lab::start(options);
        let id = wanted(&lab.ask(&delete()));
        let session = lab.records("approval_requested")[0]["session"].as_str().unwrap().to_owned();
        until("the session has ended with its command", || {
            let shown = lab.broker.stint(&["session", "show", &session, "--json"]).ok().json();
            (shown["state"] == "ended").then_some(())
        });
        let late = lab.broker.stint(&["approval", "approve", &id, "--confirm", "staging-cache"]);
        assert_ne!(late.code, 0, "approved: {}", late.stdout);
        assert!(late.stderr.contains("session"), "{}", late.stderr);
        // Another session's request is another one, whatever was asked before.
        assert_ne!(wanted(&lab.ask(&delete())), id);
        assert!(lab.has_volume(ids::VOLUME_STAGING));
    }

    fn e16_a_session_sees_its_own_approvals_only(options) {
        let lab = Lab::start(options);
        let other = wanted(&lab.ask(&delete()));
        let path = format!("/v1/approvals/{other}");
        // The proof is for the gateway's URL or the approval's: a session token is good for both.
        let token = lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
        let own = signed(&token, "GET", &format!("{}{path}", lab.broker.url));
        let url = format!("{}{path}", lab.broker.url);
        let mut answer = lab.broker.curl(&["-sS", "-i", "-H", &own[0], "-H", &own[1], &url]).answer();
        if answer.json()["code"] == "use_dpop_nonce" {
            // In its first seconds a broker cannot know whether it saw a proof before it started.
            let nonce = answer.header("dpop-nonce").expect("a nonce").to_owned();
            let own = signed_with_nonce(&token, "GET", &url, &nonce);
            answer = lab.broker.curl(&["-sS", "-i", "-H", &own[0], "-H", &own[1], &url]).answer();
        }
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{}", answer.text());
        for (method, path, body) in [
            ("POST", format!("{path}/approve"), r#"{"confirm":"staging-cache"}"#),
            ("POST", format!("{path}/deny"), r#"{"reason":"x"}"#),
            ("GET", "/v1/approvals".to_owned(), ""),
        ] {
            let url = format!("{}{path}", lab.broker.url);
            let [authorization, proof] = signed(&token, method, &url);
            let mut args = vec!["-sS", "-i", "-X", method, "-H", &authorization, "-H", &proof, &url];
            if !body.is_empty() {
                args.extend(["-H", "content-type: application/json", "-d", body]);
            }
            let answer = lab.broker.curl(&args).answer();
            assert!(matches!(answer.status, 401 | 403), "{method} {path} by a session: {}", answer.text());
        }
        let shown = lab.broker.stint(&["approval", "show", &other, "--json"]).ok().json();
        assert_eq!(shown["state"], "waiting");
    }

    fn e04_the_agent_does_not_approve_by_the_persons_login(options) {
        let lab = Lab::start(options);
        let id = wanted(&lab.ask(&delete()));
        let own = lab.broker.program_inside("stint");
        let approve = [&own, "approval", "approve", &id, "--confirm", "staging-cache"];
        let run = |how| {
            let head = ["run", "--environment", "staging", "--agent", "coder", how, "--"];
            lab.broker.stint(&[&head[..], &approve].concat())
        };
        let out = run("--no-confine");
        assert_eq!(out.code, 5, "{}{}", out.stdout, out.stderr);
        assert!(out.stderr.contains("for people"), "{}", out.stderr);
        // Confined, there is no login either; or nothing is run, where the machine confines nothing.
        let out = run("--confine");
        assert!(matches!(out.code, 4 | 5 | 125), "{}{}", out.stdout, out.stderr);
    }
}
