//! Useful work in staging gets done.

use stint_standin::railway::ids;
use stint_tests::Lab;

use crate::place::on_both;

on_both! {
    fn reading_and_writing_in_staging_succeeds(options) {
        let lab = Lab::start(options);
        let out = lab.script(&format!(
            r#"
            ask '{{ me {{ name }} }}'
            ask '{{ environment(id: "{staging}") {{ name }} }}'
            ask 'mutation {{ variableUpsert(input: {{ projectId: "{project}", environmentId: "{staging}", serviceId: "{api}", name: "LOG_LEVEL", value: "debug" }}) }}'
            ask 'mutation {{ serviceInstanceRedeploy(environmentId: "{staging}", serviceId: "{api}") }}'
            ask 'mutation {{ deploymentRestart(id: "{deployment}") }}'
            "#,
            staging = ids::STAGING,
            project = ids::PROJECT,
            api = ids::SERVICE_API,
            deployment = ids::DEPLOYMENT_STAGING,
        ));
        let replies = out.replies();
        assert_eq!(replies.len(), 5, "{}{}", out.stdout, out.stderr);
        for reply in &replies {
            reply.done();
        }
        assert_eq!(replies[1].body["data"]["environment"]["name"], "staging");
        let level = lab.railway.site.world().variable(ids::STAGING, Some(ids::SERVICE_API), "LOG_LEVEL");
        assert_eq!(level.as_deref(), Some("debug"));
        // Each has an intent before, and an outcome after.
        let decided = lab.records("request_decided");
        let closed = stint_tests::until("all outcomes are recorded", || {
            let closed = lab.records("request_closed");
            (closed.len() == decided.len()).then_some(closed)
        });
        assert_eq!(decided.len(), 5);
        for intent in &decided {
            assert!(closed.iter().any(|outcome| outcome["facts"]["intent"] == intent["id"]), "{intent:#}");
        }
    }

    fn exactly_one_credential_is_injected_and_it_is_the_vaults(options) {
        let lab = Lab::start(options);
        lab.ask("{ me { name } }").done();
        let arrived = lab.railway.log.last().unwrap();
        assert_eq!(arrived.header("authorization"), Some(format!("Bearer {}", lab.secret).as_str()));
        for name in ["dpop", "cookie", "project-access-token", "proxy-authorization", "x-forwarded-for", "forwarded"] {
            assert!(!arrived.headers.contains_key(name), "{name} was sent on");
        }
        assert!(!lab.railway.log.holds("eyJ"), "a token of ours reached the provider");
    }

    fn production_can_be_read_by_nobody_from_staging(options) {
        let lab = Lab::start(options);
        let secrets = format!(
            "{{ variables(projectId: \"{}\", environmentId: \"{}\", serviceId: \"{}\") }}",
            ids::PROJECT, ids::PRODUCTION, ids::SERVICE_API
        );
        lab.ask(&secrets).refused(403, "denied");
        lab.ask(&format!("{{ environment(id: \"{}\") {{ name }} }}", ids::PRODUCTION)).refused(403, "denied");
        assert_eq!(lab.railway.log.reached("variables"), 0);
    }
}
