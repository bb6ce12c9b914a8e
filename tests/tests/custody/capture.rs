//! What a provider makes in a session goes into the vault and not to the agent; a credential that Stint keeps is known
//! where it turns up.

use stint_standin::railway::{Viewer, ids};
use stint_tests::{Lab, Options, until};

use crate::place::on_both;

fn holding(mut options: Options) -> Lab {
    options.args = ["--approval-hold", "15s"].map(str::to_owned).to_vec();
    Lab::start(options)
}

/// Under a name of the agent's own: what is taken out must not depend on what a member is called.
fn make_token() -> String {
    format!(
        "mutation {{ innocent: projectTokenCreate(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"deploy\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

on_both! {
    fn a_token_that_is_made_is_kept_or_revoked_by_a_person_and_never_seen_by_the_agent(options) {
        let lab = holding(options);
        let agent = lab.begin(&format!("ask '{}'", make_token()));
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        lab.broker.stint(&["approval", "approve", &id]).ok();
        let reply = agent.wait().reply();
        reply.done();
        let shown = reply.body["data"]["innocent"].as_str().unwrap().to_owned();
        let name = shown.strip_prefix("[stint:captured:").and_then(|rest| rest.strip_suffix(']'));
        let name = name.unwrap_or_else(|| panic!("not captured: {}", reply.text));
        assert_eq!(lab.railway.log.reached("projectTokenCreate"), 1);

        let waiting = lab.broker.stint(&["credential", "list", "--captured", "--json"]).ok().json();
        let one = &waiting["credentials"][0];
        assert_eq!((waiting["credentials"].as_array().unwrap().len(), &one["name"]), (1, &name.into()));
        assert_eq!((&one["environment"], &one["kind"]), (&"staging".into(), &"project".into()));
        assert_eq!(one["captured"]["operation"], "railway:projectTokenCreate");
        assert_eq!(one["captured"]["agent"], "coder");
        let record = &lab.records("credential_captured")[0];
        assert_eq!((&record["facts"]["credential"], &record["facts"]["fingerprint"]), (&name.into(), &one["fingerprint"]));
        assert_eq!(record["facts"]["intent"], one["captured"]["record"]);
        let listed = lab.broker.stint(&["credential", "list"]).ok().stdout;
        assert!(listed.contains("captured from railway:projectTokenCreate: keep or revoke"), "{listed}");

        // Nobody has it before a person said so.
        let before = lab.run(&["sh", "-c", "env | grep -c RAILWAY_TOKEN= || true"]).ok().stdout;
        let again = lab.broker.stint(&["credential", "keep", "railway"]).exits(1);
        assert!(again.stderr.contains("is no captured secret that waits"), "{}", again.stderr);
        lab.broker.stint(&["credential", "keep", name]).ok();
        let kept = lab.broker.stint(&["credential", "list", "--captured", "--json"]).ok().json();
        assert_eq!(kept["credentials"], serde_json::json!([]));
        let started = lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--json"]).ok().json();
        assert!(started["credentials"].to_string().contains(name), "{before}: {started}");
        lab.broker.stint(&["credential", "keep", name]).exits(1);
        lab.broker.stint(&["credential", "revoke", name]).ok();
        lab.broker.stint(&["credential", "revoke", name]).exits(1);
        assert_eq!(lab.records("credential_kept").len(), 1);
    }

    fn what_stands_for_a_captured_token_works_in_its_session_and_nowhere_else(options) {
        let lab = holding(options);
        let go = lab.broker.scratch().join("go");
        let look = format!("{{ environment(id: \\\"{}\\\") {{ name }} }}", ids::STAGING);
        let by = |carrier: &str| format!(
            "curl -sS -w '\\n%{{http_code}}\\n' https://backboard.railway.com/graphql/v2 -H \"{carrier}$TOKEN\" -H 'content-type: application/json' -d '{{\"query\":\"{look}\"}}'"
        );
        let (own, bearer) = (by("Project-Access-Token: "), by("Authorization: Bearer "));
        let script = format!(
            "ask '{make}' > made; cat made; TOKEN=$(sed -n 's/.*\\(\\[stint:captured:[^]]*\\]\\).*/\\1/p' made); {own}; {bearer}; while [ ! -e {go} ]; do sleep 0.05; done; {own}",
            make = make_token(),
            go = go.display(),
        );
        let agent = lab.begin(&format!("cd '{}'; {script}", lab.broker.scratch().display()));
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        lab.broker.stint(&["approval", "approve", &id]).ok();
        until("it was used twice", || (lab.records("request_closed").len() >= 3).then_some(()));
        let used = lab.records("request_decided");
        let name = used[0]["facts"]["credential"].as_str().unwrap().to_owned();
        assert!(name.starts_with("captured-") && used[1]["facts"]["credential"] == used[0]["facts"]["credential"], "{used:?}");
        let sent = lab.railway.log.last().unwrap();
        assert!(sent.header("project-access-token").is_some() && sent.header("authorization").is_none());
        // Another session has nothing of it.
        let stands = format!("TOKEN='[stint:captured:{name}]'");
        let elsewhere = lab.script(&format!("{stands}; {own}")).reply();
        elsewhere.refused(403, "foreign_credential");
        // Nor has its own once a person revokes it.
        lab.broker.stint(&["credential", "revoke", &name]).ok();
        std::fs::write(&go, "").unwrap();
        let out = agent.wait();
        let replies = out.replies();
        assert_eq!(replies.len(), 4, "{}{}", out.stdout, out.stderr);
        for reply in &replies[1..3] {
            assert_eq!(reply.done().body["data"]["environment"]["name"], "staging", "{}", reply.text);
        }
        replies[3].refused(403, "foreign_credential");
    }

    fn an_error_of_the_provider_goes_on_as_it_is(options) {
        let lab = holding(options);
        let agent = lab.begin(&format!("ask '{}'", make_token().replace("deploy", "").replace(ids::PROJECT, "nothing")));
        let refused = agent.wait().reply();
        assert!(refused.text.contains("stint:") || refused.text.contains("errors"), "{}", refused.text);
        let listed = lab.broker.stint(&["credential", "list", "--captured", "--json"]).ok().json();
        assert_eq!(listed["credentials"], serde_json::json!([]));
    }

    fn a_credential_that_stint_keeps_is_named_where_it_turns_up(options) {
        let lab = Lab::start(options);
        let second = lab.broker.secret("second");
        lab.railway.site.world().admit(&second, Viewer::Account { user: ids::USER.to_owned() });
        let found = |secret: &str| {
            let line = format!(
                "curl -sS https://backboard.railway.com/graphql/v2 -H 'authorization: Bearer {secret}' --json '{{\"query\":\"{{ me {{ name }} }}\"}}'"
            );
            let out = lab.run(&["sh", "-c", &line]).ok().json();
            assert_eq!(out["code"], "foreign_credential", "{out}");
            out["detail"].as_str().unwrap().to_owned()
        };
        let said = found(&lab.secret);
        assert!(said.contains("one that Stint keeps (credential railway, version 1, in use)"), "{said}");
        lab.broker.command(&["credential", "rotate", "railway"]).input(second.clone()).run().ok();
        let said = found(&lab.secret);
        assert!(said.contains("(credential railway, version 1, an older version)"), "{said}");
        let said = found(&second);
        assert!(said.contains("(credential railway, version 2, in use)"), "{said}");
        let record = &lab.records("request_refused")[0];
        assert!(record["facts"]["detail"].as_str().unwrap().contains("version 2"), "{record}");
    }
}
